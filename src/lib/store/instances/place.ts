import type {Knex} from 'knex';
import {NEVER_CHECKED, NO_WISHES, type Instance} from '../../model/instance.ts';
import {isUsableKey, keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Seconds} from '../../model/units.ts';
import type {Backend, Work} from '../backend.ts';
import {NO_DETAIL} from './detail.ts';
import {keepOut, letIn} from './forgotten.ts';
import {toRow} from './to-row.ts';

const NEVER = '1971-01-01 00:00:00';

/**
 * Rows for servers that are known by name only (seeds, sources nobody has seen): due for a probe, never seen. Rows that are there stay.
 * None of them is kept out any more for having been forgotten.
 */
export async function placeInstances(backend: Backend, keys: readonly InstanceKey[]): Promise<void> {
  if (keys.length === 0) return;
  const rows = keys.map((key) => ({
    ...toRow(unknown(key)),
    last_checked: NEVER,
    last_attempted_check: NEVER,
    last_check_partial_success: 0,
    last_seen: null,
  }));
  await backend.transaction(async (work) => {
    await letIn(work, keys);
    await work.db('database_instance').insert(rows).onConflict(['hostname', 'port']).ignore();
  });
}

/** A server that was placed under this name has another: the placeholder goes. One that was seen under it stays. */
export async function dropPlaceholder(backend: Backend, {host, port}: InstanceKey): Promise<void> {
  const at = {hostname: host, port};
  await backend.transaction(async ({db}) => {
    const dropped = await db('database_instance').where(at).whereNull('last_seen').delete();
    if (dropped > 0) await db('instance_detail').where(at).delete();
  });
}

/** Sources that replicas read from and that have no row, looked up under the name they resolve to, but for those just forgotten. */
export async function unseenSources(backend: Backend): Promise<readonly InstanceKey[]> {
  const rows: readonly {host: string; port: number}[] = await backend.run(({db, dialect}) =>
    db('database_instance as replica')
      .leftJoin('hostname_resolve as resolve', 'resolve.hostname', 'replica.master_host')
      .leftJoin('database_instance as source', (join) =>
        join.on(db.raw('source.hostname = coalesce(resolve.resolved_hostname, replica.master_host) and source.port = replica.master_port')),
      )
      .leftJoin('forgotten_instance as forgotten', (join) =>
        join.on(
          db.raw(
            'forgotten.hostname = coalesce(resolve.resolved_hostname, replica.master_host) and forgotten.port = replica.master_port and forgotten.kept_out_until > ?',
            [dialect.now()],
          ),
        ),
      )
      .where('replica.slave_io_running', 1)
      .whereNull('source.hostname')
      .whereNull('forgotten.hostname')
      .distinct(db.raw('coalesce(resolve.resolved_hostname, replica.master_host) as host'), 'replica.master_port as port'),
  );
  return rows.filter(isUsableKey);
}

/**
 * Forgets a server, and keeps it out for so long, whatever probes of it are under way.
 *
 * @returns false when there was no such instance
 */
export async function forgetInstance(backend: Backend, key: InstanceKey, lasting: Seconds): Promise<boolean> {
  return (await remove(backend, [key], lasting)) > 0;
}

/**
 * Forgets all of a cluster, and keeps them out for so long.
 *
 * @returns the keys that are forgotten now
 */
export async function forgetCluster(backend: Backend, cluster: string, lasting: Seconds): Promise<readonly InstanceKey[]> {
  return forgetWhere(backend, ({db}) => db('database_instance').where('cluster_name', cluster), lasting);
}

/** Forgets what has not been seen for so long; what was never seen stays. */
export async function forgetUnseen(backend: Backend, lasting: Seconds): Promise<readonly InstanceKey[]> {
  return forgetWhere(backend, ({db, dialect}) => db('database_instance').where('last_seen', '<', dialect.ago(lasting)));
}

/** Forgets instances that cannot be checked and whose host is known to resolve to another name now. */
export async function forgetDifferentlyResolved(backend: Backend): Promise<readonly InstanceKey[]> {
  return forgetWhere(backend, ({db}) =>
    db('database_instance')
      .join('hostname_resolve', 'hostname_resolve.hostname', 'database_instance.hostname')
      .whereRaw('hostname_resolve.resolved_hostname <> database_instance.hostname')
      .whereRaw('coalesce(database_instance.last_checked <= database_instance.last_seen, 0) = 0'),
  );
}

type Chosen = (work: Work) => {select(columns: Record<string, string>): PromiseLike<readonly {host: string; port: number}[]>};

async function forgetWhere(
  backend: Backend,
  chosen: (work: Work) => Knex.QueryBuilder,
  lasting: Seconds = 0,
): Promise<readonly InstanceKey[]> {
  const choose = chosen as unknown as Chosen;
  const rows = await backend.run((work) => choose(work).select({host: 'database_instance.hostname', port: 'database_instance.port'}));
  await remove(backend, rows, lasting);
  return [...rows].sort((a, b) => (keyText(a) < keyText(b) ? -1 : 1));
}

const KEYS_AT_ONCE = 1000;

/** @param lasting for how long they are kept out; 0: they may be found again at once */
async function remove(backend: Backend, keys: readonly InstanceKey[], lasting: Seconds): Promise<number> {
  let removed = 0;
  for (let at = 0; at < keys.length; at += KEYS_AT_ONCE) {
    const named = keys.slice(at, at + KEYS_AT_ONCE);
    const some = named.map(({host, port}) => [host, port]);
    removed += await backend.transaction(async (work) => {
      const {db} = work;
      const known = await db<{hostname: string}>('database_instance').whereIn(['hostname', 'port'], some).limit(1).pluck('hostname');
      if (known.length === 0) return 0;
      if (lasting > 0) await keepOut(work, named, lasting);
      await db('instance_detail').whereIn(['hostname', 'port'], some).delete();
      return db('database_instance').whereIn(['hostname', 'port'], some).delete();
    });
  }
  return removed;
}

function unknown(key: InstanceKey): Instance {
  return {
    key,
    alias: '',
    uptime: 0,
    serverId: 0,
    serverUuid: '',
    version: 'Unknown',
    versionComment: '',
    flavor: 'unknown',
    readOnly: false,
    ...NO_DETAIL,
    binlog: {enabled: false, logsReplicaUpdates: false, format: '', rowImage: '', at: null},
    gtid: {mode: '', supported: false, executed: '', purged: '', errant: '', ...NO_DETAIL.gtid},
    replication: null,
    replicas: [],
    semiSync: {
      available: false,
      sourceEnabled: false,
      sourceStatus: false,
      sourceTimeout: 0,
      sourceWaitCount: 0,
      sourceClients: 0,
      ...NO_DETAIL.semiSync,
      replicaEnabled: false,
      replicaStatus: false,
      priority: 0,
    },
    group: null,
    place: {dataCenter: '', region: '', environment: ''},
    replicationCredentialsAvailable: false,
    detected: {...NO_DETAIL.detected, pseudoGtid: false},
    cluster: {name: keyText(key), suggestedAlias: '', depth: 0, isCoSource: false, ancestry: ''},
    check: {...NEVER_CHECKED, lastChecked: NEVER, lastAttempted: NEVER},
    wishes: NO_WISHES,
  };
}
