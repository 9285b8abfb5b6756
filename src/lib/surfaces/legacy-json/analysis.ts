import type {Analysis} from '../../analysis/analyze.ts';
import type {Found} from '../../operations/recovery/analysis.ts';
import {clusterInfoJson, type RecoveryFilters} from './cluster-info.ts';
import {coordinatesJson, keyJson, keysJson, type Json} from './values.ts';

/** A finding with every key of version 3, in its order. */
export function analysisJson(found: Found, filters: RecoveryFilters): Json {
  return {...subjectJson(found, filters), ...conclusionJson(found), ...immediateJson(found.analysis), ...rest(found.analysis)};
}

function subjectJson({analysis, cluster}: Found, filters: RecoveryFilters) {
  const {instance, facts} = analysis;
  return {
    AnalyzedInstanceKey: keyJson(instance.key),
    AnalyzedInstanceMasterKey: keyJson(instance.replication?.source ?? null),
    ClusterDetails: clusterInfoJson(cluster, filters),
    AnalyzedInstanceDataCenter: instance.place.dataCenter,
    AnalyzedInstanceRegion: instance.place.region,
    AnalyzedInstancePhysicalEnvironment: instance.place.environment,
    AnalyzedInstanceBinlogCoordinates: coordinatesJson(instance.binlog.at),
    IsMaster: facts.isSource,
    IsReplicationGroupMember: facts.isGroupMember,
    IsCoMaster: facts.isCoSource,
    LastCheckValid: facts.reachable,
    LastCheckPartialSuccess: facts.partial,
    CountReplicas: facts.replicas,
    CountValidReplicas: facts.reachableReplicas,
    CountValidReplicatingReplicas: facts.replicating,
    CountReplicasFailingToConnectToMaster: facts.failingToConnect,
    CountDowntimedReplicas: facts.downtimed,
    ReplicationDepth: instance.cluster.depth,
  };
}

function conclusionJson({analysis, replicas}: Found) {
  const {instance, facts} = analysis;
  const keys = keysJson(replicas);
  return {
    Replicas: keys,
    SlaveHosts: keys,
    IsFailingToConnectToMaster: facts.isFailingToConnect,
    Analysis: analysis.code,
    Description: analysis.because,
    StructureAnalysis: analysis.structure.length === 0 ? null : [...analysis.structure],
    IsDowntimed: analysis.isDowntimed,
    IsReplicasDowntimed: analysis.isReplicasDowntimed,
    DowntimeEndTimestamp: instance.wishes.downtime?.endsAt ?? '',
    // Negative while the downtime lasts, as it always was.
    DowntimeRemainingSeconds: -Math.trunc(instance.wishes.downtime?.remaining ?? 0),
    IsBinlogServer: facts.isBinlogServer,
  };
}

function immediateJson({instance, facts}: Analysis) {
  const {semiSync} = instance;
  return {
    PseudoGTIDImmediateTopology: facts.usesPseudoGtid,
    OracleGTIDImmediateTopology: facts.allUseOracleGtid,
    MariaDBGTIDImmediateTopology: facts.allUseMariadbGtid,
    BinlogServerImmediateTopology: facts.allAreBinlogServers,
    SemiSyncMasterEnabled: semiSync.sourceEnabled,
    SemiSyncMasterStatus: semiSync.sourceStatus,
    SemiSyncMasterWaitForReplicaCount: semiSync.sourceWaitCount,
    SemiSyncMasterClients: semiSync.sourceClients,
    CountSemiSyncReplicasEnabled: facts.semiSyncReplicas,
    CountLoggingReplicas: facts.logging,
    CountStatementBasedLoggingReplicas: facts.loggingStatement,
    CountMixedBasedLoggingReplicas: facts.loggingMixed,
    CountRowBasedLoggingReplicas: facts.loggingRow,
    CountDistinctMajorVersionsLoggingReplicas: facts.loggingMajorVersions,
    CountDelayedReplicas: facts.delayed,
    CountLaggingReplicas: facts.lagging,
  };
}

function rest({instance, facts, actionable, skippable}: Analysis) {
  return {
    IsActionableRecovery: actionable,
    ProcessingNodeHostname: '',
    ProcessingNodeToken: '',
    CountAdditionalAgreeingNodes: 0,
    StartActivePeriod: '',
    SkippableDueToDowntime: skippable,
    GTIDMode: instance.gtid.mode,
    MinReplicaGTIDMode: facts.minGtidMode,
    MaxReplicaGTIDMode: facts.maxGtidMode,
    MaxReplicaGTIDErrant: facts.maxErrant,
    CommandHint: '',
    IsReadOnly: facts.isReadOnly,
  };
}
