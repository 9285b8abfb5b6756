import type {ThreadState} from '../../model/instance.ts';

/** Row of `database_instance` without its times, exactly as stored; never leaves this folder. */
export interface InstanceRow {
  hostname: string;
  port: number;
  uptime: number;
  server_id: number;
  server_uuid: string;
  version: string;
  binlog_server: number;
  read_only: number;
  binlog_format: string;
  log_bin: number;
  log_slave_updates: number;
  binary_log_file: string;
  binary_log_pos: number;
  master_host: string;
  master_port: number;
  slave_sql_running: number;
  slave_io_running: number;
  replication_sql_thread_state: number;
  replication_io_thread_state: number;
  has_replication_filters: number;
  oracle_gtid: number;
  master_uuid: string;
  ancestry_uuid: string;
  executed_gtid_set: string;
  gtid_purged: string;
  gtid_errant: string;
  supports_oracle_gtid: number;
  mariadb_gtid: number;
  pseudo_gtid: number;
  master_log_file: string;
  read_master_log_pos: number;
  relay_master_log_file: string;
  exec_master_log_pos: number;
  relay_log_file: string;
  relay_log_pos: number;
  last_sql_error: string;
  last_io_error: string;
  seconds_behind_master: number | null;
  slave_lag_seconds: number | null;
  sql_delay: number;
  allow_tls: number;
  num_slave_hosts: number;
  slave_hosts: string;
  cluster_name: string;
  suggested_cluster_alias: string;
  data_center: string;
  region: string;
  physical_environment: string;
  instance_alias: string;
  semi_sync_enforced: number;
  semi_sync_available: number;
  replication_depth: number;
  is_co_master: number;
  replication_credentials_available: number;
  has_replication_credentials: number;
  version_comment: string;
  major_version: string;
  binlog_row_image: string;
  last_discovery_latency: number;
  semi_sync_master_enabled: number;
  semi_sync_master_timeout: number;
  semi_sync_master_wait_for_slave_count: number;
  semi_sync_master_status: number;
  semi_sync_master_clients: number;
  semi_sync_replica_status: number;
  semi_sync_replica_enabled: number;
  gtid_mode: string;
  replication_group_name: string;
  replication_group_is_single_primary_mode: number;
  replication_group_member_state: string;
  replication_group_member_role: string;
  replication_group_members: string;
  replication_group_primary_host: string;
  replication_group_primary_port: number;
}

/** Its times, and what a read adds: ages on the backend's clock, and the row of `instance_detail` that may be there. */
export interface ReadRow extends InstanceRow {
  last_checked: string;
  last_attempted_check: string;
  last_check_partial_success: number;
  last_seen: string | null;
  /** Of the backend, when it was read. */
  clock: number | string;
  since_seen: number | string | null;
  since_checked: number | string;
  /** How long after the last answer the last attempt was; null without an answer. */
  attempted_after_seen: number | string | null;
  checked_after_seen: number | string | null;
  detail_last_seen: string | null;
  reach: string | null;
  errno: number | null;
  detail: string | null;
}

export const THREAD_NUMBERS: Readonly<Record<ThreadState, number>> = {none: -1, stopped: 0, running: 1, other: 2};
