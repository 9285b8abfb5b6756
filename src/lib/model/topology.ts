import type {Instance} from './instance.ts';
import {compareKeys, keyText, sameKey, type InstanceKey} from './instance-key.ts';

/** Instances and who follows whom, at one moment. Immutable; one per decision. */
export class Topology {
  readonly instances: readonly Instance[];
  readonly #byKey: ReadonlyMap<string, Instance>;
  readonly #replicas: ReadonlyMap<string, readonly Instance[]>;

  constructor(instances: Iterable<Instance>) {
    this.instances = [...instances].sort((a, b) => compareKeys(a.key, b.key));
    this.#byKey = new Map(this.instances.map((instance) => [keyText(instance.key), instance]));
    const following = this.instances.filter((instance) => instance.replication?.source);
    this.#replicas = Map.groupBy(following, ({replication}) => (replication?.source ? keyText(replication.source) : ''));
  }

  get(key: InstanceKey | null | undefined): Instance | undefined {
    return key ? this.#byKey.get(keyText(key)) : undefined;
  }

  /** Direct replicas, by what the replicas themselves say. */
  replicasOf(key: InstanceKey): readonly Instance[] {
    return this.#replicas.get(keyText(key)) ?? [];
  }

  sourceOf(instance: Instance): Instance | undefined {
    return this.get(instance.replication?.source);
  }

  inCluster(name: string): readonly Instance[] {
    return this.instances.filter((instance) => instance.cluster.name === name);
  }

  /** Names in alphabetical order. */
  clusterNames(): readonly string[] {
    return [...new Set(this.instances.map((instance) => instance.cluster.name))].sort();
  }

  /** Everything below an instance, nearest first; a ring is walked once. */
  below(key: InstanceKey): readonly Instance[] {
    const found: Instance[] = [];
    for (let tier = this.replicasOf(key); tier.length > 0;) {
      const fresh = tier.filter((one) => !sameKey(one.key, key) && !found.some((other) => sameKey(other.key, one.key)));
      found.push(...fresh);
      tier = fresh.flatMap((one) => this.replicasOf(one.key));
    }
    return found;
  }

  /** The same topology with some instances replaced (matched by key) or added. */
  with(...changed: readonly Instance[]): Topology {
    return new Topology(new Map([...this.instances, ...changed].map((instance) => [keyText(instance.key), instance])).values());
  }
}
