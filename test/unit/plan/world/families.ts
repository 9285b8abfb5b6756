import {mariadbGtidText, parseMariadbGtids, type MariadbGtid} from '../../../../src/lib/model/mariadb-gtid.ts';
import {uuid, type But, type Kind} from '../../support/given.ts';
import {coordinates, type Server, type Transaction, type World} from './world.ts';

/** How servers of one kind name what they write, and where a replica of theirs goes on. */
export interface Family {
  readonly kind: Kind;
  /** With both threads stopped it forgets what it received. */
  readonly dropsRelayLog: boolean;
  /** What it writes next; `which` chooses a stream where there are several. */
  name(on: Server, which: number): Transaction;
  /** What a source sends beyond what was received, in order; null: it refuses. */
  next(on: Server, source: Server): readonly Transaction[] | null;
  received(on: Server, transactions: readonly Transaction[]): void;
  canApply(on: Server, transaction: Transaction): boolean;
  applied(on: Server, transaction: Transaction): void;
  /** It is pointed at a source, having applied all it will; `former`: it was a source itself. */
  pointed(on: Server, how: {readonly former: boolean}): void;
  /** A replica is made from its source. */
  copied(on: Server, from: Server): void;
  seen(server: Server, world: World): But;
}

const IDLE = {state: 'stopped', errno: 0, error: ''} as const;
const RUNS = {state: 'running', errno: 0, error: ''} as const;

function seenAnyway(server: Server, world: World): But {
  const {alive, readOnly, receives, applies, broken, late, source} = server;
  const away = world.get(source)?.alive !== true;
  const refused = !away && world.ahead(server) === null;
  const receiver = away
    ? {state: 'other' as const, errno: 2003, error: 'error connecting'}
    : refused
      ? {state: 'stopped' as const, errno: 1236, error: 'not in the log'}
      : RUNS;
  const replication = {
    receiver: receives ? receiver : IDLE,
    applier: broken ? {state: 'stopped' as const, errno: 1062, error: 'duplicate'} : applies ? RUNS : IDLE,
    delay: late ? 3600 : 0,
  };
  return {reachable: alive, readOnly, ...(source === null ? {} : {replication})};
}

/** With what a family says of the threads' positions besides. */
function seenWith(server: Server, world: World, but: But): But {
  const seen = seenAnyway(server, world);
  const replication = seen.replication ? {replication: {...seen.replication, ...but.replication}} : {};
  const {replication: _, ...more} = but;
  return {...seen, ...more, ...replication} as But;
}

/** `a:7`: who wrote it, and its number there. Whoever lacks one gets it, wherever it stands. */
export const mysql: Family = {
  kind: {},
  dropsRelayLog: false,
  name: (on) => `${on.name}:${1 + Math.max(0, ...[...on.executed].filter((one) => one.startsWith(`${on.name}:`)).map(numberOf))}`,
  next: (on, source) => [...source.executed].filter((one) => !on.executed.has(one) && !on.waiting.has(one)),
  received: () => undefined,
  canApply: () => true,
  applied: () => undefined,
  pointed: () => undefined,
  copied: (on, from) => void (on.executed = from.executed),
  seen: (server, world) =>
    seenWith(server, world, {
      superReadOnly: server.readOnly,
      gtid: {executed: gtidText(server.executed)},
      replication: {retrievedGtid: gtidText(server.waiting)},
    }),
};

/** `0-1-7`: a stream for each domain, in which a replica goes on behind what it applied last. */
export function mariadb(strict: boolean): Family {
  return {
    kind: {flavor: 'MariaDB'},
    dropsRelayLog: true,
    name(on, which) {
      const domain = which % 3 === 2 ? 1 : 0;
      return mariadbGtidText({domain, server: on.id, sequence: 1 + highest(on, domain)});
    },
    next(on, source) {
      const log = [...source.executed];
      const wanted = new Set<Transaction>();
      for (const [domain, stream] of Map.groupBy(log, domainOf)) {
        const last = [...on.waiting].findLast((one) => domainOf(one) === domain) ?? on.positions.get(domain);
        if (last !== undefined && !stream.includes(last)) return null;
        for (const one of stream.slice(last === undefined ? 0 : stream.indexOf(last) + 1)) wanted.add(one);
      }
      // What it wrote itself is not taken from others.
      return log.filter((one) => wanted.has(one) && read(one).server !== on.id);
    },
    received(on, transactions) {
      on.received = new Map([...on.received, ...transactions.map((one) => [domainOf(one), one] as const)]);
    },
    canApply: (on, transaction) => !strict || read(transaction).sequence > highest(on, read(transaction).domain),
    applied(on, transaction) {
      on.positions = new Map([...on.positions, [domainOf(transaction), transaction]]);
    },
    pointed(on, {former}) {
      if (former) on.positions = lastOf(on.executed);
      on.received = on.positions;
    },
    copied(on, from) {
      on.executed = from.executed;
      on.positions = lastOf(from.executed);
      on.received = on.positions;
    },
    seen(server, world) {
      const text = (position: ReadonlyMap<string, Transaction>): string => [...position.values()].join(',');
      const last = lastOf(server.executed);
      return seenWith(server, world, {
        superReadOnly: null,
        gtid: {
          binlogState: stateOf(server.executed),
          binlogPos: text(last),
          currentPos: text(new Map([...last, ...server.positions])),
          replicaPos: text(server.positions),
          strict,
        },
        replication: {retrievedGtid: text(server.received)},
      });
    },
  };
}

/** Names as those of MySQL, which nobody sees: a replica goes on at so many entries of its source's log. */
export const positions: Family = {
  ...mysql,
  kind: {gtid: false},
  next: (on, source) => [...source.executed].slice(on.place + on.waiting.size),
  applied: (on) => void (on.place += 1),
  copied(on, from) {
    on.executed = from.executed;
    on.place = from.executed.size;
  },
  seen: (server, world) =>
    seenWith(server, world, {
      superReadOnly: server.readOnly,
      binlog: {at: coordinates(server.executed.size)},
      replication: {read: coordinates(server.place + server.waiting.size), executed: coordinates(server.place)},
    }),
};

function read(transaction: Transaction): MariadbGtid {
  return parseMariadbGtids(transaction)[0]!;
}

function domainOf(transaction: Transaction): string {
  return transaction.slice(0, transaction.indexOf('-'));
}

function numberOf(transaction: Transaction): number {
  return Number(transaction.slice(2));
}

function highest(on: Server, domain: number): number {
  const numbers = [...on.executed].map(read).filter((one) => one.domain === domain);
  return Math.max(0, ...numbers.map(({sequence}) => sequence));
}

function lastOf(log: ReadonlySet<Transaction>): ReadonlyMap<string, Transaction> {
  return new Map([...log].map((one) => [domainOf(one), one]));
}

/** Of each domain and server the highest. */
function stateOf(log: ReadonlySet<Transaction>): string {
  const pairs = new Map<string, MariadbGtid>();
  for (const one of [...log].map(read)) {
    const pair = `${one.domain}-${one.server}`;
    if (one.sequence > (pairs.get(pair)?.sequence ?? 0)) pairs.set(pair, one);
  }
  return [...pairs.values()].map(mariadbGtidText).join(',');
}

/** `a:1`, `a:2`, `b:5` as a GTID set. */
function gtidText(transactions: ReadonlySet<Transaction>): string {
  const byWriter = Map.groupBy(transactions, (one) => one.slice(0, 1));
  return [...byWriter].map(([writer, ones]) => `${uuid(writer)}:${ones.map((one) => one.slice(2)).join(':')}`).join(',');
}
