import {randomBytes} from 'node:crypto';
import {instanceType, type Analysis} from '../analysis/analyze.ts';
import {matchesCluster} from '../config/filters.ts';
import {contentionError} from '../coordination/lock/contention.ts';
import {touchLock} from '../coordination/lock/hold.ts';
import {touchLease} from '../coordination/lease.ts';
import {hookFacts, type HookFacts} from '../hooks/facts.ts';
import {compareCoordinates} from '../model/binlog-coordinates.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Topology} from '../model/topology.ts';
import type {Milliseconds} from '../model/units.ts';
import type {PlanWishes} from '../plan/contenders.ts';
import type {RecoveryPlan, Refusal} from '../plan/plan.ts';
import {planRecovery} from '../plan/recovery.ts';
import {planText} from '../plan/text.ts';
import {identityOf} from '../plan/returned-source.ts';
import {readDemotions} from '../store/recovery/demotions.ts';
import {openPlan} from '../store/recovery/plans.ts';
import {registerRecovery, type Registration} from '../store/recovery/recovery-registration.ts';
import {actsOf, actText} from './journal/acts.ts';
import {conduct, type Ending} from './conduct.ts';
import type {RecoveryDocument} from './journal/document.ts';
import type {Environment} from './environment.ts';
import {findingOf} from './finding.ts';
import {unlessHeld, type Locked} from './under-lock.ts';

export interface RecoveryWish {
  /** The finding, confirmed by two looks where it is that something is dead. */
  readonly analysis: Analysis;
  /** `leader`: allowed by the lease, and stopped by an earlier recovery. `person`: neither. */
  readonly by: 'leader' | 'person';
  readonly candidate: InstanceKey | null;
  readonly skipHooks: boolean;
  readonly allowDataLoss: boolean;
  /** Plan, and do nothing. */
  readonly noop: boolean;
  /** How long to queue for the lock. */
  readonly wait: Milliseconds;
  /** Receivers that were restarted and did not get through, as `host:port`. */
  readonly overdue: ReadonlySet<string>;
  /**
   * A person says that the source is to be replaced, although nobody has confirmed that it is dead: it cannot be reached from here. The
   * command that says so, which hooks are told.
   */
  readonly force?: ForceCommand | undefined;
}

export type ForceCommand = 'force-master-failover' | 'force-master-takeover';

/** What a finding comes to where a person insists. */
export function asIfDead(analysis: Analysis): Analysis {
  return {...analysis, code: 'DeadMaster', recovery: 'dead-source', skippable: false, beingChangedBy: null};
}

export type RecoveryOutcome =
  Ending | {readonly outcome: 'planned'; readonly plan: RecoveryPlan} | {readonly outcome: 'refused'; readonly why: Refusal};

/**
 * Replaces a dead source, finds a new one for the replicas of a dead intermediate source or member of a group, or puts a source right
 * that lives: lock, look again, analyse again, plan with every veto, journal, act (coordination.md §4). Nothing is changed on any server
 * before the plan is journaled.
 *
 * @throws OrchestratorError CONTENDED for a person whose cluster somebody else is changing; BACKEND_*; DEADLINE_PASSED
 */
export async function recover(env: Environment, wish: RecoveryWish): Promise<RecoveryOutcome> {
  const failed = wish.analysis.instance.key;
  const {name: cluster} = wish.analysis.instance.cluster;
  const answer = await unlessHeld(
    env,
    {
      purpose: `recovery of ${keyText(failed)}`,
      cluster,
      instances: await env.members(cluster, failed),
      wait: wish.wait,
      whenHeld: wish.by === 'leader' ? 'answer' : 'observe',
      // Whatever went wrong: the lock goes stale with the plan, and whoever takes it over resumes (§4).
      hasOpenPlan: () => true,
    },
    (held) => locked(env, wish, held),
  );
  if ('result' in answer) return answer.result;
  if (wish.by === 'person') throw contentionError(answer.heldBy);
  return refused('being-changed', contentionError(answer.heldBy).message);
}

type Held = Pick<Locked, 'hold' | 'lock' | 'former'>;

async function locked(env: Environment, wish: RecoveryWish, held: Held): Promise<RecoveryOutcome> {
  const {key, cluster} = wish.analysis.instance;
  const heir = await heirOf(env, wish);
  const {agrees} = wish.analysis.facts.evidence;
  const topology = await env.eyes.look([key, ...agrees.map((voice) => voice.key), ...othersOf(wish), ...(await around(env, wish, heir))]);
  const found = findingOf(env, topology, {key, overdue: wish.overdue, standingStill: standingStill(wish, topology)});
  const again = found && wish.force && !found.instance.check.valid ? asIfDead(found) : found;
  if (!again || again.recovery !== wish.analysis.recovery) {
    return refused('no-longer-failed', `${keyText(key)} was found ${wish.analysis.code} and is now ${again?.code ?? 'without a finding'}`);
  }
  // We hold the lock of all of them: whoever is changing them is this very operation.
  const wishes = {...wishesOf(wish), ...(heir ? {heir} : {}), ...(await replacementOf(env, wish))};
  const decision = planRecovery({...again, beingChangedBy: null}, topology, env.config, wishes);
  if (!decision.act) return {outcome: 'refused', why: decision.why};
  if (wish.noop) return {outcome: 'planned', plan: decision.plan};
  const document = documentOf(env, wish, {analysis: again, plan: decision.plan, topology});
  const registration = await open(env, wish, {held, document});
  if (registration === null) return refused('being-changed', 'leadership or the lock was lost before the recovery was registered');
  if (!registration.registered) return refused('recently-recovered', registration.because);
  env.log('info', `recovery ${document.uid} in cluster ${cluster.name}: ${planText(decision.plan)}`);
  return conduct(env, {document, ...held, topology, progress: new Map(), overdue: wish.overdue});
}

/** Found locked before, a source still is where its binary log has not moved since, or where its commits are held now. */
function standingStill({analysis: {recovery, instance}}: RecoveryWish, topology: Topology): ReadonlySet<string> {
  const now = topology.get(instance.key);
  if (recovery !== 'locked-semi-sync' || !now) return new Set();
  const [before, after] = [instance.binlog.at, now.binlog.at];
  const stands = now.semiSync.held === true || (before !== null && after !== null && compareCoordinates(before, after) === 0);
  return new Set(stands ? [keyText(instance.key)] : []);
}

/** Who took the place of a source that is to be opened. */
async function replacementOf(env: Environment, {analysis: {recovery, instance}}: RecoveryWish): Promise<Pick<PlanWishes, 'replacedBy'>> {
  if (recovery !== 'non-writable-source') return {};
  const demotion = (await readDemotions(env.backend, [instance.key])).get(keyText(instance.key));
  const successor = demotion?.successors.at(-1);
  return demotion && !demotion.promotedSince && successor ? {replacedBy: successor} : {};
}

/** Who took the place of the source above a dead intermediate source, where a recovery of ours has replaced that one too. */
async function heirOf(env: Environment, {analysis: {recovery, instance}}: RecoveryWish): Promise<InstanceKey | null> {
  const above = instance.replication?.source;
  if (recovery !== 'dead-intermediate-source' || !above) return null;
  return (await readDemotions(env.backend, [above])).get(keyText(above))?.successors.at(-1) ?? null;
}

/** Whom the replicas of a dead intermediate source could follow. */
async function around(
  env: Environment,
  {analysis: {recovery, instance}}: RecoveryWish,
  heir: InstanceKey | null,
): Promise<readonly InstanceKey[]> {
  if (recovery === 'dead-group-member') return instance.group?.members ?? [];
  if (recovery !== 'dead-intermediate-source') return [];
  const above = [instance.replication?.source, heir].filter((key) => key !== null && key !== undefined);
  const known = await env.eyes.look([]);
  return [...above, ...above.flatMap((key) => known.replicasOf(key).map((replica) => replica.key))];
}

function wishesOf({candidate, allowDataLoss, by}: RecoveryWish): PlanWishes {
  return {...(candidate ? {candidate} : {}), allowDataLoss, forced: by === 'person'};
}

function othersOf({analysis}: RecoveryWish): readonly InstanceKey[] {
  const {abstains, contradicts, unreachable} = analysis.facts.evidence;
  return [...abstains, ...contradicts, ...unreachable].map((voice) => voice.key);
}

function documentOf(
  env: Environment,
  wish: RecoveryWish,
  made: {analysis: Analysis; plan: RecoveryPlan; topology: Topology},
): RecoveryDocument {
  const uid = newUid();
  const {cluster} = made.analysis.instance;
  const alias = cluster.suggestedAlias || cluster.name;
  return {
    version: 1,
    uid,
    plan: made.plan,
    acts: actsOf(made.plan, {skipHooks: wish.skipHooks}).filter(({act}) => !(wish.force && act.do === 'confirm-dead')),
    facts: {...factsOf(env, made.analysis, uid), command: wish.force ?? ''},
    alias,
    wishes: wishesOf(wish),
    identity: identityOf(made.topology.get(made.plan.failed) ?? made.analysis.instance),
    receiving: made.topology
      .replicasOf(made.plan.failed)
      .filter(({check, replication}) => check.valid && replication?.receiver.state !== 'stopped')
      .map(({key}) => key),
  };
}

/** What hooks are told of a finding. */
export function factsOf(env: Pick<Environment, 'config' | 'me'>, analysis: Analysis, uid: string): HookFacts {
  const {instance, facts} = analysis;
  const type = instanceType(facts);
  const names = {name: instance.cluster.name, alias: instance.cluster.suggestedAlias || instance.cluster.name};
  const {agrees, abstains, contradicts, unreachable} = facts.evidence;
  return hookFacts({
    failureType: analysis.code,
    failureDescription: analysis.because,
    instanceType: type === 'group-member' ? 'intermediate-master' : type,
    failed: instance.key,
    cluster: names.name,
    clusterAlias: names.alias,
    clusterDomain: instance.detected.clusterDomain ?? '',
    countReplicas: facts.replicas,
    replicas: [...agrees, ...abstains, ...contradicts, ...unreachable].map(({key}) => key),
    isDowntimed: analysis.isDowntimed,
    autoMasterRecovery: matchesCluster(env.config.RecoverMasterClusterFilters, names),
    autoIntermediateMasterRecovery: matchesCluster(env.config.RecoverIntermediateMasterClusterFilters, names),
    orchestratorHost: env.me.hostname,
    recoveryUid: uid,
  });
}

/** `<unix nanoseconds>:<64 hex digits>`, as 3.2.6 writes them. */
export function newUid(): string {
  return `${BigInt(Date.now()) * 1_000_000n}:${randomBytes(32).toString('hex')}`;
}

/** Row, plan and steps in one transaction, fenced by the lock and, for the leader, by its lease: the lease allows starting. */
async function open(
  env: Environment,
  wish: RecoveryWish,
  {held, document}: {held: Held; document: RecoveryDocument},
): Promise<Registration | null> {
  const {plan, uid, acts, alias} = document;
  const lease = env.lease();
  if (wish.by === 'leader' && !lease) return null;
  return env.backend.transaction(async (work) => {
    if (!(await touchLock(work, held.hold))) return null;
    if (wish.by === 'leader' && !(lease && (await touchLease(work, lease)))) return null;
    const registration = await registerRecovery(work, {
      uid,
      failed: plan.failed,
      analysis: plan.code,
      cluster: plan.cluster,
      alias,
      replicas: document.facts.replicas,
      node: env.me,
      forced: wish.by === 'person',
    });
    if (!registration.registered) return registration;
    await openPlan(work, {
      uid,
      recoveryId: registration.recoveryId,
      lockId: held.hold.lockId,
      fence: held.hold.fence,
      cluster: plan.cluster,
      kind: plan.kind,
      document,
      steps: acts.map(({number, act}) => ({number, description: actText(act)})),
    });
    return registration;
  });
}

function refused(code: Refusal['code'], because: string): RecoveryOutcome {
  return {outcome: 'refused', why: {code, because, candidates: []}};
}
