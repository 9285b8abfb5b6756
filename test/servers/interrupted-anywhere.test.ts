import {afterAll, beforeAll, expect, test} from 'vitest';
import {atWork, environmentOf, recoverByHand, type HandOptions} from '../../src/lib/execute/by-hand.ts';
import {dealWithReturned} from '../../src/lib/execute/returned-source.ts';
import {observeLease, releaseLease, takeLease} from '../../src/lib/coordination/lease.ts';
import {keyText} from '../../src/lib/model/instance-key.ts';
import {readInstances} from '../../src/lib/store/instances.ts';
import {readDemotions} from '../../src/lib/store/recovery/demotions.ts';
import {relocateByHand} from '../../src/lib/execute/relocation/relocate.ts';
import type {RelocationWish} from '../../src/lib/plan/relocation/plan.ts';
import type {Config} from '../../src/lib/config/keys.ts';
import {steady} from '../backend/support/coordination.ts';
import {
  ACCOUNTS,
  replicaStatus,
  sandbox,
  startReplication,
  stopReplication,
  waitFor,
  type Instance,
  type Sandbox,
} from '../sandbox/index.ts';
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

/** Where a kind of plan is interrupted. */
interface Scene {
  servers: Servers;
  readonly at: Site;
  /** How many rows there are, 1 to the last. */
  rows: number;
}

/** One kind of plan; whatever acts it has, the conductor dies at each of them. */
interface Kind {
  readonly what: string;
  readonly topology: string;
  readonly gtid?: boolean;
  readonly semiSync?: boolean;
  readonly settings?: (servers: Servers) => Partial<Config>;
  /** What has gone wrong before. */
  readonly before?: (servers: Servers, scene: Scene) => Promise<unknown>;
  readonly begin: (options: HandOptions, servers: Servers) => Promise<unknown>;
  /** The leader begins again in its next round, whatever was resumed. */
  readonly begunAgain?: true;
  /** What people do once it has been resumed. */
  readonly afterwards?: (servers: Servers, scene: Scene) => Promise<unknown>;
  /** Whom each server follows at the end; `-` nobody. */
  readonly after: Readonly<Partial<Record<keyof Servers, string>>>;
  /** Who takes writes at the end. */
  readonly source: keyof Servers;
  /** `again`: what it ends with is where it can go wrong again; `turned`: once a and b have changed names. Else all is made anew. */
  readonly next?: 'again' | 'turned';
}

const relocation =
  (command: RelocationWish['do'], instance: keyof Servers, below?: keyof Servers) =>
  (options: HandOptions, servers: Servers): Promise<unknown> => {
    const wish = {command, do: command, instance: servers[instance].key, below: below ? servers[below].key : null, only: null};
    return relocateByHand(options, {wish: wish as unknown as RelocationWish, noop: false, wait: 0});
  };

const regrouping =
  (instance: keyof Servers, how: string) =>
  (options: HandOptions, servers: Servers): Promise<unknown> => {
    const wish = {command: 'regroup-replicas', do: 'regroup', how, instance: servers[instance].key};
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

/** What the leader does about a source that is back. */
async function returning(options: HandOptions, {a}: Servers): Promise<unknown> {
  const {backend, config, me} = options;
  const lease = await takeLease(backend, me, {seen: await observeLease(backend, undefined, steady), timing: steady});
  if (!lease) throw new Error('somebody else leads');
  const heartbeats = await options.heartbeats();
  try {
    return await atWork(options, async (bench) => {
      bench.prober.model.begin(await readInstances(backend, config));
      const demotion = (await readDemotions(backend, [a.key])).get(keyText(a.key));
      if (!demotion) throw new Error(`nobody replaced ${keyText(a.key)}`);
      const env = {...environmentOf(options, {...bench, heartbeats}), lease: () => lease};
      const answer = await dealWithReturned(env, {demotion, mode: 'rejoin', downtimeStands: () => Promise.resolve(true)});
      return 'done' in answer ? {outcome: 'done'} : answer;
    });
  } finally {
    await heartbeats.close();
    await releaseLease(backend, lease, steady);
  }
}

/** As AutoPseudoGTID sets them, without a service that writes entries by itself. */
const PSEUDO_GTID = {
  PseudoGTIDPattern: 'drop view if exists `_pseudo_gtid_`',
  PseudoGTIDPatternIsFixedSubstring: true,
  PseudoGTIDMonotonicHint: 'asc:',
  DetectPseudoGTIDQuery: 'select 1',
};

/** Written, and applied by all: who is stopped or moved at once has nothing to be placed by otherwise. */
async function marked(servers: Servers, scene: Scene): Promise<void> {
  const {a, ...replicas} = servers;
  await a.query('drop view if exists `_pseudo_gtid_`.`_asc:00000001:00000001:0`');
  await insert(a, scene.rows + 1, scene.rows + 1);
  scene.rows += 1;
  await Promise.all(Object.values(replicas).map((one) => hasAll(one, scene)));
}

async function hasAll(one: Instance, {rows: all}: Scene): Promise<void> {
  await waitFor(`${nameOf(one)} has it`, async () => (await idsOn(one)).length === all, {within: WITHIN});
}

async function statusOf(one: Instance, name: string): Promise<string | undefined> {
  return (await one.query<{Value: string}>(`SHOW GLOBAL STATUS LIKE '${name}'`))[0]?.Value;
}

async function acknowledging(one: Instance): Promise<boolean> {
  return (await statusOf(one, 'Rpl_semi_sync_slave_status')) === 'ON';
}

/** Switched, and its receiver restarted so that it counts. */
async function acknowledge(wanted: boolean, ...replicas: readonly Instance[]): Promise<void> {
  await Promise.all(
    replicas.map(async (one) => {
      await one.query(`SET GLOBAL rpl_semi_sync_slave_enabled = ${wanted ? 'ON' : 'OFF'}`);
      await stopReplication(one);
      await startReplication(one);
      await waitFor(`semi-sync of ${one.name}`, async () => (await acknowledging(one)) === wanted, {within: WITHIN});
    }),
  );
}

async function onlyAcknowledges(wanted: keyof Servers, {b, c, d}: Servers): Promise<void> {
  await waitFor(
    `only ${wanted} acknowledges`,
    async () => {
      const all = await Promise.all([b, c, d].map(acknowledging));
      const names = ['b', 'c', 'd'].filter((_, at) => all[at]).join();
      if (names === wanted) return true;
      throw new Error(`${names} do`);
    },
    {within: WITHIN},
  );
}

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
    settings: () => ({RecoverNonWriteableMaster: true}),
    before: ({a}) => a.query('SET GLOBAL read_only = 1'),
    begin: recovery('a'),
    after: {a: '-', b: 'a', c: 'a', d: 'a'},
    source: 'a',
    next: 'again',
  },
  {
    what: 'a source whose commits wait for nobody',
    topology: 'a: b c d',
    semiSync: true,
    settings: ({c}) => ({
      RecoverLockedSemiSyncMaster: true,
      ReasonableLockedSemiSyncMasterSeconds: 1,
      DetectSemiSyncEnforcedQuery: `SELECT IF(@@port = ${c.key.port}, 2, 1)`,
    }),
    before: async ({a, b, c, d}, scene) => {
      await acknowledge(false, b, c, d);
      await a.query('SET GLOBAL rpl_semi_sync_master_timeout = 600000');
      scene.rows += 1;
      const held = a.connect();
      // Answered once somebody acknowledges.
      const over = (): void => held.close();
      held.query('INSERT INTO test.t (id) VALUES (?)', [scene.rows]).then(over, over);
      const waiting = async (): Promise<boolean> => Number(await statusOf(a, 'Rpl_semi_sync_master_wait_sessions')) === 1;
      await waitFor('a commit waits', waiting, {within: WITHIN});
    },
    begin: recovery('a'),
    afterwards: (servers) => onlyAcknowledges('c', servers),
    after: {a: '-', b: 'a', c: 'a', d: 'a'},
    source: 'a',
    next: 'again',
  },
  {
    what: 'a source that more acknowledge than it waits for',
    topology: 'a: b c d',
    semiSync: true,
    settings: ({c}) => ({
      EnforceExactSemiSyncReplicas: true,
      DetectSemiSyncEnforcedQuery: `SELECT IF(@@port = ${c.key.port}, 2, 1)`,
    }),
    before: async ({a, b, c, d}) => {
      await acknowledge(true, b, c, d);
      const clients = async (): Promise<boolean> => Number(await statusOf(a, 'Rpl_semi_sync_master_clients')) === 3;
      await waitFor('all acknowledge', clients, {within: WITHIN});
    },
    begin: recovery('a'),
    afterwards: (servers) => onlyAcknowledges('c', servers),
    after: {a: '-', b: 'a', c: 'a', d: 'a'},
    source: 'a',
    next: 'again',
  },
  {
    what: 'a source that was replaced and is back',
    topology: 'a: b c',
    before: async ({a, b}, {at}) => {
      const by = await hands(at);
      await a.kill9();
      const wish = {instance: a.key, candidate: b.key, skipHooks: true, allowDataLoss: false, noop: false, wait: 0};
      expect(await recoverByHand(by.options, wish)).toEqual(expect.objectContaining({outcome: 'promoted', successor: b.key}));
      await by.close();
      await a.start();
      // Its own configuration may say otherwise: it is back as somebody who takes writes.
      await a.query('SET GLOBAL read_only = 0');
    },
    begin: returning,
    begunAgain: true,
    after: {a: 'b', b: '-', c: 'b'},
    source: 'b',
    next: 'turned',
  },
  {
    what: 'below a sibling by Pseudo-GTID',
    topology: 'a: b c',
    gtid: false,
    settings: () => PSEUDO_GTID,
    before: (servers, scene) => marked(servers, scene),
    begin: relocation('match', 'c', 'b'),
    after: {a: '-', b: 'a', c: 'b'},
    source: 'a',
  },
  {
    what: 'replicas of a dead source by Pseudo-GTID',
    topology: 'a: b c d',
    gtid: false,
    settings: () => PSEUDO_GTID,
    before: async (servers, scene) => {
      const {a, b, c, d} = servers;
      await marked(servers, scene);
      await Promise.all([stopReplication(c), stopReplication(d)]);
      await insert(a, scene.rows + 1, scene.rows + 2);
      scene.rows += 2;
      await hasAll(b, scene);
      await a.kill9();
      await waitFor('b has noticed', async () => (await replicaStatus(b))[0]?.receiver.running !== 'Yes', {within: WITHIN});
    },
    begin: regrouping('a', 'pseudo-gtid'),
    afterwards: async ({b}, {at}) => {
      const {status, stdout, stderr} = await desk(at)('make-master', '-i', nameOf(b));
      expect({status, stdout, stderr}).toEqual({status: 0, stdout: `${nameOf(b)}\n`, stderr: expect.any(String) as string});
    },
    after: {b: '-', c: 'b', d: 'b'},
    source: 'b',
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
    before: async ({b, c, a}, {at}) => {
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
  let scene: Scene | null = null;
  try {
    for (let half = 0; ; half++) {
      scene ??= await prepared(kind, box);
      const death = {when: half % 2 === 0 ? 'before' : 'after', number: Math.floor(half / 2)} as const;
      if (!(await dies(kind, scene, death))) return death.number;
      if (kind.next === 'turned') scene.servers = {...scene.servers, a: scene.servers.b, b: scene.servers.a};
      if (kind.next) continue;
      await scene.at.down();
      scene = null;
    }
  } finally {
    await scene?.at.down();
  }
}

async function prepared({topology, gtid = true, semiSync = false, settings}: Kind, box: Sandbox): Promise<Scene> {
  const servers: Servers = {...(await box.topology(topology, {gtid, semiSync}))} as never;
  await insert(servers.a, 1, 10);
  await box.caughtUp();
  const at = await site({backend: host, servers: Object.values(servers), settings: {...CREDENTIALS, ...settings?.(servers)}});
  return {servers, at, rows: 10};
}

async function discovered({servers, at}: Scene): Promise<void> {
  expect(await desk(at)('discover', '-i', Object.values(servers).map(nameOf).join(','))).toMatchObject({status: 0});
}

interface Death {
  readonly when: 'before' | 'after';
  /** Of all acts that are begun, or done. */
  readonly number: number;
}

/** @returns false when there is no such act: then it was done without an interruption */
async function dies(kind: Kind, scene: Scene, death: Death): Promise<boolean> {
  const {servers, at} = scene;
  await discovered(scene);
  await kind.before?.(servers, scene);
  const reached = await interrupted(kind, scene, death);
  await kind.afterwards?.(servers, scene);
  await asWanted(kind, scene, death);
  expect([death, await rows(at, 'cluster_lock'), await rows(at, 'recovery_plan', {state: 'open'})]).toEqual([death, [], []]);
  return reached;
}

async function interrupted(kind: Kind, {at, servers}: Scene, death: Death): Promise<boolean> {
  const by = await hands(at);
  let acts = 0;
  const fault = (when: string): void => {
    if (when === death.when && acts++ === death.number) throw new Crash();
  };
  try {
    const ended = await kind.begin({...by.options, fault}, servers).catch((error: unknown) => {
      if (error instanceof Crash) return null;
      throw error;
    });
    const open = await rows(at, 'recovery_plan', {state: 'open'});
    // After its very last act only its lock is left, which goes stale.
    if (ended === null && open.length === 0) await by.unlock();
    else if (ended === null) await by.settle();
    else expect([death, ended]).toEqual([death, expect.objectContaining({outcome: expect.stringMatching(/relocated|promoted|done/)})]);
    if (ended === null && kind.begunAgain) expect(await kind.begin(by.options, servers)).toMatchObject({outcome: 'done'});
    return ended === null;
  } finally {
    await by.close();
  }
}

/** All follow whom they should with both threads, one is open, and what it writes arrives everywhere. */
async function asWanted(kind: Kind, scene: Scene, death: Death): Promise<void> {
  const {servers} = scene;
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
  await insert(servers[kind.source], scene.rows + 1, scene.rows + 2);
  scene.rows += 2;
  await waitFor(
    `after ${JSON.stringify(death)} all have the same rows`,
    async () => (await Promise.all(running.map(([, server]) => idsOn(server)))).every((ids) => ids.length === scene.rows),
    {within: WITHIN},
  );
}
