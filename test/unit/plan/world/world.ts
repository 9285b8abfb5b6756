import type {BinlogCoordinates} from '../../../../src/lib/model/binlog-coordinates.ts';
import {errantAgainst} from '../../../../src/lib/model/cluster-facts.ts';
import {Topology} from '../../../../src/lib/model/topology.ts';
import {chainOf} from '../../../../src/lib/plan/relocation/vetoes.ts';
import {given, serverId} from '../../support/given.ts';
import type {Family} from './families.ts';

/** A transaction, as its family names it. */
export type Transaction = string;

export interface Server {
  readonly name: string;
  readonly id: number;
  alive: boolean;
  readOnly: boolean;
  /** What it has applied or written, in the order of its log. */
  executed: ReadonlySet<Transaction>;
  /** What is in its relay log and not applied yet, in order. */
  waiting: ReadonlySet<Transaction>;
  /** Whom it replicates from; null: nobody. */
  source: string | null;
  receives: boolean;
  applies: boolean;
  /** The applier failed and cannot go on. */
  broken: boolean;
  /** Applies an hour late. */
  late: boolean;
  /** MariaDB: what it applied last, and received last, in each domain. */
  positions: ReadonlyMap<string, Transaction>;
  received: ReadonlyMap<string, Transaction>;
  /** By file and position: how many entries of its source's log it has applied. */
  place: number;
}

interface Spot {
  readonly name: string;
  readonly place: number;
}

/** Servers and what they hold; changes in place, so that each step can be looked at. */
export class World {
  readonly servers: ReadonlyMap<string, Server>;
  readonly family: Family;
  /** Written on a server that was a replica then: nobody else is expected to have it. */
  readonly errant = new Set<Transaction>();
  /** What no server should ever do. */
  readonly wrongs: string[] = [];
  /** By file and position: two places that are one, as somebody found out. */
  readonly equivalences: (readonly [Spot, Spot])[] = [];

  /** A source `a` with replicas, each below one that comes before it; all have applied the same. */
  constructor(parents: readonly number[], family: Family) {
    this.family = family;
    const names = 'abcdefgh'.slice(0, parents.length + 1).split('');
    const below = parents.map((parent, at) => names[parent % (at + 1)] ?? 'a');
    this.servers = new Map(names.map((name, at) => [name, serverOf(name, at === 0 ? null : (below[at - 1] ?? 'a'))]));
    const [first, ...others] = this.all as readonly [Server, ...Server[]];
    this.write(first, 10);
    for (const other of others) family.copied(other, first);
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
    for (let one = 0; one < count; one++) {
      const transaction = this.family.name(on, one);
      on.executed = new Set([...on.executed, transaction]);
      if (on.source !== null) this.errant.add(transaction);
    }
  }

  hasErrant(on: Server): boolean {
    return [...on.executed].some((one) => this.errant.has(one));
  }

  /** What it would receive from its source from now on; null where it would not get through. */
  ahead(on: Server): readonly Transaction[] | null {
    const source = this.get(on.source);
    return source?.alive ? this.family.next(on, source) : null;
  }

  /** Both threads run, and get on. */
  replicates(on: Server): boolean {
    return on.receives && on.applies && !on.broken && this.ahead(on) !== null;
  }

  /** A replica receives so many of the transactions that are ahead of it. */
  receive(on: Server, count = Number.POSITIVE_INFINITY): void {
    if (!on.alive || !on.receives) return;
    const more = (this.ahead(on) ?? []).slice(0, count);
    on.waiting = new Set([...on.waiting, ...more]);
    this.family.received(on, more);
  }

  apply(on: Server, count = Number.POSITIVE_INFINITY): void {
    if (!on.alive || !on.applies || on.late) return;
    for (const one of [...on.waiting].slice(0, count)) {
      if (on.broken) return;
      if (!this.family.canApply(on, one)) {
        on.broken = true;
        // What somebody wrote there meanwhile is in the way, whatever is planned.
        if (!this.hasErrant(on)) this.wrongs.push(`${on.name} cannot apply ${one}`);
        return;
      }
      if (on.executed.has(one)) this.wrongs.push(`${on.name} applies ${one} twice`);
      on.executed = new Set([...on.executed, one]);
      on.waiting = new Set([...on.waiting].slice(1));
      this.family.applied(on, one);
    }
  }

  /** With both threads stopped some servers forget what they received. */
  rest(): void {
    for (const on of this.all) {
      if (this.family.dropsRelayLog && !on.receives && (!on.applies || on.broken)) on.waiting = new Set();
    }
  }

  /** On its source, written by the history of all, and never to come to it. */
  skipped(on: Server): readonly Transaction[] {
    const source = this.get(on.source);
    const ahead = this.ahead(on);
    if (!on.receives || !source?.alive || ahead === null) return [];
    const has = new Set([...held(on), ...ahead]);
    return [...source.executed].filter((one) => !this.errant.has(one) && !has.has(one));
  }

  equivalent(source: string, at: BinlogCoordinates, target: string): BinlogCoordinates | null {
    const isHere = (spot: Spot): boolean => spot.name === source && spot.place === placeOf(at);
    for (const [one, other] of this.equivalences) {
      if (isHere(one) && other.name === target) return coordinates(other.place);
      if (isHere(other) && one.name === target) return coordinates(one.place);
    }
    return null;
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
    const seen = Object.fromEntries(this.all.map((server) => [server.name, this.family.seen(server, this)]));
    const topology = given(ordered.join('; '), seen, this.family.kind);
    return new Topology(
      topology.instances.map((instance) => {
        const [, parent, ...above] = chainOf(instance, topology);
        return {...instance, gtid: {...instance.gtid, errant: parent ? errantAgainst(instance, parent, above) : ''}};
      }),
    );
  }
}

function serverOf(name: string, source: string | null): Server {
  const replicates = source !== null;
  return {
    name,
    id: serverId(name),
    source,
    executed: new Set(),
    waiting: new Set(),
    alive: true,
    readOnly: replicates,
    receives: replicates,
    applies: replicates,
    broken: false,
    late: false,
    positions: new Map(),
    received: new Map(),
    place: 0,
  };
}

/** All a server holds, applied or not. */
export function held({executed, waiting}: Server): ReadonlySet<Transaction> {
  return new Set([...executed, ...waiting]);
}

const FIRST = 1000;

export function coordinates(place: number): BinlogCoordinates {
  return {file: 'binlog.000001', position: FIRST + place};
}

export function placeOf({position}: BinlogCoordinates): number {
  return position - FIRST;
}
