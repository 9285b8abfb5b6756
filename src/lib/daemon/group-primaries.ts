import {touchLease} from '../coordination/lease.ts';
import type {Lease} from '../coordination/types.ts';
import type {GroupMembership, Instance} from '../model/instance.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Topology} from '../model/topology.ts';
import type {Backend} from '../store/backend.ts';
import {moveAlias} from '../store/recovery/after-recovery.ts';

/** An alias given by hand to a cluster that goes by the name of another primary by now. */
export interface Moved {
  readonly from: string;
  readonly to: string;
  readonly alias: string;
}

/**
 * Aliases that have to follow the primary of a group: its cluster goes by the primary's name, and the group moves that by itself. A
 * cluster that has an alias of its own keeps it. Pure.
 *
 * @param overrides aliases given by hand, by name of the cluster
 */
export function aliasesToMove(topology: Topology, overrides: ReadonlyMap<string, string>): readonly Moved[] {
  const named = new Map(topology.instances.map((instance) => [keyText(instance.key), instance]));
  return [...overrides].flatMap(([from, alias]) => {
    const primary = primaryAfter(topology, named.get(from));
    return primary === null || primary === from || overrides.has(primary) ? [] : [{from, to: primary, alias}];
  });
}

/** Who is the primary now where this one was it, as `host:port`. One that is dead says nothing of its successor: other members do. */
function primaryAfter(topology: Topology, former: Instance | undefined): string | null {
  const group = former?.group;
  if (!group) return null;
  if (former.check.valid) return primaryAbove(topology, group.primary);
  const elected = topology.instances.filter(({check, group: its}) => check.valid && its?.name === group.name && isPrimary(its));
  return group.name !== '' && elected.length === 1 ? elected.map(({key}) => keyText(key)).join() : null;
}

function isPrimary({role, state, singlePrimary}: GroupMembership): boolean {
  return singlePrimary && role === 'PRIMARY' && state === 'ONLINE';
}

/** As `host:port`, if it says itself that it is the primary. */
function primaryAbove(topology: Topology, key: InstanceKey | null): string | null {
  const primary = topology.get(key);
  return primary?.check.valid && primary.group?.role === 'PRIMARY' ? keyText(primary.key) : null;
}

/** Writes them, while we lead. */
export async function moveAliases(backend: Backend, lease: Lease | null, moved: readonly Moved[]): Promise<void> {
  if (!lease || moved.length === 0) return;
  // Each for itself: what holds the lease's row holds up its renewal.
  for (const one of moved) {
    await backend.transaction(async (work) => {
      if (await touchLease(work, lease)) await moveAlias(work, one);
    });
  }
}
