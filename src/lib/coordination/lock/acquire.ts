import {randomUUID} from 'node:crypto';
import {channel} from 'node:diagnostics_channel';
import type {InstanceKey} from '../../model/instance-key.ts';
import type {Milliseconds} from '../../model/units.ts';
import type {Backend, Work} from '../../store/backend.ts';
import {pause} from '../keep-renewing.ts';
import {serverOf, settle, whenSettled} from '../place.ts';
import {defaultTiming, relyUntil, type Timing} from '../timing.ts';
import type {Contention, LockHold, NodeId} from '../types.ts';
import {inTheWay, isContention, judgeBlockers, locksOf, watchBlockers, type Watched} from './contention.ts';
import {touchLock} from './hold.ts';
import {beginMaintenance} from './maintenance.ts';
import {blockersOf, countOldRecoveries, findLock, type LockRow} from './rows.ts';
import {
  insertMembers,
  mustBeNone,
  neverFree,
  nextFence,
  notYetMembers,
  removeLock,
  removeOrphans,
  unlessRaced,
  type OldRecoveries,
} from './write.ts';

export interface LockWish {
  readonly backend: Backend;
  readonly me: NodeId;
  /** What for, as others are told: `recovery of a.example:3306`. */
  readonly purpose: string;
  /** The cluster's name, as others are told; what excludes is the list of instances. */
  readonly cluster: string;
  /** Every instance that may be touched; of a recovery all of the cluster, under its present and its former name. */
  readonly instances: readonly InstanceKey[];
  readonly timing: Timing;
  /** How long to queue for a lock whose holder is alive; 0 = do not. */
  readonly wait?: Milliseconds;
  /**
   * `observe`: look for a while whether a holder is still alive, and take over from one that is not (commands). `answer`: say at
   * once who is in the way (the leader, which observes all locks anyway).
   */
  readonly whenHeld?: 'observe' | 'answer';
  /** Ends the waiting; the answer is contention then. */
  readonly signal?: AbortSignal;
}

/**
 * Locks instances for one operation: all of them or none. A holder that has stood still for a whole lease is removed, unless it has
 * an open plan: that is for the leader, or a person, to end.
 *
 * The lock that comes back may have inherited sessions of a removed holder: kill `sessionsOf` it before anything is changed.
 */
export async function acquireLock(wanted: LockWish): Promise<LockHold | Contention> {
  const began = performance.now();
  const answer = await acquire(wanted);
  // For whoever counts them.
  channel('orchestrator:lock').publish({
    result: isContention(answer) ? 'contended' : 'acquired',
    seconds: (performance.now() - began) / 1000,
  });
  return answer;
}

async function acquire(wanted: LockWish): Promise<LockHold | Contention> {
  const wish = {...wanted, purpose: storable(wanted.purpose)};
  const {backend, timing, signal, wait = 0, whenHeld = 'observe'} = wish;
  const until = performance.now() + wait;
  let watched: Watched = new Map();
  for (let raced = 0; ;) {
    const blockers = await blockersOf(backend, wish.instances);
    const now = performance.now();
    watched = watchBlockers(watched, blockers, now);
    const verdict = judgeBlockers(blockers, watched, {timing, now, until, answerAtOnce: whenHeld === 'answer'});
    const blocker = inTheWay(blockers, watched, {timing, now});
    if (blocker !== undefined && (verdict === 'contended' || signal?.aborted === true)) return blocker;
    if (verdict === 'free') {
      const hold = await tryToAcquire(wish, locksOf(blockers));
      if (hold !== null) return hold;
      raced += 1;
      if (raced > RACES && (now >= until || signal?.aborted === true)) throw neverFree(wish.instances);
      await removeOrphans(backend);
    }
    await pause(verdict === 'free' ? Math.random() * timing.retryWithin : timing.observeEach, signal);
  }
}

/** So often others may be faster, or something be in the way that nobody can name. */
const RACES = 20;

/**
 * Adds instances to a lock that is held.
 *
 * @returns 'lost' when the lock is not ours any more
 * @throws OrchestratorError CONTENDED when others were faster every time
 */
export async function extendLock(
  backend: Backend,
  hold: LockHold,
  instances: readonly InstanceKey[],
): Promise<'extended' | 'lost' | Contention> {
  for (let raced = 0; raced <= RACES; raced += 1) {
    const done = await unlessRaced(() => backend.transaction((work) => insertMore(work, hold, instances)));
    if (done !== null) return done;
    const blockers = await blockersOf(backend, instances);
    const other = blockers.find(({lock}) => lock?.lockId !== hold.lockId);
    if (other !== undefined) return other.contention;
    await removeOrphans(backend);
    await pause(Math.random() * defaultTiming.retryWithin);
  }
  throw neverFree(instances);
}

async function insertMore(work: Work, hold: LockHold, instances: readonly InstanceKey[]): Promise<'extended' | 'lost'> {
  if (!(await touchLock(work, hold))) return 'lost';
  const added = await notYetMembers(work, hold.lockId, instances);
  if (added.length === 0) return 'extended';
  const [old] = (await countOldRecoveries(work, added)) as readonly OldRecoveries[];
  mustBeNone(old);
  await insertMembers(work, hold.lockId, added);
  await beginMaintenance(work, {...hold, reason: hold.purpose, instances: added});
  return 'extended';
}

/** All in one transaction: holders that are gone are removed exactly as observed, their sessions inherited, and the lock is ours. */
async function tryToAcquire(wish: LockWish, gone: readonly LockRow[]): Promise<LockHold | null> {
  const {backend, me, purpose, timing} = wish;
  const lockId = randomUUID();
  return whenSettled(wish, async (waited) => {
    const asked = performance.now();
    const taken = await unlessRaced(() => backend.transaction((work) => insertLock(work, wish, {lockId, gone, waited})));
    // the row in our way may be our own: the answer to a COMMIT was lost, and the work repeated
    const fence = taken ?? (await findLock(backend, lockId))?.fence;
    return fence === undefined ? null : {...me, lockId, fence, purpose, validUntil: relyUntil(asked, timing)};
  });
}

interface Inserting {
  readonly lockId: string;
  readonly gone: readonly LockRow[];
  readonly waited: boolean;
}

async function insertLock(work: Work, wish: LockWish, {lockId, gone, waited}: Inserting): Promise<number> {
  const {backend, me, purpose, cluster, instances} = wish;
  const server = serverOf(backend);
  const {fence, elsewhere, old} = await nextFence(work, server, countOldRecoveries(work, instances));
  if (elsewhere) await settle(work, server, waited);
  mustBeNone({old});
  for (const lock of gone) await removeLock(work, lock, lockId);
  await work.db('cluster_lock').insert({
    lock_id: lockId,
    holder_hostname: me.hostname,
    holder_token: me.token,
    purpose,
    cluster_name: cluster,
    fence,
    heartbeat: 0,
    acquired_at: work.dialect.now(),
  });
  await insertMembers(work, lockId, instances);
  await beginMaintenance(work, {...me, lockId, reason: purpose});
  return fence;
}

/** As the columns take it: no more than 255 characters, and none beyond the basic plane. */
function storable(purpose: string): string {
  return purpose.replace(/[\u{10000}-\u{10ffff}]/gu, '?').slice(0, 255);
}
