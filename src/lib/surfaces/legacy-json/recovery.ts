import type {ClusterInfo} from '../../operations/reads.ts';
import type {Detection} from '../../store/recovery/detections.ts';
import type {BlockedRecovery, Recovery, RecoveryStep} from '../../store/recovery/recoveries.ts';
import {clusterInfoJson, type RecoveryFilters} from './cluster-info.ts';
import {coordinatesJson, keyJson, keysJson, type Json} from './values.ts';

/** A recovery as the predecessor read it back: what was not stored has the value of a thing never set. */
export function recoveryJson(recovery: Recovery, filters: RecoveryFilters): Json {
  return {
    Id: recovery.id,
    UID: recovery.uid,
    AnalysisEntry: entryJson(recovery, filters),
    SuccessorKey: keyJson(recovery.successor),
    SuccessorAlias: recovery.successorAlias,
    SuccessorBinlogCoordinates: null,
    IsActive: recovery.isActive,
    IsSuccessful: recovery.isSuccessful,
    LostReplicas: keysJson(recovery.lost),
    ParticipatingInstanceKeys: keysJson(recovery.participating),
    // An empty column split at line ends is one empty text.
    AllErrors: recovery.errors.length === 0 ? [''] : [...recovery.errors],
    RecoveryStartTimestamp: recovery.startedAt,
    RecoveryEndTimestamp: recovery.endedAt ?? '',
    ProcessingNodeHostname: recovery.processor.hostname,
    ProcessingNodeToken: recovery.processor.token,
    Acknowledged: recovery.acknowledged !== null,
    AcknowledgedAt: recovery.acknowledged?.at ?? '',
    AcknowledgedBy: recovery.acknowledged?.by ?? '',
    AcknowledgedComment: recovery.acknowledged?.comment ?? '',
    LastDetectionId: recovery.detectionId,
    RelatedRecoveryId: 0,
    Type: '',
    RecoveryType: 'NotMasterRecovery',
  };
}

export function stepJson(step: RecoveryStep): Json {
  return {Id: step.id, RecoveryUID: step.uid, AuditAt: step.at, Message: step.message};
}

/** A detection in the shape of a recovery, of which only the beginning is known. */
export function detectionJson(found: Detection, filters: RecoveryFilters): Json {
  return {
    Id: found.id,
    UID: '',
    AnalysisEntry: {...entryJson(found, filters), StartActivePeriod: found.at},
    SuccessorKey: null,
    SuccessorAlias: '',
    SuccessorBinlogCoordinates: null,
    IsActive: found.isActive,
    IsSuccessful: false,
    LostReplicas: [],
    ParticipatingInstanceKeys: [],
    AllErrors: null,
    RecoveryStartTimestamp: found.at,
    RecoveryEndTimestamp: '',
    ProcessingNodeHostname: found.processor.hostname,
    ProcessingNodeToken: found.processor.token,
    Acknowledged: false,
    AcknowledgedAt: '',
    AcknowledgedBy: '',
    AcknowledgedComment: '',
    LastDetectionId: 0,
    RelatedRecoveryId: found.recoveryId,
    Type: '',
    RecoveryType: '',
  };
}

export function blockedRecoveryJson(blocked: BlockedRecovery): Json {
  return {
    FailedInstanceKey: keyJson(blocked.key),
    ClusterName: blocked.cluster,
    Analysis: blocked.code,
    LastBlockedTimestamp: blocked.lastBlockedAt,
    BlockingRecoveryId: blocked.blockingRecoveryId,
  };
}

type Failure = Pick<Recovery, 'key' | 'code' | 'cluster' | 'alias' | 'countReplicas' | 'replicas'>;

function entryJson(recovery: Failure, filters: RecoveryFilters): {readonly [key: string]: Json} {
  const cluster: ClusterInfo = {name: recovery.cluster, alias: recovery.alias, domain: '', instances: 0};
  const replicas = keysJson(recovery.replicas);
  return {
    ...NOTHING_ANALYSED,
    AnalyzedInstanceKey: keyJson(recovery.key),
    ClusterDetails: clusterInfoJson(cluster, filters),
    CountReplicas: recovery.countReplicas,
    Replicas: replicas,
    SlaveHosts: replicas,
    Analysis: recovery.code,
  };
}

/** Every key of a finding with the value of one never set, in the order of `analysisJson`; a test compares them. */
const NOTHING_ANALYSED = {
  AnalyzedInstanceKey: keyJson(null),
  AnalyzedInstanceMasterKey: keyJson(null),
  ClusterDetails: null,
  AnalyzedInstanceDataCenter: '',
  AnalyzedInstanceRegion: '',
  AnalyzedInstancePhysicalEnvironment: '',
  AnalyzedInstanceBinlogCoordinates: coordinatesJson(null),
  IsMaster: false,
  IsReplicationGroupMember: false,
  IsCoMaster: false,
  LastCheckValid: false,
  LastCheckPartialSuccess: false,
  CountReplicas: 0,
  CountValidReplicas: 0,
  CountValidReplicatingReplicas: 0,
  CountReplicasFailingToConnectToMaster: 0,
  CountDowntimedReplicas: 0,
  ReplicationDepth: 0,
  Replicas: [],
  SlaveHosts: [],
  IsFailingToConnectToMaster: false,
  Analysis: '',
  Description: '',
  StructureAnalysis: null,
  IsDowntimed: false,
  IsReplicasDowntimed: false,
  DowntimeEndTimestamp: '',
  DowntimeRemainingSeconds: 0,
  IsBinlogServer: false,
  PseudoGTIDImmediateTopology: false,
  OracleGTIDImmediateTopology: false,
  MariaDBGTIDImmediateTopology: false,
  BinlogServerImmediateTopology: false,
  SemiSyncMasterEnabled: false,
  SemiSyncMasterStatus: false,
  SemiSyncMasterWaitForReplicaCount: 0,
  SemiSyncMasterClients: 0,
  CountSemiSyncReplicasEnabled: 0,
  CountLoggingReplicas: 0,
  CountStatementBasedLoggingReplicas: 0,
  CountMixedBasedLoggingReplicas: 0,
  CountRowBasedLoggingReplicas: 0,
  CountDistinctMajorVersionsLoggingReplicas: 0,
  CountDelayedReplicas: 0,
  CountLaggingReplicas: 0,
  IsActionableRecovery: false,
  ProcessingNodeHostname: '',
  ProcessingNodeToken: '',
  CountAdditionalAgreeingNodes: 0,
  StartActivePeriod: '',
  SkippableDueToDowntime: false,
  GTIDMode: '',
  MinReplicaGTIDMode: '',
  MaxReplicaGTIDMode: '',
  MaxReplicaGTIDErrant: '',
  CommandHint: '',
  IsReadOnly: false,
} as const satisfies Readonly<Record<string, Json>>;
