import {touchLock} from '../../coordination/lock/hold.ts';
import type {LockHold} from '../../coordination/types.ts';
import type {Backend, Work} from '../../store/backend.ts';
import {lostLock} from '../../store/recovery/plans.ts';

/** An operation under its lock, as its records know it. */
export interface Underway {
  readonly hold: LockHold;
  readonly document: {readonly uid: string};
}

/**
 * Writes records of an operation, in one transaction under its lock: nothing of a holder that was deposed gets into what its heir writes.
 *
 * @throws OrchestratorError DEADLINE_PASSED when the lock is somebody else's, BACKEND_*
 */
export async function fenced(backend: Backend, {hold, document}: Underway, write: (work: Work) => Promise<void>): Promise<void> {
  const ours = await backend.transaction(async (work) => {
    if (!(await touchLock(work, hold))) return false;
    await write(work);
    return true;
  });
  if (!ours) throw lostLock(document.uid);
}
