import {compareKeys, type InstanceKey} from '../model/instance-key.ts';
import type {Backend} from './backend.ts';
import {fitter} from './fit.ts';

const TABLE = 'database_instance_pool';
const fit = fitter(TABLE);
/** Rows in one statement; SQLite takes 32,766 values. */
const ROWS_AT_ONCE = 1000;

/** A known instance in a pool. */
export interface PoolMember {
  readonly key: InstanceKey;
  readonly pool: string;
  readonly cluster: string;
  /** The cluster's name where it has no alias. */
  readonly alias: string;
}

/** Says who is in a pool, from now on these and nobody else; has to be said again within InstancePoolExpiryMinutes. */
export async function submitPool(backend: Backend, pool: string, keys: readonly InstanceKey[]): Promise<void> {
  const fitted = keys.map(({host, port}) => fit({hostname: host, port, pool}));
  const rows = [...new Map(fitted.map((row) => [`${row['hostname']}:${row['port']}`, row])).values()];
  const name = fit({pool})['pool'] ?? pool;
  await backend.transaction(async ({db, dialect}) => {
    // Two who fill an empty pool at once would write no row in common, and leave the members of both: this one they have, and it goes at once.
    await db(TABLE).insert({hostname: '', port: 0, pool: name, registered_at: dialect.now()});
    await db(TABLE).where('pool', name).delete();
    for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
      await db(TABLE).insert(rows.slice(at, at + ROWS_AT_ONCE).map((row) => ({...row, registered_at: dialect.now()})));
    }
  });
}

/** Members of pools that are known instances, by cluster, pool and key. */
export async function readPoolMembers(
  backend: Backend,
  of: {readonly cluster?: string; readonly pool?: string} = {},
): Promise<readonly PoolMember[]> {
  const rows: readonly {host: string; port: number; pool: string; cluster: string; alias: string | null}[] = await backend.run(({db}) => {
    const query = db(`${TABLE} as member`)
      .join('database_instance as instance', (join) =>
        join.on('instance.hostname', 'member.hostname').andOn('instance.port', 'member.port'),
      )
      .leftJoin('cluster_alias', 'cluster_alias.cluster_name', 'instance.cluster_name')
      .select({host: 'member.hostname', port: 'member.port', pool: 'pool', cluster: 'instance.cluster_name', alias: 'alias'});
    if (of.cluster !== undefined) void query.where('instance.cluster_name', of.cluster);
    if (of.pool !== undefined) void query.where('pool', of.pool);
    return query;
  });
  return rows
    .map(({host, port, pool, cluster, alias}) => ({key: {host, port}, pool, cluster, alias: alias ?? cluster}))
    .sort((a, b) => compareTexts(a.cluster, b.cluster) || compareTexts(a.pool, b.pool) || compareKeys(a.key, b.key));
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
