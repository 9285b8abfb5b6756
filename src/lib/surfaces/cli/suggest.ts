import {nearest} from '../../config/nearest.ts';
import type {Operation} from '../../operations/define.ts';

/** What people call things whose commands have other names, hyphens left out. */
export const MEANINGS: Readonly<Record<string, readonly string[]>> = {
  failover: ['graceful-master-takeover-auto', 'recover', 'force-master-failover'],
  switchover: ['graceful-master-takeover-auto', 'graceful-master-takeover'],
  promote: ['graceful-master-takeover-auto', 'recover'],
  takeover: ['graceful-master-takeover-auto', 'graceful-master-takeover', 'force-master-takeover'],
  list: ['clusters', 'all-instances', 'topology'],
  show: ['topology', 'clusters', 'which-instance'],
  status: ['topology', 'problems', 'instance-status'],
  inspect: ['topology', 'explain', 'instance-status'],
  tree: ['topology'],
  why: ['explain'],
  analysis: ['replication-analysis', 'explain'],
  silence: ['begin-downtime'],
  mute: ['begin-downtime'],
  add: ['discover'],
  remove: ['forget', 'forget-cluster'],
  delete: ['forget', 'forget-cluster'],
  start: ['serve', 'start-replica'],
  lag: ['topology', 'get-cluster-heuristic-lag'],
};
const MOST = 4;

/** What to do instead of a command that there is not: one that goes on, one that is nearly written so, or those that are meant. */
export function suggest(name: string, operations: readonly Operation[]): string {
  const names = operations.map((operation) => operation.name);
  // `config` is the first word of `config check` and `config schema`.
  const begun = names.filter((one) => one.startsWith(`${name} `));
  if (begun.length > 0) return `it goes on: ${begun.join(', ')}`;
  const meant = meanings(name.toLowerCase(), [...names, ...operations.flatMap((operation) => operation.formerly)]);
  return meant.length === 0 ? 'orchestrator help lists them' : `did you mean ${meant.join(', ')}?`;
}

function meanings(name: string, names: readonly string[]): readonly string[] {
  const known = MEANINGS[name.replaceAll(/[-_]/g, '')];
  if (known) return known;
  const parts = names.filter((one) => one.split(/[- ]/).includes(name)).slice(0, MOST);
  if (parts.length > 0) return parts;
  return [nearest(name, names)].filter((one) => one !== null);
}
