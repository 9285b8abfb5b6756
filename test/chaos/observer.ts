import {setTimeout as sleep} from 'node:timers/promises';
import {replicaStatus} from '../sandbox/index.ts';
import {leads} from './cluster/leads.ts';
import type {Server} from './cluster/managed.ts';
import type {Stage} from './cluster/stage.ts';

const EACH = 200;
const ANSWER_WITHIN = 1_000;

/** One look; what it says was so at some moment between `from` and `until`, on our monotonic clock. */
export interface Sample<What> {
  readonly of: string;
  readonly from: number;
  readonly until: number;
  /** Null: no answer. */
  readonly said: What | null;
}

export interface ServerState {
  readonly writable: boolean;
  /** Port of the source it reads from. */
  readonly source: number | null;
  readonly receiving: boolean;
  readonly applying: boolean;
}

export interface LeaseState {
  readonly term: number;
  readonly token: string;
}

export interface Samples {
  readonly servers: readonly Sample<ServerState>[];
  /** Whether each node says that it leads. */
  readonly nodes: readonly Sample<boolean>[];
  /** What each server of the backend has for the leader. */
  readonly leases: readonly Sample<LeaseState>[];
}

/** Looks at everything again and again, past all wires, and remembers what it saw. */
export class Observer {
  readonly #stage: Stage;
  readonly #servers: Sample<ServerState>[] = [];
  readonly #nodes: Sample<boolean>[] = [];
  readonly #leases: Sample<LeaseState>[] = [];
  #stopped = false;
  #loops: Promise<unknown> = Promise.resolve();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  get samples(): Samples {
    return {servers: this.#servers, nodes: this.#nodes, leases: this.#leases};
  }

  start(): void {
    const {servers, nodes, backend} = this.#stage;
    this.#loops = Promise.all([
      ...servers.map((server) => this.#loop(this.#servers, server.name, () => stateOf(server))),
      ...nodes.map((node) => this.#loop(this.#nodes, node.name, () => leads(node))),
      ...backend.servers.map((server) => this.#loop(this.#leases, server.name, () => leaseAt(server))),
    ]);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loops;
  }

  async #loop<What>(into: Sample<What>[], of: string, look: () => Promise<What | null>): Promise<void> {
    while (!this.#stopped) {
      const from = performance.now();
      const said = await look().catch(() => null); // No answer is an answer; which kind does not matter here.
      into.push({of, from, until: performance.now(), said});
      await sleep(EACH);
    }
  }
}

/** What one server says of itself now. */
export async function stateOf({instance}: Server): Promise<ServerState | null> {
  if (!instance.alive()) return null;
  const [row] = await instance.query<{ro: number}>('SELECT @@global.read_only AS ro', [], {timeout: ANSWER_WITHIN});
  const [status] = await replicaStatus(instance);
  return {
    writable: Number(row?.ro) === 0,
    source: status?.source.port ?? null,
    receiving: status?.receiver.running === 'Yes',
    applying: status?.applier.running === 'Yes',
  };
}

async function leaseAt(server: Stage['backend']['servers'][number]): Promise<LeaseState | null> {
  if (!server.alive()) return null;
  const [row] = await server.query<{term: number; token: string}>(
    'SELECT term, token FROM orchestrator.leader_term JOIN orchestrator.active_node USING (anchor) WHERE anchor = 1',
    [],
    {timeout: ANSWER_WITHIN},
  );
  return row ? {term: Number(row.term), token: row.token} : null;
}
