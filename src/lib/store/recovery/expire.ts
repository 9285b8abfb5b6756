import type {Seconds} from '../../model/units.ts';
import type {Backend, Work} from '../backend.ts';
import {endActivePeriod} from './active-period.ts';
import {LOST_IN_RECOVERY} from '../../model/lost.ts';

const TABLE = 'topology_recovery';
/** A block that was not met again for so long is over. */
const BLOCK_FRESH: Seconds = 2;

/** Ends the active period of recoveries that began this long ago (RecoveryPeriodBlockSeconds). */
export async function expireRecoveries(backend: Backend, lasting: Seconds): Promise<number> {
  return backend.transaction((work) =>
    endActivePeriod(work, (active) => void active.where('start_active_period', '<', work.dialect.ago(lasting))),
  );
}

/** Removes blocks whose blocker is acknowledged or gone, and those not met again. */
export async function expireBlockedRecoveries(backend: Backend): Promise<number> {
  return backend.run(({db, dialect}) =>
    db('blocked_topology_recovery')
      .where('last_blocked_timestamp', '<', dialect.ago(BLOCK_FRESH))
      .orWhereNotIn('blocking_recovery_id', db(TABLE).where('acknowledged', 0).select('recovery_id'))
      .delete(),
  );
}

/**
 * Removes recoveries, their stories and ended plans of long ago (AuditPurgeDays). One whose failed instance is still lost is kept:
 * by it the instance is known again when it returns.
 */
export async function purgeRecoveries(backend: Backend, lasting: Seconds): Promise<number> {
  return backend.transaction(async ({db, dialect}) => {
    const before = dialect.ago(lasting);
    const lost = await lostInRecovery(db);
    await db('topology_recovery_steps').where('audit_at', '<', before).delete();
    const ended = db('recovery_plan').whereNot('state', 'open').whereNotIn('uid', lost).where('ended_at', '<', before);
    await db('recovery_plan_step').whereIn('uid', ended.clone().select('uid')).delete();
    await ended.delete();
    return db(TABLE)
      .where('start_active_period', '<', before)
      .whereNotIn('uid', lost)
      .whereNotIn('uid', db('recovery_plan').where('state', 'open').select('uid'))
      .delete();
  });
}

/** UIDs of recoveries whose failed instance has the downtime that the recovery gave it. */
async function lostInRecovery(db: Work['db']): Promise<readonly string[]> {
  const rows: readonly {uid: string}[] = await db(TABLE)
    .join('database_instance_downtime as downtime', (join) =>
      join.on('downtime.hostname', `${TABLE}.hostname`).andOn('downtime.port', `${TABLE}.port`),
    )
    .where({'downtime.downtime_active': 1, 'downtime.reason': LOST_IN_RECOVERY})
    .select(`${TABLE}.uid`);
  return rows.map(({uid}) => uid);
}
