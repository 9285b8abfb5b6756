import {connect, createServer, type AddressInfo, type Socket} from 'node:net';
import {once} from 'node:events';
import type {Instance} from '../../sandbox/index.ts';

/** A door in front of a server that lets through whom it knows and can be shut for newcomers, as a broken network would be. */
export interface Gate {
  readonly key: {readonly host: string; readonly port: number};
  /** Ends the connections of this account, and every new one before a byte was said; those of others go on. */
  shutFor(user: string): void;
  down(): Promise<void>;
}

/** Opens a gate in front of a server on 127.0.0.1. */
export async function gate(instance: Instance): Promise<Gate> {
  const pairs = new Map<Socket, Socket>();
  const users = new Map<Socket, string>();
  let shut = false;
  const server = createServer((client) => {
    client.on('error', () => client.destroy());
    if (shut) return void client.destroy();
    const behind = connect(instance.key);
    behind.on('error', () => client.destroy()).on('close', () => client.destroy());
    client.on('close', () => behind.destroy() && pairs.delete(client));
    // The first packet of a client names its account.
    client.once('data', (packet: Buffer) => users.set(client, packet.toString('latin1')));
    client.pipe(behind).pipe(client);
    pairs.set(client, behind);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    key: {host: '127.0.0.1', port: (server.address() as AddressInfo).port},
    shutFor(user) {
      shut = true;
      for (const client of pairs.keys()) if (users.get(client)?.includes(`${user}\0`)) client.destroy();
    },
    async down() {
      for (const client of pairs.keys()) client.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
