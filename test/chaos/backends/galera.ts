import {galera, type Galera, type Instance} from '../../sandbox/index.ts';
import type {Backend} from './backend.ts';
import {Clocks} from './clocks.ts';

/** Three nodes, one for each service. */
export async function galeraBackend(): Promise<Backend> {
  return new GaleraBackend(await galera({nodes: 3}));
}

class GaleraBackend implements Backend {
  readonly kind = 'galera';
  readonly #cluster: Galera;
  readonly #clocks = new Clocks();

  constructor(cluster: Galera) {
    this.#cluster = cluster;
  }

  get version(): string {
    return `MariaDB ${this.#cluster.version} with Galera`;
  }

  get servers(): readonly Instance[] {
    return this.#cluster.nodes;
  }

  way(node: number): number {
    return this.servers[node]!.key.port;
  }

  kill(server: number): Promise<void> {
    return this.servers[server]!.kill9();
  }

  async setClock(place: number, seconds: number): Promise<void> {
    const server = this.servers[place]!;
    await server.stop();
    await this.#clocks.set(server, seconds);
    await this.#cluster.join(server);
    await this.#clocks.verify(server, seconds);
  }

  /** Each on its own: no two of them hear each other. */
  async loseQuorum(): Promise<void> {
    await Promise.all(this.servers.slice(1).map((server) => this.#cluster.isolate(server)));
  }

  async revive(): Promise<void> {
    for (const server of this.servers) server.resume();
    for (const server of this.#clocks.wrong) {
      await this.#clocks.set(server, 0);
      await server.stop();
    }
    const alive = this.servers.filter((server) => server.alive());
    await Promise.all(alive.map((server) => this.#cluster.heal(server)));
    if (alive.length === 0) return this.#cluster.begin();
    await Promise.all(alive.map((server) => this.#cluster.synced(server)));
    for (const server of this.servers.filter((one) => !one.alive())) await this.#cluster.join(server);
    await Promise.all(this.servers.map((server) => this.#cluster.size(server, this.servers.length)));
  }

  renew(): Promise<void> {
    return this.revive();
  }

  down(): Promise<void> {
    return this.#cluster.down();
  }
}
