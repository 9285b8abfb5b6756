import {clusterFacts, errantAgainst, parentKeyOf, type ClusterNaming} from '../model/cluster-facts.ts';
import {NEVER_CHECKED, NO_WISHES, type Instance, type Reading, type Wishes} from '../model/instance.ts';
import {compareKeys, isUsableKey, keyText, sameKey, type InstanceKey} from '../model/instance-key.ts';
import {Topology} from '../model/topology.ts';
import type {Monotonic} from '../model/units.ts';
import type {ProbeOutcome} from './outcome.ts';
import {bootedAt, identityOf, isSameServer, type Traits} from './same-server.ts';

interface Known extends Traits {
  /** When the probe behind it began, in this term; null: only known from the backend. */
  readonly probedAt: Monotonic | null;
}

/**
 * What one process knows of the servers: rows of the backend to begin with, replaced by what it probed itself. The leader
 * decides from this, and only about instances it probed in its own term.
 */
export class LiveModel {
  readonly #known = new Map<string, Known>();
  /** Until when others changed an instance, as far as was seen: what was probed before says nothing. */
  readonly #voidUntil = new Map<string, Monotonic>();
  #topology: Topology | null = null;
  #naming: ClusterNaming = {};
  #marked: ReadonlySet<string> | null = null;

  /** Starts over with what the backend holds; nothing of it counts as probed. */
  begin(rows: readonly Instance[]): void {
    this.#known.clear();
    this.#voidUntil.clear();
    for (const instance of rows) this.#put(fromRow(instance));
  }

  /** How people name clusters; counts from the next recorded probe on. */
  nameBy(naming: ClusterNaming): void {
    this.#naming = naming;
  }

  /**
   * Instances of these clusters use Pseudo-GTID and all others do not, whatever they say themselves; counts from the next recorded
   * probe on.
   */
  markedBy(clusters: ReadonlySet<string>): void {
    this.#marked = clusters;
  }

  topology(): Topology {
    this.#topology ??= new Topology([...this.#known.values()].map(({instance}) => instance));
    return this.#topology;
  }

  get(key: InstanceKey): Instance | undefined {
    return this.#known.get(keyText(key))?.instance;
  }

  keys(): readonly InstanceKey[] {
    return [...this.#known.values()].map(({instance}) => instance.key);
  }

  /** When it was last probed by this process in this term; null = not yet. */
  probedAt(key: InstanceKey): Monotonic | null {
    return this.#known.get(keyText(key))?.probedAt ?? null;
  }

  /** Probed in this term, by a probe that began after all changes by others that were seen (coordination.md §3). */
  isFresh(key: InstanceKey): boolean {
    const at = this.probedAt(key);
    return at !== null && at > (this.#voidUntil.get(keyText(key)) ?? -Infinity);
  }

  /** What was probed, and changed by others since: to be probed again. */
  voided(): readonly InstanceKey[] {
    return [...this.#voidUntil.keys()].flatMap((name) => {
      const key = this.#known.get(name)?.instance.key;
      return key && this.probedAt(key) !== null && !this.isFresh(key) ? [key] : [];
    });
  }

  /** Other names of the same server, by `isSameServer`. Where names are not resolved, its replicas may stand below any of them. */
  namesakesOf(key: InstanceKey): readonly Instance[] {
    const known = this.#known.get(keyText(key));
    if (!known) return [];
    return [...this.#known.values()].filter((other) => other !== known && isSameServer(known, other)).map(({instance}) => instance);
  }

  forget(key: InstanceKey): void {
    this.#known.delete(keyText(key));
    this.#voidUntil.delete(keyText(key));
    this.#topology = null;
  }

  /** Adds an instance that the backend knows and this process does not. */
  learn(instance: Instance): void {
    if (!this.#known.has(keyText(instance.key))) this.#put(fromRow(instance));
  }

  /**
   * Replaces what people said about instances; those not named have no wishes. What was probed of an instance before a lock of it was
   * seen to be gone is void.
   */
  wish(wishes: ReadonlyMap<string, Wishes>): void {
    for (const [name, known] of this.#known) {
      const now = wishes.get(name) ?? NO_WISHES;
      const {lockedBy} = known.instance.wishes;
      if (lockedBy !== null && lockedBy !== now.lockedBy) this.#voidUntil.set(name, performance.now());
      if (now !== known.instance.wishes) this.#known.set(name, {...known, instance: {...known.instance, wishes: now}});
    }
    this.#topology = null;
  }

  /**
   * Takes in the outcome of one probe. An outcome that began before the one already here is ignored, so that a slow answer
   * never overwrites a newer one.
   *
   * @param asked the key that was probed; a server that names itself otherwise is stored under its own key
   * @returns the instance as it is now, or null: a server never seen that did not answer, or an outcome out of date
   */
  record(asked: InstanceKey, outcome: ProbeOutcome): Instance | null {
    const key = outcome.ok ? outcome.reading.key : asked;
    const before = this.#known.get(keyText(key));
    if (before && before.probedAt !== null && before.probedAt > outcome.startedAt) return null;
    if (outcome.ok && !sameKey(key, asked)) this.forget(asked);
    const instance = outcome.ok ? this.#seen(outcome.reading, outcome, before?.instance) : before && unseen(before.instance, outcome);
    if (!instance) return null;
    const now = outcome.ok ? {identity: identityOf(outcome), bootedAt: bootedAt(instance, outcome.startedAt)} : null;
    this.#put({
      instance,
      probedAt: outcome.startedAt,
      identity: now?.identity ?? before?.identity ?? null,
      bootedAt: now ? now.bootedAt : (before?.bootedAt ?? null),
    });
    this.#replaceBelow(instance);
    return instance;
  }

  #seen(reading: Reading, outcome: ProbeOutcome & {ok: true}, before: Instance | undefined): Instance {
    const cluster = clusterFacts(reading, this.#parentOf(reading), this.#naming);
    const instance = {
      ...reading,
      cluster,
      detected: this.#marked ? {...reading.detected, pseudoGtid: this.#marked.has(cluster.name)} : reading.detected,
      check: {
        ...NEVER_CHECKED,
        ...before?.check,
        valid: true,
        partial: true,
        upToDate: true,
        recent: true,
        reach: 'answered',
        errno: 0,
        secondsSinceSeen: 0,
        latency: Math.round(outcome.took * 1e6),
      } as const,
      wishes: before?.wishes ?? NO_WISHES,
    };
    return this.#withErrant(instance);
  }

  #withErrant(instance: Instance): Instance {
    const [parent, ...above] = this.#above(instance);
    const errant = parent ? errantAgainst(instance, parent, above) : '';
    return errant === instance.gtid.errant ? instance : {...instance, gtid: {...instance.gtid, errant}};
  }

  #parentOf(reading: Reading): Instance | undefined {
    const key = parentKeyOf(reading);
    return key ? this.get(key) : undefined;
  }

  /** Its source, the source of that, and so on; a ring ends where it closes. */
  #above(instance: Instance): readonly Instance[] {
    const chain: Instance[] = [];
    for (let next = this.#parentOf(instance); next && !chain.includes(next) && !sameKey(next.key, instance.key);) {
      chain.push(next);
      next = this.#parentOf(next);
    }
    return chain;
  }

  /** What stands below an instance takes its place in the cluster from it. */
  #replaceBelow(changed: Instance): void {
    for (const replica of this.topology().below(changed.key)) {
      const known = this.#known.get(keyText(replica.key));
      if (!known) continue;
      const cluster = clusterFacts(known.instance, this.#parentOf(known.instance), this.#naming);
      if (JSON.stringify(cluster) !== JSON.stringify(known.instance.cluster)) this.#put({...known, instance: {...known.instance, cluster}});
    }
  }

  #put(known: Known): void {
    this.#known.set(keyText(known.instance.key), known);
    this.#topology = null;
  }
}

function fromRow(instance: Instance): Known {
  return {instance, probedAt: null, identity: null, bootedAt: bootedAt(instance, performance.now())};
}

function unseen(before: Instance, outcome: ProbeOutcome & {ok: false}): Instance {
  return {
    ...before,
    check: {
      ...before.check,
      valid: false,
      partial: outcome.partial,
      upToDate: true,
      reach: outcome.unreachable.reach,
      errno: outcome.unreachable.errno,
    },
  };
}

/** Servers that a reading names and that are worth probing too: its source, its replicas, the members of its group. */
export function neighbours(reading: Reading): readonly InstanceKey[] {
  const named = [reading.replication?.source, ...reading.replicas, ...(reading.group?.members ?? [])];
  return named.filter((key): key is InstanceKey => !!key && isUsableKey(key)).sort(compareKeys);
}
