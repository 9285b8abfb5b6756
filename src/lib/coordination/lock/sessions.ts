import type {InstanceKey} from '../../model/instance-key.ts';
import type {Backend} from '../../store/backend.ts';
import {touchLock, type Fence} from './hold.ts';

/** A connection to a managed server that changes something under a lock. */
export interface JournaledSession {
  readonly instance: InstanceKey;
  /** The server's own number of the connection. Numbers start anew with the server: look whose it is now before killing it. */
  readonly connectionId: number;
}

interface StoredSession {
  hostname: string;
  port: number;
  connection_id: number | string;
}

/**
 * Writes down connections before their first use, for whoever takes over the lock and has to kill them.
 *
 * @returns false when the lock is not ours any more: do not use them
 */
export async function journalSessions(backend: Backend, hold: Fence, sessions: readonly JournaledSession[]): Promise<boolean> {
  return backend.transaction(async (work) => {
    if (!(await touchLock(work, hold))) return false;
    const rows = sessions.map(({instance, connectionId}) => ({
      lock_id: hold.lockId,
      hostname: instance.host,
      port: instance.port,
      connection_id: connectionId,
    }));
    await work.db('cluster_lock_session').insert(rows).onConflict(['lock_id', 'hostname', 'port', 'connection_id']).ignore();
    return true;
  });
}

/**
 * The same for connections one by one, of which many are opened at once: what comes while some are being written is written in one
 * transaction after that. Otherwise as many transactions as there are replicas would queue for the lock's row, with the successor's
 * somewhere among them.
 *
 * @param lost what is thrown when the lock is not ours any more
 */
export function sessionJournal(
  backend: Backend,
  hold: Fence,
  lost: () => Error,
): (instance: InstanceKey, connectionId: number) => Promise<void> {
  let waiting: JournaledSession[] = [];
  let next: Promise<boolean> | null = null;
  let written: Promise<unknown> = Promise.resolve();
  const write = (): Promise<boolean> => {
    const batch = waiting;
    [waiting, next] = [[], null];
    const answer = journalSessions(backend, hold, batch);
    written = answer.then(ignore, ignore);
    return answer;
  };
  return async (instance, connectionId) => {
    waiting.push({instance, connectionId});
    next ??= written.then(write);
    if (!(await next)) throw lost();
  };
}

/** Whoever asked for it hears of it. */
function ignore(): void {}

/** Sessions that former holders of this lock may still use. Right after the lock was taken these are all there are. */
export async function sessionsOf(backend: Backend, lockId: string): Promise<readonly JournaledSession[]> {
  const rows: readonly StoredSession[] = await backend.run(({db}) =>
    db('cluster_lock_session')
      .where({lock_id: lockId})
      .orderBy(['hostname', 'port', 'connection_id'])
      .select('hostname', 'port', 'connection_id'),
  );
  return rows.map(({hostname, port, connection_id}) => ({instance: {host: hostname, port}, connectionId: Number(connection_id)}));
}
