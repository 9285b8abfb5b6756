import type {Backend} from '../../src/lib/store/backend.ts';

/** One statement of 3.2.6, in MySQL's words as it has them; `rows` says that its answer is looked at, not its effect. */
export interface OldStatement {
  readonly what: string;
  readonly sql: string;
  readonly values?: readonly (string | number | null)[];
  readonly rows?: true;
}

const say = (what: string, sql: string, ...values: readonly (string | number | null)[]): OldStatement => ({what, sql, values});
const ask = (what: string, sql: string, ...values: readonly (string | number | null)[]): OldStatement => ({what, sql, values, rows: true});

const INSTANCE_COLUMNS = [
  'hostname port last_checked last_attempted_check last_check_partial_success last_seen uptime server_id server_uuid version major_version',
  'version_comment binlog_server read_only binlog_format binlog_row_image log_bin log_slave_updates binary_log_file binary_log_pos master_host',
  'master_port slave_sql_running slave_io_running replication_sql_thread_state replication_io_thread_state has_replication_filters',
  'supports_oracle_gtid oracle_gtid master_uuid ancestry_uuid executed_gtid_set gtid_mode gtid_purged gtid_errant mariadb_gtid pseudo_gtid',
  'master_log_file read_master_log_pos relay_master_log_file exec_master_log_pos relay_log_file relay_log_pos last_sql_error last_io_error',
  'seconds_behind_master slave_lag_seconds sql_delay num_slave_hosts slave_hosts cluster_name suggested_cluster_alias data_center region',
  'physical_environment replication_depth is_co_master replication_credentials_available has_replication_credentials allow_tls',
  'semi_sync_enforced semi_sync_available semi_sync_master_enabled semi_sync_master_timeout semi_sync_master_wait_for_slave_count',
  'semi_sync_replica_enabled semi_sync_master_status semi_sync_master_clients semi_sync_replica_status instance_alias last_discovery_latency',
  'replication_group_name replication_group_is_single_primary_mode replication_group_member_state replication_group_member_role',
  'replication_group_members replication_group_primary_host replication_group_primary_port',
]
  .join(' ')
  .split(' ');
const NUMERIC =
  /port|_pos$|_time$|uptime|server_id$|binlog_server|read_only|log_bin|log_slave|running|thread_state|filters|gtid$|seconds|delay|num_|depth|is_co|is_single|credentials|allow_tls|semi_sync|latency|partial/;

function instanceValue(column: string, host: string, uptime: number): string {
  if (column === 'hostname') return `'${host}'`;
  if (column === 'port') return '3306';
  if (column === 'uptime') return String(uptime);
  if (column.startsWith('last_') && /seen|checked|check$/.test(column)) return 'now()';
  return NUMERIC.test(column) ? '1' : `'${column.slice(0, 12)}'`;
}

/** The multi-row upsert of discovery: all columns, by the values of the row. */
function upsertInstances(hosts: readonly string[], uptime: number): string {
  const rows = hosts.map((host) => `(${INSTANCE_COLUMNS.map((column) => instanceValue(column, host, uptime)).join(', ')})`);
  const updates = INSTANCE_COLUMNS.map((column) => `${column} = values(${column})`);
  return `insert into database_instance (${INSTANCE_COLUMNS.join(', ')}) values ${rows.join(', ')} on duplicate key update ${updates.join(', ')}`;
}

const insertDetection =
  'insert ignore into topology_failure_detection (hostname, port, in_active_period, end_active_period_unixtime, processing_node_hostname, processcing_node_token, analysis, cluster_name, cluster_alias, count_affected_slaves, slave_hosts, is_actionable, start_active_period) values (?, ?, 1, 0, ?, ?, ?, ?, ?, ?, ?, ?, now())';
const insertRecovery =
  "insert ignore into topology_recovery (uid, hostname, port, in_active_period, start_active_period, end_active_period_unixtime, processing_node_hostname, processcing_node_token, analysis, cluster_name, cluster_alias, count_affected_slaves, slave_hosts, last_detection_id, participating_instances, lost_slaves, all_errors, acknowledged_by, acknowledge_comment) values (?, ?, ?, 1, now(), 0, ?, ?, ?, ?, ?, ?, ?, (select ifnull(max(detection_id), 0) from topology_failure_detection where hostname = ? and port = ?), '', '', '', '', '')";
const detection = (host: string, code: string, actionable: number) => [
  host,
  3306,
  'old1',
  'tok1',
  code,
  'c:3306',
  'shop',
  2,
  'r1:3306,r2:3306',
  actionable,
];
const recovery = (uid: string, host: string) => [uid, host, 3306, 'old1', 'tok1', 'DeadMaster', 'c:3306', 'shop', 2, 'r1:3306', host, 3306];
const maintenance =
  'insert ignore into database_instance_maintenance (hostname, port, maintenance_active, begin_timestamp, end_timestamp, owner, reason, processing_node_hostname, processing_node_token, explicitly_bounded) values (?, ?, 1, now(), now() + interval 600 second, ?, ?, ?, ?, ?)';

/**
 * What 3.2.6 says to its backend for election, node health, locks, detection, recovery and instances, each lock tried twice, so that
 * both of its answers are seen.
 */
export const OLD_STATEMENTS: readonly OldStatement[] = [
  say('empties the election', 'delete from active_node where anchor = 1'),
  say(
    'election: first',
    'insert ignore into active_node (anchor, hostname, token, first_seen_active, last_seen_active) values (1, ?, ?, now(), now())',
    'old1',
    'tok1',
  ),
  say(
    'election: second',
    'insert ignore into active_node (anchor, hostname, token, first_seen_active, last_seen_active) values (1, ?, ?, now(), now())',
    'old2',
    'tok2',
  ),
  say(
    'takeover of a fresh row',
    'update active_node set hostname = ?, token = ?, first_seen_active = now(), last_seen_active = now() where anchor = 1 and last_seen_active < now() - interval 5 second',
    'old2',
    'tok2',
  ),
  say(
    'renewal by its holder',
    'update active_node set last_seen_active = now() where anchor = 1 and hostname = ? and token = ?',
    'old1',
    'tok1',
  ),
  say(
    'renewal by another',
    'update active_node set last_seen_active = now() where anchor = 1 and hostname = ? and token = ?',
    'old2',
    'tok2',
  ),
  say(
    'grab',
    'replace into active_node (anchor, hostname, token, first_seen_active, last_seen_active) values (1, ?, ?, now(), now())',
    'old2',
    'tok2',
  ),
  ask('who leads', 'select hostname, token from active_node where anchor = 1'),
  say(
    'node history',
    'insert ignore into node_health_history (hostname, token, first_seen_active, extra_info, command, app_version) values (?, ?, now(), ?, ?, ?)',
    'old1',
    'tok1',
    'HttpMode',
    '',
    '3.2.6',
  ),
  say(
    'health of an unknown node',
    "update node_health set last_seen_active = now(), extra_info = case when ? != '' then ? else extra_info end, app_version = ?, incrementing_indicator = incrementing_indicator + 1 where hostname = ? and token = ?",
    'HttpMode',
    'HttpMode',
    '3.2.6',
    'old1',
    'tok1',
  ),
  say(
    'its first health',
    'insert ignore into node_health (hostname, token, first_seen_active, last_seen_active, extra_info, command, app_version, db_backend) values (?, ?, now(), now(), ?, ?, ?, ?)',
    'old1',
    'tok1',
    'HttpMode',
    '',
    '3.2.6',
    'db:3306',
  ),
  say(
    'its second',
    "update node_health set last_seen_active = now(), extra_info = case when ? != '' then ? else extra_info end, app_version = ?, incrementing_indicator = incrementing_indicator + 1 where hostname = ? and token = ?",
    'HttpMode',
    'HttpMode',
    '3.2.6',
    'old1',
    'tok1',
  ),
  ask(
    'nodes',
    'select hostname, token, app_version, incrementing_indicator from node_health where last_seen_active > now() - interval 2 second order by hostname',
  ),

  say('maintenance: first', maintenance, 'm1', 3306, 'me', 'why', 'old1', 'tok1', 1),
  say('maintenance: second', maintenance, 'm1', 3306, 'you', 'why', 'old2', 'tok2', 1),
  say(
    'maintenance: end',
    'update database_instance_maintenance set maintenance_active = null, end_timestamp = now() where hostname = ? and port = ? and maintenance_active = 1',
    'm1',
    3306,
  ),
  say('maintenance: again', maintenance, 'm1', 3306, 'you', 'why', 'old9', 'tok9', 0),
  ask(
    'in maintenance',
    'select count(*) as n from database_instance_maintenance where hostname = ? and port = ? and maintenance_active = 1 and end_timestamp > now()',
    'm1',
    3306,
  ),
  say(
    'maintenance of dead nodes',
    "delete from database_instance_maintenance where explicitly_bounded = 0 and concat(processing_node_hostname, ':', processing_node_token) not in (select concat(node_health.hostname, ':', node_health.token) from node_health)",
  ),
  say(
    'downtime',
    'insert into database_instance_downtime (hostname, port, downtime_active, begin_timestamp, end_timestamp, owner, reason) values (?, ?, 1, now(), now() + interval 599 second, ?, ?) on duplicate key update downtime_active = values(downtime_active), begin_timestamp = values(begin_timestamp), end_timestamp = values(end_timestamp), owner = values(owner), reason = values(reason)',
    'd1',
    3306,
    'me',
    'why',
  ),
  say(
    'downtime: again',
    'insert into database_instance_downtime (hostname, port, downtime_active, begin_timestamp, end_timestamp, owner, reason) values (?, ?, 1, now(), now() + interval 599 second, ?, ?) on duplicate key update downtime_active = values(downtime_active), begin_timestamp = values(begin_timestamp), end_timestamp = values(end_timestamp), owner = values(owner), reason = values(reason)',
    'd1',
    3306,
    'you',
    'what',
  ),
  say('downtime: expiry', 'delete from database_instance_downtime where end_timestamp < now()'),

  say('detection: first', insertDetection, ...detection('f1', 'UnreachableMaster', 0)),
  say('detection: the same, not actionable', insertDetection, ...detection('f1', 'DeadMaster', 0)),
  say('detection: actionable', insertDetection, ...detection('f1', 'DeadMaster', 1)),
  say(
    'detection: expiry',
    'update topology_failure_detection set in_active_period = 0, end_active_period_unixtime = unix_timestamp() where in_active_period = 1 and start_active_period < now() - interval 60 minute',
  ),
  say(
    'detection: cleared',
    'update topology_failure_detection set in_active_period = 0, end_active_period_unixtime = unix_timestamp() where hostname = ? and port = ? and in_active_period = 1',
    'f1',
    3306,
  ),
  say('detection: anew', insertDetection, ...detection('f1', 'DeadMaster', 1)),

  say('recovery: first', insertRecovery, ...recovery('u1', 'f1')),
  say('recovery: second', insertRecovery, ...recovery('u2', 'f1')),
  ask(
    'recovery: blocks its cluster',
    'select uid, hostname, in_active_period from topology_recovery where in_active_period = 1 and cluster_name = ?',
    'c:3306',
  ),
  say(
    'blocked',
    'insert into blocked_topology_recovery (hostname, port, cluster_name, analysis, last_blocked_timestamp, blocking_recovery_id) values (?, ?, ?, ?, now(), ?) on duplicate key update cluster_name = values(cluster_name), analysis = values(analysis), last_blocked_timestamp = values(last_blocked_timestamp), blocking_recovery_id = values(blocking_recovery_id)',
    'f2',
    3306,
    'c:3306',
    'DeadMaster',
    1,
  ),
  say(
    'recovery: resolved',
    'update topology_recovery set is_successful = ?, successor_hostname = ?, successor_port = ?, successor_alias = ?, lost_slaves = ?, participating_instances = ?, all_errors = ?, end_recovery = now() where uid = ?',
    1,
    's1',
    3306,
    'salias',
    '',
    'f1:3306,s1:3306',
    '',
    'u1',
  ),
  ask(
    'recovery: blocks its successor',
    'select uid from topology_recovery where in_active_period = 1 and successor_hostname = ? and successor_port = ?',
    's1',
    3306,
  ),
  say('recovery: a crashed one', insertRecovery, ...recovery('u3', 'f3').map((value) => (value === 'tok1' ? 'gone' : value))),
  say(
    'recovery: crashed ones are booked',
    "update topology_recovery set in_active_period = 0, end_active_period_unixtime = case when end_active_period_unixtime = 0 then unix_timestamp() else end_active_period_unixtime end, acknowledged = 1, acknowledged_at = now(), acknowledged_by = 'orchestrator', acknowledge_comment = 'detected crashed recovery' where acknowledged = 0 and in_active_period = 1 and end_recovery is null and concat(processing_node_hostname, ':', processcing_node_token) not in (select concat(hostname, ':', token) from node_health)",
  ),
  say(
    'recovery: acknowledged',
    'update topology_recovery set in_active_period = 0, end_active_period_unixtime = case when end_active_period_unixtime = 0 then unix_timestamp() else end_active_period_unixtime end, acknowledged = 1, acknowledged_at = now(), acknowledged_by = ?, acknowledge_comment = ? where acknowledged = 0 and (cluster_name = ? or cluster_alias = ?)',
    'me',
    'seen',
    'c:3306',
    'shop',
  ),
  say('recovery: a new one after that', insertRecovery, ...recovery('u4', 'f1')),
  say('recovery: its story', 'insert into topology_recovery_steps (recovery_uid, audit_at, message) values (?, now(), ?)', 'u4', 'said'),
  say('kill switch on', 'insert ignore into global_recovery_disable (disable_recovery) values (1)'),
  say('kill switch off', 'delete from global_recovery_disable where disable_recovery >= 0'),

  say('instances: first', upsertInstances(['i1', 'i2'], 1)),
  say('instances: again', upsertInstances(['i2', 'i3'], 2)),
  say(
    'instances: a failed check',
    'update database_instance set last_checked = now(), last_check_partial_success = ? where hostname = ? and port = ?',
    0,
    'i1',
    3306,
  ),
  say('instances: an attempt', 'update database_instance set last_attempted_check = now() where hostname = ? and port = ?', 'i1', 3306),
  ask(
    'instances: read',
    "select database_instance.*, unix_timestamp() - unix_timestamp(last_checked) < 60 as fresh, ifnull(last_checked <= last_seen, 0) as is_valid, candidate_database_instance.promotion_rule, database_instance_downtime.downtime_active, hostname_unresolve.unresolved_hostname from database_instance left join candidate_database_instance using (hostname, port) left join hostname_unresolve using (hostname) left join database_instance_downtime using (hostname, port) where database_instance.hostname like 'i%' order by database_instance.hostname",
  ),
  ask(
    'instances: sources and replicas',
    'select m.hostname, count(r.server_id) as replicas, max(r.gtid_errant) as errant from database_instance m left join hostname_resolve on (m.hostname = hostname_resolve.hostname) left join database_instance r on (coalesce(hostname_resolve.resolved_hostname, m.hostname) = r.master_host and m.port = r.master_port) left join database_instance_maintenance x on (m.hostname = x.hostname and m.port = x.port and x.maintenance_active = 1) where x.database_instance_maintenance_id is null group by m.hostname, m.port order by m.hostname, m.port',
  ),

  say(
    'candidate',
    'insert into candidate_database_instance (hostname, port, promotion_rule, last_suggested) values (?, ?, ?, now()) on duplicate key update last_suggested = values(last_suggested), promotion_rule = values(promotion_rule)',
    'i1',
    3306,
    'must_not',
  ),
  say('alias', 'replace into cluster_alias (alias, cluster_name, last_registered) values (?, ?, now())', 'shop', 'c1:3306'),
  say('alias moves', 'replace into cluster_alias (alias, cluster_name, last_registered) values (?, ?, now())', 'shop', 'c2:3306'),
  say(
    'attribute',
    'replace into host_attributes (hostname, attribute_name, attribute_value, submit_timestamp, expire_timestamp) values (?, ?, ?, now(), null)',
    '*',
    'shop.example',
    'i1:3306',
  ),
  say(
    'analysis: first',
    'update database_instance_last_analysis set analysis = ?, analysis_timestamp = now() where hostname = ? and port = ? and analysis != ?',
    'DeadMaster',
    'i1',
    3306,
    'DeadMaster',
  ),
  say(
    'analysis: noted',
    'insert ignore into database_instance_last_analysis (hostname, port, analysis_timestamp, analysis) values (?, ?, now(), ?)',
    'i1',
    3306,
    'DeadMaster',
  ),
  say('deployment', 'replace into orchestrator_db_deployments (deployed_version, deployed_timestamp) values (?, now())', '3.2.6'),
];

/** What each statement answers: the number of rows it changed, or the rows themselves with times left out. */
export async function runOldStatements(backend: Backend): Promise<readonly {readonly what: string; readonly answer: unknown}[]> {
  const answers = [];
  for (const {what, sql, values = [], rows} of OLD_STATEMENTS) {
    const said = backend.dialect.kind === 'sqlite' ? inSqlite(sql) : sql;
    const answer: unknown = await backend.run(({db}) => db.raw(said, [...values] as string[]));
    answers.push({what, answer: rows ? withoutTimes(rowsIn(answer)) : affected(answer)});
  }
  return answers;
}

/** How 3.2.6 turns its statements into SQLite's. */
function inSqlite(sql: string): string {
  return sql
    .replace(
      /now\(\) ([+-]) interval (\d+) (second|minute)/g,
      (_, sign: string, count: string, unit: string) => `datetime('now', '${sign}${count} ${unit}s')`,
    )
    .replace(/unix_timestamp\(\)/g, "strftime('%s', 'now')")
    .replace(/unix_timestamp\((\w+)\)/g, "strftime('%s', $1)")
    .replace(/now\(\)/g, "datetime('now')")
    .replace(/concat\(([^,]+), ':', ([^)]+)\)/g, "($1 || ':' || $2)")
    .replace(/insert ignore/g, 'insert or ignore')
    .replace(/^insert into(.*) on duplicate key update.*$/s, 'replace into$1');
}

function affected(answer: unknown): number {
  const header = (Array.isArray(answer) ? answer[0] : answer) as {affectedRows?: number; changes?: number};
  return header.affectedRows ?? header.changes ?? -1;
}

function rowsIn(answer: unknown): readonly Record<string, unknown>[] {
  const [first] = answer as [unknown];
  return (Array.isArray(first) ? first : answer) as Record<string, unknown>[];
}

/** Moments differ from run to run; that there is one does not. */
export function withoutTimes(rows: readonly Record<string, unknown>[]): readonly Record<string, unknown>[] {
  const said = (column: string, value: unknown): unknown => {
    if (typeof value === 'string' && /^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d$/.test(value) && !value.startsWith('2026-01-02')) return 'a moment';
    return column === 'end_active_period_unixtime' && Number(value) > 1e9 ? 'a moment' : value;
  };
  return rows.map((row) => Object.fromEntries(Object.entries(row).map(([column, value]) => [column, said(column, value)])));
}
