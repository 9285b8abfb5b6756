import type {InstanceKey} from '../../model/instance-key.ts';
import type {BackendTime, Seconds} from '../../model/units.ts';
import {PAGE} from '../audit.ts';
import type {Backend} from '../backend.ts';
import type {Processor} from '../processor.ts';
import {keysOfList} from '../instances/keys-text.ts';

const TABLE = 'topology_failure_detection';
const HOOKS = 'failure_detection_hook';

export interface Detection {
  readonly id: number;
  readonly key: InstanceKey;
  readonly code: string;
  readonly cluster: string;
  readonly alias: string;
  readonly countReplicas: number;
  readonly replicas: readonly InstanceKey[];
  /** There is a recovery for it. Part of what makes a detection new: the code is not. */
  readonly isActionable: boolean;
  readonly processor: Processor;
  readonly isActive: boolean;
  readonly at: BackendTime;
  /** The latest recovery that it led to; 0 = none. */
  readonly recoveryId: number;
}

/** Row of `topology_failure_detection`, exactly as stored; never leaves this file. */
interface DetectionRow {
  detection_id: number;
  hostname: string;
  port: number;
  in_active_period: number;
  start_active_period: string;
  processing_node_hostname: string;
  processcing_node_token: string;
  analysis: string;
  cluster_name: string;
  cluster_alias: string;
  count_affected_slaves: number;
  slave_hosts: string;
  is_actionable: number;
  recovery_id: number | null;
}

/** Ends the active period of detections that are this old (FailureDetectionPeriodBlockMinutes). */
export async function expireDetections(backend: Backend, lasting: Seconds): Promise<number> {
  return backend.run(({db, dialect}) =>
    db(TABLE)
      .where('in_active_period', 1)
      .where('start_active_period', '<', dialect.ago(lasting))
      .update({in_active_period: 0, end_active_period_unixtime: dialect.unix()}),
  );
}

export async function purgeDetections(backend: Backend, lasting: Seconds): Promise<number> {
  return backend.transaction(async ({db, dialect}) => {
    const purged = await db(TABLE).where('start_active_period', '<', dialect.ago(lasting)).delete();
    await db(HOOKS).whereNotIn('detection_id', db(TABLE).select('detection_id')).delete();
    return purged;
  });
}

/** One page, newest first. */
export async function readDetections(
  backend: Backend,
  of: {readonly page?: number; readonly id?: number; readonly alias?: string; readonly isActive?: true} = {},
): Promise<readonly Detection[]> {
  const rows: readonly DetectionRow[] = await backend.run(({db}) => {
    const recovery = db('topology_recovery').whereRaw(`topology_recovery.last_detection_id = ${TABLE}.detection_id`).max('recovery_id');
    const query = db(TABLE)
      .select(`${TABLE}.*`, recovery.as('recovery_id'))
      .orderBy('detection_id', 'desc')
      .limit(PAGE)
      .offset((of.page ?? 0) * PAGE);
    if (of.id !== undefined) void query.where('detection_id', of.id);
    if (of.alias !== undefined) void query.where('cluster_alias', of.alias);
    if (of.isActive) void query.where('in_active_period', 1);
    return query;
  });
  return rows.map(fromRow);
}

function fromRow(row: DetectionRow): Detection {
  return {
    id: row.detection_id,
    key: {host: row.hostname, port: row.port},
    code: row.analysis,
    cluster: row.cluster_name,
    alias: row.cluster_alias,
    countReplicas: row.count_affected_slaves,
    replicas: keysOfList(row.slave_hosts),
    isActionable: row.is_actionable === 1,
    isActive: row.in_active_period === 1,
    at: row.start_active_period,
    recoveryId: row.recovery_id ?? 0,
    processor: {hostname: row.processing_node_hostname, token: row.processcing_node_token},
  };
}
