import type {Knex} from 'knex';
import type {Work} from '../backend.ts';

const TABLE = 'topology_recovery';

interface ActiveRow {
  recovery_id: number | string;
  hostname: string;
  port: number;
}

/**
 * Ends the active period of recoveries: they block others no more. Several of one instance may end within one second, and the second of
 * their end tells them apart: each takes the next one that is free. Those whose period has ended already are left alone.
 *
 * @param choose narrows the rows of `topology_recovery`
 * @returns how many ended
 */
export async function endActivePeriod(work: Work, choose: (query: Knex.QueryBuilder) => unknown): Promise<number> {
  const {db, dialect} = work;
  const query = db(TABLE).where('in_active_period', 1);
  choose(query);
  const rows = (await query.orderBy('recovery_id').select('recovery_id', 'hostname', 'port')) as readonly ActiveRow[];
  for (const {recovery_id, hostname, port} of rows) {
    const last = await lastEnd(work, {hostname, port});
    await db(TABLE)
      .where({recovery_id})
      .update({
        in_active_period: 0,
        end_active_period_unixtime: db.raw('case when ? > ? then ? else ? end', [dialect.unix(), last, dialect.unix(), last + 1]),
      });
  }
  return rows.length;
}

/** Second in which the last period of an instance ended; 0: none has. */
async function lastEnd({db}: Work, instance: Pick<ActiveRow, 'hostname' | 'port'>): Promise<number> {
  const ended = db(TABLE).where({hostname: instance.hostname, port: instance.port, in_active_period: 0});
  const row = (await ended.max({last: 'end_active_period_unixtime'}).first()) as {last: number | string | null} | undefined;
  return Number(row?.last ?? 0);
}
