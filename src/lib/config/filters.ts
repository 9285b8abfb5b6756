import {isIP} from 'node:net';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import {compilePattern, patternMatches} from './pattern.ts';

/** What recovery filters look at. */
export interface ClusterNames {
  readonly name: string;
  readonly alias: string;
}

/**
 * Whether one of the filters of `RecoverMasterClusterFilters` or `RecoverIntermediateMasterClusterFilters` covers a cluster.
 *
 * Each is `*`, the name, the alias, `alias=NAME`, `alias~=EXPRESSION`, or an expression on the *name*: one that should
 * see aliases has to say `alias~=`. No filters cover nothing; an empty one neither.
 */
export function matchesCluster(filters: readonly string[], cluster: ClusterNames): boolean {
  return filters.some((filter) => filter !== '' && covers(filter, cluster));
}

function covers(filter: string, {name, alias}: ClusterNames): boolean {
  if (filter === '*' || filter === name || filter === alias) return true;
  if (filter.startsWith('alias~=')) return patternMatches(filter.slice('alias~='.length), alias);
  if (filter.startsWith('alias=')) return filter.slice('alias='.length) === alias;
  return patternMatches(filter, name);
}

/**
 * Whether one of the filters of `DiscoveryIgnore…`, `PromotionIgnore…`, `ProblemIgnore…` or `OSCIgnoreHostnameFilters` is
 * about an instance: an address equals its host, anything else is an expression found in `host:port`.
 */
export function matchesInstance(filters: readonly string[], key: InstanceKey): boolean {
  return instanceFilter(filters)(key);
}

/** `matchesInstance` for many instances: the expressions are compiled once. */
export function instanceFilter(filters: readonly string[]): (key: InstanceKey) => boolean {
  const addresses = new Set(filters.filter((filter) => isIP(filter) !== 0));
  const patterns = filters.filter((filter) => isIP(filter) === 0).flatMap((filter) => compilePattern(filter) ?? []);
  return (key) => {
    if (addresses.has(key.host)) return true;
    // 3.2.6 writes IPv6 without brackets; we print it with them. A filter may have been written after either.
    const spellings = new Set([`${key.host}:${key.port}`, keyText(key)]);
    return patterns.some((pattern) => [...spellings].some((text) => pattern.test(text)));
  };
}

/** Whether one of the filters of `RecoveryIgnoreHostnameFilters`, expressions on the host name alone, is about a host. */
export function matchesHost(filters: readonly string[], host: string): boolean {
  return filters.some((filter) => patternMatches(filter, host));
}
