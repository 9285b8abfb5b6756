import {contentionError, isContention} from '../coordination/lock/contention.ts';
import {releaseLock, touchLock} from '../coordination/lock/hold.ts';
import {keepLock} from '../coordination/lock/keep.ts';
import {listLocks, type ListedLock} from '../coordination/lock/rows.ts';
import {sessionsOf} from '../coordination/lock/sessions.ts';
import {takeOverAbandoned} from '../coordination/lock/standstill.ts';
import {forceUnlock} from '../coordination/lock/takeover.ts';
import {defaultTiming} from '../coordination/timing.ts';
import type {LockHold} from '../coordination/types.ts';
import {OrchestratorError} from '../errors/errors.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {Backend} from '../store/backend.ts';
import {readInstances} from '../store/instances.ts';
import {endPlan, lostLock, readOpenPlans, readPlan, readPlanSteps, writeRecoverySteps, type OpenPlan} from '../store/recovery/plans.ts';
import {writeRecoveryAbort} from '../store/recovery/recovery-registration.ts';
import {atWork, environmentOf, type HandOptions} from './by-hand.ts';
import type {Ending} from './conduct.ts';
import type {RecoveryDocument} from './journal/document.ts';
import {killSessions} from './kill-sessions.ts';
import {resume} from './resume.ts';

/** A recovery that was given up, and how far it had come: what people have to look at now. */
export interface Aborted {
  readonly uid: string;
  readonly cluster: string;
  readonly failed: InstanceKey;
  /** What had been done, or begun, as the journal words it. */
  readonly done: readonly string[];
  readonly notDone: readonly string[];
  /** Servers on which sessions of the former holder could not be ended. */
  readonly remarks: readonly string[];
}

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
export async function resumeByHand(options: HandOptions, uid: string): Promise<Ending | null> {
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
 * Gives a recovery up whose conductor is gone, because a person asked: ends plan and recovery with the reason, and changes no server
 * beyond ending the conductor's sessions. What it had done stays done.
 *
 * @throws OrchestratorError as `resumeByHand`
 */
export async function abortByHand(options: HandOptions, {uid, because}: PersonsWord): Promise<Aborted> {
  const {backend, log, timing = defaultTiming} = options;
  const {plan, hold} = await takeItsLock(options, uid);
  if (hold === null) return abort(backend, {plan, hold, because, remarks: []});
  return withHeartbeats(options, async (heartbeats) => {
    const lock = keepLock({backend: heartbeats, hold, timing, log, onLost: (reason) => log('error', reason)});
    let ended = false;
    try {
      const remarks = await endSessions(options, await sessionsOf(backend, hold.lockId));
      const aborted = await abort(backend, {plan, hold, because, remarks});
      ended = true;
      return aborted;
    } finally {
      // with its plan still open the lock is left to go stale: whoever takes it over goes on from there
      if (ended) await lock.release();
      else await lock.stop();
    }
  });
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
      before: async (hold, sessions) => {
        remarks = await endSessions(options, sessions);
        const plan = await planUnder(backend, lockId);
        if (plan) aborted = await abort(backend, {plan, hold, because, remarks});
      },
    });
    return {lock: {...row, instances: listed?.instances ?? []}, aborted, remarks};
  });
}

async function planUnder(backend: Backend, lockId: string): Promise<OpenPlan | undefined> {
  return (await readOpenPlans(backend)).find((plan) => plan.lockId === lockId);
}

function endSessions(options: HandOptions, sessions: Parameters<typeof killSessions>[1]): Promise<readonly string[]> {
  return sessions.length === 0 ? Promise.resolve([]) : atWork(options, ({servers}) => killSessions(servers, sessions));
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

interface Aborting {
  readonly plan: OpenPlan;
  readonly hold: LockHold | null;
  readonly because: string;
  readonly remarks: readonly string[];
}

/** Plan and recovery end in one transaction under the lock, where there is one. */
async function abort(backend: Backend, {plan: {uid, document, cluster}, hold, because, remarks}: Aborting): Promise<Aborted> {
  const {plan, facts} = document as RecoveryDocument;
  const steps = await backend.transaction(async (work) => {
    if (hold !== null && !(await touchLock(work, hold))) return null;
    const journal = await readPlanSteps(work, uid);
    const failures = journal.filter(({state}) => state === 'failed').map(({outcome}) => outcome);
    const participating = [plan.failed, ...facts.replicas];
    await writeRecoveryAbort(work, uid, {lost: plan.lost, participating, errors: [...failures, because]});
    await writeRecoverySteps(work, uid, [because, ...remarks]);
    await endPlan(work, uid, {state: 'aborted', outcome: because});
    return journal;
  });
  if (steps === null) throw lostLock(uid);
  const begun = (state: string): boolean => state === 'done' || state === 'started';
  return {
    uid,
    cluster,
    failed: plan.failed,
    done: steps
      .filter(({state}) => begun(state))
      .map(({description, state}) => (state === 'done' ? description : `${description} (begun)`)),
    notDone: steps.filter(({state}) => !begun(state)).map(({description}) => description),
    remarks,
  };
}
