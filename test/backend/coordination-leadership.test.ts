import {DatabaseSync} from 'node:sqlite';
import {setTimeout as sleep} from 'node:timers/promises';
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, test} from 'vitest';
import {startLeadership, type Leadership} from '../../src/lib/coordination/leadership.ts';
import {reelect, touchLease} from '../../src/lib/coordination/lease.ts';
import {checkNodeHealth, registerNode} from '../../src/lib/coordination/nodes.ts';
import {defaultTiming, type Timing} from '../../src/lib/coordination/timing.ts';
import type {Lease, NodeId} from '../../src/lib/coordination/types.ts';
import type {Backend} from '../../src/lib/store/backend.ts';
import {waitFor} from '../sandbox/index.ts';
import {bench, calm, calmest, PROTOCOL_KINDS, node, type Bench} from './support/coordination.ts';

const WITHIN = {within: 60_000};
/** As the service has it for its lease: what does not answer in a second is not waited for. */
const HASTE = {within: 1000};

/** One follower of the election and what it was told. */
interface Follower {
  readonly me: NodeId;
  readonly leadership: Leadership;
  readonly elected: Lease[];
  readonly deposed: {readonly reason: string; readonly at: number}[];
  /** The last moment it could rely on, of each lease it had. */
  until: number;
  readonly watching: NodeJS.Timeout;
}

let followers: Follower[] = [];
/** Two followers that could rely on a lease at the same time. */
let both: string[] = [];

function follow(backend: Backend, name: string, timing: Timing = calm): Follower {
  const me = node(name);
  const elected: Lease[] = [];
  const deposed: Follower['deposed'][number][] = [];
  const leadership = startLeadership({
    backend,
    me,
    timing,
    onElected: (lease) => elected.push(lease),
    onDeposed: (reason) => deposed.push({reason, at: performance.now()}),
    log: () => undefined,
  });
  const watching = setInterval(() => {
    const lease = leadership.current();
    if (lease === null) return;
    follower.until = lease.validUntil;
    both.push(
      ...followers
        .filter((other) => other !== follower && other.leadership.current() !== null)
        .map((other) => `${name} and ${other.me.hostname}`),
    );
  }, 3);
  const follower: Follower = {me, leadership, elected, deposed, until: 0, watching};
  followers.push(follower);
  return follower;
}

const leader = (but?: Follower): Promise<Follower> =>
  waitFor('one leads', () => followers.find((each) => each !== but && each.leadership.current() !== null), WITHIN);

beforeEach(() => {
  followers = [];
  both = [];
});
afterEach(async () => {
  for (const {watching} of followers) clearInterval(watching);
  await Promise.all(followers.map(({leadership}) => leadership.stop()));
  expect(both).toEqual([]);
});

describe.each(PROTOCOL_KINDS)('leadership on %s', (kind) => {
  const holdsRows = kind === 'sqlite' || kind === 'mariadb';
  let shared: Bench;
  let backends: Backend[];

  beforeAll(async () => {
    shared = await bench(kind, HASTE);
    backends = [await shared.open(), await shared.open(), await shared.open()];
  });
  beforeEach(() => shared.empty());
  afterAll(() => shared?.down());

  const three = (timing?: Timing): readonly Follower[] => backends.map((backend, at) => follow(backend, `n${at}`, timing));

  test('one of three leads and is told once; giving back hands over at once', async () => {
    three(calmest);
    const first = await leader();
    await waitFor('it was renewed', () => (first.leadership.current()?.validUntil ?? 0) > first.elected[0]!.validUntil);
    expect(first.elected).toMatchObject([{...first.me, term: 1}]);
    await first.leadership.stop({release: true});
    expect(first.leadership.current()).toBeNull();
    expect(first.deposed.map(({reason}) => reason)).toEqual(['the service stops']);
    const second = await leader(first);
    expect(performance.now()).toBeLessThan(first.until);
    expect(second.elected).toMatchObject([{...second.me, term: 2}]);
    expect(followers.flatMap(({elected}) => elected)).toHaveLength(2);
  });

  test('after the process stood still past the lease, it relies on nothing, before any timer has run', async () => {
    const first = follow(backends[0]!, 'n0');
    await leader();
    const {validUntil} = first.leadership.current()!;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, calm.lease); // nothing else runs meanwhile, as under SIGSTOP
    expect(performance.now()).toBeGreaterThan(validUntil);
    expect(first.leadership.current()).toBeNull();
    await waitFor('it was told', () => first.deposed.length > 0);
    expect(first.deposed).toMatchObject([{reason: 'the lease could not be renewed in time'}]);
  });

  test('stopped without giving back, it is replaced after a lease', async () => {
    three();
    const first = await leader();
    await waitFor('others know it for one of ours', () => followers.every(({leadership}) => leadership.observed()?.counts));
    await first.leadership.stop();
    const second = await leader(first);
    expect(second.elected).toMatchObject([{term: 2}]);
  });

  test('grabbed: the former leader is deposed at its next renewal, the new one leads when that is sure', async () => {
    three();
    const first = await leader();
    const other = followers.find((each) => each !== first)!;
    const asked = performance.now();
    await other.leadership.grab();
    await waitFor('the former leader was deposed', () => first.deposed.length > 0);
    expect(await leader()).toBe(other);
    expect(performance.now() - asked).toBeGreaterThanOrEqual(calm.lease);
    await waitFor('it was told', () => other.elected.length > 0);
    expect(other.elected).toMatchObject([{...other.me, term: 2}]);
    expect(first.deposed.map(({reason}) => reason)).toEqual(['the lease is not ours any more']);
  });

  test('grabbing what is ours changes nothing', async () => {
    three(calmest);
    const first = await leader();
    await first.leadership.grab();
    await waitFor('it was renewed', () => (first.leadership.current()?.validUntil ?? 0) > first.elected[0]!.validUntil);
    expect(first.leadership.current()?.term).toBe(1);
  });

  test('reelect: the leader is deposed, and after a lease one is elected', async () => {
    three();
    const first = await leader();
    await reelect(backends[0]!, calm);
    await waitFor('the leader was deposed', () => first.deposed.length > 0);
    await leader();
    expect(followers.flatMap(({elected}) => elected.map(({term}) => term)).toSorted((a, b) => a - b)).toEqual([1, 2]);
  });

  test('fenced writes from everywhere in quick succession depose nobody', async () => {
    three(defaultTiming);
    const first = await leader();
    const lease = first.leadership.current()!;
    const until = performance.now() + 3000;
    const writers = await Promise.all([shared.open(), shared.open(), shared.open()]);
    let written = 0;
    await Promise.all(
      writers.map(async (backend) => {
        while (performance.now() < until || written <= 20) {
          if (await backend.transaction((work) => touchLease(work, lease))) written += 1;
        }
      }),
    );
    expect(written).toBeGreaterThan(20);
    expect(first.leadership.current()?.term).toBe(lease.term);
    expect(first.deposed).toEqual([]);
  });

  // Row locks hold on one node, and what another commits breaks them: what several would show is what one server shows.
  test.each(holdsRows ? ['the row'] : [])('while somebody holds %s locked, only the deadline deposes', async () => {
    const first = follow(backends[0]!, 'n0', defaultTiming);
    await leader();
    const release = await lockRow(shared);
    await sleep(3000); // two renewals time out
    await release();
    const renewedAt = performance.now();
    await waitFor('it was renewed', () => (first.leadership.current()?.validUntil ?? 0) > renewedAt + 3000, WITHIN);
    expect(first.deposed).toEqual([]);

    const again = await lockRow(shared);
    await waitFor('it was deposed', () => first.deposed.length > 0, WITHIN);
    await again();
    expect(first.deposed).toMatchObject([{reason: 'the lease could not be renewed in time'}]);
    // Timers cut off fractions and round the present: early by a few milliseconds, which is the safe side.
    expect(first.deposed[0]!.at).toBeGreaterThanOrEqual(first.until - 5);
    await waitFor('it leads again, in a new term', () => first.leadership.current()?.term === 2, WITHIN);
  });
});

describe('leadership when the server behind it fails', () => {
  let shared: Bench;
  let backend: Backend;

  beforeAll(async () => {
    shared = await bench('mariadb', HASTE);
    backend = await shared.open();
  });
  beforeEach(() => shared.empty());
  afterAll(() => shared?.down());

  test('lost connections depose nobody', async () => {
    const first = follow(backend, 'n0', calmest);
    await leader();
    const [server] = shared.servers;
    const until = performance.now() + 10 * calmest.renewEach;
    let killed = 0;
    while (performance.now() < until) {
      const sessions = await server!.query<{id: number}>("select id from information_schema.processlist where user = 'orc'");
      for (const {id} of sessions) {
        await server!.query(`kill ${id}`).catch(() => undefined); // it may have ended by itself
        killed += 1;
      }
      await sleep(calmest.renewEach * 1.5);
    }
    expect(killed).toBeGreaterThan(2);
    expect(first.deposed).toEqual([]);
    expect(first.leadership.current()?.term).toBe(1);
  });

  test('a server that hangs: deposed by our own clock alone, and elected anew when it goes on', async () => {
    const first = follow(backend, 'n0');
    await leader();
    shared.servers[0]!.pause();
    try {
      await waitFor('it was deposed', () => first.deposed.length > 0);
      expect(first.leadership.current()).toBeNull();
      // Timers cut off fractions and round the present: early by a few milliseconds, which is the safe side.
      expect(first.deposed[0]!.at).toBeGreaterThanOrEqual(first.until - 5);
    } finally {
      shared.servers[0]!.resume();
    }
    await waitFor('it leads again', () => first.leadership.current() !== null, WITHIN);
    expect(first.elected.map(({term}) => term)).toEqual([1, 2]);
  });

  test('a server that is killed and comes back: elected anew in a higher term', async () => {
    const first = follow(backend, 'n0');
    await leader();
    await shared.servers[0]!.kill9();
    await waitFor('it was deposed', () => first.deposed.length > 0);
    await shared.servers[0]!.start();
    await waitFor('it leads again', () => first.leadership.current() !== null, WITHIN);
    expect(first.elected[1]!.term).toBeGreaterThan(first.elected[0]!.term);
  });

  test('another server than before: leadership is dropped, and taken again after a whole lease', async () => {
    const first = follow(backend, 'n0');
    await leader();
    await shared.servers[0]!.query('set global server_id = 4711');
    await waitFor('it was deposed', () => first.deposed.length > 0);
    const {at} = first.deposed[0]!;
    await waitFor('it leads again', () => first.leadership.current() !== null, WITHIN);
    expect(performance.now() - at).toBeGreaterThanOrEqual(calm.lease - 5);
  });

  test('a backend that went back in time: leadership is dropped, and no term repeats', async () => {
    const first = follow(backend, 'n0');
    await leader();
    const other = await shared.open();
    await first.leadership.stop({release: true});
    const second = follow(backend, 'n1');
    await waitFor('the second leads', () => second.leadership.current(), WITHIN);
    expect(second.elected).toMatchObject([{term: 2}]);
    // before it has read its own term, and so only by what it took
    await other.run(({db}) => db('leader_term').update({term: 1}));
    await waitFor('it was deposed', () => second.deposed.length > 0);
    await waitFor('it leads again', () => second.leadership.current(), WITHIN);
    expect(second.elected.map(({term}) => term)).toEqual([2, 3]);
  });
});

describe('leadership on Galera when a node is cut off', () => {
  let shared: Bench;

  beforeAll(async () => {
    shared = await bench('galera', HASTE);
  });
  afterAll(() => shared?.down());

  test('the leader beside it deposes itself before another leads; nobody leads without a majority', async () => {
    const backends = [await shared.open(), await shared.open(), await shared.open()]; // nodes 2, 3, 1
    const servers = [shared.servers[1]!, shared.servers[2]!, shared.servers[0]!];
    backends.forEach((backend, at) => follow(backend, `n${at}`, defaultTiming));
    const first = await leader();
    const server = servers[followers.indexOf(first)]!;
    await server.query("set global wsrep_provider_options = 'gmcast.isolate=1'");
    const second = await leader(first);
    expect(first.deposed).toMatchObject([{reason: 'the lease could not be renewed in time'}]);
    expect(second.elected).toMatchObject([{term: 2}]);
    await server.query("set global wsrep_provider_options = 'gmcast.isolate=0'");
    await waitFor('the first follows again', () => first.leadership.observed()?.term === 2, WITHIN);
    expect(first.leadership.observed()?.row).toMatchObject(second.me);
    expect(second.leadership.current()?.term).toBe(2);
    const registration = {me: first.me, mode: 'HttpMode', command: '', version: 'test'} as const;
    await registerNode(backends[0]!, registration);
    expect(await checkNodeHealth(backends[0]!, registration)).toMatchObject({healthy: true, error: ''});
    for (const one of servers) await one.query("set global wsrep_provider_options = 'gmcast.isolate=1'");
    await waitFor('nobody leads', () => followers.every(({leadership}) => leadership.current() === null), WITHIN);
    expect(await checkNodeHealth(backends[0]!, registration)).toMatchObject({
      healthy: false,
      leader: null,
      error: expect.stringMatching(/the backend/),
    });
    for (const one of servers) await one.query("set global wsrep_provider_options = 'gmcast.isolate=0'");
    await waitFor('somebody leads again', () => followers.some(({leadership}) => leadership.current() !== null), WITHIN);
  });
});

/** Locks the leader's row, or the whole of SQLite, as a long transaction does; the result ends it. */
async function lockRow(shared: Bench): Promise<() => Promise<void>> {
  const {kind, configs, servers} = shared;
  if (kind === 'sqlite') return lockFile(configs[0]!.SQLite3DataFile);
  const client = servers[0]!.connect('orc');
  await client.query('use orchestrator');
  await client.query('begin');
  await client.query('select * from active_node where anchor = 1 for update');
  return async () => client.close();
}

async function lockFile(path: string): Promise<() => Promise<void>> {
  const database = new DatabaseSync(path, {timeout: 1000});
  database.exec('begin immediate');
  return async () => database.close();
}
