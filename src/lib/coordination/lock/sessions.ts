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
 * Writes down a connection before its first use, for whoever takes over the lock and has to kill it.
 *
 * @returns false when the lock is not ours any more: do not use the connection
 */
export async function journalSession(backend: Backend, hold: Fence, {instance, connectionId}: JournaledSession): Promise<boolean> {
  return backend.transaction(async (work) => {
    if (!(await touchLock(work, hold))) return false;
    const row = {lock_id: hold.lockId, hostname: instance.host, port: instance.port, connection_id: connectionId};
    await work.db('cluster_lock_session').insert(row).onConflict(['lock_id', 'hostname', 'port', 'connection_id']).ignore();
    return true;
  });
}

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
