import type {Knex} from 'knex';
import type {InstanceKey} from '../../model/instance-key.ts';
import type {Backend, Work} from '../backend.ts';
import {endActivePeriod} from './active-period.ts';
import {clearDetections, clearDetectionsOfCluster} from './detection-registration.ts';
import {fitter} from '../fit.ts';

const TABLE = 'topology_recovery';
const fit = fitter(TABLE);

/** Which recoveries. */
export type WhichRecoveries =
  | {readonly all: true}
  | {readonly cluster: string; readonly alias?: string}
  | {readonly instance: InstanceKey}
  | {readonly id: number}
  | {readonly uid: string};

export interface Acknowledgement {
  readonly by: string;
  readonly comment: string;
}

/**
 * Acknowledges recoveries: they block nothing any more, and the failures of their instances are detected anew.
 *
 * @returns how many had not been acknowledged before
 */
export async function acknowledge(backend: Backend, which: WhichRecoveries, said: Acknowledgement): Promise<number> {
  return backend.transaction(async (work) => {
    const count = await acknowledgeWithin(work, said, (query) => narrow(query, which));
    if ('cluster' in which) await clearDetectionsOfCluster(work, which);
    if ('instance' in which) await clearDetections(work, which.instance);
    return count;
  });
}

/** The same inside somebody's transaction, for rows chosen by hand. */
export async function acknowledgeWithin(
  work: Work,
  {by, comment}: Acknowledgement,
  choose: (query: Knex.QueryBuilder) => unknown,
): Promise<number> {
  const {db, dialect} = work;
  const query = db(TABLE).where('acknowledged', 0);
  choose(query);
  const ids = ((await query.select('recovery_id')) as readonly {recovery_id: number | string}[]).map((row) => row.recovery_id);
  if (ids.length === 0) return 0;
  await endActivePeriod(work, (active) => void active.whereIn('recovery_id', ids));
  return db(TABLE)
    .whereIn('recovery_id', ids)
    .where('acknowledged', 0) // somebody may have been faster since we looked: theirs stands
    .update({
      ...fit({acknowledged_by: by, acknowledge_comment: comment}),
      acknowledged: 1,
      acknowledged_at: dialect.now(),
    });
}

function narrow(query: Knex.QueryBuilder, which: WhichRecoveries): void {
  if ('id' in which) void query.where('recovery_id', which.id);
  else if ('uid' in which) void query.where('uid', which.uid);
  else if ('instance' in which) void query.where({hostname: which.instance.host, port: which.instance.port});
  else if ('cluster' in which) {
    const {cluster, alias = ''} = which;
    void query.where((either) => {
      void either.where('cluster_name', cluster);
      if (alias !== '') void either.orWhere('cluster_alias', alias);
    });
  }
}

/**
 * Acknowledges recoveries whose process is gone. One that has an open plan is left alone: it will be resumed.
 *
 * @returns how many
 */
export async function acknowledgeCrashed(backend: Backend): Promise<number> {
  return backend.transaction(async (work) => {
    const {db, dialect} = work;
    const gone = (query: Knex.QueryBuilder): Knex.QueryBuilder =>
      query
        .where('in_active_period', 1)
        .whereNull('end_recovery')
        .whereNotExists(
          db('node_health')
            .whereRaw(`node_health.hostname = ${TABLE}.processing_node_hostname and node_health.token = ${TABLE}.processcing_node_token`)
            .select(db.raw('1')),
        )
        .whereNotExists(db('recovery_plan').whereRaw(`recovery_plan.uid = ${TABLE}.uid`).where('state', 'open').select(db.raw('1')));
    const rows = (await gone(db(TABLE)).where('acknowledged', 0).select('recovery_id')) as {recovery_id: number}[];
    const ids = rows.map((row) => row.recovery_id);
    if (ids.length === 0) return 0;
    await db(TABLE).whereIn('recovery_id', ids).update({end_recovery: dialect.now()});
    return acknowledgeWithin(work, {by: 'orchestrator', comment: 'detected crashed recovery'}, (query) =>
      query.whereIn('recovery_id', ids),
    );
  });
}
