import type {Topology} from '../../../../src/lib/model/topology.ts';
import {given, uuid, type But} from '../../support/given.ts';

/** A transaction: who wrote it and its number there, `a:7`. */
export type Transaction = string;

/** A simulated MySQL server with GTIDs. */
export interface Server {
  readonly name: string;
  alive: boolean;
  readOnly: boolean;
  /** What it has applied or written. */
  executed: ReadonlySet<Transaction>;
  /** What is in its relay log and not applied yet. */
  waiting: ReadonlySet<Transaction>;
  /** Whom it replicates from; null: nobody. */
  source: string | null;
  receives: boolean;
  applies: boolean;
  /** The applier failed and cannot go on. */
  broken: boolean;
  /** Applies an hour late. */
  late: boolean;
}

/** Servers and what they hold; changes in place, so that each step can be looked at. */
export class World {
  readonly servers: ReadonlyMap<string, Server>;

  /** A source `a` with replicas, each below one that comes before it; all have applied ten transactions. */
  constructor(parents: readonly number[]) {
    const names = 'abcdefgh'.slice(0, parents.length + 1).split('');
    const executed = new Set(Array.from({length: 10}, (_, at) => `a:${at + 1}`));
    const server = (name: string, source: string | null): Server => ({
      name,
      source,
      executed,
      waiting: new Set<Transaction>(),
      alive: true,
      readOnly: source !== null,
      receives: source !== null,
      applies: source !== null,
      broken: false,
      late: false,
    });
    const below = parents.map((parent, at) => names[parent % (at + 1)] ?? 'a');
    this.servers = new Map(names.map((name, at) => [name, server(name, at === 0 ? null : (below[at - 1] ?? 'a'))]));
  }

  get all(): readonly Server[] {
    return [...this.servers.values()];
  }

  get living(): readonly Server[] {
    return this.all.filter(({alive}) => alive);
  }

  get(name: string | null): Server | undefined {
    return name === null ? undefined : this.servers.get(name);
  }

  write(on: Server, count: number): void {
    const last = Math.max(0, ...[...on.executed].filter((one) => one.startsWith(`${on.name}:`)).map((one) => Number(one.slice(2))));
    on.executed = new Set([...on.executed, ...Array.from({length: count}, (_, at) => `${on.name}:${last + at + 1}`)]);
  }

  /** A replica receives so many of the transactions that it lacks. */
  receive(on: Server, count = Number.POSITIVE_INFINITY): void {
    const source = this.get(on.source);
    if (!on.alive || !on.receives || !source?.alive) return;
    const lacking = [...source.executed].filter((one) => !on.executed.has(one) && !on.waiting.has(one));
    on.waiting = new Set([...on.waiting, ...lacking.slice(0, count)]);
  }

  apply(on: Server, count = Number.POSITIVE_INFINITY): void {
    if (!on.alive || !on.applies || on.broken || on.late) return;
    const next = [...on.waiting].slice(0, count);
    on.executed = new Set([...on.executed, ...next]);
    on.waiting = new Set([...on.waiting].slice(next.length));
  }

  /** Lets time pass until nothing moves any more. */
  settle(): void {
    for (let round = 0; round < this.servers.size; round++) {
      for (const server of this.all) {
        this.receive(server);
        this.apply(server);
      }
    }
  }

  /** What a look at all of them says now; of the dead, what they were when they died. */
  look(): Topology {
    const bySource = Map.groupBy(this.all, ({source}) => source ?? '');
    const lines = [...bySource].flatMap(([source, replicas]) =>
      source === '' ? replicas.map(({name}) => `${name}:`) : [`${source}: ${replicas.map(({name}) => name).join(' ')}`],
    );
    // Whoever writes is on top, and is named first.
    const top = this.all.find(({readOnly, source}) => !readOnly && source === null)?.name;
    const ordered = top === undefined ? lines : [`${top}:`, ...lines.filter((line) => line !== `${top}:`)];
    return given(ordered.join('; '), Object.fromEntries(this.all.map((server) => [server.name, this.seen(server)])));
  }

  private seen(server: Server): But {
    const {alive, readOnly, executed, waiting, receives, applies, broken, late} = server;
    const source = this.get(server.source);
    const strange = source
      ? [...executed].filter((one) => !source.executed.has(one) && !source.waiting.has(one) && !one.startsWith(source.name))
      : [];
    const cut = receives && source?.alive !== true;
    const idle = {state: 'stopped', errno: 0, error: ''} as const;
    const runs = {state: 'running', errno: 0, error: ''} as const;
    const replication = {
      retrievedGtid: gtidText(waiting),
      receiver: cut ? {state: 'other' as const, errno: 2003, error: 'error connecting'} : receives ? runs : idle,
      applier: broken ? {state: 'stopped' as const, errno: 1062, error: 'duplicate'} : applies ? runs : idle,
      delay: late ? 3600 : 0,
    };
    return {
      reachable: alive,
      readOnly,
      superReadOnly: readOnly,
      gtid: {executed: gtidText(executed), errant: gtidText(new Set(strange))},
      ...(server.source === null ? {} : {replication}),
    };
  }
}

/** All a server holds, applied or not. */
export function held({executed, waiting}: Server): ReadonlySet<Transaction> {
  return new Set([...executed, ...waiting]);
}

/** `a:1`, `a:2`, `b:5` as a GTID set. */
function gtidText(transactions: ReadonlySet<Transaction>): string {
  const byWriter = Map.groupBy(transactions, (one) => one.slice(0, 1));
  return [...byWriter].map(([writer, ones]) => `${uuid(writer)}:${ones.map((one) => one.slice(2)).join(':')}`).join(',');
}
