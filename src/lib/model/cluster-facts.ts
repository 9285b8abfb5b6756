import {GtidSet} from './gtid-set.ts';
import {isMariadb, type ClusterFacts, type Instance, type Reading} from './instance.ts';
import {compareKeys, keyText, sameKey, type InstanceKey} from './instance-key.ts';
import {BinlogState, mariadbGtidText, strangersIn, type MariadbGtid} from './mariadb-gtid.ts';

/** How people name clusters, beside what servers say; from the backend and the configuration. */
export interface ClusterNaming {
  /** cluster_alias_override: alias by cluster name. */
  readonly overrides?: ReadonlyMap<string, string>;
  /** ClusterNameToAlias: the alias of a cluster name that nothing else named; '' none. */
  readonly byName?: (clusterName: string) => string;
}

/** Whom an instance takes its place in the cluster from: the primary of its group for a secondary, else its source. */
export function parentKeyOf(reading: Reading): InstanceKey | null {
  const primary = reading.group?.primary ?? null;
  return primary && !sameKey(primary, reading.key) ? primary : (reading.replication?.source ?? null);
}

/**
 * Where an instance stands, from where its parent stands: so names travel down one tier at each probe, and an unknown parent
 * leaves the instance a cluster of its own. Of two co-sources the one whose key is the cluster's name is on top.
 *
 * @param parent the instance named by `parentKeyOf`, undefined while it is not known
 */
export function clusterFacts(reading: Reading, parent: Instance | undefined, naming: ClusterNaming = {}): ClusterFacts {
  const isCoSource = parent !== undefined && sameKey(parent.replication?.source, reading.key);
  const name = isCoSource ? coSourceName(reading, parent) : parent?.cluster.name || keyText(reading.key);
  const ancestors = (isCoSource ? (reading.replication?.sourceUuid ?? parent.serverUuid) : (parent?.cluster.ancestry ?? '')).split(',');
  const own = [reading.serverUuid, reading.group?.name ?? ''];
  const ancestry = [...ancestors.filter((uuid) => !own.includes(uuid)), ...own].filter((uuid) => uuid !== '');
  return {
    name,
    suggestedAlias: aliasOf(reading, {parent, name, naming}),
    depth: depthOf(reading, {parent, isCoSource, name}),
    isCoSource,
    ancestry: [...new Set(ancestry)].join(','),
  };
}

/** The larger ring of sources is nobody's: depth there stays bounded by how often names can travel without coming round. */
const DEEPEST = 64;

function depthOf(reading: Reading, at: {parent: Instance | undefined; isCoSource: boolean; name: string}): number {
  if (at.parent === undefined) return 0;
  if (at.isCoSource) return at.name === keyText(reading.key) ? 0 : 1;
  return Math.min(at.parent.cluster.depth + 1, DEEPEST);
}

function coSourceName(reading: Reading, partner: Instance): string {
  const names = [reading.key, partner.key].sort(compareKeys).map(keyText);
  return names.includes(partner.cluster.name) ? partner.cluster.name : (names[0] ?? keyText(reading.key));
}

function aliasOf(reading: Reading, at: {parent: Instance | undefined; name: string; naming: ClusterNaming}): string {
  const {overrides, byName} = at.naming;
  return overrides?.get(at.name) || at.parent?.cluster.suggestedAlias || reading.detected.clusterAlias || byName?.(at.name) || '';
}

/**
 * Transactions an instance has and its source certainly, or very probably, never had; in the server's own notation, '' for none.
 *
 * The source may have been read earlier than the instance, so what was first written on the source or above it never counts.
 * MySQL: the set left after that. MariaDB: binlog states per domain and server id; a pair the source does not know at all
 * counts only when the instance itself wrote it, since the logs of a source may have been reset.
 *
 * @param above the sources above `parent`, nearest first; only MariaDB, whose ancestry cannot be told from UUIDs
 */
export function errantAgainst(instance: Instance, parent: Instance, above: readonly Instance[] = []): string {
  return isMariadb(instance) ? errantMariadb(instance, parent, above) : errantMysql(instance, parent);
}

function errantMysql(instance: Instance, parent: Instance): string {
  const [ours, theirs] = [GtidSet.read(instance.gtid.executed), GtidSet.read(parent.gtid.executed)];
  if (!ours || !theirs || ours.isEmpty || theirs.isEmpty) return '';
  const above = instance.cluster.ancestry.split(',').filter((uuid) => instance.cluster.isCoSource || uuid !== instance.serverUuid);
  const source = instance.replication?.sourceUuid || parent.serverUuid;
  return ours
    .withoutFrom([...above, source])
    .subtract(theirs.withoutFrom([source]))
    .toString();
}

function errantMariadb(instance: Instance, parent: Instance, above: readonly Instance[]): string {
  const [ours, theirs] = [BinlogState.read(instance.gtid.binlogState), BinlogState.read(parent.gtid.binlogState)];
  if (!ours || !theirs || ours.isEmpty || theirs.isEmpty) return '';
  const isOwn = (gtid: MariadbGtid): boolean => gtid.server === instance.serverId;
  const expected = [parent, ...above].flatMap((one) => [one.serverId, one.replication?.sourceServerId ?? one.serverId]);
  const ancestorsKnown = parent.cluster.depth <= 1 + above.length;
  const {errant, unknown} = strangersIn(ours, theirs, instance.cluster.isCoSource ? [...expected, instance.serverId] : expected);
  return [...errant.filter((gtid) => ancestorsKnown || isOwn(gtid)), ...unknown.filter(isOwn)].map(mariadbGtidText).join(',');
}
