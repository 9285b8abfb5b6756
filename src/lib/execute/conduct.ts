import {touchLock} from '../coordination/lock/hold.ts';
import type {KeptLock} from '../coordination/lock/keep.ts';
import {outliveLock, sessionJournal, type JournaledSession} from '../coordination/lock/sessions.ts';
import type {LockHold} from '../coordination/types.ts';
import {OrchestratorError, unreachable} from '../errors/errors.ts';
import {within} from '../errors/trail.ts';
import {failedHook, hookError, hooksOf, runHooks} from '../hooks/run.ts';
import type {HookFacts} from '../hooks/facts.ts';
import type {Instance} from '../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../model/instance-key.ts';
import type {Topology} from '../model/topology.ts';
import type {RecoveryPlan} from '../plan/plan.ts';
import {planText} from '../plan/text.ts';
import {
  RECOVER_DEAD_GROUP_MEMBER,
  RECOVER_DEAD_INTERMEDIATE,
  RECOVER_DEAD_SOURCE,
  RECOVER_NON_WRITEABLE_SOURCE,
  RECOVER_SEMI_SYNC,
  RETURNED,
} from '../store/audit-types.ts';
import {advancePlan, endPlan, lostLock, readPlanSteps, writeRecoverySteps} from '../store/recovery/plans.ts';
import {recordSuccessor, unblock, writeRecoveryEnd} from '../store/recovery/recovery-registration.ts';
import {actText, type Act, type HookList, type JournaledAct} from './journal/acts.ts';
import {chooseAgain} from './choose-again.ts';
import {Publishing} from './discovery/publishing.ts';
import {permitOfHolder, type Permit} from './eyes/permit.ts';
import {confirmDead, type Verdict} from './eyes/confirm.ts';
import type {RecoveryDocument} from './journal/document.ts';
import type {Environment} from './environment.ts';
import {Hands} from './steps/hands.ts';
import {fenced} from './journal/fenced.ts';
import {mayHaveOpened} from './journal/opened.ts';
import {runActs, statesIn, type Journal, type Progress} from './journal/run.ts';
import {withoutOpening} from './journal/stopped.ts';
import {tellOfFailure} from './journal/unsuccessful.ts';
import {startAfter, type StartedAgain} from './start-again.ts';
import {perform} from './steps/perform.ts';
import {placesIn} from './steps/places.ts';
import {tidyUp} from './tidy-up.ts';
import {namingFor} from './naming.ts';

export interface Conducting {
  readonly document: RecoveryDocument;
  readonly lock: KeptLock;
  readonly hold: LockHold;
  /** Sessions of a former holder of the lock that were not seen gone. */
  readonly former: readonly JournaledSession[];
  /** As probed under the lock. */
  readonly topology: Topology;
  readonly progress: ReadonlyMap<number, Progress>;
  /** What an earlier confirmation found of restarted receivers. */
  readonly overdue: ReadonlySet<string>;
}

export type Ending =
  | {readonly outcome: 'promoted'; readonly uid: string; readonly successor: InstanceKey; readonly lost: readonly InstanceKey[]}
  | {readonly outcome: 'failed'; readonly uid: string; readonly because: string};

/**
 * Carries a journaled recovery to its end, from wherever its journal stands, and closes its books. The lock stays held.
 *
 * @throws OrchestratorError DEADLINE_PASSED when the lock was lost: whoever holds it now goes on
 */
export function conduct(env: Environment, what: Conducting): Promise<Ending> {
  return within({recovery: what.document.uid}, () => carryOut(env, what));
}

async function carryOut(env: Environment, what: Conducting): Promise<Ending> {
  const {document, hold, lock} = what;
  const {uid, plan} = document;
  const publishing = new Publishing(env, {cluster: {name: plan.cluster, alias: document.alias}, demoted: plan.failed});
  const journal = sessionJournal(env.backend, hold, () => lostLock(uid));
  const hands = new Hands({
    servers: env.servers,
    what: uid,
    fence: hold.fence,
    former: what.former,
    naming: namingFor(env),
    mayStillSend: (timeout) => lock.mayStillSend(timeout),
    journal,
  });
  try {
    const end = await runActs({
      acts: document.acts,
      progress: what.progress,
      journal: journalOf(env, what),
      perform: (act, attempt, number) => performAct({env, what, hands: hands.at(uid, number), publishing, number, journal}, act, attempt),
      textOf: actText,
      ...(env.fault ? {fault: env.fault} : {}),
    });
    if (end.stoppedBy) {
      const again = await chooseAgain(env, what, end.stoppedBy);
      if ('document' in again) return await conduct(env, again);
      return await fail({env, what, hands, publishing}, [end.stoppedBy.because, again.because].filter(Boolean).join('; '));
    }
    await outliveLock(env.backend, hold, {left: hands.unanswered, gone: []});
    await auditEnd(env, document, endingOf(document));
    return {outcome: 'promoted', uid, successor: plan.successor, lost: await lostReplicas(env, what)};
  } finally {
    hands.release();
  }
}

interface Performing {
  readonly env: Environment;
  readonly what: Conducting;
  readonly hands: Hands;
  readonly publishing: Publishing;
  readonly number: number;
  readonly journal: SessionJournal;
}

type Ended = Omit<Performing, 'number' | 'journal'>;
type SessionJournal = ReturnType<typeof sessionJournal>;

function permitFor({document: {uid}, hold, lock}: Conducting, step: number, journal: SessionJournal): Permit {
  return permitOfHolder(hold, {
    sender: {what: uid, fence: hold.fence, step},
    mayStillSend: (within) => lock.mayStillSend(within),
    journal,
  });
}

async function performAct({env, what, hands, publishing, number, journal}: Performing, act: Act, attempt: number): Promise<string> {
  const {document, topology} = what;
  const {plan} = document;
  switch (act.do) {
    case 'hooks':
      return hooks(env, what, {list: act.list, attempt});
    case 'confirm-dead': {
      hands.prepare(toBeChanged(what));
      // Who resumes has confirmed nothing yet.
      const again = what.progress.size === 0;
      const verdict = await confirmDead(
        env.eyes,
        {source: plan.failed, topology},
        {permit: permitFor(what, number, journal), overdue: what.overdue, again},
      );
      if (!verdict.dead) throw notDead(plan.failed, verdict);
      return verdict.because.join(' | ');
    }
    case 'step':
      return perform({topology, config: env.config, hands, places: placesIn(env.backend)}, act.step);
    case 'withdraw':
      return publishing.begin();
    case 'publish':
      return publishing.publish(plan.successor, {follows: false});
    case 'record-success':
      await mustHaveMoved(env, what);
      await fenced(env.backend, what, (work) =>
        recordSuccessor(work, document.uid, {successor: plan.successor, alias: topology.get(plan.successor)?.alias ?? ''}),
      );
      return planText(plan);
    case 'tidy-up':
      return tidyUp(env, what, await lostReplicas(env, what));
    case 'end':
      await closeBooks(env, what, {state: 'done', more: [], seenClosed: false});
      return 'the recovery has ended';
    default:
      return unreachable(act);
  }
}

function notDead(failed: InstanceKey, {topology, because}: Verdict): OrchestratorError {
  const check = topology.get(failed)?.check;
  const answers = check?.valid || check?.reach === 'alive';
  return new OrchestratorError(
    'REFUSED',
    `${keyText(failed)} ${answers ? 'is not dead any more' : 'was not confirmed dead once more'}: ${because.at(-1) ?? ''}`,
  );
}

/** Everybody the plan changes, but for the source that does not answer. */
function toBeChanged({document: {plan}, topology}: Conducting): readonly Instance[] {
  const keys = new Set(plan.steps.map(({step}) => keyText(step.on)));
  keys.delete(keyText(plan.failed));
  return topology.instances.filter(({key}) => keys.has(keyText(key)));
}

/** Orphans that nobody took are no success. */
async function mustHaveMoved(env: Environment, what: Conducting): Promise<void> {
  const {plan} = what.document;
  if (plan.kind !== 'adopt') return;
  const lost = await lostReplicas(env, what);
  if (plan.steps.some(({step}) => !lost.some((key) => sameKey(key, step.on)))) return;
  throw new OrchestratorError('REPLICATION_BROKEN', `none of the replicas of ${keyText(plan.failed)} could be moved`, {});
}

async function hooks(env: Environment, what: Conducting, run: {list: HookList; attempt: number}): Promise<string> {
  const configured = hooksOf(env.config, run.list);
  if (!configured) return 'there are none';
  const lines: string[] = [];
  const outcomes = await runHooks({
    ...configured,
    facts: await factsNow(env, what, run),
    onStep: (sentence) => void lines.push(sentence),
  });
  await fenced(env.backend, what, (work) => writeRecoverySteps(work, what.document.uid, lines));
  const bad = failedHook(outcomes);
  if (bad) throw hookError(bad);
  return `${outcomes.length} ran`;
}

/** What hooks are told depends on how far the recovery has come: a successor only once it was seen writable. */
async function factsNow(env: Environment, what: Conducting, {list, attempt}: {list: HookList; attempt: number}): Promise<HookFacts> {
  const {facts, plan} = what.document;
  const promoted = list !== 'PreFailoverProcesses' && list !== 'PostUnsuccessfulFailoverProcesses';
  const successor = what.topology.get(plan.successor);
  return {
    ...facts,
    attempt,
    lost: await lostReplicas(env, what),
    orchestratorHost: env.me.hostname,
    successor: promoted ? {key: plan.successor, alias: successor?.alias ?? '', coordinates: successor?.binlog.at ?? null} : null,
  };
}

function journalOf(env: Environment, what: Conducting): Journal {
  const {uid, acts} = what.document;
  const textOf = (number: number): string => {
    const act = acts.find((one) => one.number === number);
    return act ? actText(act.act) : `step ${number}`;
  };
  return {
    async advance(ended, starting: readonly JournaledAct[]) {
      const ends = ended.map((end) => (end.state === 'done' ? `${textOf(end.number)}: ${end.outcome}` : `FAILED: ${end.outcome}`));
      // The backend keeps whole seconds; the log says when, to the millisecond.
      const {kind, failed} = what.document.plan;
      for (const line of ends) env.log('info', `${kind === 'return' ? 'return' : 'recovery'} of ${keyText(failed)}: ${line}`);
      const messages = [...ends, ...starting.map(({number}) => `begin: ${textOf(number)}`)];
      const advance = {ended, starting: starting.map(({number}) => number), messages};
      await advancePlan(env.backend, uid, {fenced: (work) => touchLock(work, what.hold), advance});
    },
  };
}

/** Replicas that were lost in the plan already, and those whose steps failed. */
async function lostReplicas(env: Environment, {document}: Conducting): Promise<readonly InstanceKey[]> {
  const {acts, plan, uid} = document;
  const steps = await env.backend.run((work) => readPlanSteps(work, uid));
  const failed = new Set(steps.filter(({state}) => state === 'failed').map(({number}) => number));
  const dropped = acts.flatMap(({act, number, weight}) =>
    act.do === 'step' && weight === 'lost' && failed.has(number) ? [act.step.on] : [],
  );
  return [...new Map([...plan.lost, ...dropped].map((key) => [keyText(key), key])).values()];
}

/** Left stopped, receivers would count as stopped by a person, and the source could never be confirmed dead by them. */
async function letReceiveAgain({env, what, hands}: Ended): Promise<StartedAgain> {
  const {document, topology} = what;
  const steps = await env.backend.run((work) => readPlanSteps(work, document.uid));
  return startAfter({hands, topology}, {document, stateOf: statesIn(steps)});
}

async function fail(performing: Ended, because: string): Promise<Ending> {
  const {env, what} = performing;
  const {uid} = what.document;
  const {remarks, seenClosed} = await letReceiveAgain(performing);
  const lines = [`the recovery failed: ${because}`, ...remarks];
  if (what.document.plan.kind !== 'return') {
    const list = 'PostUnsuccessfulFailoverProcesses';
    lines.push(await tellOfFailure(env, what, (attempt) => hooks(env, what, {list, attempt})));
  }
  await closeBooks(env, what, {state: 'aborted', more: lines, seenClosed});
  await outliveLock(env.backend, what.hold, {left: performing.hands.unanswered, gone: []});
  await auditEnd(env, what.document, `failed: ${because}`);
  return {outcome: 'failed', uid, because};
}

/** Where a person accepted a loss, what was accepted is on record. */
function endingOf({plan, wishes}: RecoveryDocument): string {
  if (plan.kind === 'return') return plan.remarks.join('; ');
  const allowed = plan.remarks.filter((remark) => remark.endsWith('as allowed'));
  const accepted = wishes?.allowDataLoss ? [`data loss was allowed: ${allowed.join('; ') || 'none was foreseen'}`] : [];
  return [SHORTLY[plan.kind](plan), ...accepted].join('; ');
}

const SHORTLY: Readonly<Record<'promote' | 'adopt' | 'mend', (plan: RecoveryPlan) => string>> = {
  promote: ({successor}) => `replaced by ${keyText(successor)}`,
  adopt: ({successor}) => `its replicas follow ${keyText(successor)}`,
  mend: ({steps}) => steps.map(({step}) => actText({do: 'step', step})).join('; '),
};

const AUDIT_TYPES: Readonly<Record<RecoveryPlan['kind'], (plan: RecoveryPlan) => string>> = {
  promote: () => RECOVER_DEAD_SOURCE,
  adopt: ({code}) => (code === 'DeadReplicationGroupMemberWithReplicas' ? RECOVER_DEAD_GROUP_MEMBER : RECOVER_DEAD_INTERMEDIATE),
  mend: ({code}) => (code === 'NoWriteableMasterStructureWarning' ? RECOVER_NON_WRITEABLE_SOURCE : RECOVER_SEMI_SYNC),
  return: () => RETURNED,
};

/** Under the type the predecessor used, which people search for. */
function auditEnd(env: Environment, {plan, uid}: RecoveryDocument, message: string): Promise<void> {
  return env.audit({type: AUDIT_TYPES[plan.kind](plan), key: plan.failed, cluster: plan.cluster, message: `${message} (${uid})`});
}

interface Closing extends Pick<StartedAgain, 'seenClosed'> {
  readonly state: 'done' | 'aborted';
  /** What is to be known of an end that is none of success. */
  readonly more: readonly string[];
}

/** Ends recovery row and plan in one transaction under the lock. */
async function closeBooks(env: Environment, what: Conducting, {state, more, seenClosed}: Closing): Promise<void> {
  const {document, topology} = what;
  const lost = await lostReplicas(env, what);
  const participating = [document.plan.failed, ...topology.replicasOf(document.plan.failed).map(({key}) => key)];
  await fenced(env.backend, what, async (work) => {
    const steps = await readPlanSteps(work, document.uid);
    const errors = new Set([...steps.filter((step) => step.state === 'failed').map(({outcome}) => outcome), ...more]);
    await writeRecoveryEnd(work, document.uid, {lost, participating, errors: [...errors]});
    const stateOf = seenClosed ? withoutOpening(document, statesIn(steps)) : statesIn(steps);
    if (state === 'aborted' && !mayHaveOpened(document, stateOf)) await unblock(work, document.uid);
    await writeRecoverySteps(work, document.uid, more);
    await endPlan(work, document.uid, {state, outcome: more[0] ?? ''});
  });
}
