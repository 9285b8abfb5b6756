import type {BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import {isMariadb, majorVersion, type Instance, type Replication} from '../../model/instance.ts';
import {fitter, type Value} from '../fit.ts';
import {keysJson} from './keys-text.ts';
import {quoteError} from './quoted.ts';
import {THREAD_NUMBERS, type InstanceRow} from './row.ts';

const fit = fitter('database_instance');

/** An instance as 3.2.6 would store it, all columns but the times. */
export function toRow(instance: Instance): Readonly<Record<keyof InstanceRow, Value>> {
  const row: InstanceRow = {
    hostname: instance.key.host,
    port: instance.key.port,
    ...serverColumns(instance),
    ...replicationColumns(instance.replication),
    ...gtidColumns(instance),
    ...placeColumns(instance),
    ...semiSyncColumns(instance),
    ...groupColumns(instance),
  };
  return fit({...row}) as Record<keyof InstanceRow, Value>;
}

const flag = (value: boolean | undefined): number => (value === true ? 1 : 0);
const file = (at: BinlogCoordinates | null | undefined): string => at?.file ?? '';
const position = (at: BinlogCoordinates | null | undefined): number => at?.position ?? 0;

function serverColumns(instance: Instance) {
  const {binlog} = instance;
  return {
    uptime: instance.uptime,
    server_id: instance.serverId,
    server_uuid: instance.serverUuid,
    version: instance.version,
    version_comment: instance.versionComment,
    major_version: majorVersion(instance),
    binlog_server: flag(instance.flavor === 'MaxScale'),
    read_only: flag(instance.readOnly),
    binlog_format: binlog.format,
    binlog_row_image: binlog.rowImage,
    log_bin: flag(binlog.enabled),
    log_slave_updates: flag(binlog.logsReplicaUpdates),
    binary_log_file: file(binlog.at),
    binary_log_pos: position(binlog.at),
    last_discovery_latency: instance.check.latency,
  };
}

function replicationColumns(replication: Replication | null) {
  const receiver = replication?.receiver ?? {state: 'none', error: ''};
  const applier = replication?.applier ?? {state: 'none', error: ''};
  return {
    // one that follows nobody we know keeps what was written: `//host` says that it was detached
    master_host: replication?.source?.host ?? replication?.sourceHostAsWritten ?? '',
    master_port: replication?.source?.port ?? 0,
    master_uuid: replication?.sourceUuid ?? '',
    slave_io_running: flag(receiver.state === 'running'),
    slave_sql_running: flag(applier.state === 'running'),
    replication_io_thread_state: THREAD_NUMBERS[receiver.state],
    replication_sql_thread_state: THREAD_NUMBERS[applier.state],
    last_io_error: quoteError(receiver.error),
    last_sql_error: quoteError(applier.error),
    has_replication_filters: flag(replication?.hasFilters),
    oracle_gtid: flag(replication?.usingOracleGtid),
    mariadb_gtid: flag(replication?.usingMariadbGtid),
    master_log_file: file(replication?.read),
    read_master_log_pos: position(replication?.read),
    relay_master_log_file: file(replication?.executed),
    exec_master_log_pos: position(replication?.executed),
    relay_log_file: file(replication?.relay),
    relay_log_pos: position(replication?.relay),
    seconds_behind_master: replication?.secondsBehind ?? null,
    slave_lag_seconds: replication?.lag ?? null,
    sql_delay: replication?.delay ?? 0,
    allow_tls: flag(replication?.usesTls),
    has_replication_credentials: flag(replication?.hasCredentials),
  };
}

function gtidColumns(instance: Instance) {
  const {gtid} = instance;
  return {
    gtid_mode: gtid.mode,
    supports_oracle_gtid: flag(gtid.supported && !isMariadb(instance)),
    executed_gtid_set: gtid.executed,
    gtid_purged: gtid.purged,
    gtid_errant: gtid.errant,
    pseudo_gtid: flag(instance.detected.pseudoGtid),
  };
}

function placeColumns(instance: Instance) {
  const {cluster, place} = instance;
  return {
    cluster_name: cluster.name,
    suggested_cluster_alias: cluster.suggestedAlias,
    replication_depth: cluster.depth,
    is_co_master: flag(cluster.isCoSource),
    ancestry_uuid: cluster.ancestry,
    num_slave_hosts: instance.replicas.length,
    slave_hosts: keysJson(instance.replicas),
    data_center: place.dataCenter,
    region: place.region,
    physical_environment: place.environment,
    instance_alias: instance.alias,
    replication_credentials_available: flag(instance.replicationCredentialsAvailable),
  };
}

function semiSyncColumns({semiSync}: Instance) {
  return {
    semi_sync_enforced: semiSync.priority,
    semi_sync_available: flag(semiSync.available),
    semi_sync_master_enabled: flag(semiSync.sourceEnabled),
    semi_sync_master_timeout: semiSync.sourceTimeout,
    semi_sync_master_wait_for_slave_count: semiSync.sourceWaitCount,
    semi_sync_master_status: flag(semiSync.sourceStatus),
    semi_sync_master_clients: semiSync.sourceClients,
    semi_sync_replica_status: flag(semiSync.replicaStatus),
    semi_sync_replica_enabled: flag(semiSync.replicaEnabled),
  };
}

function groupColumns({group}: Instance) {
  return {
    replication_group_name: group?.name ?? '',
    replication_group_is_single_primary_mode: flag(group?.singlePrimary ?? true),
    replication_group_member_state: group?.state ?? '',
    replication_group_member_role: group?.role ?? '',
    replication_group_members: keysJson(group?.members ?? []),
    replication_group_primary_host: group?.primary?.host ?? '',
    replication_group_primary_port: group?.primary?.port ?? 0,
  };
}
