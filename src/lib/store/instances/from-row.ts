import type {BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import type {
  Check,
  FlavorName,
  GroupMembership,
  Instance,
  Reach,
  Replication,
  SemiSync,
  Thread,
  ThreadState,
  Wishes,
} from '../../model/instance.ts';
import {isUsableKey} from '../../model/instance-key.ts';
import type {Seconds} from '../../model/units.ts';
import {NO_DETAIL, readDetail, type Detail} from './detail.ts';
import {keysOfJson} from './keys-text.ts';
import {unquoteError} from './quoted.ts';
import {THREAD_NUMBERS, type ReadRow} from './row.ts';

/** The lengths of configuration that decide what counts as checked. */
export interface CheckPolicy {
  readonly InstancePollSeconds: Seconds;
  readonly ReasonableInstanceCheckSeconds: Seconds;
}

/** An instance from its row; `wishes` is what people said about it. */
export function fromRow(row: ReadRow, wishes: Wishes, policy: CheckPolicy): Instance {
  // where 3.2.6 has written since, what we keep beside its columns belongs to an older reading
  const isOurs = row.detail_last_seen !== null && row.detail_last_seen === row.last_seen;
  const detail = isOurs ? readDetail(row.detail) : NO_DETAIL;
  return {
    key: {host: row.hostname, port: row.port},
    ...serverOf(row, detail),
    replication: replicationOf(row, detail),
    semiSync: semiSyncOf(row, detail),
    group: groupOf(row),
    gtid: {
      mode: row.gtid_mode,
      supported: row.supports_oracle_gtid === 1,
      executed: detail.long.executed ?? row.executed_gtid_set,
      purged: detail.long.purged ?? row.gtid_purged,
      errant: detail.long.errant ?? row.gtid_errant,
      ...detail.gtid,
    },
    cluster: {
      name: row.cluster_name,
      suggestedAlias: row.suggested_cluster_alias,
      depth: row.replication_depth,
      isCoSource: row.is_co_master === 1,
      ancestry: row.ancestry_uuid,
    },
    check: checkOf(row, {policy, isOurs}),
    wishes,
  };
}

function serverOf(row: ReadRow, detail: Detail) {
  return {
    alias: row.instance_alias,
    uptime: row.uptime,
    serverId: row.server_id,
    serverUuid: row.server_uuid,
    version: row.version,
    versionComment: row.version_comment,
    flavor: flavorOf(row),
    readOnly: row.read_only === 1,
    superReadOnly: detail.superReadOnly,
    binlog: {
      enabled: row.log_bin === 1,
      logsReplicaUpdates: row.log_slave_updates === 1,
      format: row.binlog_format,
      rowImage: row.binlog_row_image,
      at: coordinates(row.binary_log_file, row.binary_log_pos),
    },
    otherChannels: detail.otherChannels,
    replicas: keysOfJson(row.slave_hosts),
    place: {dataCenter: row.data_center, region: row.region, environment: row.physical_environment},
    replicationCredentialsAvailable: row.replication_credentials_available === 1,
    detected: {...detail.detected, pseudoGtid: row.pseudo_gtid === 1},
    relayLogRecovery: detail.relayLogRecovery,
  };
}

function flavorOf({version, version_comment: comment}: ReadRow): FlavorName {
  if (/mariadb/i.test(version)) return 'MariaDB';
  if (/maxscale/i.test(version)) return 'MaxScale';
  if (!/^\d/.test(version)) return 'unknown';
  return /percona/i.test(comment) ? 'Percona' : 'MySQL';
}

function coordinates(file: string, position: number): BinlogCoordinates | null {
  return file === '' ? null : {file, position: Number(position)};
}

function replicationOf(row: ReadRow, {replication: detail}: Detail): Replication | null {
  const source = {host: row.master_host, port: row.master_port};
  const receiver = thread(row.replication_io_thread_state, detail?.receiverErrno, row.last_io_error);
  const applier = thread(row.replication_sql_thread_state, detail?.applierErrno, row.last_sql_error);
  const isNone = receiver.state === 'none' && applier.state === 'none' && (source.host === '' || source.host === '_');
  if (isNone && detail === null) return null;
  return {
    source: isUsableKey(source) ? source : null,
    sourceHostAsWritten: detail?.sourceHostAsWritten ?? row.master_host,
    sourceUuid: row.master_uuid,
    sourceServerId: detail?.sourceServerId ?? null,
    receiver,
    applier,
    read: coordinates(row.master_log_file, row.read_master_log_pos),
    executed: coordinates(row.relay_master_log_file, row.exec_master_log_pos),
    relay: coordinates(row.relay_log_file, row.relay_log_pos),
    retrievedGtid: detail?.retrievedGtid ?? '',
    usingOracleGtid: row.oracle_gtid === 1,
    usingMariadbGtid: row.mariadb_gtid === 1,
    usesTls: row.allow_tls === 1,
    hasFilters: row.has_replication_filters === 1,
    hasCredentials: row.has_replication_credentials === 1,
    user: detail?.user ?? '',
    delay: row.sql_delay,
    secondsBehind: detail === null ? row.seconds_behind_master : detail.secondsBehind,
    lag: detail === null ? row.slave_lag_seconds : detail.lag,
    heartbeatPeriod: detail?.heartbeatPeriod ?? null,
    netTimeout: detail?.netTimeout ?? null,
  };
}

const STATES = new Map(Object.entries(THREAD_NUMBERS).map(([state, number]) => [number, state as ThreadState]));

function thread(state: number, errno: number | undefined, error: string): Thread {
  return {state: STATES.get(state) ?? 'other', errno: errno ?? 0, error: unquoteError(error)};
}

function semiSyncOf(row: ReadRow, detail: Detail): SemiSync {
  return {
    available: row.semi_sync_available === 1,
    sourceEnabled: row.semi_sync_master_enabled === 1,
    sourceStatus: row.semi_sync_master_status === 1,
    sourceTimeout: Number(row.semi_sync_master_timeout),
    sourceWaitCount: row.semi_sync_master_wait_for_slave_count,
    sourceClients: row.semi_sync_master_clients,
    ...detail.semiSync,
    replicaEnabled: row.semi_sync_replica_enabled === 1,
    replicaStatus: row.semi_sync_replica_status === 1,
    priority: row.semi_sync_enforced,
  };
}

function groupOf(row: ReadRow): GroupMembership | null {
  if (row.replication_group_name === '') return null;
  const primary = {host: row.replication_group_primary_host, port: row.replication_group_primary_port};
  return {
    name: row.replication_group_name,
    singlePrimary: row.replication_group_is_single_primary_mode === 1,
    state: row.replication_group_member_state,
    role: row.replication_group_member_role,
    members: keysOfJson(row.replication_group_members),
    primary: isUsableKey(primary) ? primary : null,
  };
}

const FAILED: ReadonlySet<string> = new Set<Reach>(['alive', 'refused', 'lost', 'silent', 'unroutable', 'unresolved']);

function checkOf(row: ReadRow, {policy, isOurs}: {policy: CheckPolicy; isOurs: boolean}): Check {
  const reach = (row.reach ?? 'never-tried') as Reach;
  // times have whole seconds: a failure within the second of the last answer shows in `reach` alone
  const failedSince = (isOurs || row.last_seen === null) && FAILED.has(reach);
  const slack = policy.InstancePollSeconds + policy.ReasonableInstanceCheckSeconds;
  const answered = row.checked_after_seen !== null && Number(row.checked_after_seen) <= 0;
  const valid = answered && !failedSince && Number(row.attempted_after_seen) <= slack;
  return {
    lastChecked: row.last_checked,
    lastAttempted: row.last_attempted_check,
    lastSeen: row.last_seen ?? '',
    ...agesOf({sinceSeen: row.since_seen === null ? null : Number(row.since_seen), sinceChecked: Number(row.since_checked)}, policy),
    valid,
    partial: row.last_check_partial_success === 1,
    latency: Number(row.last_discovery_latency),
    reach: valid ? 'answered' : reach === 'answered' ? 'silent' : reach,
    errno: valid ? 0 : (row.errno ?? 0),
  };
}

/** What of a check changes by itself. */
export function agesOf(
  {sinceSeen, sinceChecked}: {readonly sinceSeen: Seconds | null; readonly sinceChecked: Seconds},
  {InstancePollSeconds: poll}: CheckPolicy,
): Pick<Check, 'secondsSinceSeen' | 'upToDate' | 'recent'> {
  return {secondsSinceSeen: sinceSeen, upToDate: sinceChecked <= poll, recent: sinceChecked <= 5 * poll};
}
