import {DETACHED_PREFIX} from '../../model/instance-key.ts';
import type {Instance, Replication} from '../../model/instance.ts';
import {problemsOf, type ProblemLimits} from '../../operations/information/problems.ts';
import {coordinatesJson, keyJson, keysJson, nanoseconds, nullableJson, threadJson, type Json} from './values.ts';

/** An instance with every key of version 3, misspelt and doubled ones included, in its order; then the keys that are ours. */
export function instanceJson(instance: Instance, limits: ProblemLimits): Json {
  return {
    ...serverJson(instance),
    ...replicationJson(instance),
    ...gtidJson(instance),
    ...lagJson(instance.replication),
    ...placeJson(instance),
    ...semiSyncJson(instance),
    ...checkJson(instance, limits),
    ...groupJson(instance),
    // Not a fact of version 3: `MasterKey` and the states beside it speak of the default channel alone.
    UnmanagedChannels: instance.otherChannels,
  };
}

function serverJson(instance: Instance) {
  const {binlog} = instance;
  return {
    Key: keyJson(instance.key),
    InstanceAlias: instance.alias,
    Uptime: Math.trunc(instance.uptime),
    ServerID: instance.serverId,
    ServerUUID: instance.serverUuid,
    Version: instance.version,
    VersionComment: instance.versionComment,
    FlavorName: instance.flavor,
    ReadOnly: instance.readOnly,
    Binlog_format: binlog.format,
    BinlogRowImage: binlog.rowImage,
    LogBinEnabled: binlog.enabled,
    LogSlaveUpdatesEnabled: binlog.logsReplicaUpdates,
    LogReplicationUpdatesEnabled: binlog.logsReplicaUpdates,
    SelfBinlogCoordinates: coordinatesJson(binlog.at),
  };
}

function replicationJson({replication, cluster}: Instance) {
  const receiver = replication?.receiver.state ?? 'none';
  const applier = replication?.applier.state ?? 'none';
  return {
    MasterKey: sourceJson(replication),
    MasterUUID: replication?.sourceUuid ?? '',
    AncestryUUID: cluster.ancestry,
    IsDetachedMaster: isHostDetached(replication),
    Slave_SQL_Running: applier === 'running',
    ReplicationSQLThreadRuning: applier === 'running',
    Slave_IO_Running: receiver === 'running',
    ReplicationIOThreadRuning: receiver === 'running',
    ReplicationSQLThreadState: threadJson(applier),
    ReplicationIOThreadState: threadJson(receiver),
    HasReplicationFilters: replication?.hasFilters ?? false,
  };
}

function gtidJson({gtid, replication, detected}: Instance) {
  return {
    GTIDMode: gtid.mode,
    SupportsOracleGTID: gtid.supported,
    UsingOracleGTID: replication?.usingOracleGtid ?? false,
    UsingMariaDBGTID: replication?.usingMariadbGtid ?? false,
    UsingPseudoGTID: detected.pseudoGtid,
    ReadBinlogCoordinates: coordinatesJson(replication?.read ?? null),
    ExecBinlogCoordinates: coordinatesJson(replication?.executed ?? null),
    IsDetached: replication?.executed?.file.startsWith(DETACHED_PREFIX) ?? false,
    RelaylogCoordinates: coordinatesJson(replication?.relay ?? null, 'relaylog'),
    LastSQLError: replication?.applier.error ?? '',
    LastIOError: replication?.receiver.error ?? '',
    SecondsBehindMaster: nullableJson(replication?.secondsBehind ?? null),
    SQLDelay: replication?.delay ?? 0,
    ExecutedGtidSet: gtid.executed,
    GtidPurged: gtid.purged,
    GtidErrant: gtid.errant,
  };
}

function lagJson(replication: Replication | null) {
  const lag = nullableJson(replication?.lag ?? null);
  return {SlaveLagSeconds: lag, ReplicationLagSeconds: lag};
}

function placeJson(instance: Instance) {
  const replicas = keysJson(instance.replicas);
  return {
    SlaveHosts: replicas,
    Replicas: replicas,
    ClusterName: instance.cluster.name,
    SuggestedClusterAlias: instance.cluster.suggestedAlias,
    DataCenter: instance.place.dataCenter,
    Region: instance.place.region,
    PhysicalEnvironment: instance.place.environment,
    ReplicationDepth: instance.cluster.depth,
    IsCoMaster: instance.cluster.isCoSource,
    HasReplicationCredentials: instance.replication?.hasCredentials ?? false,
    ReplicationCredentialsAvailable: instance.replicationCredentialsAvailable,
  };
}

function semiSyncJson({semiSync}: Instance) {
  return {
    SemiSyncAvailable: semiSync.available,
    SemiSyncPriority: semiSync.priority,
    SemiSyncMasterEnabled: semiSync.sourceEnabled,
    SemiSyncReplicaEnabled: semiSync.replicaEnabled,
    SemiSyncMasterTimeout: semiSync.sourceTimeout,
    SemiSyncMasterWaitForReplicaCount: semiSync.sourceWaitCount,
    SemiSyncMasterStatus: semiSync.sourceStatus,
    SemiSyncMasterClients: semiSync.sourceClients,
    SemiSyncReplicaStatus: semiSync.replicaStatus,
  };
}

function checkJson(instance: Instance, limits: ProblemLimits) {
  const {check, wishes} = instance;
  const {downtime} = wishes;
  return {
    LastSeenTimestamp: check.lastSeen,
    IsLastCheckValid: check.valid,
    IsUpToDate: check.upToDate,
    IsRecentlyChecked: check.recent,
    SecondsSinceLastSeen: nullableJson(check.secondsSinceSeen),
    CountMySQLSnapshots: 0,
    IsCandidate: wishes.isCandidate,
    PromotionRule: wishes.promotionRule,
    IsDowntimed: downtime !== null,
    DowntimeReason: downtime?.reason ?? '',
    DowntimeOwner: downtime?.owner ?? '',
    DowntimeEndTimestamp: downtime?.endsAt ?? '',
    ElapsedDowntime: nanoseconds(downtime?.elapsed ?? 0),
    UnresolvedHostname: wishes.unresolvedHost,
    AllowTLS: instance.replication?.usesTls ?? false,
    Problems: problemsOf(instance, limits),
    LastDiscoveryLatency: check.latency,
  };
}

function groupJson({group}: Instance) {
  return {
    ReplicationGroupName: group?.name ?? '',
    ReplicationGroupIsSinglePrimary: group?.singlePrimary ?? false,
    ReplicationGroupMemberState: group?.state ?? '',
    ReplicationGroupMemberRole: group?.role ?? '',
    ReplicationGroupMembers: keysJson(group?.members ?? []),
    ReplicationGroupPrimaryInstanceKey: keyJson(group?.primary ?? null),
  };
}

function isHostDetached(replication: Replication | null): boolean {
  return replication?.sourceHostAsWritten.startsWith(DETACHED_PREFIX) ?? false;
}

/** A detached source keeps its written name, `//host`, which is how clients see that it is detached. */
function sourceJson(replication: Replication | null): Json {
  if (replication?.source) return keyJson(replication.source);
  return keyJson(replication !== null && isHostDetached(replication) ? {host: replication.sourceHostAsWritten, port: 0} : null);
}
