import type {InstanceKey} from '../../model/instance-key.ts';
import type {Seconds} from '../../model/units.ts';
import type {Backend, Work} from '../backend.ts';
import {isDuplicateKey} from '../connection/errors.ts';
import {fitter} from '../fit.ts';
import {keysList} from '../instances/keys-text.ts';
import type {Fenced} from './plans.ts';

const fit = fitter('topology_failure_detection');

export interface NewDetection {
  readonly instance: InstanceKey;
  readonly analysis: string;
  readonly cluster: string;
  readonly alias: string;
  readonly replicas: readonly InstanceKey[];
  readonly actionable: boolean;
  readonly node: {readonly hostname: string; readonly token: string};
}

/** Where the hooks of one detection stand. */
export interface DetectionRegistered {
  readonly detectionId: number;
  /** When its active period began, by the backend's clock: seconds since 1970. */
  readonly began: Seconds;
  /** The first of its active period. */
  readonly isNew: boolean;
  /** Its OnFailureDetection hooks have not run to their end, here or elsewhere. */
  readonly hooksDue: boolean;
}

/**
 * Registers a finding, with its hooks planned in the same transaction so that they are not forgotten when we die here, once per instance and actionability in a period of FailureDetectionPeriodBlockMinutes.
 *
 * @returns null when the fence does not hold any more
 */
export async function registerDetection(backend: Backend, detection: NewDetection, fenced: Fenced): Promise<DetectionRegistered | null> {
  const register = () => backend.transaction(async (work) => ((await fenced(work)) ? registerWithin(work, detection) : null));
  try {
    return await register();
  } catch (error) {
    // somebody whom our fence does not exclude (3.2.6) was faster: now there is one to be found
    if (isDuplicateKey(error)) return register();
    throw error;
  }
}

async function registerWithin(work: Work, detection: NewDetection): Promise<DetectionRegistered> {
  const known = await activeDetection(work, detection);
  const detectionId = known ?? (await insertDetection(work, detection));
  const hook: {state: string} | undefined = await work.db('failure_detection_hook').where({detection_id: detectionId}).first('state');
  const began = await beginningOf(work, detectionId);
  return {detectionId, began, isNew: known === null, hooksDue: hook?.state === 'planned' || hook?.state === 'started'};
}

async function beginningOf({db, dialect}: Work, detectionId: number): Promise<Seconds> {
  const row: {began: number | string} | undefined = await db('topology_failure_detection')
    .where({detection_id: detectionId})
    .first({began: dialect.unix('start_active_period')});
  return Math.trunc(Number(row?.began ?? 0));
}

async function activeDetection({db}: Work, {instance, actionable}: NewDetection): Promise<number | null> {
  const row: {detection_id: number} | undefined = await db('topology_failure_detection')
    .where({
      hostname: instance.host,
      port: instance.port,
      in_active_period: 1,
      end_active_period_unixtime: 0,
      is_actionable: actionable ? 1 : 0,
    })
    .first('detection_id');
  return row ? Number(row.detection_id) : null;
}

async function insertDetection(work: Work, detection: NewDetection): Promise<number> {
  const {db, dialect} = work;
  const row = fit({
    hostname: detection.instance.host,
    port: detection.instance.port,
    in_active_period: 1,
    end_active_period_unixtime: 0,
    processing_node_hostname: detection.node.hostname,
    processcing_node_token: detection.node.token,
    analysis: detection.analysis,
    cluster_name: detection.cluster,
    cluster_alias: detection.alias,
    count_affected_slaves: detection.replicas.length,
    slave_hosts: keysList(detection.replicas),
    is_actionable: Number(detection.actionable),
  });
  const [detectionId = 0] = (await db('topology_failure_detection').insert({...row, start_active_period: dialect.now()})) as number[];
  await db('failure_detection_hook').insert({detection_id: detectionId, state: 'planned', attempt: 0});
  return detectionId;
}

/** Marks the hooks of a detection as started, so that a new leader runs them again if this process dies in between. */
export async function startDetectionHooks({db, dialect}: Work, detectionId: number): Promise<number> {
  await db('failure_detection_hook').insert({detection_id: detectionId, state: 'started', attempt: 0}).onConflict('detection_id').ignore();
  await db('failure_detection_hook')
    .where({detection_id: detectionId})
    .update({state: 'started', attempt: db.raw('attempt + 1'), started_at: dialect.now()});
  const row: {attempt: number} | undefined = await db('failure_detection_hook').where({detection_id: detectionId}).first('attempt');
  return Number(row?.attempt ?? 1);
}

export async function endDetectionHooks(
  {db, dialect}: Work,
  detectionId: number,
  end: {state: 'done' | 'failed'; outcome: string},
): Promise<void> {
  await db('failure_detection_hook')
    .where({detection_id: detectionId})
    .update({...end, finished_at: dialect.now()});
}

/** Ends the active detections of an instance: what was found is repaired, or somebody said it is known. */
export async function clearDetections({db, dialect}: Work, instance: InstanceKey): Promise<number> {
  return db('topology_failure_detection')
    .where({hostname: instance.host, port: instance.port, in_active_period: 1})
    .update({in_active_period: 0, end_active_period_unixtime: dialect.unix()});
}

/** The same for a whole cluster, under its name or its alias. */
export async function clearDetectionsOfCluster(
  {db, dialect}: Work,
  {cluster, alias = ''}: {cluster: string; alias?: string},
): Promise<number> {
  return db('topology_failure_detection')
    .where('in_active_period', 1)
    .where((either) => {
      void either.where('cluster_name', cluster);
      if (alias !== '') void either.orWhere('cluster_alias', alias);
    })
    .update({in_active_period: 0, end_active_period_unixtime: dialect.unix()});
}
