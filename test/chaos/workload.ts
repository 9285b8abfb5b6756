import {setTimeout as sleep} from 'node:timers/promises';
import {ACCOUNTS, Client} from '../sandbox/index.ts';
import type {Managed, Server} from './cluster/managed.ts';

const EACH = 50;
const ANSWER_WITHIN = 1_500;

/** An insert that a server answered with OK. */
export interface Acknowledged {
  readonly id: number;
  readonly server: string;
  /** When the answer came, on our monotonic clock. */
  readonly at: number;
}

/**
 * An application of one cluster, without any global privilege: inserts rows with ever new ids, and goes to the next server when one
 * does not take them, as behind a proxy that knows no roles.
 */
export class Application {
  readonly cluster: Managed;
  readonly acknowledged: Acknowledged[] = [];
  /** Inserts that failed or whose answer was lost: they may or may not be there. */
  failed = 0;
  readonly #servers: readonly Server[];
  readonly #clients: readonly Client[];
  #at = 0;
  #next = 1;
  #stopped = false;
  #work: Promise<void> = Promise.resolve();

  constructor(cluster: Managed) {
    this.cluster = cluster;
    this.#servers = cluster.servers;
    this.#clients = cluster.servers.map(({instance}) => new Client(instance.key.port, ACCOUNTS.app, {connectTimeout: ANSWER_WITHIN}));
  }

  start(): void {
    this.#work = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#work;
    for (const client of this.#clients) client.close();
  }

  /** Longest time without an acknowledged insert since a moment, milliseconds. */
  pauseSince(moment: number): number {
    const times = [moment, ...this.acknowledged.map(({at}) => at).filter((at) => at > moment), performance.now()];
    return Math.max(...times.slice(1).map((at, before) => at - (times[before] ?? at)));
  }

  /** When the first insert was acknowledged by another server than this, after a moment. */
  firstElsewhere(than: Server, moment: number): number | null {
    return this.acknowledged.find(({server, at}) => at > moment && server !== than.name)?.at ?? null;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const began = performance.now();
      if (!(await this.#insert(this.#next++))) this.#at = (this.#at + 1) % this.#servers.length;
      await sleep(Math.max(5, EACH - (performance.now() - began)));
    }
  }

  async #insert(id: number): Promise<boolean> {
    const server = this.#servers[this.#at]!;
    try {
      await this.#clients[this.#at]!.query('INSERT INTO test.t (id) VALUES (?)', [id], {timeout: ANSWER_WITHIN});
      this.acknowledged.push({id, server: server.name, at: performance.now()});
      return true;
    } catch {
      this.failed += 1; // Whatever the reason, an application goes on.
      return false;
    }
  }
}
