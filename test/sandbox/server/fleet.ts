import {buildInstance, type Factory, type Wanted} from './build.ts';
import {detach, takePristine, wipe, type Pristine} from './clean.ts';
import type {GuardedFolder} from './guard.ts';
import type {Instance} from './instance.ts';
import {reservePorts, type ReservedPorts} from './ports.ts';

export interface FleetOptions {
  /** `slave_net_timeout` of all servers in seconds, 60 unless given. */
  readonly netTimeout?: number;
  /** Options every server gets, e.g. `--gtid-strict-mode=OFF`. */
  readonly serverOptions?: readonly string[];
  /** Options of one server beside, e.g. another address to report than its own. */
  readonly optionsOf?: (name: string) => readonly string[];
}

/** What a member of a cluster has beyond a plain server. */
export interface More extends Partial<Pick<Wanted, 'options' | 'beforeStart'>> {
  readonly reserved?: ReservedPorts;
}

export interface Member {
  readonly serverId: number;
  readonly reserved: ReservedPorts;
  instance: Instance;
  /** Null until it has answered for the first time. */
  pristine: Pristine | null;
  /** Whether it was built to use GTIDs. */
  gtid: boolean;
}

/** The servers of a sandbox: named, each keeping its port and server_id while its process and data come and go. */
export class Fleet {
  gtid = true;
  private readonly factory: Factory;
  private readonly folder: GuardedFolder;
  private readonly options: FleetOptions;
  private readonly members = new Map<string, Member>();
  private lastServerId = 0;
  private busy: Promise<unknown> = Promise.resolve();

  constructor(factory: Factory, folder: GuardedFolder, options: FleetOptions) {
    this.factory = factory;
    this.folder = folder;
    this.options = options;
  }

  get instances(): readonly Instance[] {
    const members = [...this.members.values()].sort((one, other) => one.serverId - other.serverId);
    return members.map((member) => member.instance);
  }

  /** @throws Error when there is no server of this name */
  get(name: string): Instance {
    const member = this.members.get(name);
    if (!member) throw new Error(`No server ${name} in this sandbox; there are: ${[...this.members.keys()].join(', ')}.`);
    return member.instance;
  }

  /** Makes these servers run, empty and standing alone; others that still run are emptied too, so that none is in the way. */
  async blank(names: readonly string[], {gtid}: {readonly gtid: boolean}): Promise<void> {
    await this.settle(this.makeBlank(names, gtid));
  }

  /** Runs work on the servers that `down` must wait for. */
  settle<T>(work: Promise<T>): Promise<T> {
    this.busy = Promise.allSettled([this.busy, work]);
    return work;
  }

  private async makeBlank(names: readonly string[], gtid: boolean): Promise<void> {
    this.gtid = gtid;
    const members = [...this.members.values()];
    const usable = members.flatMap((member) => {
      const {instance, pristine} = member;
      const fits = member.gtid === gtid || !names.includes(instance.name);
      return fits && pristine && instance.alive() ? [{member, instance, pristine}] : [];
    });
    // All let go before any is emptied: a replica that still reads would write again.
    await together(usable.map(({instance}) => detach(instance)));
    await together(usable.map(({instance, pristine}) => wipe(instance, pristine)));
    const unusable = members.filter((member) => !usable.some((one) => one.member === member) && names.includes(member.instance.name));
    const missing = names.filter((name) => !this.members.has(name));
    const added = await together(missing.map((name) => this.add(name)));
    await together([...unusable.map((member) => this.renew(member)), ...added.map((member) => this.begin(member))]);
  }

  /** A new server with a fresh data folder, not started. It listens on the first of its ports. */
  async add(name: string, more: More = {}): Promise<Member> {
    const serverId = ++this.lastServerId;
    const reserved = more.reserved ?? (await reservePorts(1));
    const instance = await this.build(name, serverId, reserved, more);
    const member: Member = {serverId, reserved, instance, pristine: null, gtid: this.gtid};
    this.members.set(name, member);
    return member;
  }

  /** Kills all, waits until they are gone, and removes their files. */
  async down(): Promise<void> {
    this.folder.close();
    await this.killAll();
    await this.busy; // ends soon: its servers are killed and none may start
    await this.killAll();
    await this.folder.end();
    await Promise.all([...this.members.values()].map((member) => member.reserved.release()));
    this.members.clear();
  }

  private async killAll(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.kill9()));
  }

  private async renew(member: Member): Promise<void> {
    await member.instance.kill9();
    member.gtid = this.gtid;
    member.instance = await this.build(member.instance.name, member.serverId, member.reserved);
    await this.begin(member);
  }

  private async begin(member: Member): Promise<void> {
    await member.instance.start();
    member.pristine = await takePristine(member.instance);
  }

  private build(name: string, serverId: number, reserved: ReservedPorts, more: More = {}): Promise<Instance> {
    const {netTimeout = 60, serverOptions = [], optionsOf} = this.options;
    const [port = 0] = reserved.ports;
    const options = [...serverOptions, ...(optionsOf?.(name) ?? []), ...(more.options ?? [])];
    return buildInstance(this.factory, this.folder, {...more, name, serverId, port, netTimeout, gtid: this.gtid, options});
  }
}

/** Like Promise.all, but when one fails the others are still waited for: they hold processes and files. */
async function together<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
