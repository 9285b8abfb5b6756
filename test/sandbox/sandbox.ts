import {appliedAll, point, replicaStatus, replicating, sendsTo, setReadOnly, setSemiSync, type PointOptions} from './replication.ts';
import {factoryOf} from './server/build.ts';
import {Fleet, type FleetOptions} from './server/fleet.ts';
import {guardedFolder} from './server/guard.ts';
import type {Instance} from './server/instance.ts';
import type {Flavor} from './server/words.ts';
import {parseShape, type Shape} from './topology.ts';
import {waitFor, type Waiting} from './wait.ts';
import {Writer, type WriterOptions} from './writer.ts';

export interface SandboxOptions extends FleetOptions {
  readonly flavor: Flavor;
}

export interface TopologyOptions {
  readonly semiSync?: boolean;
  /** Replicas are read_only, and super_read_only where it exists; true unless given. */
  readonly readOnlyReplicas?: boolean;
  /** Seconds between heartbeats of idle sources, 1 unless given, 0 for none. */
  readonly heartbeat?: number;
  /** GTIDs on, and replicas pointed by them; true unless given. A change builds the servers anew. */
  readonly gtid?: boolean;
}

/** The names in the text of a topology, so that `const {a, b} = await box.topology('a: b')` is typed. */
export type NamesIn<S extends string> = S extends `${infer A}:${infer B}`
  ? NamesIn<A> | NamesIn<B>
  : S extends `${infer A};${infer B}`
    ? NamesIn<A> | NamesIn<B>
    : S extends `${infer A} ${infer B}`
      ? NamesIn<A> | NamesIn<B>
      : S extends ''
        ? never
        : S;

export type Instances<S extends string> = Readonly<Record<NamesIn<S>, Instance>>;

/** Gets the server if need be, and an empty sandbox. Whoever makes one calls `down()`; if it cannot, its guard does the same. */
export async function sandbox(options: SandboxOptions): Promise<Sandbox> {
  const factory = await factoryOf(options.flavor);
  return new Sandbox(new Fleet(factory, await guardedFolder(), options), factory.tree.version, options.flavor);
}

/** Real servers of one family on 127.0.0.1, in replication. */
export class Sandbox {
  readonly flavor: Flavor;
  readonly version: string;
  private readonly fleet: Fleet;
  private readonly writers: Writer[] = [];

  constructor(fleet: Fleet, version: string, flavor: Flavor) {
    this.fleet = fleet;
    this.version = version;
    this.flavor = flavor;
  }

  /** All servers there are, running or not. */
  get instances(): readonly Instance[] {
    return this.fleet.instances;
  }

  /**
   * Brings all servers to this topology from whatever state they are in: new ones are started, dead ones built anew,
   * living ones emptied (data, binary logs, GTID sets, accounts and settings of tests). Returns when all replicas replicate.
   */
  async topology<const S extends string>(text: S, options: TopologyOptions = {}): Promise<Instances<S>> {
    const shape = parseShape(text);
    await Promise.all(this.writers.splice(0).map((writer) => writer.stop()));
    await this.fleet.blank(shape.names, {gtid: options.gtid ?? true});
    const instances = Object.fromEntries(shape.names.map((name) => [name, this.get(name)])) as Instances<S>;
    if (options.semiSync) await Promise.all(shape.names.map((name) => this.semiSync(shape, name)));
    for (const {source, replica, channel} of shape.edges) {
      await point(this.get(replica), this.get(source), {channel, gtid: this.fleet.gtid, heartbeat: options.heartbeat ?? 1});
    }
    if (options.readOnlyReplicas ?? true) await this.protectReplicas(shape);
    await Promise.all([...new Set(shape.edges.map((edge) => edge.replica))].map((name) => replicating(this.get(name))));
    await Promise.all(
      Object.entries(Object.groupBy(shape.edges, ({source}) => source)).map(([name, edges]) => sendsTo(this.get(name), edges?.length ?? 0)),
    );
    return instances;
  }

  /** The same as `topology`, under the name that says what it does to running servers. */
  reset<const S extends string>(text: S, options: TopologyOptions = {}): Promise<Instances<S>> {
    return this.topology(text, options);
  }

  /** @throws Error when there is no server of this name */
  get(name: string): Instance {
    return this.fleet.get(name);
  }

  /** Makes a replica read from a source, on a channel of its own if one is named. */
  point(replica: Instance, source: Instance, options: PointOptions = {}): Promise<void> {
    return point(replica, source, {gtid: this.fleet.gtid, ...options});
  }

  waitFor<T>(description: string, condition: () => Promise<T> | T, waiting?: Waiting): Promise<NonNullable<T>> {
    return waitFor(description, condition, waiting);
  }

  /** Waits until every running replica has applied all its running source has, from the top down, as the servers now say they replicate. */
  async caughtUp({within = 60_000}: Waiting = {}): Promise<void> {
    const running = this.instances.filter((instance) => instance.alive());
    const edges = await Promise.all(running.map(async (replica) => (await replicaStatus(replica)).map((status) => ({replica, status}))));
    const depth = Math.max(1, running.length - 1);
    const known = edges.flat().flatMap((edge) => {
      const source = running.find((instance) => instance.key.port === edge.status.source.port);
      return source ? [{...edge, source}] : [];
    });
    // A replica's own log is complete only when it has caught up itself, so a chain takes as many rounds as it is deep.
    for (let round = 0; round < depth; round++) {
      await Promise.all(known.map(({replica, source, status}) => appliedAll(replica, source, status, within)));
    }
  }

  /** What servers said that have ended of themselves: no test asks that of them, and whatever failed beside may be its consequence. */
  async crashes(): Promise<readonly string[]> {
    return (await Promise.all(this.instances.map((instance) => instance.crash()))).filter((said) => said !== null);
  }

  /** An outside application that writes to an instance until stopped. */
  async writer(instance: Instance, options: WriterOptions = {}): Promise<Writer> {
    const writer = await new Writer(instance, options).start();
    this.writers.push(writer);
    return writer;
  }

  /** Kills all servers, waits until they are gone, and removes their files. */
  async down(): Promise<void> {
    const stopping = this.writers.splice(0).map((writer) => writer.stop());
    await this.fleet.down();
    await Promise.all(stopping);
  }

  private async semiSync(shape: Shape, name: string): Promise<void> {
    const instance = this.get(name);
    const roles = (['source', 'replica'] as const).filter((role) => shape.edges.some((edge) => edge[role] === name));
    for (const role of roles) await setSemiSync(instance, role);
  }

  private async protectReplicas(shape: Shape): Promise<void> {
    const replicas = shape.names.filter((name) => !shape.writable.has(name)).map((name) => this.get(name));
    await Promise.all(replicas.map((replica) => setReadOnly(replica)));
  }
}
