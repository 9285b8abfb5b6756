import {touchLock} from '../coordination/lock/hold.ts';
import {journalSession, sessionsOf} from '../coordination/lock/sessions.ts';
import type {LockHold} from '../coordination/types.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Milliseconds} from '../model/units.ts';
import {endPlan, lostLock, readPlanSteps, writeRecoverySteps, type OpenPlan, type StepRecord} from '../store/recovery/plans.ts';
import {writeRecoveryAbort} from '../store/recovery/recovery-registration.ts';
import type {Environment} from './environment.ts';
import type {RecoveryDocument} from './journal/document.ts';
import {stoppedBy} from './journal/stopped.ts';
import {killSessions} from './kill-sessions.ts';
import {startAgain} from './start-again.ts';
import {Hands} from './steps/hands.ts';

/** A recovery that was given up, and how far it had come: what people have to look at now. */
export interface Aborted {
  readonly uid: string;
  readonly cluster: string;
  readonly failed: InstanceKey;
  /** What had been done, or begun, as the journal words it. */
  readonly done: readonly string[];
  readonly notDone: readonly string[];
  /** Servers on which sessions of the former holder could not be ended, and what became of receivers that were stopped. */
  readonly remarks: readonly string[];
}

export interface Aborting {
  readonly plan: OpenPlan;
  /** A lock on its servers, in our hands. */
  readonly hold: LockHold;
  /** Whether a statement that may take this long may be sent now. */
  mayStillSend(timeout: Milliseconds): boolean;
  readonly because: string;
}

/**
 * Gives a recovery up, under the lock of its servers: ends the sessions of whoever conducted it, starts again what it had stopped, and
 * ends plan and recovery with the reason. What it had done stays done.
 *
 * @throws OrchestratorError DEADLINE_PASSED when the lock is somebody else's, BACKEND_*
 */
export async function abortPlan(env: Environment, aborting: Aborting): Promise<Aborted> {
  const {plan, hold, because} = aborting;
  const {uid, cluster} = plan;
  const document = plan.document as RecoveryDocument;
  const unkilled = await killSessions(env.servers, await sessionsOf(env.backend, hold.lockId));
  const remarks = [...unkilled, ...(await startWhatItStopped(env, document, aborting))];
  const steps = await env.backend.transaction(async (work) => {
    if (!(await touchLock(work, hold))) return null;
    const journal = await readPlanSteps(work, uid);
    const failures = journal.filter(({state}) => state === 'failed').map(({outcome}) => outcome);
    const participating = [document.plan.failed, ...document.facts.replicas];
    await writeRecoveryAbort(work, uid, {lost: document.plan.lost, participating, errors: [...failures, because]});
    await writeRecoverySteps(work, uid, [because, ...remarks]);
    await endPlan(work, uid, {state: 'aborted', outcome: because});
    return journal;
  });
  if (steps === null) throw lostLock(uid);
  return {uid, cluster, failed: document.plan.failed, ...told(steps), remarks};
}

function told(steps: readonly StepRecord[]): Pick<Aborted, 'done' | 'notDone'> {
  const begun = ({state}: StepRecord): boolean => state === 'done' || state === 'started';
  return {
    done: steps.filter(begun).map(({description, state}) => (state === 'done' ? description : `${description} (begun)`)),
    notDone: steps.filter((step) => !begun(step)).map(({description}) => description),
  };
}

async function startWhatItStopped(
  env: Environment,
  document: RecoveryDocument,
  {hold, mayStillSend}: Aborting,
): Promise<readonly string[]> {
  const steps = await env.backend.run((work) => readPlanSteps(work, document.uid));
  const stopped = stoppedBy(document, (number) => steps.find((step) => step.number === number)?.state ?? 'planned');
  const keys = [...stopped.receivers, ...stopped.both];
  const hands = handsFor(env, document, {hold, mayStillSend});
  try {
    return await startAgain({hands, topology: await env.eyes.look(keys)}, stopped);
  } finally {
    hands.release();
  }
}

function handsFor(env: Environment, {uid}: RecoveryDocument, {hold, mayStillSend}: Pick<Aborting, 'hold' | 'mayStillSend'>): Hands {
  return new Hands({
    servers: env.servers,
    tag: `${uid} ${hold.fence}`,
    mayStillSend,
    journal: async (instance, connectionId) => {
      if (!(await journalSession(env.backend, hold, {instance, connectionId}))) throw lostLock(uid);
    },
  });
}

/** All servers that the steps of a plan may touch. */
export function serversOf({plan}: RecoveryDocument): readonly InstanceKey[] {
  const keys = [plan.failed, plan.successor, ...plan.steps.map(({step}) => step.on)];
  return [...new Map(keys.map((key) => [keyText(key), key])).values()];
}
