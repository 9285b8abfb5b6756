import type {InstanceKey} from '../../model/instance-key.ts';
import type {Milliseconds, Monotonic} from '../../model/units.ts';
import type {Backend, Work} from '../../store/backend.ts';
import {relyUntil, type Timing} from '../timing.ts';
import type {LockHold} from '../types.ts';
import {endMaintenance} from './maintenance.ts';

/** Which lock, and in whose hands: a fence alone does not say who writes. */
export type Fence = Omit<LockHold, 'validUntil' | 'purpose'>;

/**
 * Whether a statement that may take `timeout` may still be sent: its answer must come before our hold is over. A process can be
 * stopped between this question and the sending; that is why whoever takes over kills the journaled sessions first.
 */
export function mayStillSend(hold: LockHold, timeout: Milliseconds, now: Monotonic = performance.now()): boolean {
  return now + timeout < hold.validUntil;
}

/**
 * One sign of life.
 *
 * @returns null when the lock is not ours any more
 */
export async function heartbeat(backend: Backend, hold: LockHold, timing: Timing): Promise<LockHold | null> {
  const asked = performance.now();
  const ours = await backend.run((work) => touchLock(work, hold), {deadline: timing.attempt});
  return ours ? {...hold, validUntil: relyUntil(asked, timing)} : null;
}

/**
 * The fence of a write that only the holder of this lock may make: call it first in the transaction, and write nothing when it says
 * false. It writes the lock's row, because only written rows are certified between nodes of the backend.
 */
export async function touchLock({db}: Work, fence: Fence): Promise<boolean> {
  const matched = await db('cluster_lock')
    .where(heldAs(fence))
    .update({heartbeat: db.raw('heartbeat + 1')});
  return matched === 1;
}

/**
 * Gives the lock back, with its maintenance rows and its journal of sessions, in one transaction. Stop using it before. Sessions that
 * were not seen gone stay on record where `outliveLock` put them.
 *
 * @returns false when it was not ours any more: nothing was changed
 */
export async function releaseLock(backend: Backend, fence: Fence): Promise<boolean> {
  return backend.transaction(async (work) => {
    if ((await work.db('cluster_lock').where(heldAs(fence)).delete()) !== 1) return false;
    await endMaintenance(work, fence);
    await work.db('cluster_lock_member').where({lock_id: fence.lockId}).delete();
    await work.db('cluster_lock_session').where({lock_id: fence.lockId}).delete();
    return true;
  });
}

/**
 * Takes an instance out of a lock, for others to lock while the rest is held; in a transaction that the lock fences. Nothing more may be
 * done to the instance under this lock.
 *
 * @returns false when it was not in the lock (any more)
 */
export async function releaseMember(work: Work, fence: Fence, instance: InstanceKey): Promise<boolean> {
  await endMaintenance(work, fence, instance);
  const {host: hostname, port} = instance;
  return (await work.db('cluster_lock_member').where({lock_id: fence.lockId, hostname, port}).delete()) === 1;
}

function heldAs({lockId, fence, hostname, token}: Fence) {
  return {lock_id: lockId, fence, holder_hostname: hostname, holder_token: token};
}
