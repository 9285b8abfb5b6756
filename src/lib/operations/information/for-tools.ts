import {instanceFilter} from '../../config/filters.ts';
import type {Config} from '../../config/keys.ts';
import {isBinlogServer, logsReplicaUpdates, type Instance} from '../../model/instance.ts';
import {compareKeys, keyText, sameKey} from '../../model/instance-key.ts';
import type {Seconds} from '../../model/units.ts';

/**
 * The replicas a tool that changes schemas should watch: few, from every tier of a cluster, and those under which most others are.
 *
 * Up to two intermediate sources on the first tier and two replicas of theirs, two instances of the third tier, and two leaves of the
 * first. Left out are OSCIgnoreHostnameFilters, binlog servers, and what does not answer.
 */
export function oscReplicas(instances: readonly Instance[], config: Pick<Config, 'OSCIgnoreHostnameFilters'>): readonly Instance[] {
  const isIgnored = instanceFilter(config.OSCIgnoreHostnameFilters);
  const usable = instances.filter((one) => one.check.valid && !isBinlogServer(one) && !isIgnored(one.key)).toSorted(byReplicas);
  const firstTier = usable.filter((one) => one.cluster.depth === 1);
  const intermediates = firstTier.filter((one) => one.replicas.length > 0).slice(0, 2);
  const below = intermediates.flatMap((source) =>
    usable.filter((one) => sameKey(one.replication?.source, source.key)).slice(0, intermediates.length === 1 ? 2 : 1),
  );
  const thirdTier = usable.filter((one) => one.cluster.depth === 3).slice(0, 2);
  const leaves = firstTier.filter((one) => one.replicas.length === 0).slice(0, 2);
  return [...new Map([...intermediates, ...below, ...thirdTier, ...leaves].map((one) => [keyText(one.key), one])).values()];
}

/** Replicas that gh-ost can read row events from, those with fewest replicas of their own first. */
export function ghOstReplicas(instances: readonly Instance[]): readonly Instance[] {
  return instances
    .filter((one) => one.cluster.depth > 0 && one.check.valid && !isBinlogServer(one))
    .filter((one) => logsReplicaUpdates(one) && one.binlog.format.toUpperCase() === 'ROW')
    .toSorted((a, b) => a.replicas.length - b.replicas.length || compareKeys(a.key, b.key));
}

/** The longest lag there is among these; one whose lag is not known counts as none. Null: there are no instances. */
export function longestLag(instances: readonly Instance[]): Seconds | null {
  return instances.length === 0 ? null : Math.trunc(Math.max(...instances.map((one) => one.replication?.lag ?? 0)));
}

function byReplicas(a: Instance, b: Instance): number {
  return b.replicas.length - a.replicas.length || compareKeys(a.key, b.key);
}
