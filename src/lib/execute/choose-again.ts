import {touchLock} from '../coordination/lock/hold.ts';
import {keyText, sameKey, type InstanceKey} from '../model/instance-key.ts';
import {followsByPosition, type Instance} from '../model/instance.ts';
import type {Topology} from '../model/topology.ts';
import type {RecoveryPlan} from '../plan/plan.ts';
import {planRecovery} from '../plan/recovery.ts';
import {identityOf} from '../plan/returned-source.ts';
import {lostLock, readPlanSteps, replacePlan} from '../store/recovery/plans.ts';
import type {Conducting} from './conduct.ts';
import type {Environment} from './environment.ts';
import {findingOf} from './finding.ts';
import {actsAgain, actText, type JournaledAct} from './journal/acts.ts';
import type {RecoveryDocument} from './journal/document.ts';
import {mayHaveOpened} from './journal/opened.ts';
import {statesIn, type ActState} from './journal/run.ts';
import {stoppedBy} from './journal/stopped.ts';

/** So often a recovery makes its choice before it counts as failed. */
const MOST_CHOICES = 3;

export interface Failure {
  readonly act: JournaledAct;
  readonly because: string;
}

/**
 * Makes the choice again where a promotion got stuck before a successor was opened: the candidate, or one that it was to catch up
 * with, died meanwhile, or another turned out to have received more. Looks at all servers, plans by the same rules, and puts the new
 * plan in the place of the old one, under the same UID.
 *
 * @returns what to go on with; or why there is no going on
 * @throws OrchestratorError DEADLINE_PASSED when the lock was lost, BACKEND_*
 */
export async function chooseAgain(env: Environment, what: Conducting, failure: Failure): Promise<Conducting | {readonly because: string}> {
  const {document, hold} = what;
  const {plan, uid, choices = 1} = document;
  if (plan.kind !== 'promote' || failure.act.act.do !== 'step') return {because: ''};
  if (choices >= MOST_CHOICES) return {because: `the choice was made ${choices} times`};
  const topology = await lookAgain(env, document);
  const stateOf = await statesOf(env, uid);
  const obstacle = whyNot(topology, {document, stateOf, failure});
  if (obstacle !== null) return {because: obstacle};
  const decision = decideAgain(env, topology, what);
  if (decision === undefined) return {because: `${keyText(plan.failed)} is not known any more`};
  if (!decision.act) return {because: decision.why.because};
  if (isRepetition(decision.plan, document, failure)) return {because: `${keyText(plan.successor)} would be chosen again`};
  const next = documentOf(document, {plan: decision.plan, topology, stateOf});
  const {acts} = next;
  const ours = await env.backend.transaction(async (work) => {
    if (!(await touchLock(work, hold))) return false;
    await replacePlan(work, uid, {
      document: next,
      steps: acts.map(({number, act}) => ({number, description: actText(act)})),
      message: `the choice is made again, since ${failure.because}; now ${keyText(decision.plan.successor)}`,
    });
    return true;
  });
  if (!ours) throw lostLock(uid);
  env.log('warn', `recovery ${uid}: ${failure.because}; now ${keyText(decision.plan.successor)} is to replace ${keyText(plan.failed)}`);
  return {...what, document: next, topology, progress: new Map()};
}

/** All of them as they are now; one that was already pointed at a donor counts as a replica of the failed source all the same. */
async function lookAgain(env: Environment, {plan, facts}: RecoveryDocument): Promise<Topology> {
  const keys = [plan.failed, ...facts.replicas];
  const topology = await env.eyes.look(keys);
  const moved = facts.replicas.flatMap((key) => {
    const instance = topology.get(key);
    const source = instance?.replication?.source;
    // By file and position it stands in another log by then, and says nothing that compares.
    return instance?.check.valid && !followsByPosition(instance) && keys.some((one) => sameKey(one, source))
      ? [below(instance, plan.failed)]
      : [];
  });
  return topology.with(...moved);
}

function below(instance: Instance, source: InstanceKey): Instance {
  return instance.replication ? {...instance, replication: {...instance.replication, source}} : instance;
}

async function statesOf(env: Environment, uid: string): Promise<(act: number) => ActState> {
  return statesIn(await env.backend.run((work) => readPlanSteps(work, uid)));
}

interface Stuck {
  readonly document: RecoveryDocument;
  readonly stateOf: (act: number) => ActState;
  readonly failure: Failure;
}

function whyNot(topology: Topology, {document: {plan, acts}, stateOf}: Stuck): string | null {
  const failed = topology.get(plan.failed);
  if (failed?.check.valid || failed?.check.reach === 'alive') return `${keyText(plan.failed)} answers again`;
  const opening = acts.find(({act}) => act.do === 'step' && act.step.do === 'make-writable');
  const begun = opening !== undefined && stateOf(opening.number) !== 'planned';
  // One that is gone may have been opened, and is closed when it returns; one that is there may be written to now.
  return begun && topology.get(plan.successor)?.check.valid ? `${keyText(plan.successor)} may have been opened` : null;
}

function decideAgain(env: Environment, topology: Topology, {document: {plan, wishes = {}}, overdue}: Conducting) {
  const analysis = findingOf(env, topology, {key: plan.failed, overdue});
  if (!analysis || plan.kind !== 'promote') return undefined;
  // Its replicas were told to stop receiving, so they have no opinion any more: what was confirmed before stands.
  const recovery = plan.code.startsWith('DeadCoMaster') ? 'dead-co-source' : 'dead-source';
  const finding = {...analysis, recovery, beingChangedBy: null, skippable: false} as const;
  return planRecovery(finding, topology, env.config, wishes);
}

/** The same successor, which failed at applying or opening: it would fail again. */
function isRepetition(plan: RecoveryPlan, {plan: before}: RecoveryDocument, {act: {act}}: Failure): boolean {
  const itself =
    act.do === 'step' && (act.step.do === 'drain' || act.step.do === 'make-writable') && sameKey(act.step.on, before.successor);
  return itself && sameKey(plan.successor, before.successor);
}

function documentOf(
  document: RecoveryDocument,
  {plan, topology, stateOf}: {plan: RecoveryPlan; topology: Topology; stateOf: (act: number) => ActState},
): RecoveryDocument {
  const before = topology.get(document.plan.successor);
  const gone = before && !before.check.valid ? [{key: before.key, identity: identityOf(before)}] : [];
  const tried = [...(document.tried ?? []), ...gone];
  const {receivers, both} = stoppedBy(document, stateOf);
  return {
    ...document,
    plan: {...plan, code: document.plan.code, lost: [...plan.lost, ...tried.map(({key}) => key)]},
    acts: actsAgain(plan, document.acts),
    choices: (document.choices ?? 1) + 1,
    tried,
    opened: mayHaveOpened(document, stateOf),
    stoppedBefore: [...receivers, ...both],
  };
}
