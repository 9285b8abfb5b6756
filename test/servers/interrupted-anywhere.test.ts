import {afterAll, beforeAll, expect, test} from 'vitest';
import {recoverByHand, type HandOptions} from '../../src/lib/execute/by-hand.ts';
import {relocateByHand} from '../../src/lib/execute/relocation/relocate.ts';
import type {RelocationWish} from '../../src/lib/plan/relocation/plan.ts';
import type {Config} from '../../src/lib/config/keys.ts';
import {ACCOUNTS, sandbox, waitFor, type Instance, type Sandbox} from '../sandbox/index.ts';
import {
  backendHost,
  Crash,
  desk,
  hands,
  idsOn,
  insert,
  rows,
  site,
  standingOf,
  stopThread,
  type BackendHost,
  type Site,
} from './support/index.ts';

type Servers = Readonly<Record<'a' | 'b' | 'c' | 'd', Instance>>;

/** One kind of plan; whatever acts it has, the conductor dies at each of them. */
interface Kind {
  readonly what: string;
  readonly topology: string;
  readonly gtid?: boolean;
  readonly settings?: Partial<Config>;
  /** What has gone wrong before. */
  readonly before?: (servers: Servers, at: Site) => Promise<unknown>;
  readonly begin: (options: HandOptions, servers: Servers) => Promise<unknown>;
  /** Whom each server follows at the end; `-` nobody. */
  readonly after: Readonly<Partial<Record<keyof Servers, string>>>;
  /** Who takes writes at the end. */
  readonly source: keyof Servers;
}

const relocation =
  (command: RelocationWish['do'], instance: keyof Servers, below?: keyof Servers) =>
  (options: HandOptions, servers: Servers): Promise<unknown> => {
    const wish = {command, do: command, instance: servers[instance].key, below: below ? servers[below].key : null, only: null};
    return relocateByHand(options, {wish: wish as unknown as RelocationWish, noop: false, wait: 0});
  };

const recovery =
  (failed: keyof Servers) =>
  (options: HandOptions, servers: Servers): Promise<unknown> =>
    recoverByHand(options, {
      instance: servers[failed].key,
      candidate: null,
      skipHooks: false,
      allowDataLoss: false,
      noop: false,
      wait: 0,
    });

/** Promotions are interrupted in interrupted.test.ts, by the death of a leader; takeovers beside their other tests. */
const KINDS: readonly Kind[] = [
  {
    what: 'replicas of a dead intermediate source',
    topology: 'a: b; b: c d',
    before: ({b}) => b.kill9(),
    begin: recovery('b'),
    after: {a: '-', c: 'd|a', d: 'c|a'},
    source: 'a',
  },
  {
    what: 'a source that is read-only',
    topology: 'a: b c d',
    settings: {RecoverNonWriteableMaster: true},
    before: ({a}) => a.query('SET GLOBAL read_only = 1'),
    begin: recovery('a'),
    after: {a: '-', b: 'a', c: 'a', d: 'a'},
    source: 'a',
  },
  {
    what: 'changing places by GTID',
    topology: 'a: b c; c: d',
    begin: relocation('take-source', 'd'),
    after: {a: '-', b: 'a', c: 'd', d: 'a'},
    source: 'a',
  },
  {
    what: 'changing places by position',
    topology: 'a: b c; c: d',
    gtid: false,
    begin: relocation('take-source', 'd'),
    after: {a: '-', b: 'a', c: 'd', d: 'a'},
    source: 'a',
  },
  {
    what: 'going below a sibling by position',
    topology: 'a: b c; c: d',
    gtid: false,
    begin: relocation('relocate', 'b', 'c'),
    after: {a: '-', b: 'c', c: 'a', d: 'c'},
    source: 'a',
  },
  {
    what: 'a position that is known',
    topology: 'a: b c d',
    gtid: false,
    before: async ({b, c, a}, at) => {
      const run = desk(at);
      for (const to of [b, a]) expect(await run('relocate', '-i', nameOf(c), '-d', nameOf(to))).toMatchObject({status: 0});
    },
    begin: relocation('move-equivalent', 'c', 'b'),
    after: {a: '-', b: 'a', c: 'b', d: 'a'},
    source: 'a',
  },
  {
    what: 'several at once by GTID',
    topology: 'a: b c d',
    begin: relocation('relocate-replicas', 'a', 'b'),
    after: {a: '-', b: 'a', c: 'b', d: 'b'},
    source: 'a',
  },
  {
    what: 'the place of a dead source, by hand',
    topology: 'a: b c d',
    before: async ({a, b}) => {
      await stopThread(b, 'SQL_THREAD');
      await a.kill9();
    },
    begin: relocation('make-source', 'b'),
    after: {b: '-', c: 'b', d: 'b'},
    source: 'b',
  },
  {
    what: 'a ring',
    topology: 'a: b c d',
    begin: relocation('make-co-source', 'b'),
    after: {a: 'b', b: 'a', c: 'a', d: 'a'},
    source: 'a',
  },
];

const CREDENTIALS = {ReplicationCredentialsQuery: `SELECT '${ACCOUNTS.repl.user}', '${ACCOUNTS.repl.password}'`};
const LANES = 2;
const WITHIN = 60_000;
let host: BackendHost;
const boxes: Sandbox[] = [];
const free: Promise<unknown>[] = [];

beforeAll(async () => {
  host = await backendHost('sqlite');
  for (let lane = 0; lane < LANES; lane++) boxes.push(await sandbox({flavor: 'mariadb'}));
});
afterAll(() => Promise.all([host?.down(), ...boxes.map((box) => box.down())]));

const nameOf = ({key}: Instance): string => `${key.host}:${key.port}`;

test.concurrent.each(KINDS)(
  '$what: its conductor dies at any act, before its effect and before it is recorded; another ends it',
  async (kind) => {
    const lane = KINDS.indexOf(kind) % LANES;
    const mine = (free[lane] ?? Promise.resolve()).then(() => everywhere(kind, boxes[lane]!));
    free[lane] = mine.catch(() => undefined);
    expect(await mine).toBeGreaterThan(0);
  },
  900_000,
);

/** @returns at how many acts it died */
async function everywhere(kind: Kind, box: Sandbox): Promise<number> {
  for (let number = 0; ; number++) {
    for (const when of ['before', 'after'] as const) {
      if (!(await dies(kind, box, {when, number}))) return number;
    }
  }
}

/** @returns false when there is no such act: then it was done without an interruption */
async function dies(kind: Kind, box: Sandbox, death: {readonly when: 'before' | 'after'; readonly number: number}): Promise<boolean> {
  const servers: Servers = {...(await box.topology(kind.topology, {gtid: kind.gtid ?? true}))} as never;
  await insert(servers.a, 1, 10);
  await box.caughtUp();
  const at = await site({backend: host, servers: Object.values(servers), settings: {...CREDENTIALS, ...kind.settings}});
  try {
    expect(await desk(at)('discover', '-i', Object.values(servers).map(nameOf).join(','))).toMatchObject({status: 0});
    await kind.before?.(servers, at);
    const reached = await interrupted(kind, at, {servers, death});
    await asWanted(kind, servers, death);
    expect([death, await rows(at, 'cluster_lock'), await rows(at, 'recovery_plan', {state: 'open'})]).toEqual([death, [], []]);
    return reached;
  } finally {
    await at.down();
  }
}

async function interrupted(
  kind: Kind,
  at: Site,
  {servers, death}: {readonly servers: Servers; readonly death: {readonly when: string; readonly number: number}},
): Promise<boolean> {
  const by = await hands(at);
  const fault = (when: string, act: {readonly number: number}): void => {
    if (when === death.when && act.number === death.number) throw new Crash();
  };
  try {
    const ended = await kind.begin({...by.options, fault}, servers).catch((error: unknown) => {
      if (error instanceof Crash) return null;
      throw error;
    });
    const open = await rows(at, 'recovery_plan', {state: 'open'});
    // After its very last act only its lock is left, which goes stale.
    if (ended === null && open.length === 0) await (await at.backend()).run(({db}) => db('cluster_lock').delete());
    else if (ended === null) await by.settle();
    else expect(ended).toMatchObject({outcome: expect.stringMatching(/relocated|promoted|done/) as string});
    return ended === null;
  } finally {
    await by.close();
  }
}

/** All follow whom they should with both threads, one is open, and what it writes arrives everywhere. */
async function asWanted(kind: Kind, servers: Servers, death: object): Promise<void> {
  const running = (Object.entries(servers) as [keyof Servers, Instance][]).filter(([, server]) => server.alive());
  const names = new Map(running.map(([name, {key}]) => [key.port, name]));
  await waitFor(
    `after ${JSON.stringify(death)} all is as wanted`,
    async () => {
      for (const [name, server] of running) {
        const {source, receiver, applier, writable} = await standingOf(server);
        const follows =
          source === null ? '-' : `${names.get(source) ?? source}${receiver === 'Yes' && applier === 'Yes' ? '' : ' (stopped)'}`;
        if (!(kind.after[name] ?? '-').split('|').includes(follows)) throw new Error(`${name} follows ${follows}, not ${kind.after[name]}`);
        if (writable !== (name === kind.source)) throw new Error(`${name} is ${writable ? '' : 'not '}writable`);
      }
      return true;
    },
    {within: WITHIN},
  );
  await insert(servers[kind.source], 11, 12);
  await waitFor(
    `after ${JSON.stringify(death)} all have the same rows`,
    async () => (await Promise.all(running.map(([, server]) => idsOn(server)))).every((ids) => ids.length === 12),
    {within: WITHIN},
  );
}
