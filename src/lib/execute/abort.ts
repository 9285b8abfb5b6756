import {touchLock} from '../coordination/lock/hold.ts';
import {sessionJournal} from '../coordination/lock/sessions.ts';
import type {LockHold} from '../coordination/types.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Milliseconds} from '../model/units.ts';
import {endPlan, lostLock, readPlanSteps, writeRecoverySteps, type OpenPlan, type StepRecord} from '../store/recovery/plans.ts';
import {unblock, writeRecoveryAbort} from '../store/recovery/recovery-registration.ts';
import type {Backend} from '../store/backend.ts';
import type {Environment} from './environment.ts';
import type {RecoveryDocument} from './journal/document.ts';
import {isRelocation, serversOfRelocation, stoppedByRelocation, type RelocationDocument} from './relocation/document.ts';
import {recordReplacement} from './relocation/replacement.ts';
import {mayHaveOpened} from './journal/opened.ts';
import {statesIn} from './journal/run.ts';
import {stoppedBy, withoutOpening, type Stopped} from './journal/stopped.ts';
import {killFormer, type Killed} from './kill-sessions.ts';
import {namingFor} from './naming.ts';
import {startAfter, startAgain, type StartedAgain} from './start-again.ts';
import {Hands} from './steps/hands.ts';
import {isTakeover, serversOfTakeover, type TakeoverDocument} from './takeover/document.ts';
import {settle} from './takeover/settle.ts';

/** What a journal keeps: of a recovery, of a relocation, or of a takeover that was planned. */
export type PlanDocument = RecoveryDocument | RelocationDocument | TakeoverDocument;

/** A recovery or a relocation that was given up, and how far it had come: what people have to look at now. */
export interface Aborted {
  readonly uid: string;
  readonly cluster: string;
  /** The instance that failed, or that a relocation was asked for. */
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
  /** What became of the sessions of whoever conducted it, where that was seen to before. */
  readonly killed?: Killed;
}

/**
 * Gives a recovery up, under the lock of its servers: ends the sessions of whoever conducted it, starts again what it had stopped, and
 * ends plan and recovery with the reason. What it had done stays done.
 *
 * @throws OrchestratorError DEADLINE_PASSED when the lock is somebody else's, BACKEND_*
 */
export async function abortPlan(env: Environment, aborting: Aborting): Promise<Aborted> {
  const {plan, hold} = aborting;
  const document = plan.document as PlanDocument;
  if (isTakeover(document)) return abandonTakeover(env, document, aborting);
  const killed = aborting.killed ?? (await killFormer(env, hold));
  const started = await startWhatItStopped(env, document, {...aborting, killed});
  return closePlan(env.backend, {...aborting, ...started, remarks: [...killed.remarks, ...started.remarks]});
}

/** Taken back where nobody writes to a successor yet, completed where they do: a source is never left closed. */
async function abandonTakeover(env: Environment, document: TakeoverDocument, {hold, because, mayStillSend}: Aborting): Promise<Aborted> {
  const topology = await env.eyes.look(serversOfTakeover(document));
  const ending = await settle(env, {document, hold, topology, mayStillSend, forGood: true}, because);
  const steps = await env.backend.run((work) => readPlanSteps(work, document.uid));
  const remarks =
    ending.outcome === 'promoted'
      ? [`${keyText(ending.successor)} was open already, so the takeover was completed`, ...ending.problems]
      : ending.remarks;
  return {uid: document.uid, cluster: document.plan.cluster, failed: document.plan.failed, ...told(steps), remarks};
}

/**
 * The same where its lock is gone and none can be had for its servers: nothing is started, and that is said.
 *
 * @param why nobody may touch its servers now
 */
export async function abortUnlocked(
  backend: Backend,
  {plan, because, why}: Pick<Aborting, 'plan' | 'because'> & {readonly why: string},
): Promise<Aborted> {
  const document = plan.document as PlanDocument;
  const {receivers, both, left} = await stoppedNow(backend, document);
  const closed = isTakeover(document) ? [`${keyText(document.plan.failed)} may have been closed by it and was not opened: ${why}`] : [];
  const remarks = [...receivers, ...both, ...left].map((key) => `${keyText(key)} may have been stopped by it and was not started: ${why}`);
  return closePlan(backend, {plan, hold: null, because, remarks: [...closed, ...remarks], seenClosed: false});
}

interface Closing extends Pick<Aborting, 'plan' | 'because'>, StartedAgain {
  readonly hold: LockHold | null;
}

/** Plan and recovery end in one transaction under the lock, where there is one. */
async function closePlan(backend: Backend, {plan, hold, because, remarks, seenClosed}: Closing): Promise<Aborted> {
  const {uid, cluster} = plan;
  const document = plan.document as PlanDocument;
  const steps = await backend.transaction(async (work) => {
    if (hold !== null && !(await touchLock(work, hold))) return null;
    const journal = await readPlanSteps(work, uid);
    const failures = journal.filter(({state}) => state === 'failed').map(({outcome}) => outcome);
    const stateOf = statesIn(journal);
    if (isRelocation(document)) await recordReplacement(work, document, {stateOf, lost: [], lasting: 0, errors: [...failures, because]});
    else {
      const participating = [document.plan.failed, ...document.facts.replicas];
      await writeRecoveryAbort(work, uid, {lost: document.plan.lost, participating, errors: [...failures, because]});
      const known = isTakeover(document) || !seenClosed ? stateOf : withoutOpening(document, stateOf);
      if (!isTakeover(document) && !mayHaveOpened(document, known)) await unblock(work, uid);
    }
    await writeRecoverySteps(work, uid, [because, ...remarks]);
    await endPlan(work, uid, {state: 'aborted', outcome: because});
    return journal;
  });
  if (steps === null) throw lostLock(uid);
  return {uid, cluster, failed: isRelocation(document) ? document.plan.subject : document.plan.failed, ...told(steps), remarks};
}

function told(steps: readonly StepRecord[]): Pick<Aborted, 'done' | 'notDone'> {
  const begun = ({state}: StepRecord): boolean => state === 'done' || state === 'started';
  return {
    done: steps.filter(begun).map(({description, state}) => (state === 'done' ? description : `${description} (begun)`)),
    notDone: steps.filter((step) => !begun(step)).map(({description}) => description),
  };
}

type Starting = Pick<Aborting, 'hold' | 'mayStillSend'> & {readonly killed: Killed};

async function startWhatItStopped(
  env: Environment,
  document: RecoveryDocument | RelocationDocument,
  starting: Starting,
): Promise<StartedAgain> {
  const stateOf = statesIn(await env.backend.run((work) => readPlanSteps(work, document.uid)));
  const hands = handsFor(env, document, starting);
  try {
    if (isRelocation(document)) {
      const both = stoppedByRelocation(document, stateOf);
      const remarks = await startAgain({hands, topology: await env.eyes.look(both)}, {receivers: [], both});
      return {remarks, seenClosed: false};
    }
    const {receivers, both, left} = stoppedBy(document, stateOf);
    const topology = await env.eyes.look([document.plan.successor, ...receivers, ...both, ...left]);
    return await startAfter({hands, topology}, {document, stateOf});
  } finally {
    hands.release();
  }
}

async function stoppedNow(backend: Backend, document: PlanDocument): Promise<Stopped> {
  if (isTakeover(document)) return {receivers: [], both: [], left: []};
  const steps = await backend.run((work) => readPlanSteps(work, document.uid));
  const stateOf = statesIn(steps);
  return isRelocation(document) ? {receivers: [], both: stoppedByRelocation(document, stateOf), left: []} : stoppedBy(document, stateOf);
}

function handsFor(env: Environment, {uid}: PlanDocument, {hold, mayStillSend, killed}: Starting): Hands {
  return new Hands({
    servers: env.servers,
    what: uid,
    fence: hold.fence,
    former: killed.left,
    naming: namingFor(env),
    mayStillSend,
    journal: sessionJournal(env.backend, hold, () => lostLock(uid)),
  });
}

/** All servers that the steps of a plan may touch. */
export function serversOf(document: PlanDocument): readonly InstanceKey[] {
  if (isRelocation(document)) return serversOfRelocation(document);
  if (isTakeover(document)) return serversOfTakeover(document);
  const {plan} = document;
  const keys = [plan.failed, plan.successor, ...plan.steps.flatMap(({step}) => [step.on, ...('through' in step ? step.through : [])])];
  return [...new Map(keys.map((key) => [keyText(key), key])).values()];
}
