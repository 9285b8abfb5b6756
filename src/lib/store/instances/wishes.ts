import {NO_WISHES, type Downtime, type PromotionRule, type Wishes} from '../../model/instance.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Backend, Work} from '../backend.ts';

interface Keyed {
  hostname: string;
  port: number;
}

/** Rows joined for this purpose; none leaves this file. */
interface DowntimeRow extends Keyed {
  owner: string;
  reason: string;
  end_timestamp: string;
  elapsed: number | string;
  remaining: number | string;
}

interface CandidateRow extends Keyed {
  promotion_rule: PromotionRule;
}

interface LockRow extends Keyed {
  purpose: string;
  holder_hostname: string;
}

/**
 * What people and commands said about instances, by `host:port`: downtimes in force, promotion rules, maintenance that is not a
 * lock of ours, locks of ours. The tables are small and are read whole; who is not named has no wishes. Virtual names are
 * kept by host, and come with `unresolved`.
 */
export async function readWishes(backend: Backend): Promise<ReadonlyMap<string, Wishes>> {
  const [downtimes, candidates, maintained, locks] = await Promise.all([
    backend.run(downtimeRows),
    backend.run(({db}) => db<CandidateRow>('candidate_database_instance').select('hostname', 'port', 'promotion_rule')),
    backend.run(maintenanceRows),
    backend.run(lockRows),
  ]);
  const wishes = new Map<string, Wishes>();
  const add = (row: Keyed, said: Partial<Wishes>): void => {
    const name = keyText({host: row.hostname, port: row.port});
    wishes.set(name, {...NO_WISHES, ...wishes.get(name), ...said});
  };
  for (const row of downtimes) add(row, {downtime: toDowntime(row)});
  for (const row of candidates)
    add(row, {promotionRule: row.promotion_rule, isCandidate: row.promotion_rule === 'must' || row.promotion_rule === 'prefer'});
  for (const row of maintained) add(row, {inMaintenance: true});
  for (const row of locks) add(row, {lockedBy: `${row.holder_hostname} (${row.purpose})`});
  return wishes;
}

/** Virtual names to be used in place of hosts when one is pointed at them. */
export async function readUnresolvedNames(backend: Backend): Promise<ReadonlyMap<string, string>> {
  const rows: readonly {hostname: string; unresolved_hostname: string}[] = await backend.run(({db}) =>
    db('hostname_unresolve').select('hostname', 'unresolved_hostname'),
  );
  return new Map(rows.map((row) => [row.hostname, row.unresolved_hostname]));
}

async function downtimeRows({db, dialect}: Work): Promise<readonly DowntimeRow[]> {
  return (await db('database_instance_downtime')
    .where('downtime_active', 1)
    .where((query) => void query.whereNull('end_timestamp').orWhere('end_timestamp', '>', dialect.now()))
    .select('hostname', 'port', 'owner', 'reason', 'end_timestamp', {
      elapsed: db.raw('? - ?', [dialect.unix(), dialect.unix('begin_timestamp')]),
      remaining: db.raw('? - ?', [dialect.unix('end_timestamp'), dialect.unix()]),
    })) as DowntimeRow[];
}

function toDowntime(row: DowntimeRow): Downtime {
  return {
    owner: row.owner,
    reason: row.reason,
    endsAt: row.end_timestamp,
    elapsed: Number(row.elapsed),
    remaining: Number(row.remaining),
  };
}

async function maintenanceRows({db, dialect}: Work): Promise<readonly Keyed[]> {
  return (
    (await db('database_instance_maintenance as maintenance')
      .where('maintenance_active', 1)
      .where('end_timestamp', '>', dialect.now())
      // a lock must not hide the very failure it is there to repair
      .whereNotExists(
        db('cluster_lock_member as member')
          .join('cluster_lock', 'cluster_lock.lock_id', 'member.lock_id')
          .whereRaw('member.hostname = maintenance.hostname and member.port = maintenance.port')
          .whereRaw('cluster_lock.holder_token = maintenance.processing_node_token and maintenance.explicitly_bounded = 0')
          .select(db.raw('1')),
      )
      .select('hostname', 'port')) as Keyed[]
  );
}

async function lockRows({db}: Work): Promise<readonly LockRow[]> {
  return (await db('cluster_lock_member as member')
    .join('cluster_lock', 'cluster_lock.lock_id', 'member.lock_id')
    .select('member.hostname', 'member.port', 'purpose', 'holder_hostname')) as LockRow[];
}
