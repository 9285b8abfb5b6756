import type {Seconds} from '../model/units.ts';
import type {Backend, Work} from './backend.ts';
import {LOST_IN_RECOVERY} from '../model/lost.ts';
import {fitter} from './fit.ts';

const fitAlias = fitter('cluster_alias');
const fitOverride = fitter('cluster_alias_override');
const fitDomain = fitter('cluster_domain_name');

/** A cluster as lists of clusters show it. */
export interface ClusterRecord {
  readonly name: string;
  /** Its name where it has none. */
  readonly alias: string;
  /** '' where it has none. */
  readonly domain: string;
  readonly instances: number;
}

/** Every cluster that has instances, by name. */
export async function readClusters(backend: Backend): Promise<readonly ClusterRecord[]> {
  const rows: readonly {name: string; alias: string | null; domain: string | null; instances: number | string}[] = await backend.run(
    ({db}) =>
      db('database_instance as instance')
        .leftJoin('cluster_alias', 'cluster_alias.cluster_name', 'instance.cluster_name')
        .leftJoin('cluster_domain_name as domain', 'domain.cluster_name', 'instance.cluster_name')
        .groupBy('instance.cluster_name')
        .orderBy('instance.cluster_name')
        .select(
          {name: 'instance.cluster_name'},
          db.raw('max(alias) as alias'),
          db.raw('max(domain_name) as domain'),
          db.raw('count(*) as instances'),
        ),
  );
  return rows.map(({name, alias, domain, instances}) => ({name, alias: alias ?? name, domain: domain ?? '', instances: Number(instances)}));
}

/** The cluster an alias stands for, one that was given by hand first; null when nobody has it. */
export async function clusterOfAlias(backend: Backend, alias: string): Promise<string | null> {
  for (const table of ['cluster_alias', 'cluster_alias_override']) {
    const row: {cluster_name: string} | undefined = await backend.run(({db}) => db(table).where({alias}).first('cluster_name'));
    if (row !== undefined) return row.cluster_name;
  }
  return null;
}

/** Gives a cluster an alias by hand, which no detected one overrides. */
export async function overrideAlias(backend: Backend, cluster: string, alias: string): Promise<void> {
  await backend.run(({db}) =>
    db('cluster_alias_override')
      .insert(fitOverride({cluster_name: cluster, alias}))
      .onConflict('cluster_name')
      .merge(),
  );
}

/** Aliases given by hand, by name of the cluster. */
export async function readAliasOverrides(backend: Backend): Promise<ReadonlyMap<string, string>> {
  const rows: readonly {cluster_name: string; alias: string}[] = await backend.run(({db}) =>
    db('cluster_alias_override').select('cluster_name', 'alias'),
  );
  return new Map(rows.map((row) => [row.cluster_name, row.alias]));
}

export async function writeDomain(backend: Backend, cluster: string, domain: string): Promise<void> {
  const row = fitDomain({cluster_name: cluster, domain_name: domain});
  await backend.run(({db, dialect}) =>
    db('cluster_domain_name')
      .insert({...row, last_registered: dialect.now()})
      .onConflict('cluster_name')
      .merge(),
  );
}

export async function expireDomains(backend: Backend, lasting: Seconds): Promise<number> {
  return backend.run(({db, dialect}) => db('cluster_domain_name').where('last_registered', '<', dialect.ago(lasting)).delete());
}

export async function forgetAliases(backend: Backend, lasting: Seconds): Promise<number> {
  return backend.run(({db, dialect}) => db('cluster_alias').where('last_registered', '<', dialect.ago(lasting)).delete());
}

/**
 * Makes cluster_alias say what instances suggest. An alias is one cluster's and a cluster has one alias: of several claims the best
 * instance's wins, the one that is reachable, writable and has most replicas. What a recovery left behind claims nothing. A
 * cluster none of whose instances suggests an alias goes by its name.
 */
export async function recomputeAliases(backend: Backend): Promise<void> {
  await backend.transaction(async (work) => {
    const wanted = settle(await claims(work), await unnamed(work));
    const stored: readonly {cluster_name: string; alias: string}[] = await work.db('cluster_alias').select('cluster_name', 'alias');
    await replaceRows(work, wanted, stored);
  });
}

interface Claim {
  readonly cluster: string;
  readonly alias: string;
}

/** Worst first: whoever claims later wins. */
async function claims({db, dialect}: Work): Promise<readonly Claim[]> {
  return db('database_instance as instance')
    .leftJoin('database_instance_downtime as downtime', (join) =>
      join
        .on('downtime.hostname', 'instance.hostname')
        .andOn('downtime.port', 'instance.port')
        .andOnVal('downtime.downtime_active', 1)
        .andOnVal('downtime.reason', LOST_IN_RECOVERY)
        .andOn(db.raw('downtime.end_timestamp > ?', [dialect.now()])),
    )
    .whereNot('suggested_cluster_alias', '')
    .whereNull('downtime.hostname')
    .orderByRaw('coalesce(last_checked <= last_seen, 0), read_only desc, num_slave_hosts, instance.hostname, instance.port')
    .select({cluster: 'cluster_name', alias: 'suggested_cluster_alias'});
}

async function unnamed({db}: Work): Promise<readonly Claim[]> {
  return db('database_instance')
    .groupBy('cluster_name')
    .havingRaw("max(suggested_cluster_alias) = ''")
    .orderBy('cluster_name')
    .select({cluster: 'cluster_name', alias: 'cluster_name'});
}

function settle(suggested: readonly Claim[], named: readonly Claim[]): ReadonlyMap<string, string> {
  const aliases = new Map<string, string>();
  const owners = new Map<string, string>();
  for (const {cluster, alias} of [...suggested, ...named]) {
    const [before, owner] = [aliases.get(cluster), owners.get(alias)];
    if (before !== undefined) owners.delete(before);
    if (owner !== undefined) aliases.delete(owner);
    aliases.set(cluster, alias);
    owners.set(alias, cluster);
  }
  return aliases;
}

async function replaceRows(
  {db, dialect}: Work,
  wanted: ReadonlyMap<string, string>,
  stored: readonly {cluster_name: string; alias: string}[],
): Promise<void> {
  const isRight = (row: {cluster_name: string; alias: string}): boolean => wanted.get(row.cluster_name) === row.alias;
  const taken = new Set(wanted.values());
  // a cluster that is gone keeps its alias until it is forgotten, unless another has it now
  const wrong = stored
    .filter((row) => !isRight(row) && (wanted.has(row.cluster_name) || taken.has(row.alias)))
    .map((row) => row.cluster_name);
  const right = new Set(stored.filter(isRight).map((row) => row.cluster_name));
  const fresh = [...wanted].filter(([cluster]) => !right.has(cluster));
  if (wrong.length > 0) await db('cluster_alias').whereIn('cluster_name', wrong).delete();
  if (right.size > 0)
    await db('cluster_alias')
      .whereIn('cluster_name', [...right])
      .update({last_registered: dialect.now()});
  const rows = fresh.map(([cluster, alias]) => ({...fitAlias({cluster_name: cluster, alias}), last_registered: dialect.now()}));
  if (rows.length > 0) await db('cluster_alias').insert(rows);
}
