import type {InstanceKey} from '../../model/instance-key.ts';
import type {BackendTime, Seconds} from '../../model/units.ts';
import {PAGE} from '../audit.ts';
import type {Backend} from '../backend.ts';
import type {Processor} from '../processor.ts';
import {keysOfList} from '../instances/keys-text.ts';

const TABLE = 'topology_recovery';

export interface Recovery {
  readonly id: number;
  readonly uid: string;
  /** The instance that failed. */
  readonly key: InstanceKey;
  readonly code: string;
  readonly cluster: string;
  readonly alias: string;
  readonly countReplicas: number;
  readonly replicas: readonly InstanceKey[];
  readonly processor: Processor;
  /** Blocks others of its instance and cluster. */
  readonly isActive: boolean;
  readonly startedAt: BackendTime;
  /** null while it runs */
  readonly endedAt: BackendTime | null;
  readonly isSuccessful: boolean;
  readonly successor: InstanceKey | null;
  readonly successorAlias: string;
  readonly lost: readonly InstanceKey[];
  readonly participating: readonly InstanceKey[];
  readonly errors: readonly string[];
  readonly acknowledged: {readonly at: BackendTime; readonly by: string; readonly comment: string} | null;
  readonly detectionId: number;
}

export interface RecoveryFilter {
  readonly id?: number;
  readonly uid?: string;
  readonly cluster?: string;
  readonly alias?: string;
  /** The failed instance. */
  readonly instance?: InstanceKey;
  readonly successor?: InstanceKey;
  readonly isAcknowledged?: boolean;
  /** In its active period and not ended yet. */
  readonly isRunning?: true;
  /** Ended within so long. */
  readonly endedWithin?: Seconds;
  /** From 0 on; all rows when absent. */
  readonly page?: number;
}

export interface RecoveryStep {
  readonly id: number;
  readonly uid: string;
  readonly at: BackendTime;
  readonly message: string;
}

export interface BlockedRecovery {
  readonly key: InstanceKey;
  readonly cluster: string;
  readonly code: string;
  readonly lastBlockedAt: BackendTime;
  readonly blockingRecoveryId: number;
}

/** Rows of the three tables, exactly as stored; they never leave this file. */
interface RecoveryRow {
  recovery_id: number;
  hostname: string;
  port: number;
  in_active_period: number;
  start_active_period: string;
  end_active_period_unixtime: number | null;
  end_recovery: string | null;
  processing_node_hostname: string;
  processcing_node_token: string;
  is_successful: number;
  successor_hostname: string | null;
  successor_port: number | null;
  analysis: string;
  cluster_name: string;
  cluster_alias: string;
  count_affected_slaves: number;
  slave_hosts: string;
  participating_instances: string;
  lost_slaves: string;
  all_errors: string;
  acknowledged: number;
  acknowledged_at: string | null;
  acknowledged_by: string;
  acknowledge_comment: string;
  last_detection_id: number;
  successor_alias: string | null;
  uid: string;
}

interface StepRow {
  recovery_step_id: number;
  recovery_uid: string;
  audit_at: string;
  message: string;
}

interface BlockedRow {
  hostname: string;
  port: number;
  cluster_name: string;
  analysis: string;
  last_blocked_timestamp: string;
  blocking_recovery_id: number | null;
}

/** Recoveries, newest first. */
export async function readRecoveries(backend: Backend, filter: RecoveryFilter = {}): Promise<readonly Recovery[]> {
  const rows: readonly RecoveryRow[] = await backend.run(({db, dialect}) => {
    const query = db(TABLE).orderBy('recovery_id', 'desc');
    const {instance, successor, isAcknowledged, endedWithin, page} = filter;
    for (const [column, value] of Object.entries(plain(filter))) void query.where(column, value);
    if (instance) void query.where({hostname: instance.host, port: instance.port});
    if (successor) void query.where({successor_hostname: successor.host, successor_port: successor.port});
    if (isAcknowledged !== undefined) void query.where('acknowledged', Number(isAcknowledged));
    if (filter.isRunning) void query.where('in_active_period', 1).whereNull('end_recovery');
    if (endedWithin !== undefined) void query.where('end_recovery', '>', dialect.ago(endedWithin));
    if (page !== undefined) void query.limit(PAGE).offset(page * PAGE);
    return query;
  });
  return rows.map(fromRow);
}

function plain({id, uid, cluster, alias}: RecoveryFilter): Record<string, string | number> {
  return {
    ...(id !== undefined && {recovery_id: id}),
    ...(uid !== undefined && {uid}),
    ...(cluster !== undefined && {cluster_name: cluster}),
    ...(alias !== undefined && {cluster_alias: alias}),
  };
}

/** The story of one recovery, from its beginning. */
export async function readRecoverySteps(backend: Backend, uid: string): Promise<readonly RecoveryStep[]> {
  const rows: readonly StepRow[] = await backend.run(({db}) =>
    db('topology_recovery_steps').where('recovery_uid', uid).orderBy('recovery_step_id'),
  );
  return rows.map((row) => ({id: row.recovery_step_id, uid: row.recovery_uid, at: row.audit_at, message: row.message}));
}

/** Recoveries that are being blocked by others, the latest first. */
export async function readBlockedRecoveries(backend: Backend, cluster?: string): Promise<readonly BlockedRecovery[]> {
  const rows: readonly BlockedRow[] = await backend.run(({db}) => {
    const query = db('blocked_topology_recovery').orderBy('last_blocked_timestamp', 'desc').orderBy(['hostname', 'port']);
    return cluster === undefined ? query : query.where('cluster_name', cluster);
  });
  return rows.map((row) => ({
    key: {host: row.hostname, port: row.port},
    cluster: row.cluster_name,
    code: row.analysis,
    lastBlockedAt: row.last_blocked_timestamp,
    blockingRecoveryId: row.blocking_recovery_id ?? 0,
  }));
}

function fromRow(row: RecoveryRow): Recovery {
  const {successor_hostname: host, successor_port: port} = row;
  const {acknowledged_at: at, acknowledged_by: by, acknowledge_comment: comment} = row;
  return {
    id: row.recovery_id,
    uid: row.uid,
    key: {host: row.hostname, port: row.port},
    code: row.analysis,
    cluster: row.cluster_name,
    alias: row.cluster_alias,
    countReplicas: row.count_affected_slaves,
    replicas: keysOfList(row.slave_hosts),
    processor: {hostname: row.processing_node_hostname, token: row.processcing_node_token},
    isActive: row.end_active_period_unixtime === 0,
    startedAt: row.start_active_period,
    endedAt: row.end_recovery,
    isSuccessful: row.is_successful === 1,
    successor: host === null || host === '' ? null : {host, port: port ?? 0},
    successorAlias: row.successor_alias ?? '',
    lost: keysOfList(row.lost_slaves),
    participating: keysOfList(row.participating_instances),
    errors: row.all_errors === '' ? [] : row.all_errors.split('\n'),
    acknowledged: row.acknowledged === 1 ? {at: at ?? '', by, comment} : null,
    detectionId: row.last_detection_id,
  };
}
