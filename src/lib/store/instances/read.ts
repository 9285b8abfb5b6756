import type {Knex} from 'knex';
import {OrchestratorError} from '../../errors/errors.ts';
import type {Config} from '../../config/keys.ts';
import {compilePattern} from '../../config/pattern.ts';
import {NO_WISHES, type Instance} from '../../model/instance.ts';
import {compareKeys, keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Backend, Work} from '../backend.ts';
import {fromRow, type CheckPolicy} from './from-row.ts';
import type {ReadRow} from './row.ts';
import {readUnresolvedNames, readWishes} from './wishes.ts';

/** Which instances; all conditions hold at once, none means all. */
export interface InstanceFilter {
  readonly cluster?: string;
  readonly keys?: readonly InstanceKey[];
  /** Direct replicas of this one. */
  readonly sourceKey?: InstanceKey;
  /** As `search` of the command line: a part of host, cluster, version, comment, `host:port` or alias, or a whole server id or port. */
  readonly search?: string;
  /** As `find`: a regular expression found in `host:port`, letter case ignored. */
  readonly pattern?: string;
}

export type ReadPolicy = Pick<Config, 'InstancePollSeconds' | 'ReasonableInstanceCheckSeconds'> & CheckPolicy;

/**
 * Instances as the backend knows them, in the order of host and port.
 *
 * @throws OrchestratorError INPUT_INVALID for a pattern that is no regular expression
 */
export async function readInstances(backend: Backend, policy: ReadPolicy, filter: InstanceFilter = {}): Promise<Instance[]> {
  const keys = await keysOf(backend, filter);
  if (keys?.length === 0) return [];
  const [rows, wishes, unresolved] = await Promise.all([
    readRows(backend, filter, keys),
    readWishes(backend),
    readUnresolvedNames(backend),
  ]);
  const instances = rows.map((row) => {
    const said = wishes.get(keyText({host: row.hostname, port: row.port})) ?? NO_WISHES;
    const unresolvedHost = unresolved.get(row.hostname);
    return fromRow(row, unresolvedHost === undefined ? said : {...said, unresolvedHost}, policy);
  });
  return instances.sort((a, b) => compareKeys(a.key, b.key));
}

/** One instance; null when the backend does not know it. */
export async function readInstance(backend: Backend, policy: ReadPolicy, key: InstanceKey): Promise<Instance | null> {
  return (await readInstances(backend, policy, {keys: [key]}))[0] ?? null;
}

/** The order of `search`, `find` and `all-instances`: sources first, then by number of replicas, then by cluster. */
export function byImportance(a: Instance, b: Instance): number {
  return (
    a.cluster.depth - b.cluster.depth ||
    b.replicas.length - a.replicas.length ||
    (a.cluster.name < b.cluster.name ? -1 : a.cluster.name > b.cluster.name ? 1 : compareKeys(a.key, b.key))
  );
}

/** Keys of instances whose host contains this one's host and which have its port, in the order of importance. */
export async function keysLike(backend: Backend, key: InstanceKey): Promise<readonly InstanceKey[]> {
  const rows: readonly Keyed[] = await backend.run(({db}) =>
    db('database_instance')
      .where('port', key.port)
      .whereRaw('instr(hostname, ?) > 0', [key.host])
      .orderBy(['replication_depth', {column: 'num_slave_hosts', order: 'desc'}, 'cluster_name', 'hostname', 'port'])
      .select('hostname', 'port'),
  );
  return rows.map(toKey);
}

/** Every key there is, in order. */
export async function allKeys(backend: Backend): Promise<readonly InstanceKey[]> {
  const rows: readonly Keyed[] = await backend.run(({db}) => db('database_instance').select('hostname', 'port'));
  return rows.map(toKey).sort(compareKeys);
}

/** Keys that 3.2.6 would probe now: not checked for a poll, or for two where the last attempt hung. */
export async function outdatedKeys(backend: Backend, poll: number): Promise<readonly InstanceKey[]> {
  const rows: readonly Keyed[] = await backend.run(({db, dialect}) =>
    db('database_instance')
      .whereRaw('last_checked < case when last_attempted_check <= last_checked then ? else ? end', [
        dialect.ago(poll),
        dialect.ago(2 * poll),
      ])
      .select('hostname', 'port'),
  );
  return rows.map(toKey).sort(compareKeys);
}

interface Keyed {
  hostname: string;
  port: number;
}

function toKey({hostname, port}: Keyed): InstanceKey {
  return {host: hostname, port};
}

/** Undefined: the filter names no keys. */
async function keysOf(backend: Backend, {keys, pattern}: InstanceFilter): Promise<readonly InstanceKey[] | undefined> {
  if (pattern === undefined) return keys;
  const expression = compilePattern(pattern);
  if (expression === null) {
    throw new OrchestratorError('INPUT_INVALID', `${JSON.stringify(pattern)} is not a regular expression`, {
      hint: 'quote signs that have a meaning there, as in db\\.example',
    });
  }
  const found = new RegExp(expression.source, [...new Set(`${expression.flags}i`)].join(''));
  return (keys ?? (await allKeys(backend))).filter((key) => found.test(keyText(key)));
}

/** Keys in one statement; SQLite takes 32,766 values. */
const KEYS_AT_ONCE = 2000;

/** Of these keys, or of all. */
export async function readRows(
  backend: Backend,
  filter: InstanceFilter,
  keys: readonly InstanceKey[] | undefined,
): Promise<readonly ReadRow[]> {
  if (keys === undefined) return backend.run((work) => select(work, filter));
  const found: ReadRow[] = [];
  for (let at = 0; at < keys.length; at += KEYS_AT_ONCE) {
    const some = keys.slice(at, at + KEYS_AT_ONCE).map(({host, port}) => [host, port]);
    found.push(...(await backend.run((work) => select(work, filter).whereIn(['instance.hostname', 'instance.port'], some))));
  }
  return found;
}

function select({db, dialect}: Work, {cluster, sourceKey, search}: InstanceFilter) {
  const since = (later: string | undefined, earlier: string) => db.raw('? - ?', [dialect.unix(later), dialect.unix(earlier)]);
  const query = db('database_instance as instance')
    .leftJoin('instance_detail as detail', (join) => join.on('detail.hostname', 'instance.hostname').andOn('detail.port', 'instance.port'))
    .select('instance.*', 'detail.reach', 'detail.errno', 'detail.detail', {
      detail_last_seen: 'detail.last_seen',
      clock: dialect.unix(),
      since_seen: since(undefined, 'instance.last_seen'),
      since_checked: since(undefined, 'instance.last_checked'),
      checked_after_seen: since('instance.last_checked', 'instance.last_seen'),
      attempted_after_seen: since('instance.last_attempted_check', 'instance.last_seen'),
    });
  if (cluster !== undefined) void query.where('instance.cluster_name', cluster);
  if (sourceKey !== undefined) void query.where({'instance.master_host': sourceKey.host, 'instance.master_port': sourceKey.port});
  if (search !== undefined && search !== '') void query.where((either) => matches(either, search, dialect.kind));
  return query as unknown as Promise<ReadRow[]> & {whereIn(columns: readonly string[], values: readonly unknown[]): Promise<ReadRow[]>};
}

const SEARCHED = ['hostname', 'cluster_name', 'version', 'version_comment', 'suggested_cluster_alias'] as const;

function matches(either: Knex.QueryBuilder, text: string, kind: 'sqlite' | 'mysql'): void {
  for (const column of SEARCHED) void either.orWhereRaw('instr(lower(??), lower(?)) > 0', [`instance.${column}`, text]);
  const hostAndPort = kind === 'sqlite' ? "instance.hostname || ':' || instance.port" : "concat(instance.hostname, ':', instance.port)";
  void either.orWhereRaw(`instr(lower(${hostAndPort}), lower(?)) > 0`, [text]);
  if (/^\d+$/.test(text)) void either.orWhere('instance.server_id', Number(text)).orWhere('instance.port', Number(text));
}
