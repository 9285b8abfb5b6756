import {keyText} from '../model/instance-key.ts';
import type {Publication} from './directory.ts';

/** One key and its value, as stores keep them. */
export interface Pair {
  readonly key: string;
  readonly value: string;
}

const PARTS = ['hostname', 'port', 'ipv4', 'ipv6'] as const;

/** `<prefix><alias>`; a cluster without an alias goes by its name. */
export function mainKey(prefix: string, {alias, name}: Publication['cluster']): string {
  return `${prefix}${alias || name}`;
}

/** All keys of one cluster, the main one first. */
export function keysOf(prefix: string, cluster: Publication['cluster']): readonly string[] {
  const main = mainKey(prefix, cluster);
  return [main, ...PARTS.map((part) => `${main}/${part}`)];
}

/** The five pairs of one cluster: `host:port` under the main key, then its parts below it; an address that is not known is empty. */
export function pairsOf(prefix: string, {cluster, source, addresses}: Publication): readonly Pair[] {
  const values = [keyText(source), source.host, String(source.port), addresses.ipv4, addresses.ipv6];
  return keysOf(prefix, cluster).map((key, at) => ({key, value: values[at] ?? ''}));
}
