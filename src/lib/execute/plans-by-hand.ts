import {acquireLock} from '../coordination/lock/acquire.ts';
import {contentionError, isContention} from '../coordination/lock/contention.ts';
import {releaseLock} from '../coordination/lock/hold.ts';
import {keepLock} from '../coordination/lock/keep.ts';
import {listLocks, type ListedLock} from '../coordination/lock/rows.ts';
import {outliveLock} from '../coordination/lock/sessions.ts';
import {takeOverAbandoned} from '../coordination/lock/standstill.ts';
import {forceUnlock} from '../coordination/lock/takeover.ts';
import {defaultTiming} from '../coordination/timing.ts';
import type {Contention, LockHold} from '../coordination/types.ts';
import {OrchestratorError} from '../errors/errors.ts';
import type {Backend} from '../store/backend.ts';
import {readInstances} from '../store/instances.ts';
import {readOpenPlans, readPlan, type OpenPlan} from '../store/recovery/plans.ts';
import {abortPlan, abortUnlocked, serversOf, type Aborted, type Aborting, type PlanDocument} from './abort.ts';
import {atWork, environmentOf, type HandOptions} from './by-hand.ts';
import type {Ending} from './conduct.ts';
import {killSessions, type Killed} from './kill-sessions.ts';
import type {Relocated} from './relocation/resume.ts';
import {resume} from './resume.ts';

export interface PersonsWord {
  readonly uid: string;
  /** Why, for the record. */
  readonly because: string;
}

/**
 * Goes on with a recovery whose conductor is gone, because a person asked.
 *
 * @returns null when it was given up, because somebody has closed its row meanwhile
 * @throws OrchestratorError NOT_FOUND, REFUSED (it has ended), CONTENDED (its holder lives), BACKEND_*
 */
export async function resumeByHand(options: HandOptions, uid: string): Promise<Ending | Relocated | null> {
  const {plan, hold} = await takeItsLock(options, uid);
  if (hold === null) {
    throw new OrchestratorError('REFUSED', `recovery ${uid} has lost its lock, and somebody else may have changed its servers since`, {
      hint: `orchestrator recovery abort ${uid} ends it`,
    });
  }
  return withHeartbeats(options, (heartbeats) =>
    atWork(options, async (bench) => {
      bench.prober.model.begin(await readInstances(options.backend, options.config));
      return resume(environmentOf(options, {...bench, heartbeats}), plan, hold);
    }),
  );
}

/**
 * Gives a recovery up whose conductor is gone, because a person asked: ends its sessions, starts again what it had stopped, and ends
 * plan and recovery with the reason. What it had done stays done.
 *
 * @throws OrchestratorError as `resumeByHand`
 */
export async function abortByHand(options: HandOptions, {uid, because}: PersonsWord): Promise<Aborted> {
  const {log, timing = defaultTiming} = options;
  const {plan, hold} = await takeItsLock(options, uid);
  return withHeartbeats(options, async (heartbeats) => {
    const held = hold ?? (await lockAnew(options, plan));
    if (isContention(held)) return abortUnlocked(options.backend, {plan, because, why: contentionError(held).message});
    const lock = keepLock({backend: heartbeats, hold: held, timing, log, onLost: (reason) => log('error', reason)});
    let ended = false;
    try {
      const aborted = await abortAtWork(options, heartbeats, {
        plan,
        hold: held,
        because,
        mayStillSend: (timeout) => lock.mayStillSend(timeout),
      });
      ended = true;
      return aborted;
    } finally {
      // with its plan still open the lock is left to go stale: whoever takes it over goes on from there
      if (ended) await lock.release();
      else await lock.stop();
    }
  });
}

function abortAtWork(options: HandOptions, heartbeats: Backend, aborting: Aborting): Promise<Aborted> {
  return atWork(options, async (bench) => {
    bench.prober.model.begin(await readInstances(options.backend, options.config));
    return abortPlan(environmentOf(options, {...bench, heartbeats}), aborting);
  });
}

/** Its lock is gone: what it had stopped is started again under one of our own. */
function lockAnew({backend, me, timing = defaultTiming}: HandOptions, {uid, cluster, document}: OpenPlan): Promise<LockHold | Contention> {
  const instances = serversOf(document as PlanDocument);
  return acquireLock({backend, me, timing, cluster, instances, purpose: `giving up recovery ${uid}`});
}

/** A lock as it was taken away, with the recovery that it carried. */
export interface Unlocked {
  readonly lock: ListedLock;
  readonly aborted: Aborted | null;
  readonly remarks: readonly string[];
}

/**
 * Takes a lock away from whoever holds it, alive or not: ends its sessions, gives its recovery up, removes it.
 *
 * @throws OrchestratorError NOT_FOUND, CONTENDED, BACKEND_*
 */
export async function unlockByHand(options: HandOptions, {lockId, because}: {lockId: string; because: string}): Promise<Unlocked> {
  const {backend, me, log, timing = defaultTiming} = options;
  const listed = (await listLocks(backend)).find((lock) => lock.lockId === lockId);
  return withHeartbeats(options, async (heartbeats) => {
    let [aborted, remarks]: [Aborted | null, readonly string[]] = [null, []];
    const row = await forceUnlock(heartbeats, {
      me,
      lockId,
      timing,
      log,
      before: async (hold, sessions, mayStillSend) => {
        const plan = await planUnder(backend, lockId);
        if (plan) aborted = await abortAtWork(options, heartbeats, {plan, hold, because, mayStillSend});
        remarks = aborted?.remarks ?? (await endSessions(options, hold, sessions)).remarks;
      },
    });
    return {lock: {...row, instances: listed?.instances ?? []}, aborted, remarks};
  });
}

async function planUnder(backend: Backend, lockId: string): Promise<OpenPlan | undefined> {
  return (await readOpenPlans(backend)).find((plan) => plan.lockId === lockId);
}

async function endSessions(options: HandOptions, hold: LockHold, sessions: Killed['left']): Promise<Killed> {
  if (sessions.length === 0) return {remarks: [], left: []};
  const killed = await atWork(options, ({servers}) => killSessions(servers, sessions));
  await outliveLock(options.backend, hold, {left: killed.left, gone: sessions.filter((one) => !killed.left.includes(one))});
  return killed;
}

async function withHeartbeats<Result>(options: HandOptions, work: (heartbeats: Backend) => Promise<Result>): Promise<Result> {
  const heartbeats = await options.heartbeats();
  try {
    return await work(heartbeats);
  } finally {
    await heartbeats.close();
  }
}

interface Taken {
  readonly plan: OpenPlan;
  /** Null: the lock is gone, and the plan is still open. Only a backend that lost writes, or a person, can have done that. */
  readonly hold: LockHold | null;
}

/** Takes over the lock of an open plan, if its holder has stood still for a whole lease. */
async function takeItsLock({backend, me, timing = defaultTiming}: HandOptions, uid: string): Promise<Taken> {
  const {lockId} = await mustBeOpen(backend, uid);
  const hold = await takeOverAbandoned(backend, {me, lockId, timing});
  if (hold !== null && isContention(hold)) throw contentionError(hold);
  try {
    return {plan: await mustBeOpen(backend, uid), hold};
  } catch (error) {
    if (hold !== null) await releaseLock(backend, hold); // its holder ended the plan, and died before it gave the lock back
    throw error;
  }
}

async function mustBeOpen(backend: Backend, uid: string): Promise<OpenPlan> {
  const plan = await readPlan(backend, uid);
  if (plan?.state === 'open') return plan;
  if (plan === null) {
    throw new OrchestratorError('NOT_FOUND', `there is no recovery ${uid} with a plan`, {
      hint: '`orchestrator which-locks` shows the recoveries under way, `orchestrator audit-recovery` those that have ended',
    });
  }
  const how = plan.state === 'done' ? 'was carried through' : `was given up: ${plan.outcome}`;
  throw new OrchestratorError('REFUSED', `recovery ${uid} has ended; it ${how}`, {
    hint: `orchestrator audit-recovery-steps ${uid} tells all of it`,
  });
}
