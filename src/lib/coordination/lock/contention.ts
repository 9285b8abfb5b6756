import {OrchestratorError} from '../../errors/errors.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Milliseconds, Monotonic} from '../../model/units.ts';
import {observe, type Observed, type Timing} from '../timing.ts';
import type {Contention} from '../types.ts';
import type {Blocker, LockRow} from './rows.ts';

export function isContention(answer: object): answer is Contention {
  return 'contended' in answer;
}

/** Contention as the error that surfaces show, with exit code 7. */
export function contentionError({cluster, instance, holder, purpose, since, lockId}: Contention): OrchestratorError {
  const what = cluster === '' ? keyText(instance) : `cluster ${cluster}`;
  return new OrchestratorError('CONTENDED', `${what} is being changed by ${holder.hostname} (${purpose}) since ${since}`, {
    hint: `wait for it to end, or queue with --wait DURATION; ${lockId === null ? SHOWN_ELSEWHERE : SHOWN_AS_LOCK}`,
  });
}

const SHOWN_AS_LOCK = '`orchestrator which-locks` shows all locks';
/** Maintenance, and recoveries of 3.2.6 nodes, are not among the locks. */
const SHOWN_ELSEWHERE = '`orchestrator maintenance` shows all maintenance, `orchestrator audit-recovery --running` recoveries under way';

/** The locks in our way, by lock id, and since when we look at each. */
export type Watched = ReadonlyMap<string, WatchedLock>;

interface WatchedLock extends Observed<LockRow> {
  readonly first: Monotonic;
}

/** Adds one reading of what is in our way. */
export function watchBlockers(before: Watched, blockers: readonly Blocker[], now: Monotonic): Watched {
  return new Map(
    locksOf(blockers).map((lock) => {
      const known = before.get(lock.lockId);
      return [lock.lockId, {...observe(known, lock, now), first: known?.first ?? now}];
    }),
  );
}

export interface Patience {
  readonly timing: Timing;
  readonly now: Monotonic;
  /** Until when to queue for a holder that is alive. */
  readonly until: Monotonic;
  /** Do not wait to learn whether a holder is alive. */
  readonly answerAtOnce: boolean;
}

/**
 * What to do about what is in the way. `free`: nothing is, or only locks whose holder is gone. `look`: ask again, because it is not
 * yet known whether a holder is alive, or because there is time to queue. `contended`: give up.
 */
export function judgeBlockers(
  blockers: readonly Blocker[],
  watched: Watched,
  {timing, now, until, answerAtOnce}: Patience,
): 'free' | 'look' | 'contended' {
  const states = blockers.map(({lock}) => stateOf(lock === null ? undefined : watched.get(lock.lockId), timing, now));
  if (states.every((state) => state === 'gone')) return 'free';
  if (now < until) return 'look';
  return answerAtOnce || states.includes('alive') ? 'contended' : 'look';
}

/** Who is told to be in the way: rather one that lives, or may, than one that is gone. Undefined: nothing is. */
export function inTheWay(
  blockers: readonly Blocker[],
  watched: Watched,
  {timing, now}: Pick<Patience, 'timing' | 'now'>,
): Contention | undefined {
  const states = blockers.map(({lock}) => stateOf(lock === null ? undefined : watched.get(lock.lockId), timing, now));
  const at = ['alive', 'still', 'gone'].map((state) => states.findIndex((one) => one === state)).find((found) => found >= 0);
  return at === undefined ? undefined : blockers[at]?.contention;
}

export function locksOf(blockers: readonly Blocker[]): readonly LockRow[] {
  return blockers.flatMap(({lock}) => (lock === null ? [] : [lock]));
}

/** A maintenance, or a lock with an open plan, counts as alive: it is not ours to remove. */
function stateOf(lock: WatchedLock | undefined, timing: Timing, now: Monotonic): 'alive' | 'still' | 'gone' {
  if (lock === undefined || lock.row.planOpen) return 'alive';
  const still: Milliseconds = now - lock.since;
  if (still >= timing.lease) return 'gone';
  return lock.since > lock.first && still < timing.glance ? 'alive' : 'still';
}
