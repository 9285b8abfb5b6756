import type {Knex} from 'knex';
import type {InstanceKey} from '../../model/instance-key.ts';
import type {Backend, Work} from '../backend.ts';
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
  {db, dialect}: Work,
  {by, comment}: Acknowledgement,
  choose: (query: Knex.QueryBuilder) => unknown,
): Promise<number> {
  const query = db(TABLE).where('acknowledged', 0);
  choose(query);
  return query.update({
    ...fit({acknowledged_by: by, acknowledge_comment: comment}),
    in_active_period: 0,
    end_active_period_unixtime: db.raw('case when end_active_period_unixtime = 0 then ? else end_active_period_unixtime end', [
      dialect.unix(),
    ]),
    acknowledged: 1,
    acknowledged_at: dialect.now(),
  });
}

/**
 * The same for one recovery that has just ended. Several of one instance may end within one second, and the second of their end tells
 * them apart: each takes the next one that is free.
 */
export async function acknowledgeEnded(
  work: Work,
  {uid, key}: {readonly uid: string; readonly key: InstanceKey},
  {by, comment}: Acknowledgement,
): Promise<void> {
  const {db, dialect} = work;
  const ended = db(TABLE).where({hostname: key.host, port: key.port, in_active_period: 0}).whereNot({uid});
  const row = (await ended.max({last: 'end_active_period_unixtime'}).first()) as {last: number | string | null} | undefined;
  const last = Number(row?.last ?? 0);
  await db(TABLE)
    .where({uid})
    .update({
      ...fit({acknowledged_by: by, acknowledge_comment: comment}),
      in_active_period: 0,
      end_active_period_unixtime: db.raw('case when ? > ? then ? else ? end', [dialect.unix(), last, dialect.unix(), last + 1]),
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
