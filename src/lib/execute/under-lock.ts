import {acquireLock} from '../coordination/lock/acquire.ts';
import {contentionError, isContention} from '../coordination/lock/contention.ts';
import {keepLock, type KeptLock} from '../coordination/lock/keep.ts';
import {outliveLock, sessionJournal, type JournaledSession} from '../coordination/lock/sessions.ts';
import type {Contention, LockHold} from '../coordination/types.ts';
import {OrchestratorError} from '../errors/errors.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {Milliseconds} from '../model/units.ts';
import type {Environment} from './environment.ts';
import {killFormer} from './kill-sessions.ts';
import {namingFor} from './naming.ts';
import {Hands} from './steps/hands.ts';

export interface LockedWork {
  /** What for, as others are told: `stop-replica of a.example:3306`. */
  readonly purpose: string;
  readonly cluster: string;
  /** Every instance that may be touched. */
  readonly instances: readonly InstanceKey[];
  /** How long to queue for a lock whose holder is alive; 0 = not at all. */
  readonly wait: Milliseconds;
  /** `answer`: somebody else's lock is the answer at once, without looking whether its holder lives. */
  readonly whenHeld?: 'observe' | 'answer';
  /** After an error: whether a plan of this work is open. Then the lock is left to go stale with it, for whoever resumes it. */
  hasOpenPlan?(): boolean;
}

export interface Locked {
  readonly hold: LockHold;
  readonly lock: KeptLock;
  /** Sessions of a former holder that were not seen gone. */
  readonly former: readonly JournaledSession[];
  /** Sessions that are journaled before their first use, and send nothing past the lock's deadline. */
  readonly hands: Hands;
}

type Surroundings = Pick<Environment, 'backend' | 'heartbeats' | 'me' | 'timing' | 'servers' | 'log' | 'audit' | 'config' | 'unresolving'>;

/**
 * Does work under a lock: takes it, ends the sessions that a former holder left behind, and gives it back however the work ends,
 * unless it leaves a plan behind.
 *
 * @throws OrchestratorError CONTENDED with who, what for and since when; BACKEND_*; whatever the work throws
 */
export async function underLock<Result>(env: Surroundings, wish: LockedWork, work: (locked: Locked) => Promise<Result>): Promise<Result> {
  const answer = await unlessHeld(env, wish, work);
  if ('heldBy' in answer) throw contentionError(answer.heldBy);
  return answer.result;
}

/**
 * The same, for who takes it for an answer that somebody else holds the lock.
 *
 * @throws OrchestratorError BACKEND_*; whatever the work throws
 */
export async function unlessHeld<Result>(
  env: Surroundings,
  wish: LockedWork,
  work: (locked: Locked) => Promise<Result>,
): Promise<{readonly result: Result} | {readonly heldBy: Contention}> {
  const {backend, me, timing, log} = env;
  const hold = await acquireLock({...wish, backend, me, timing});
  if (isContention(hold)) return {heldBy: hold};
  const lock = keepLock({backend: env.heartbeats, hold, timing, log, onLost: (reason) => log('error', `${wish.purpose}: ${reason}`)});
  let hands: Hands | null = null;
  let failed = true;
  try {
    const {left: former} = await killFormer(env, hold);
    hands = handsUnder(env, {hold, lock, former});
    const result = await work({hold, lock, hands, former});
    await outliveLock(backend, hold, {left: hands.unanswered, gone: []});
    failed = false;
    return {result};
  } finally {
    hands?.release();
    if (failed && wish.hasOpenPlan?.()) await lock.stop();
    else await lock.release();
  }
}

/** Hands that may be used as long as a lock is held. */
export function handsUnder(
  env: Pick<Surroundings, 'backend' | 'servers' | 'config' | 'unresolving'>,
  {hold, lock, former}: Pick<Locked, 'hold' | 'lock' | 'former'>,
): Hands {
  return new Hands({
    servers: env.servers,
    naming: namingFor(env),
    what: hold.purpose,
    fence: hold.fence,
    former,
    mayStillSend: (timeout) => lock.mayStillSend(timeout),
    journal: sessionJournal(
      env.backend,
      hold,
      () =>
        new OrchestratorError(
          'DEADLINE_PASSED',
          `the lock for ${hold.purpose} was taken over by somebody else, or the backend has lost it`,
          {
            hint: '`orchestrator which-locks` shows by whom, if anybody',
          },
        ),
    ),
  });
}
