import {setTimeout as sleep} from 'node:timers/promises';
import type {Backend} from '../../store/backend.ts';
import {observe, type Observed, type Timing} from '../timing.ts';
import type {Contention, LockHold, NodeId} from '../types.ts';
import {findLock, isAbandoned, listLocks, type ListedLock, type LockRow} from './rows.ts';
import {takeOverLock} from './takeover.ts';

export interface ByPerson {
  readonly me: NodeId;
  readonly lockId: string;
  readonly timing: Timing;
}

/**
 * Looks at one lock until it is known whether its holder lives, and takes it over, with its plan, when it stood still for a whole
 * lease. For a person who names what is to be ended; a passer-by never does this to a lock with an open plan.
 *
 * @returns contention when the holder stirred, or another was faster; null when there is no such lock (any more)
 */
export async function takeOverAbandoned(backend: Backend, {me, lockId, timing}: ByPerson): Promise<LockHold | Contention | null> {
  let seen: Observed<LockRow> | undefined;
  for (;;) {
    const row = await findLock(backend, lockId);
    if (row === null) return null;
    const before = seen;
    seen = observe(before, row, performance.now());
    if (before !== undefined && seen !== before) return contentionOf(backend, row);
    if (isAbandoned(seen, timing, performance.now())) {
      const hold = await takeOverLock(backend, {me, seen, timing});
      if (hold !== null) return hold;
    }
    await sleep(timing.observeEach);
  }
}

async function contentionOf(backend: Backend, row: LockRow): Promise<Contention> {
  const [instance = {host: '', port: 0}] = (await listLocks(backend)).find(({lockId}) => lockId === row.lockId)?.instances ?? [];
  const {hostname, token, lockId, purpose, cluster, acquiredAt: since} = row;
  return {contended: true, instance, cluster, holder: {hostname, token}, purpose, since, lockId};
}

/** A lock, and whether its holder gave a sign of life while we looked. */
export interface SeenLock extends ListedLock {
  readonly stirs: boolean;
}

/** Every lock, looked at twice, so far apart that a holder who is alive has renewed it in between. At once when there are none. */
export async function watchLocks(backend: Backend, timing: Timing): Promise<readonly SeenLock[]> {
  const before = new Map((await listLocks(backend)).map((lock) => [lock.lockId, lock]));
  if (before.size === 0) return [];
  await sleep(timing.glance);
  return (await listLocks(backend)).map((lock) => {
    const earlier = before.get(lock.lockId);
    return {...lock, stirs: earlier === undefined || earlier.heartbeat !== lock.heartbeat || earlier.fence !== lock.fence};
  });
}
