import {appliedAll, point, replicaStatus, replicating, type PointOptions} from './replication.ts';
import {buildInstance, factoryOf, type Factory} from './server/build.ts';
import {detach, takePristine, wipe, type Pristine} from './server/clean.ts';
import {guardedFolder, type GuardedFolder} from './server/guard.ts';
import type {Instance} from './server/instance.ts';
import {reservePorts, type ReservedPorts} from './server/ports.ts';
import type {Flavor} from './server/words.ts';
import {parseShape, type Shape} from './topology.ts';
import {waitFor, type Waiting} from './wait.ts';
import {Writer, type WriterOptions} from './writer.ts';

export interface SandboxOptions {
  readonly flavor: Flavor;
  /** `slave_net_timeout` of all servers in seconds, 60 unless given. */
  readonly netTimeout?: number;
  /** Options every server gets, e.g. `--gtid-strict-mode=OFF`. */
  readonly serverOptions?: readonly string[];
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
  return new Sandbox(factory, await guardedFolder(), options);
}

interface Member {
  instance: Instance;
  readonly reserved: ReservedPorts;
  readonly serverId: number;
  pristine: Pristine | null;
}

/** Real servers of one family on 127.0.0.1, in replication. */
export class Sandbox {
  readonly flavor: Flavor;
  readonly version: string;
  private readonly factory: Factory;
  private readonly folder: GuardedFolder;
  private readonly options: SandboxOptions;
  private readonly members = new Map<string, Member>();
  private readonly writers: Writer[] = [];
  private gtid = true;

  constructor(factory: Factory, folder: GuardedFolder, options: SandboxOptions) {
    this.factory = factory;
    this.folder = folder;
    this.options = options;
    this.flavor = factory.flavor;
    this.version = factory.tree.version;
  }

  /** All servers there are, running or not. */
  get instances(): readonly Instance[] {
    return [...this.members.values()].map((member) => member.instance);
  }

  /**
   * Brings all servers to this topology from whatever state they are in: new ones are started, dead ones built anew,
   * living ones emptied (data, binary logs, GTID sets, accounts and settings of tests). Returns when all replicas replicate.
   */
  async topology<const S extends string>(text: S, options: TopologyOptions = {}): Promise<Instances<S>> {
    const shape = parseShape(text);
    await Promise.all(this.writers.splice(0).map((writer) => writer.stop()));
    await this.prepare(shape, options.gtid ?? true);
    const instances = Object.fromEntries(shape.names.map((name) => [name, this.get(name)])) as Instances<S>;
    if (options.semiSync) await Promise.all(shape.names.map((name) => this.semiSync(shape, name)));
    for (const {source, replica, channel} of shape.edges) {
      await point(this.get(replica), this.get(source), {channel, gtid: this.gtid, heartbeat: options.heartbeat ?? 1});
    }
    if (options.readOnlyReplicas ?? true) await this.protectReplicas(shape);
    await Promise.all([...new Set(shape.edges.map((edge) => edge.replica))].map((name) => replicating(this.get(name))));
    return instances;
  }

  /** The same as `topology`, under the name that says what it does to running servers. */
  reset<const S extends string>(text: S, options: TopologyOptions = {}): Promise<Instances<S>> {
    return this.topology(text, options);
  }

  /** @throws Error when there is no server of this name */
  get(name: string): Instance {
    const member = this.members.get(name);
    if (!member) throw new Error(`No server ${name} in this sandbox; there are: ${[...this.members.keys()].join(', ')}.`);
    return member.instance;
  }

  /** Makes a replica read from a source, on a channel of its own if one is named. */
  point(replica: Instance, source: Instance, options: PointOptions = {}): Promise<void> {
    return point(replica, source, {gtid: this.gtid, ...options});
  }

  waitFor<T>(description: string, condition: () => Promise<T> | T, waiting?: Waiting): Promise<NonNullable<T>> {
    return waitFor(description, condition, waiting);
  }

  /** Waits until every running replica has applied all its running source has, from the top down, as the servers now say they replicate. */
  async caughtUp({within = 15_000}: Waiting = {}): Promise<void> {
    const running = this.instances.filter((instance) => instance.alive());
    const edges = await Promise.all(
      running.map(async (replica) => (await replicaStatus(replica)).map((status) => ({replica, status}))),
    );
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

  /** An outside application that writes to an instance until stopped. */
  async writer(instance: Instance, options: WriterOptions = {}): Promise<Writer> {
    const writer = await new Writer(instance, options).start();
    this.writers.push(writer);
    return writer;
  }

  /** Kills all servers, waits until they are gone, and removes their files. */
  async down(): Promise<void> {
    const stopping = this.writers.splice(0).map((writer) => writer.stop());
    await Promise.all(this.instances.map((instance) => instance.kill9()));
    await Promise.all(stopping);
    await this.folder.end();
    await Promise.all([...this.members.values()].map((member) => member.reserved.release()));
    this.members.clear();
  }

  private async prepare(shape: Shape, gtid: boolean): Promise<void> {
    const rebuild = gtid !== this.gtid;
    this.gtid = gtid;
    const members = [...this.members.values()];
    const alive = members.filter((member) => member.instance.alive() && member.pristine && !rebuild);
    await Promise.all(alive.map((member) => detach(member.instance)));
    await Promise.all(alive.map((member) => member.pristine && wipe(member.instance, member.pristine)));
    const dead = members.filter((member) => !alive.includes(member) && shape.names.includes(member.instance.name));
    const fresh = shape.names.filter((name) => !this.members.has(name));
    await Promise.all([...dead.map((member) => this.rebuild(member)), ...fresh.map((name) => this.add(name))]);
  }

  private async add(name: string): Promise<void> {
    const serverId = this.nextServerId++;
    const reserved = await reservePorts(1);
    const instance = await this.build(name, serverId, reserved);
    const member: Member = {instance, reserved, serverId, pristine: null};
    this.members.set(name, member);
    await instance.start();
    member.pristine = await takePristine(instance);
  }

  private nextServerId = 1;

  private async rebuild(member: Member): Promise<void> {
    await member.instance.kill9();
    member.instance = await this.build(member.instance.name, member.serverId, member.reserved);
    await member.instance.start();
    member.pristine = await takePristine(member.instance);
  }

  private build(name: string, serverId: number, reserved: ReservedPorts): Promise<Instance> {
    return buildInstance(this.factory, this.folder, {
      name,
      serverId,
      port: reserved.ports[0] ?? 0,
      gtid: this.gtid,
      netTimeout: this.options.netTimeout ?? 60,
      options: this.options.serverOptions ?? [],
    });
  }

  private async semiSync(shape: Shape, name: string): Promise<void> {
    const instance = this.get(name);
    const roles = (['source', 'replica'] as const).filter((role) => shape.edges.some((edge) => edge[role] === name));
    for (const role of roles) {
      for (const statement of instance.words.semiSync(role, true)) await instance.query(statement);
    }
  }

  private async protectReplicas(shape: Shape): Promise<void> {
    const replicas = shape.names.filter((name) => !shape.writable.has(name)).map((name) => this.get(name));
    await Promise.all(replicas.flatMap((replica) => replica.words.readOnly(true).map((statement) => replica.query(statement))));
  }
}
