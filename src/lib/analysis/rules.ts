import type {Config} from '../config/keys.ts';
import type {AnalysisCode, StructureCode} from './codes.ts';
import type {Facts} from './facts.ts';

/** What a finding calls for. `detect-only`: registered and told to hooks, nothing is repaired; `none`: not even that. */
export type RecoveryKind =
  | 'none'
  | 'detect-only'
  | 'dead-source'
  | 'dead-co-source'
  | 'dead-intermediate-source'
  | 'dead-group-member'
  | 'locked-semi-sync'
  | 'too-many-semi-sync'
  | 'non-writable-source';

export type RulePolicy = Pick<Config, 'RecoverNonWriteableMaster' | 'EnforceExactSemiSyncReplicas'>;

export interface Rule {
  readonly code: AnalysisCode;
  /** For people: completes "it is so because …". */
  readonly because: string;
  readonly recovery: RecoveryKind;
  when(facts: Facts, policy: RulePolicy): boolean;
}

/**
 * Outside of groups. A source is dead only if we cannot reach it, it sends no packet of its own, and its replicas say so
 * (`evidence.gone`); the predecessor took replicas that do not replicate, for whatever reason, as saying so. What its rules
 * called dead without that is unreachable here.
 */
const ALONE: readonly Rule[] = [
  {
    code: 'DeadMasterWithoutReplicas',
    because: 'it cannot be reached and has no replicas to ask',
    recovery: 'none',
    when: (f) => isLostSource(f) && f.replicas === 0,
  },
  {
    code: 'DeadMaster',
    because: 'it cannot be reached, and all its replicas are up and cannot replicate from it',
    recovery: 'dead-source',
    when: (f) => isLostSource(f) && f.reachableReplicas === f.replicas && isGivenUp(f),
  },
  {
    code: 'DeadMasterAndReplicas',
    because: 'neither it nor any of its replicas can be reached',
    recovery: 'detect-only',
    when: (f) => isLostSource(f) && f.reachableReplicas === 0,
  },
  {
    code: 'DeadMasterAndSomeReplicas',
    because: 'it and some of its replicas cannot be reached, and the others cannot replicate from it',
    recovery: 'dead-source',
    when: (f) => isLostSource(f) && isGivenUp(f),
  },
  {
    code: 'UnreachableMasterWithLaggingReplicas',
    because: 'it cannot be reached, and all its replicas lag',
    recovery: 'detect-only',
    when: (f) => isLostSource(f) && allLag(f),
  },
  {
    code: 'UnreachableMaster',
    because: 'it refuses us, but with an answer of its own: it is alive',
    recovery: 'detect-only',
    when: (f) => f.isSource && f.answers,
  },
  {
    code: 'UnreachableMaster',
    because: 'it cannot be reached, but at least one replica still replicates from it',
    recovery: 'detect-only',
    when: (f) => isLostSource(f) && f.replicating > 0 && (!f.partial || f.failingToConnect > 0),
  },
  {
    code: 'UnreachableMaster',
    because: 'it cannot be reached and nothing replicates from it, but its replicas do not prove that it is gone',
    recovery: 'detect-only',
    when: (f) => isLostSource(f) && f.replicating === 0,
  },
  {
    code: 'LockedSemiSyncMaster',
    because: 'its writes wait for more semi-sync replicas than it has, and its binary log stands still',
    recovery: 'locked-semi-sync',
    when: (f) => f.isSource && lacksSemiSync(f) && f.standsStill,
  },
  {
    code: 'LockedSemiSyncMasterHypothesis',
    because: 'its writes wait for more semi-sync replicas than it has',
    recovery: 'none',
    when: (f) => f.isSource && lacksSemiSync(f),
  },
  {
    code: 'MasterWithTooManySemiSyncReplicas',
    because: 'it has more semi-sync replicas than it waits for',
    recovery: 'too-many-semi-sync',
    when: (f, policy) =>
      policy.EnforceExactSemiSyncReplicas && f.isSource && f.semiSyncWaits && f.it.semiSync.sourceClients > f.it.semiSync.sourceWaitCount,
  },
  {
    code: 'NoWriteableMasterStructureWarning',
    because: 'it is read-only while replicas follow it',
    recovery: 'non-writable-source',
    when: (f, policy) => policy.RecoverNonWriteableMaster && f.isSource && f.reachable && f.isReadOnly && f.replicating > 0,
  },
  {
    code: 'MasterSingleReplicaNotReplicating',
    because: 'its only replica is up but does not replicate',
    recovery: 'none',
    when: (f) => isLiveSource(f) && f.replicas === 1 && f.reachableReplicas === 1 && f.replicating === 0,
  },
  {
    code: 'MasterSingleReplicaDead',
    because: 'its only replica cannot be reached',
    recovery: 'none',
    when: (f) => isLiveSource(f) && f.replicas === 1 && f.reachableReplicas === 0,
  },
  {
    code: 'AllMasterReplicasNotReplicating',
    because: 'all its replicas are up, but none replicates',
    recovery: 'detect-only',
    when: (f) => isLiveSource(f) && f.replicas > 1 && f.reachableReplicas === f.replicas && f.replicating === 0,
  },
  {
    code: 'AllMasterReplicasNotReplicatingOrDead',
    because: 'some of its replicas cannot be reached, and the others do not replicate',
    recovery: 'detect-only',
    when: (f) => isLiveSource(f) && f.reachableReplicas > 0 && f.reachableReplicas < f.replicas && f.replicating === 0,
  },
  {
    code: 'DeadCoMaster',
    because: 'it cannot be reached, and all its replicas, the other co-source included, are up and cannot replicate from it',
    recovery: 'dead-co-source',
    when: (f) => isLostCoSource(f) && f.reachableReplicas === f.replicas && isGivenUp(f),
  },
  {
    code: 'DeadCoMasterAndSomeReplicas',
    because: 'it and some of its replicas cannot be reached, and the others cannot replicate from it',
    recovery: 'dead-co-source',
    when: (f) => isLostCoSource(f) && isGivenUp(f),
  },
  {
    code: 'UnreachableCoMaster',
    because: 'it refuses us, but with an answer of its own: it is alive',
    recovery: 'none',
    when: (f) => f.isCoSource && f.answers && f.replicas > 0,
  },
  {
    code: 'UnreachableCoMaster',
    because: 'it cannot be reached, but at least one replica still replicates from it',
    recovery: 'none',
    when: (f) => isLostCoSource(f) && !f.partial && f.replicating > 0,
  },
  {
    code: 'UnreachableCoMaster',
    because: 'it cannot be reached and nothing replicates from it, but its replicas do not prove that it is gone',
    recovery: 'none',
    when: (f) => isLostCoSource(f) && f.reachableReplicas > 0 && f.replicating === 0,
  },
  {
    code: 'AllCoMasterReplicasNotReplicating',
    because: 'none of its replicas, the other co-source included, replicates',
    recovery: 'none',
    when: (f) => f.isCoSource && f.reachable && f.replicas > 0 && f.replicating === 0,
  },
  {
    code: 'DeadIntermediateMasterWithSingleReplicaFailingToConnect',
    because: 'it cannot be reached, and its only replica cannot connect to it',
    recovery: 'dead-intermediate-source',
    when: (f) => isLostIntermediate(f) && f.replicas === 1 && f.failingToConnect === 1 && isGivenUp(f),
  },
  {
    code: 'DeadIntermediateMasterWithSingleReplica',
    because: 'it cannot be reached, and its only replica does not replicate from it',
    recovery: 'none',
    when: (f) => isLostIntermediate(f) && f.replicas === 1 && isGivenUp(f),
  },
  {
    code: 'DeadIntermediateMaster',
    because: 'it cannot be reached, and all its replicas are up and cannot replicate from it',
    recovery: 'dead-intermediate-source',
    when: (f) => isLostIntermediate(f) && f.reachableReplicas === f.replicas && isGivenUp(f),
  },
  {
    code: 'DeadIntermediateMasterAndSomeReplicas',
    because: 'it and some of its replicas cannot be reached, and the others cannot replicate from it',
    recovery: 'dead-intermediate-source',
    when: (f) => isLostIntermediate(f) && isGivenUp(f),
  },
  {
    code: 'DeadIntermediateMasterAndReplicas',
    because: 'neither it nor any of its replicas can be reached',
    recovery: 'detect-only',
    when: (f) => isLostIntermediate(f) && f.replicas > 0 && f.reachableReplicas === 0,
  },
  {
    code: 'UnreachableIntermediateMasterWithLaggingReplicas',
    because: 'it cannot be reached, and all its replicas lag',
    recovery: 'detect-only',
    when: (f) => isLostIntermediate(f) && allLag(f),
  },
  {
    code: 'UnreachableIntermediateMaster',
    because: 'it refuses us, but with an answer of its own: it is alive',
    recovery: 'none',
    when: (f) => !f.isSource && f.answers && f.replicas > 0,
  },
  {
    code: 'UnreachableIntermediateMaster',
    because: 'it cannot be reached, but at least one replica still replicates from it',
    recovery: 'none',
    when: (f) => isLostIntermediate(f) && !f.partial && f.replicating > 0,
  },
  {
    code: 'UnreachableIntermediateMaster',
    because: 'it cannot be reached and nothing replicates from it, but its replicas do not prove that it is gone',
    recovery: 'none',
    when: (f) => isLostIntermediate(f) && f.replicas > 0 && f.replicating === 0,
  },
  {
    code: 'AllIntermediateMasterReplicasFailingToConnectOrDead',
    because: 'we reach it, but all its replicas that are up cannot connect to it',
    recovery: 'dead-intermediate-source',
    when: (f) =>
      isLiveIntermediate(f) &&
      f.replicas > 1 &&
      f.replicating === 0 &&
      f.failingToConnect > 0 &&
      f.failingToConnect === f.reachableReplicas,
  },
  {
    code: 'AllIntermediateMasterReplicasNotReplicating',
    because: 'none of its replicas replicates',
    recovery: 'none',
    when: (f) => isLiveIntermediate(f) && f.replicas > 0 && f.replicating === 0,
  },
  {
    code: 'BinlogServerFailingToConnectToMaster',
    because: 'it is a binlog server and cannot connect to its source',
    recovery: 'none',
    when: (f) => f.isBinlogServer && f.isFailingToConnect,
  },
  {
    code: 'FirstTierReplicaFailingToConnectToMaster',
    because: 'it stands directly below the source and cannot connect to it',
    recovery: 'none',
    when: (f) => f.it.cluster.depth === 1 && f.isFailingToConnect,
  },
];

const IN_GROUPS: readonly Rule[] = [
  {
    code: 'DeadReplicationGroupMemberWithReplicas',
    because: 'it is a member of a replication group, cannot be reached, and its replicas cannot replicate from it',
    recovery: 'dead-group-member',
    when: (f) => isLost(f) && f.replicas > 0 && f.replicating === 0 && (f.evidence.gone || f.reachableReplicas === 0),
  },
  {
    code: 'UnreachableMaster',
    because: 'it is a member of a replication group and cannot be reached, but it answers or its replicas do not prove that it is gone',
    recovery: 'detect-only',
    when: (f) => f.isSource && !f.reachable && f.replicas > 0,
  },
  {
    code: 'UnreachableIntermediateMaster',
    because: 'it is a member of a replication group and cannot be reached, but it answers or its replicas do not prove that it is gone',
    recovery: 'none',
    when: (f) => !f.reachable && f.replicas > 0,
  },
];

/** First match wins, so order is meaning: a rule may rely on every rule above it having said no. */
export const RULES: readonly Rule[] = [
  ...ALONE.map((rule): Rule => ({...rule, when: (f, policy) => !f.isGroupMember && rule.when(f, policy)})),
  ...IN_GROUPS.map((rule): Rule => ({...rule, when: (f, policy) => f.isGroupMember && rule.when(f, policy)})),
];

/** When no rule matches. */
export const NO_PROBLEM: Rule = {code: 'NoProblem', because: 'nothing is wrong with it', recovery: 'none', when: () => true};

/** All that apply are reported, in this order, whatever else was found. */
export const STRUCTURE_RULES: readonly {readonly code: StructureCode; readonly because: string; when(facts: Facts): boolean}[] = [
  {
    code: 'NoLoggingReplicasStructureWarning',
    because: 'none of its replicas writes what it receives to a binary log of its own',
    when: (f) => f.isSource && f.logging === 0 && f.replicas > 1,
  },
  {
    code: 'NoFailoverSupportStructureWarning',
    because: 'its replicas share no way to find their position below another source',
    when: (f) => f.isSource && f.replicas > 1 && !(f.allUseOracleGtid || f.allUseMariadbGtid || f.allAreBinlogServers || f.usesPseudoGtid),
  },
  {
    code: 'StatementAndMixedLoggingReplicasStructureWarning',
    because: 'its replicas log partly in STATEMENT, partly in MIXED format',
    when: (f) => f.isSource && f.loggingStatement > 0 && f.loggingMixed > 0,
  },
  {
    code: 'StatementAndRowLoggingReplicasStructureWarning',
    because: 'its replicas log partly in STATEMENT, partly in ROW format',
    when: (f) => f.isSource && f.loggingStatement > 0 && f.loggingRow > 0,
  },
  {
    code: 'MixedAndRowLoggingReplicasStructureWarning',
    because: 'its replicas log partly in MIXED, partly in ROW format',
    when: (f) => f.isSource && f.loggingMixed > 0 && f.loggingRow > 0,
  },
  {
    code: 'MultipleMajorVersionsLoggingReplicasStructureWarning',
    because: 'its replicas that log are of several major versions',
    when: (f) => f.isSource && f.loggingMajorVersions > 1,
  },
  {
    code: 'DifferentGTIDModesStructureWarning',
    because: 'gtid_mode differs between it and its replicas',
    when: (f) => f.replicas > 0 && (f.it.gtid.mode !== f.minGtidMode || f.it.gtid.mode !== f.maxGtidMode),
  },
  {
    code: 'ErrantGTIDStructureWarning',
    because: 'a replica has transactions that it has not',
    when: (f) => f.maxErrant !== '',
  },
  {
    code: 'NoWriteableMasterStructureWarning',
    because: 'it is read-only',
    when: (f) => f.isSource && f.isReadOnly,
  },
  {
    code: 'NotEnoughValidSemiSyncReplicasStructureWarning',
    because: 'it gave up waiting for semi-sync replicas, having fewer than it asks for',
    when: (f) =>
      f.isSource &&
      f.it.semiSync.sourceEnabled &&
      !f.it.semiSync.sourceStatus &&
      f.it.semiSync.sourceWaitCount > 0 &&
      f.it.semiSync.sourceClients < f.it.semiSync.sourceWaitCount,
  },
];

function isLost(f: Facts): boolean {
  return !f.reachable && !f.answers;
}

function isLostSource(f: Facts): boolean {
  return f.isSource && isLost(f);
}

function isLostCoSource(f: Facts): boolean {
  return f.isCoSource && isLost(f);
}

function isLostIntermediate(f: Facts): boolean {
  return !f.isSource && isLost(f);
}

function isLiveSource(f: Facts): boolean {
  return f.isSource && f.reachable;
}

function isLiveIntermediate(f: Facts): boolean {
  return !f.isSource && f.reachable;
}

/** At least one replica is up, none replicates, and they agree that the source is gone. */
function isGivenUp(f: Facts): boolean {
  return f.reachableReplicas > 0 && f.replicating === 0 && f.evidence.gone;
}

/** Lag on all of them for a reason other than a delay that was configured on all of them. */
function allLag(f: Facts): boolean {
  return f.replicating > 0 && f.lagging === f.replicas && f.delayed < f.replicas;
}

function lacksSemiSync(f: Facts): boolean {
  return f.semiSyncWaits && f.it.semiSync.sourceClients < f.it.semiSync.sourceWaitCount;
}
