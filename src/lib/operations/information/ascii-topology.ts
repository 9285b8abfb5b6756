import {isReplica, isReplicating, logsReplicaUpdates, type Instance} from '../../model/instance.ts';
import {compareKeys, DETACHED_PREFIX, keyText, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import type {Tag} from '../../model/tag.ts';
import type {Seconds} from '../../model/units.ts';

/** The six words said about an instance: lag, status, version, read-only or not, binary log, extras. Some may be ''. */
export type Description = readonly [lag: string, status: string, version: string, mode: string, binlog: string, extras: string];

interface Line {
  readonly label: string;
  readonly instance: Instance;
}

interface Tree {
  readonly childrenOf: ReadonlyMap<string, readonly Instance[]>;
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
  const sorted = [...instances].sort((a, b) => compareKeys(a.key, b.key));
  const lines = treeLines(sorted);
  const rows = lines.map((line) => [line.label, ...describe(line.instance, options.lagLimit)]);
  const {tags} = options;
  if (tags === undefined) return options.tabulated ? tabulate(rows) : bracket(rows);
  return bracket(rows).map((text, at) => `${text} ${tagWords(tags.get(keyText(lines[at]?.instance.key ?? NOBODY)) ?? [])}`);
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

function treeLines(sorted: readonly Instance[]): readonly Line[] {
  const known = new Set(sorted.map((instance) => keyText(instance.key)));
  const follows = (instance: Instance): string | null => {
    const parent = parentOf(instance);
    return parent && known.has(keyText(parent)) ? keyText(parent) : null;
  };
  const followers = sorted.filter((instance) => follows(instance) !== null);
  const tree: Tree = {childrenOf: Map.groupBy(followers, (instance) => follows(instance) ?? '')};
  const roots = sorted.filter((instance) => follows(instance) === null);
  if (roots.length > 0) return roots.flatMap((root) => branch(tree, root, 0));
  return sorted.filter((instance) => instance.cluster.isCoSource).flatMap((root) => branch(tree, root, 1));
}

/** Group secondaries hang below the group's primary. */
function parentOf(instance: Instance): InstanceKey | null {
  const primary = instance.group?.primary ?? null;
  return isGroupSecondary(instance) ? primary : (instance.replication?.source ?? null);
}

function isGroupSecondary(instance: Instance): boolean {
  const primary = instance.group?.primary ?? null;
  return instance.group !== null && primary !== null && !sameKey(primary, instance.key);
}

function branch(tree: Tree, instance: Instance, depth: number): readonly Line[] {
  if (depth > 1 && instance.cluster.isCoSource) return [];
  const children = tree.childrenOf.get(keyText(instance.key)) ?? [];
  return [
    {label: prefix(instance, depth) + keyText(instance.key) + aliasOf(instance), instance},
    ...children.flatMap((child) => branch(tree, child, depth + 1)),
  ];
}

function prefix(instance: Instance, depth: number): string {
  if (depth === 0) return '';
  const indent = '  '.repeat(depth - 1);
  if (isGroupSecondary(instance)) return `${indent}‡ `;
  return isReplicating(instance) && instance.check.valid && instance.check.recent ? `${indent}+ ` : `${indent}- `;
}

function aliasOf(instance: Instance): string {
  return instance.alias === '' ? '' : ` (${instance.alias})`;
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
  const {gtid, replication, semiSync} = instance;
  const usesGtid = gtid.supported || (replication !== null && (replication.usingOracleGtid || replication.usingMariadbGtid));
  return [
    logsReplicaUpdates(instance) ? '>>' : '',
    usesGtid ? (gtid.errant === '' ? 'GTID' : 'GTID:errant') : '',
    instance.detected.pseudoGtid ? 'P-GTID' : '',
    semiSync.sourceStatus ? 'semi:master' : '',
    semiSync.replicaStatus ? 'semi:replica' : '',
    instance.wishes.downtime ? 'downtimed' : '',
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
