import {groupReplication, waitFor, type Group, type Instance} from '../../sandbox/index.ts';
import type {Backend} from './backend.ts';
import {Clocks} from './clocks.ts';

const WHOLE_WITHIN = 60_000;
/** How long members that were stopped may take to find each other again by themselves. */
const BY_THEMSELVES = 12_000;
const SLOW = {timeout: WHOLE_WITHIN};

/** Three members that all write, one for each service. */
export async function groupBackend(): Promise<Backend> {
  return new GroupBackend(await groupReplication({nodes: 3, multiPrimary: true}));
}

class GroupBackend implements Backend {
  readonly kind = 'group';
  readonly #group: Group;
  readonly #clocks = new Clocks();

  constructor(group: Group) {
    this.#group = group;
  }

  get version(): string {
    return `MySQL ${this.#group.version} with Group Replication, multi-primary`;
  }

  get servers(): readonly Instance[] {
    return this.#group.nodes;
  }

  way(node: number): number {
    return this.servers[node]!.key.port;
  }

  kill(server: number): Promise<void> {
    return this.servers[server]!.kill9();
  }

  async setClock(place: number, seconds: number): Promise<void> {
    const server = this.servers[place]!;
    await this.#startAgain(server, seconds);
    await rejoin(server);
    await waitFor('it is a member again', async () => (await this.#online(server)).includes(server.key.port), {within: WHOLE_WITHIN});
    await this.#clocks.verify(server, seconds);
  }

  loseQuorum(): Promise<void> {
    for (const server of this.servers.slice(1)) server.pause();
    return Promise.resolve();
  }

  async revive(): Promise<void> {
    for (const server of this.servers) server.resume();
    for (const server of this.#clocks.wrong) await this.#startAgain(server, 0);
    const dead = this.servers.filter((server) => !server.alive());
    await Promise.all(dead.map((server) => server.start()));
    if (dead.length === 0 && (await this.#isWhole(BY_THEMSELVES))) return;
    if ((await this.#working()).length === 0) await this.#form();
    const members = await this.#working();
    for (const server of this.servers.filter((one) => !members.includes(one))) await rejoin(server);
    if (!(await this.#isWhole(WHOLE_WITHIN))) throw new Error('The group did not become whole.');
  }

  renew(): Promise<void> {
    return this.revive();
  }

  down(): Promise<void> {
    return this.#group.down();
  }

  /** It leaves first, so that the others need not find out. */
  async #startAgain(server: Instance, seconds: number): Promise<void> {
    await this.#clocks.set(server, seconds);
    if (server.alive()) {
      await leave(server);
      await server.kill9();
    }
    await server.start();
  }

  /** All see all ONLINE, at latest after so long. */
  #isWhole(within: number): Promise<boolean> {
    const whole = async (): Promise<boolean> => {
      const views = await Promise.all(this.servers.map((server) => this.#online(server)));
      return views.every((online) => online.length === this.servers.length);
    };
    return waitFor('the group is whole', whole, {within}).catch(() => false);
  }

  /** Members that belong to a majority, as they see it. */
  async #working(): Promise<readonly Instance[]> {
    const views = await Promise.all(
      this.servers.map(async (server) => {
        const online = await this.#online(server).catch((): readonly number[] => []);
        return online.includes(server.key.port) && online.length > this.servers.length / 2 ? server : null;
      }),
    );
    return views.filter((server) => server !== null);
  }

  async #online(server: Instance): Promise<readonly number[]> {
    return (await this.#group.members(server)).filter(({state}) => state === 'ONLINE').map(({port}) => port);
  }

  /** Nobody is left with a majority: the member that has most begins anew. */
  async #form(): Promise<void> {
    await Promise.all(this.servers.map((server) => leave(server)));
    let first = this.servers[0]!;
    for (const server of this.servers.slice(1)) if (await hasMore(server, first)) first = server;
    await first.query('SET GLOBAL group_replication_bootstrap_group=ON');
    await first.query('START GROUP_REPLICATION', [], SLOW);
    await first.query('SET GLOBAL group_replication_bootstrap_group=OFF');
    for (const server of this.servers.filter((one) => one !== first)) await rejoin(server);
  }
}

async function hasMore(one: Instance, other: Instance): Promise<boolean> {
  const set = String(await one.value('SELECT @@global.gtid_executed'));
  return Number(await other.value('SELECT GTID_SUBSET(?, @@global.gtid_executed)', [set])) === 0;
}

async function leave(server: Instance): Promise<void> {
  await server.query('STOP GROUP_REPLICATION', [], SLOW);
}

async function rejoin(server: Instance): Promise<void> {
  await leave(server);
  await server.query('START GROUP_REPLICATION', [], SLOW);
}
