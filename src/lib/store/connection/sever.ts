import type {Connection} from 'mysql2';

/**
 * Gives a connection up at once. The driver's own `destroy` only says that nothing more will come: a server that is stuck in a statement,
 * as one without a majority is, never answers that, and the open socket would keep the process from ending.
 */
export function sever(connection: Connection): void {
  connection.destroy();
  const {stream} = connection as {readonly stream?: {destroy?(): void}};
  stream?.destroy?.();
}
