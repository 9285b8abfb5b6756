import type {ClusterNames} from '../../config/filters.ts';
import {isSource, type Instance} from '../../model/instance.ts';
import type {InstanceKey} from '../../model/instance-key.ts';
import type {Topology} from '../../model/topology.ts';

export interface PublishedSource {
  readonly cluster: ClusterNames;
  readonly source: InstanceKey;
}

/**
 * The sources that clients may be sent to: reachable, writable, and not taken out of service. Of two that go by one name, as of two
 * writable ones in one cluster, nobody can tell which is meant, so that neither is. Pure.
 */
export function publishedSources(topology: Topology): readonly PublishedSource[] {
  const writable = topology.instances.filter(takesWrites);
  const byName = Map.groupBy(writable, ({cluster}) => cluster.suggestedAlias || cluster.name);
  return [...byName.values()].flatMap(([one, ...others]) =>
    one && others.length === 0
      ? [{cluster: {name: one.cluster.name, alias: one.cluster.suggestedAlias || one.cluster.name}, source: one.key}]
      : [],
  );
}

function takesWrites(instance: Instance): boolean {
  const {check, readOnly, wishes, cluster} = instance;
  return check.valid && !readOnly && wishes.downtime === null && (isSource(instance) || cluster.isCoSource);
}
