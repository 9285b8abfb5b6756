import type {AnalysisCode, StructureCode} from './codes.ts';
import {
  aBinlogServer,
  aCoSource,
  aSource,
  agreedGoneOrNoneReached,
  allReachedFailToConnect,
  allReplicasReached,
  answeredNothing,
  answeredNothingOrShunned,
  directlyBelowSource,
  exactSemiSync,
  exceedsSemiSync,
  failsToConnect,
  givenUp,
  hasReplicas,
  inGroup,
  itsReplicaFailsToConnect,
  lacksSemiSync,
  lagging,
  lost,
  noReplicaReached,
  noReplicas,
  noSource,
  noneReplicates,
  notReached,
  oneReplica,
  outsideGroups,
  reached,
  readOnly,
  recoverReadOnly,
  refusesUs,
  severalReplicas,
  someReplicaNotReached,
  someReplicaReached,
  someReplicates,
  standsStill,
  type Condition,
  type RulePolicy,
} from './conditions.ts';
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

export interface Rule {
  readonly code: AnalysisCode;
  /** For people: completes "it is so because …". */
  readonly because: string;
  readonly recovery: RecoveryKind;
  /** All of them. The first that does not hold is why the rule does not match. */
  readonly needs: readonly Condition[];
}

/**
 * Outside of groups. A source is dead only if we cannot reach it, it sends no packet of its own, and its replicas say so
 * (`agreedGone`); the predecessor took replicas that do not replicate, for whatever reason, as saying so. What its rules
 * called dead without that is unreachable here.
 */
const ALONE: readonly Rule[] = [
  {
    code: 'DeadMasterWithoutReplicas',
    because: 'it cannot be reached and has no replicas to ask',
    recovery: 'none',
    needs: [aSource, lost, noReplicas],
  },
  {
    code: 'DeadMaster',
    because: 'it cannot be reached, and all its replicas are up and cannot replicate from it',
    recovery: 'dead-source',
    needs: [aSource, lost, allReplicasReached, ...givenUp],
  },
  {
    code: 'DeadMasterAndReplicas',
    because: 'neither it nor any of its replicas can be reached',
    recovery: 'detect-only',
    needs: [aSource, lost, noReplicaReached],
  },
  {
    code: 'DeadMasterAndSomeReplicas',
    because: 'it and some of its replicas cannot be reached, and the others cannot replicate from it',
    recovery: 'dead-source',
    needs: [aSource, lost, ...givenUp],
  },
  {
    code: 'UnreachableMasterWithLaggingReplicas',
    because: 'it cannot be reached, and all its replicas lag',
    recovery: 'detect-only',
    needs: [aSource, lost, ...lagging],
  },
  {
    code: 'UnreachableMaster',
    because: 'it refuses us, but with an answer of its own: it is alive',
    recovery: 'detect-only',
    needs: [aSource, refusesUs],
  },
  {
    code: 'UnreachableMaster',
    because: 'it cannot be reached, but at least one replica still replicates from it',
    recovery: 'detect-only',
    needs: [aSource, lost, someReplicates, answeredNothingOrShunned],
  },
  {
    code: 'UnreachableMaster',
    because: 'it cannot be reached and nothing replicates from it, but its replicas do not prove that it is gone',
    recovery: 'detect-only',
    needs: [aSource, lost, noneReplicates],
  },
  {
    code: 'LockedSemiSyncMaster',
    because: 'its writes wait for more semi-sync replicas than it has, and its binary log stands still',
    recovery: 'locked-semi-sync',
    needs: [aSource, lacksSemiSync, standsStill],
  },
  {
    code: 'LockedSemiSyncMasterHypothesis',
    because: 'its writes wait for more semi-sync replicas than it has',
    recovery: 'none',
    needs: [aSource, lacksSemiSync],
  },
  {
    code: 'MasterWithTooManySemiSyncReplicas',
    because: 'it has more semi-sync replicas than it waits for',
    recovery: 'too-many-semi-sync',
    needs: [exactSemiSync, aSource, exceedsSemiSync],
  },
  {
    code: 'NoWriteableMasterStructureWarning',
    because: 'it is read-only while replicas follow it',
    recovery: 'non-writable-source',
    needs: [recoverReadOnly, aSource, reached, readOnly, someReplicates],
  },
  {
    code: 'MasterSingleReplicaNotReplicating',
    because: 'its only replica is up but does not replicate',
    recovery: 'none',
    needs: [aSource, reached, oneReplica, someReplicaReached, noneReplicates],
  },
  {
    code: 'MasterSingleReplicaDead',
    because: 'its only replica cannot be reached',
    recovery: 'none',
    needs: [aSource, reached, oneReplica, noReplicaReached],
  },
  {
    code: 'AllMasterReplicasNotReplicating',
    because: 'all its replicas are up, but none replicates',
    recovery: 'detect-only',
    needs: [aSource, reached, severalReplicas, allReplicasReached, noneReplicates],
  },
  {
    code: 'AllMasterReplicasNotReplicatingOrDead',
    because: 'some of its replicas cannot be reached, and the others do not replicate',
    recovery: 'detect-only',
    needs: [aSource, reached, someReplicaReached, someReplicaNotReached, noneReplicates],
  },
  {
    code: 'DeadCoMaster',
    because: 'it cannot be reached, and all its replicas, the other co-source included, are up and cannot replicate from it',
    recovery: 'dead-co-source',
    needs: [aCoSource, lost, allReplicasReached, ...givenUp],
  },
  {
    code: 'DeadCoMasterAndSomeReplicas',
    because: 'it and some of its replicas cannot be reached, and the others cannot replicate from it',
    recovery: 'dead-co-source',
    needs: [aCoSource, lost, ...givenUp],
  },
  {
    code: 'UnreachableCoMaster',
    because: 'it refuses us, but with an answer of its own: it is alive',
    recovery: 'none',
    needs: [aCoSource, refusesUs, hasReplicas],
  },
  {
    code: 'UnreachableCoMaster',
    because: 'it cannot be reached, but at least one replica still replicates from it',
    recovery: 'none',
    needs: [aCoSource, lost, answeredNothing, someReplicates],
  },
  {
    code: 'UnreachableCoMaster',
    because: 'it cannot be reached and nothing replicates from it, but its replicas do not prove that it is gone',
    recovery: 'none',
    needs: [aCoSource, lost, someReplicaReached, noneReplicates],
  },
  {
    code: 'AllCoMasterReplicasNotReplicating',
    because: 'none of its replicas, the other co-source included, replicates',
    recovery: 'none',
    needs: [aCoSource, reached, hasReplicas, noneReplicates],
  },
  {
    code: 'DeadIntermediateMasterWithSingleReplicaFailingToConnect',
    because: 'it cannot be reached, and its only replica cannot connect to it',
    recovery: 'dead-intermediate-source',
    needs: [noSource, lost, oneReplica, itsReplicaFailsToConnect, ...givenUp],
  },
  {
    code: 'DeadIntermediateMasterWithSingleReplica',
    because: 'it cannot be reached, and its only replica does not replicate from it',
    recovery: 'none',
    needs: [noSource, lost, oneReplica, ...givenUp],
  },
  {
    code: 'DeadIntermediateMaster',
    because: 'it cannot be reached, and all its replicas are up and cannot replicate from it',
    recovery: 'dead-intermediate-source',
    needs: [noSource, lost, allReplicasReached, ...givenUp],
  },
  {
    code: 'DeadIntermediateMasterAndSomeReplicas',
    because: 'it and some of its replicas cannot be reached, and the others cannot replicate from it',
    recovery: 'dead-intermediate-source',
    needs: [noSource, lost, ...givenUp],
  },
  {
    code: 'DeadIntermediateMasterAndReplicas',
    because: 'neither it nor any of its replicas can be reached',
    recovery: 'detect-only',
    needs: [noSource, lost, hasReplicas, noReplicaReached],
  },
  {
    code: 'UnreachableIntermediateMasterWithLaggingReplicas',
    because: 'it cannot be reached, and all its replicas lag',
    recovery: 'detect-only',
    needs: [noSource, lost, ...lagging],
  },
  {
    code: 'UnreachableIntermediateMaster',
    because: 'it refuses us, but with an answer of its own: it is alive',
    recovery: 'none',
    needs: [noSource, refusesUs, hasReplicas],
  },
  {
    code: 'UnreachableIntermediateMaster',
    because: 'it cannot be reached, but at least one replica still replicates from it',
    recovery: 'none',
    needs: [noSource, lost, answeredNothing, someReplicates],
  },
  {
    code: 'UnreachableIntermediateMaster',
    because: 'it cannot be reached and nothing replicates from it, but its replicas do not prove that it is gone',
    recovery: 'none',
    needs: [noSource, lost, hasReplicas, noneReplicates],
  },
  {
    code: 'AllIntermediateMasterReplicasFailingToConnectOrDead',
    because: 'we reach it, but all its replicas that are up cannot connect to it',
    recovery: 'dead-intermediate-source',
    needs: [noSource, reached, severalReplicas, noneReplicates, allReachedFailToConnect],
  },
  {
    code: 'AllIntermediateMasterReplicasNotReplicating',
    because: 'none of its replicas replicates',
    recovery: 'none',
    needs: [noSource, reached, hasReplicas, noneReplicates],
  },
  {
    code: 'BinlogServerFailingToConnectToMaster',
    because: 'it is a binlog server and cannot connect to its source',
    recovery: 'none',
    needs: [aBinlogServer, failsToConnect],
  },
  {
    code: 'FirstTierReplicaFailingToConnectToMaster',
    because: 'it stands directly below the source and cannot connect to it',
    recovery: 'none',
    needs: [directlyBelowSource, failsToConnect],
  },
];

const IN_GROUPS: readonly Rule[] = [
  {
    code: 'DeadReplicationGroupMemberWithReplicas',
    because: 'it is a member of a replication group, cannot be reached, and its replicas cannot replicate from it',
    recovery: 'dead-group-member',
    needs: [lost, hasReplicas, noneReplicates, agreedGoneOrNoneReached],
  },
  {
    code: 'UnreachableMaster',
    because: 'it is a member of a replication group and cannot be reached, but it answers or its replicas do not prove that it is gone',
    recovery: 'detect-only',
    needs: [aSource, notReached, hasReplicas],
  },
  {
    code: 'UnreachableIntermediateMaster',
    because: 'it is a member of a replication group and cannot be reached, but it answers or its replicas do not prove that it is gone',
    recovery: 'none',
    needs: [notReached, hasReplicas],
  },
];

/** First match wins, so order is meaning: a rule may rely on every rule above it having said no. */
export const RULES: readonly Rule[] = [
  ...ALONE.map((rule): Rule => ({...rule, needs: [outsideGroups, ...rule.needs]})),
  ...IN_GROUPS.map((rule): Rule => ({...rule, needs: [inGroup, ...rule.needs]})),
];

/** When no rule matches. */
export const NO_PROBLEM: Rule = {code: 'NoProblem', because: 'nothing is wrong with it', recovery: 'none', needs: []};

/** Why a rule does not match, as a clause; null: it does. */
export function unmet({needs}: Rule, facts: Facts, policy: RulePolicy): string | null {
  return needs.find((one) => !one.holds(facts, policy))?.otherwise(facts) ?? null;
}

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
    when: (f) =>
      !f.isBinlogServer && f.replicas > f.binlogServers && (f.it.gtid.mode !== f.minGtidMode || f.it.gtid.mode !== f.maxGtidMode),
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
