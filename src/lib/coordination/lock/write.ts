import type {Knex} from 'knex';
import {OrchestratorError} from '../../errors/errors.ts';
import {compareKeys, keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Backend, Work} from '../../store/backend.ts';
import {isDuplicateKey} from '../../store/connection/errors.ts';
import {isElsewhere, type Place} from '../place.ts';
import {endMaintenance} from './maintenance.ts';
import type {LockRow} from './rows.ts';

/** Somebody else was faster: the transaction must not commit, and the caller looks again. */
class Raced extends Error {}

/** null when the work met a row of somebody else, or did not find what was observed; nothing was written then. */
export async function unlessRaced<Result>(work: () => Promise<Result>): Promise<Result | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Raced || isDuplicateKey(error)) return null;
    throw error;
  }
}

export interface OldRecoveries {
  readonly old: number | string;
}

/** An old node began a recovery after it was looked for: it takes no lock of ours, so that nothing else would tell. */
export function mustBeNone(found: OldRecoveries | undefined): void {
  if (Number(found?.old ?? 0) > 0) throw new Raced();
}

/** It is free whenever one looks, and never when one locks. */
export function neverFree(instances: readonly InstanceKey[]): OrchestratorError {
  const [first] = instances;
  return new OrchestratorError('CONTENDED', `${first ? keyText(first) : 'nothing'} could not be locked: others were faster every time`, {
    hint: 'try again; `orchestrator which-locks` and `orchestrator maintenance` show who is at work',
  });
}

export interface NextFence {
  readonly fence: number;
  /** The backend is another server than the last leader was elected on. */
  readonly elsewhere: boolean;
  /** How many recoveries of 3.2.6 nodes are in the way; 0 where nobody asked. */
  readonly old: number;
}

/**
 * A number that no lock had before. First in every transaction that takes a lock, so that they queue here in one order. At least the
 * microseconds since 1970, so that none comes again where a backend went back in time, not even to who has seen nothing of before.
 *
 * @param server as `serverOf` says it
 * @param old a column `old` to be read with it, as `countOldRecoveries` makes it: no answer more is waited for
 */
export async function nextFence({db, dialect}: Work, server: string, old?: Knex.QueryBuilder): Promise<NextFence> {
  const now = dialect.micros();
  const grown = await db('cluster_lock_fence')
    .where({anchor: 1})
    .update({fence: db.raw('case when fence < ? then ? else fence + 1 end', [now, now])});
  if (grown === 0) await db('cluster_lock_fence').insert({anchor: 1, fence: now});
  const row: Place & {fence: number | string; old?: number | string} = await db('cluster_lock_fence')
    .leftJoin('leader_term', 'leader_term.anchor', 'cluster_lock_fence.anchor')
    .where('cluster_lock_fence.anchor', 1)
    .first('fence', 'elected_on', db.raw(`${server} as server`), ...(old ? [old] : []));
  return {fence: Number(row.fence), elsewhere: isElsewhere(row), old: Number(row.old ?? 0)};
}

/** The lock exactly as it was observed, as a condition: it matches only while its holder has not stirred. */
export function asObserved({lockId, fence, heartbeat, hostname, token}: LockRow) {
  return {lock_id: lockId, fence, heartbeat, holder_hostname: hostname, holder_token: token};
}

/** Removes a lock whose holder is gone; the journal of its sessions goes to `heir`, who must kill them. */
export async function removeLock(work: Work, lock: LockRow, heir: string): Promise<void> {
  const {db} = work;
  if ((await db('cluster_lock').where(asObserved(lock)).delete()) !== 1) throw new Raced();
  await endMaintenance(work, lock);
  await db('cluster_lock_member').where({lock_id: lock.lockId}).delete();
  await db('cluster_lock_session').where({lock_id: lock.lockId}).update({lock_id: heir});
}

/** One row an instance, in the order of keys, so that two who want overlapping sets meet at the first of them. */
export async function insertMembers({db}: Work, lockId: string, instances: readonly InstanceKey[]): Promise<void> {
  const each = new Map(instances.map((key) => [keyText(key), key]));
  const rows = [...each.values()].sort(compareKeys).map(({host, port}) => ({hostname: host, port, lock_id: lockId}));
  if (rows.length > 0) await db('cluster_lock_member').insert(rows);
}

/** Frees instances whose lock is not there: somebody deleted its row by hand, and nothing else would ever free them. */
export async function removeOrphans(backend: Backend): Promise<void> {
  await backend.run(({db}) =>
    db('cluster_lock_member')
      .whereNotExists(db('cluster_lock').whereRaw('cluster_lock.lock_id = cluster_lock_member.lock_id').select(db.raw('1')))
      .delete(),
  );
}

/** Those of the instances that the lock does not hold yet. */
export async function notYetMembers({db}: Work, lockId: string, instances: readonly InstanceKey[]): Promise<readonly InstanceKey[]> {
  const rows: readonly {hostname: string; port: number}[] = await db('cluster_lock_member')
    .where({lock_id: lockId})
    .select('hostname', 'port');
  const held = new Set(rows.map(({hostname, port}) => keyText({host: hostname, port})));
  return instances.filter((key) => !held.has(keyText(key)));
}
