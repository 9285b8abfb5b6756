import {sameKey, type InstanceKey} from '../../model/instance-key.ts';
import type {Backend} from '../../store/backend.ts';
import {touchLock, type Fence} from './hold.ts';

/** A connection to a managed server that changes something under a lock. */
export interface JournaledSession {
  readonly instance: InstanceKey;
  /** The server's own number of the connection. Numbers start anew with the server: look whose it is now before killing it. */
  readonly connectionId: number;
  /** Its lock was given back, and it had not been seen gone. */
  readonly outlived?: true;
}

/** Stands for a lock in the rows of sessions that outlived theirs, for whoever locks their servers next. */
const NO_LOCK = 'left';

interface StoredSession {
  lock_id: string;
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

/**
 * Sessions that former holders of this lock may still use, or of a lock given back on whose servers they were not seen gone. Right after
 * the lock was taken these are all there are.
 */
export async function sessionsOf(backend: Backend, lockId: string): Promise<readonly JournaledSession[]> {
  const rows: readonly StoredSession[] = await backend.run(({db}) => {
    const locked = db('cluster_lock_member as member').where('member.lock_id', lockId).whereRaw(onServerOf('member'));
    return db('cluster_lock_session')
      .where({lock_id: lockId})
      .orWhere((outlived) => void outlived.where({lock_id: NO_LOCK}).whereExists(locked.select(db.raw('1'))))
      .orderBy(['hostname', 'port', 'connection_id'])
      .select('lock_id', 'hostname', 'port', 'connection_id');
  });
  const sessions = rows.map(({lock_id, hostname, port, connection_id}): JournaledSession => {
    const session = {instance: {host: hostname, port}, connectionId: Number(connection_id)};
    return lock_id === NO_LOCK ? {...session, outlived: true} : session;
  });
  const [outlived, others] = [sessions.filter((one) => one.outlived), sessions.filter((one) => !one.outlived)];
  return [...others.filter((one) => !outlived.some((other) => isSame(one, other))), ...outlived];
}

/** Condition that a row of this table is about the server of a session. */
function onServerOf(table: string): string {
  return `${table}.hostname = cluster_lock_session.hostname and ${table}.port = cluster_lock_session.port`;
}

function isSame(one: JournaledSession, other: JournaledSession): boolean {
  return one.connectionId === other.connectionId && sameKey(one.instance, other.instance);
}

/** What became of sessions that may outlive a lock. */
export interface Outliving {
  readonly gone: readonly JournaledSession[];
  readonly left: readonly JournaledSession[];
}

/**
 * Keeps sessions that were not seen gone beyond the end of the lock, for the next one that holds their servers, and forgets those of
 * former locks that were.
 *
 * @returns false when the lock is not ours any more: whoever has it has the sessions too
 */
export async function outliveLock(backend: Backend, hold: Fence, {gone, left}: Outliving): Promise<boolean> {
  const rowOf = ({instance: {host: hostname, port}, connectionId: connection_id}: JournaledSession) => ({hostname, port, connection_id});
  const [over, stay] = [gone.filter((one) => one.outlived).map(rowOf), left.map((one) => ({lock_id: NO_LOCK, ...rowOf(one)}))];
  if (over.length === 0 && stay.length === 0) return true;
  return backend.transaction(async (work) => {
    if (!(await touchLock(work, hold))) return false;
    if (over.length > 0) {
      const which = over.map(({hostname, port, connection_id}) => [hostname, port, connection_id]);
      await work.db('cluster_lock_session').where({lock_id: NO_LOCK}).whereIn(['hostname', 'port', 'connection_id'], which).delete();
    }
    if (stay.length > 0) {
      await work.db('cluster_lock_session').insert(stay).onConflict(['lock_id', 'hostname', 'port', 'connection_id']).ignore();
    }
    return true;
  });
}

/** Drops what outlived its lock on servers that nobody knows any more: they are gone for good, or will be met as new ones. */
export async function forgetOutlived(backend: Backend): Promise<number> {
  return backend.run(({db}): PromiseLike<number> => {
    const rowOf = (table: string) => db(table).whereRaw(onServerOf(table)).select(db.raw('1'));
    const mentioned = ['database_instance', 'forgotten_instance', 'cluster_lock_member'].map(rowOf);
    const rows = db('cluster_lock_session').where({lock_id: NO_LOCK});
    return mentioned.reduce((left, mention) => left.whereNotExists(mention), rows).delete();
  });
}
