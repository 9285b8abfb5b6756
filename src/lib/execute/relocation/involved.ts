import {isUsableKey, keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Topology} from '../../model/topology.ts';
import type {RelocationWish} from '../../plan/relocation/plan.ts';

/**
 * Every instance a relocation may touch, and all above them: so that what is decided rests on a fresh look, and so that no two
 * relocations at the same time make a ring, each moving below what the other moves.
 */
export function involvedIn(wish: RelocationWish, topology: Topology): readonly InstanceKey[] {
  const found = new Map<string, InstanceKey>();
  const add = (key: InstanceKey | null | undefined): void => {
    for (let next = key; next && isUsableKey(next) && !found.has(keyText(next)); next = topology.get(next)?.replication?.source) {
      found.set(keyText(next), next);
    }
  };
  add(wish.instance);
  if ('below' in wish) add(wish.below);
  const source = topology.get(wish.instance)?.replication?.source;
  for (const key of withReplicas(wish, source)) for (const replica of topology.replicasOf(key)) add(replica.key);
  return [...found.values()];
}

/** Whose replicas are meant, too. */
function withReplicas(wish: RelocationWish, source: InstanceKey | null | undefined): readonly InstanceKey[] {
  switch (wish.do) {
    case 'relocate-replicas':
    case 'move-replicas-gtid':
    case 'move-up-replicas':
    case 'match-replicas':
    case 'match-up-replicas':
    case 'repoint-replicas':
    case 'regroup':
      return [wish.instance];
    case 'take-siblings':
    case 'make-source':
    case 'make-local-source':
      return source ? [source] : [];
    default:
      return [];
  }
}
