import type {Config} from '../config/keys.ts';
import {matchesHost} from '../config/filters.ts';
import type {Instance} from '../model/instance.ts';
import {compareKeys} from '../model/instance-key.ts';
import type {Topology} from '../model/topology.ts';
import type {AnalysisCode, StructureCode} from './codes.ts';
import {isHeldByDowntime} from './downtime.ts';
import {NOTHING_OBSERVED, type Observations} from './evidence.ts';
import {factsOf, type CountPolicy, type Facts} from './facts.ts';
import type {RulePolicy} from './conditions.ts';
import {NO_PROBLEM, RULES, STRUCTURE_RULES, type RecoveryKind, type Rule} from './rules.ts';

/** What is wrong with one instance, and what that calls for. */
export interface Analysis {
  readonly instance: Instance;
  readonly code: AnalysisCode;
  /** One sentence for people. */
  readonly because: string;
  readonly structure: readonly StructureCode[];
  readonly facts: Facts;
  readonly isDowntimed: boolean;
  /** The finding is about the replicas alone, and all of them are downtimed. */
  readonly isReplicasDowntimed: boolean;
  /** Nobody is to act on it, by downtime. */
  readonly skippable: boolean;
  /** Who is changing the instance or one of its replicas: recorded, never acted on. */
  readonly beingChangedBy: string | null;
  readonly recovery: RecoveryKind;
  /** There is a recovery for it, and nobody is changing the instances meanwhile. Downtime and filters are looked at apart. */
  readonly actionable: boolean;
}

/** What analysis reads of the configuration, and which findings are wanted. */
export interface AnalysisPolicy
  extends CountPolicy, RulePolicy, Pick<Config, 'ReduceReplicationAnalysisCount' | 'RecoveryIgnoreHostnameFilters'> {
  /** Only this cluster, by name. */
  readonly cluster?: string;
  /** Instances with nothing to report too. */
  readonly withHealthy?: boolean;
  /** Findings that downtime makes skippable too. */
  readonly withDowntimed?: boolean;
}

/**
 * What is wrong in a topology: sources first, then sources of whole clusters, then by number of replicas. Instances in
 * somebody's maintenance are left out.
 */
export function analyze(topology: Topology, policy: AnalysisPolicy, observations: Observations = NOTHING_OBSERVED): readonly Analysis[] {
  const instances = policy.cluster === undefined ? topology.instances : topology.inCluster(policy.cluster);
  return instances
    .filter((instance) => !instance.wishes.inMaintenance)
    .map((instance) => factsOf(instance, topology, {policy, observations}))
    .filter((facts) => !policy.ReduceReplicationAnalysisCount || isWorthALook(facts))
    .sort(compareFacts)
    .map((facts) => analysisOf(facts, topology, policy))
    .filter((analysis) => isWanted(analysis, policy));
}

/** Leaves with nothing suspicious are most of a large topology. */
function isWorthALook(f: Facts): boolean {
  return !f.reachable || f.replicas > 0 || f.isFailingToConnect;
}

function compareFacts(a: Facts, b: Facts): number {
  return (
    Number(b.isSource) - Number(a.isSource) ||
    Number(b.isClusterSource) - Number(a.isClusterSource) ||
    b.replicas - a.replicas ||
    compareKeys(a.it.key, b.it.key)
  );
}

function analysisOf(facts: Facts, topology: Topology, policy: AnalysisPolicy): Analysis {
  const {code, because, recovery} = ruleFor(facts, policy);
  const beingChangedBy = [facts.it, ...topology.replicasOf(facts.it.key)].find((one) => one.wishes.lockedBy !== null)?.wishes.lockedBy;
  const isDowntimed = facts.it.wishes.downtime !== null;
  const isReplicasDowntimed = facts.replicas > 0 && facts.replicas === facts.downtimed && ABOUT_REPLICAS.has(code);
  return {
    instance: facts.it,
    code,
    because,
    structure: STRUCTURE_RULES.filter((rule) => rule.when(facts)).map((rule) => rule.code),
    facts,
    isDowntimed: isDowntimed || isReplicasDowntimed,
    isReplicasDowntimed,
    skippable: isHeldByDowntime(facts.it, recovery) || isReplicasDowntimed,
    beingChangedBy: beingChangedBy ?? null,
    recovery,
    actionable: recovery !== 'none' && recovery !== 'detect-only' && !beingChangedBy,
  };
}

/** The first rule that matches. */
export function ruleFor(facts: Facts, policy: RulePolicy): Rule {
  return RULES.find(({needs}) => needs.every((one) => one.holds(facts, policy))) ?? NO_PROBLEM;
}

/** Findings that downtime of all replicas makes skippable. A dead source is not among them: its replicas are not the trouble. */
const ABOUT_REPLICAS: ReadonlySet<AnalysisCode> = new Set([
  'AllMasterReplicasNotReplicating',
  'AllMasterReplicasNotReplicatingOrDead',
  'MasterSingleReplicaDead',
  'AllCoMasterReplicasNotReplicating',
  'DeadIntermediateMasterWithSingleReplica',
  'DeadIntermediateMasterWithSingleReplicaFailingToConnect',
  'DeadIntermediateMasterAndReplicas',
  'DeadIntermediateMasterAndSomeReplicas',
  'AllIntermediateMasterReplicasFailingToConnectOrDead',
  'AllIntermediateMasterReplicasNotReplicating',
]);

function isWanted({instance, code, structure, skippable}: Analysis, policy: AnalysisPolicy): boolean {
  if (code === 'NoProblem' && structure.length === 0 && !policy.withHealthy) return false;
  if (matchesHost(policy.RecoveryIgnoreHostnameFilters, instance.key.host)) return false;
  return !skippable || policy.withDowntimed === true;
}

/** Which kind of instance a finding is about, as hooks and the API name it. */
export function instanceType(facts: Facts): 'co-master' | 'group-member' | 'master' | 'intermediate-master' {
  if (facts.isCoSource) return 'co-master';
  if (facts.isGroupMember) return 'group-member';
  return facts.isSource ? 'master' : 'intermediate-master';
}
