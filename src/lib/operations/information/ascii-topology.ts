import {isReplica, isReplicating, logsReplicaUpdates, type Instance} from '../../model/instance.ts';
import {compareKeys, DETACHED_PREFIX, keyText, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import type {Tag} from '../../model/tag.ts';
import type {PastInstance} from '../../store/snapshots.ts';
import type {Seconds} from '../../model/units.ts';

/** The six words said about an instance: lag, status, version, read-only or not, binary log, extras. Some may be ''. */
export type Description = readonly [lag: string, status: string, version: string, mode: string, binlog: string, extras: string];

/** Somebody in a tree: whom it hangs below, and the sign in front of it there. */
interface Placed {
  readonly key: InstanceKey;
  readonly words: string;
  readonly parent: InstanceKey | null;
  readonly sign: '+' | '-' | '‡';
  readonly isCoSource: boolean;
}

interface Line {
  readonly label: string;
  readonly key: InstanceKey;
}

interface Tree {
  readonly childrenOf: ReadonlyMap<string, readonly Placed[]>;
}

/**
 * A cluster as a tree of text, one line an instance.
 *
 * Roots are the instances that follow nobody in the cluster, without prefix. Where there are none, as with co-sources, each
 * co-source is a root at depth 1, and is not shown again below its partner.
 *
 * @param instances one cluster; any order
 * @param options.lagLimit above it (beside a configured delay) a replica is called `lag` (ReasonableMaintenanceReplicationLagSeconds)
 * @param options.tabulated columns joined by `|`, instead of one bracket of words
 * @param options.tags by `host:port`; given, each line ends with the instance's own in a bracket of their own
 * @returns no lines for no instances
 */
export function asciiTopology(
  instances: readonly Instance[],
  options: {readonly lagLimit: Seconds; readonly tabulated: boolean; readonly tags?: ReadonlyMap<string, readonly Tag[]>},
): readonly string[] {
  const byKey = new Map(instances.map((instance) => [keyText(instance.key), instance]));
  const lines = treeLines(instances.map(placed));
  const rows = lines.flatMap(({label, key}) => {
    const instance = byKey.get(keyText(key));
    return instance === undefined ? [] : [[label, ...describe(instance, options.lagLimit)]];
  });
  const {tags} = options;
  if (tags === undefined) return options.tabulated ? tabulate(rows) : bracket(rows);
  return bracket(rows).map((text, at) => `${text} ${tagWords(tags.get(keyText(lines[at]?.key ?? NOBODY)) ?? [])}`);
}

const NOBODY: InstanceKey = {host: '', port: 0};

/** `[name,name=value]` */
function tagWords(tags: readonly Tag[]): string {
  return `[${tags.map(({name, value}) => (value === '' ? name : `${name}=${value}`)).join(',')}]`;
}

/** `[lag,status,version,ro|rw,format,extras]`, empty words left out. */
export function describeInstance(instance: Instance, lagLimit: Seconds): string {
  return `[${describe(instance, lagLimit)
    .filter((word) => word !== '')
    .join(',')}]`;
}

export function describe(instance: Instance, lagLimit: Seconds): Description {
  return [
    lagWord(instance),
    statusWord(instance, lagLimit),
    instance.version,
    instance.readOnly ? 'ro' : 'rw',
    instance.binlog.enabled ? instance.binlog.format : 'nobinlog',
    extras(instance).join(','),
  ];
}

function treeLines(unsorted: readonly Placed[]): readonly Line[] {
  const sorted = unsorted.toSorted((a, b) => compareKeys(a.key, b.key));
  const known = new Set(sorted.map(({key}) => keyText(key)));
  const follows = ({parent}: Placed): string | null => (parent && known.has(keyText(parent)) ? keyText(parent) : null);
  const followers = sorted.filter((one) => follows(one) !== null);
  const tree: Tree = {childrenOf: Map.groupBy(followers, (one) => follows(one) ?? '')};
  const roots = sorted.filter((one) => follows(one) === null);
  if (roots.length > 0) return roots.flatMap((root) => branch(tree, root, 0));
  return sorted.filter((one) => one.isCoSource).flatMap((root) => branch(tree, root, 1));
}

/** Group secondaries hang below the group's primary. */
function placed(instance: Instance): Placed {
  const {key, alias, check, cluster, group, replication} = instance;
  const primary = group?.primary ?? null;
  const isSecondary = primary !== null && !sameKey(primary, key);
  const runs = isReplicating(instance) && check.valid && check.recent;
  return {
    key,
    words: alias === '' ? '' : ` (${alias})`,
    parent: isSecondary ? primary : (replication?.source ?? null),
    sign: isSecondary ? '‡' : runs ? '+' : '-',
    isCoSource: cluster.isCoSource,
  };
}

/**
 * A cluster as it was, with nothing said about its instances. Two that follow each other are both shown on top.
 *
 * @returns no lines for no instances
 */
export function asciiHistory(past: readonly PastInstance[]): readonly string[] {
  const sourceOf = new Map(past.map(({key, source}) => [keyText(key), source]));
  const isCoSource = ({key, source}: PastInstance): boolean => source !== null && sameKey(sourceOf.get(keyText(source)), key);
  return treeLines(past.map((one) => ({key: one.key, words: '', parent: one.source, sign: '-' as const, isCoSource: isCoSource(one)}))).map(
    ({label}) => label,
  );
}

function branch(tree: Tree, one: Placed, depth: number): readonly Line[] {
  if (depth > 1 && one.isCoSource) return [];
  const children = tree.childrenOf.get(keyText(one.key)) ?? [];
  const prefix = depth === 0 ? '' : `${'  '.repeat(depth - 1)}${one.sign} `;
  return [{label: prefix + keyText(one.key) + one.words, key: one.key}, ...children.flatMap((child) => branch(tree, child, depth + 1))];
}

function lagWord(instance: Instance): string {
  if (instance.replication?.sourceHostAsWritten.startsWith(DETACHED_PREFIX)) return 'detached';
  if (!instance.check.valid || !instance.check.recent) return 'unknown';
  if (!isReplica(instance)) return '0s';
  const {lag, secondsBehind} = instance.replication ?? {lag: null, secondsBehind: null};
  return !isReplicating(instance) || secondsBehind === null ? 'null' : `${lag ?? 0}s`;
}

function statusWord(instance: Instance, lagLimit: Seconds): string {
  if (!instance.check.valid) return 'invalid';
  if (!instance.check.recent) return 'unchecked';
  if (!isReplica(instance)) return 'ok';
  if (!isReplicating(instance)) return 'nonreplicating';
  const {lag, delay} = instance.replication ?? {lag: null, delay: 0};
  return lag === null || Math.abs(lag - delay) > lagLimit ? 'lag' : 'ok';
}

function extras(instance: Instance): readonly string[] {
  const {gtid, otherChannels, replication, semiSync} = instance;
  const usesGtid = gtid.supported || (replication !== null && (replication.usingOracleGtid || replication.usingMariadbGtid));
  return [
    logsReplicaUpdates(instance) ? '>>' : '',
    usesGtid ? (gtid.errant === '' ? 'GTID' : 'GTID:errant') : '',
    instance.detected.pseudoGtid ? 'P-GTID' : '',
    semiSync.sourceStatus ? 'semi:master' : '',
    semiSync.replicaStatus ? 'semi:replica' : '',
    instance.wishes.downtime ? 'downtimed' : '',
    // Counted and not named: a name may hold what scripts split the line at.
    otherChannels.length > 0 ? `unmanaged-channels:${otherChannels.length}` : '',
  ].filter((word) => word !== '');
}

function bracket(rows: readonly (readonly string[])[]): readonly string[] {
  const width = Math.max(0, ...rows.map((row) => length(row[0])));
  return rows.map(([label = '', ...words]) => `${pad(label, width)} [${words.filter((word) => word !== '').join(',')}]`);
}

function tabulate(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => length(row[column]))));
  return rows.map((row) =>
    row.map((cell, column) => (column === 1 ? cell.padStart(widths[column] ?? 0) : pad(cell, widths[column] ?? 0))).join('|'),
  );
}

/** Counted in characters, not in UTF-16 units: the double dagger of group members is one wide. */
function length(text: string | undefined): number {
  return [...(text ?? '')].length;
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - length(text)));
}
