import {afterAll, beforeAll, beforeEach, describe, expect, test} from 'vitest';
import {setTimeout as sleep} from 'node:timers/promises';
import {observeLease, takeLease} from '../../src/lib/coordination/lease.ts';
import type {Timing} from '../../src/lib/coordination/timing.ts';
import type {Lease} from '../../src/lib/coordination/types.ts';
import type {Backend} from '../../src/lib/store/backend.ts';
import {submitPool} from '../../src/lib/store/pools.ts';
import {contend, fencedWrite, randomOf, unfencedWrite, violations, type Contest, type History} from './support/contenders.ts';
import {leaseCases} from './support/cases/lease.ts';
import {lockCases} from './support/cases/lock.ts';
import {key} from './support/instance.ts';
import {ALL_KINDS, bench, EXTENT_ON_A_GROUP, node, quick, unhurried, type Bench} from './support/coordination.ts';

const SEED = Number(process.env['ORCHESTRATOR_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const CONTENDERS = 8;
const ROUNDS = 300;
const POOLS = 20;
const LASTS = 3000;
/** On a machine that does much else it goes on until enough has happened, for at most this. */
const AT_MOST = 90_000;

function enough({reigns, written, paused}: History): boolean {
  return reigns.length > 5 && written > 5 && paused > 0 && new Set(reigns.map(({who}) => who)).size > 2;
}

describe.each(ALL_KINDS)('eight contenders on %s', (kind) => {
  let shared: Bench;
  let backends: Backend[];

  beforeAll(async () => {
    shared = await bench(kind);
    backends = [];
    for (let count = 0; count < CONTENDERS; count += 1) backends.push(await shared.open());
    await shared.patient.run(({db}) => db.raw('create table fenced_write (number int not null primary key, term bigint not null)'));
  });
  beforeEach(async () => {
    await shared.empty();
    await shared.patient.run(({db}) => db('fenced_write').delete());
  });
  afterAll(() => shared?.down());

  /** In the order of their commits. */
  const writtenTerms = async (): Promise<readonly number[]> => {
    const terms: readonly (number | string)[] = await backends[0]!.run(({db}) => db('fenced_write').orderBy('number').pluck('term'));
    return terms.map(Number);
  };
  const contest = async (write: Contest['write']): Promise<{history: History; found: readonly string[]}> => {
    const history: History = {reigns: [], written: 0, refused: 0, paused: 0};
    const began = performance.now();
    const isOver = (): boolean => {
      const lasted = performance.now() - began;
      return lasted > AT_MOST || (lasted > LASTS && enough(history));
    };
    await Promise.all(
      backends.map((backend, at) => contend(`n${at}`, backend, {timing: quick, random: randomOf(SEED + at), isOver, history, write})),
    );
    return {history, found: violations(history.reigns, await writtenTerms())};
  };

  test(`that stop and go as they please never rely on a lease at the same time, and no deposed one writes (seed ${SEED})`, async () => {
    const {history, found} = await contest(fencedWrite);
    expect(found).toEqual([]);
    // otherwise the test has tested nothing
    expect({...history, reigns: history.reigns.length, enough: enough(history)}).toMatchObject({enough: true});
  });

  test(`a write of the old term that meets a takeover on another node comes before it or not at all (seed ${SEED})`, async () => {
    const [one, two, three, four] = backends as [Backend, Backend, Backend, Backend];
    const atOnce: Timing = {...unhurried, lease: 0, foreignLease: 0}; // takes from the living: the collision is what is tested
    const random = randomOf(SEED);
    let holder: Lease = {...node('first'), term: 0, validUntil: 0};
    const met = {takenOver: 0, writtenBefore: 0};
    for (let round = 0; round < ROUNDS; round += 1) {
      const heir = node(`heir ${round}`);
      const seen = await observeLease(two, undefined, unhurried);
      const takeover = (async () => {
        await sleep(5 * random());
        const lease = await takeLease(two, heir, {seen, timing: atOnce});
        if (lease !== null) await fencedWrite(two, lease);
        return lease;
      })();
      const late = [one, three, four].map(async (backend) => {
        await sleep(8 * random());
        return fencedWrite(backend, holder);
      });
      // a fenced write is a sign of life, so a takeover succeeds only where it is the first
      const wrote = (await Promise.all(late)).includes(true);
      const lease = await takeover;
      if (lease !== null) met.takenOver += 1;
      if (wrote) met.writtenBefore += 1;
      holder = lease ?? holder;
    }
    expect(violations([], await writtenTerms())).toEqual([]);
    expect(Math.min(met.takenOver, met.writtenBefore)).toBeGreaterThan(ROUNDS / 30); // otherwise they never met
  });

  test.each([
    {how: 'without the fence', write: unfencedWrite, found: ['a write of term 1 went through after one of term 2']},
    {how: 'with it', write: fencedWrite, found: []},
  ])('a process that was stopped past its lease and writes on, $how', async ({write, found}) => {
    const [one, two] = backends as [Backend, Backend];
    const atOnce: Timing = {...unhurried, lease: 0, foreignLease: 0};
    const stopped = await takeLease(one, node('stopped'), {seen: await observeLease(one, undefined, unhurried), timing: atOnce});
    const heir = await takeLease(two, node('heir'), {seen: await observeLease(two, undefined, unhurried), timing: atOnce});
    await write(two, heir!);
    await write(one, stopped!);
    expect(violations([], await writtenTerms())).toEqual(found);
  });

  test('of those who say at once who is in a pool, one has said it: the members of several are never in it', async () => {
    for (let round = 0; round < POOLS; round += 1) {
      // Nobody is in it yet, and they have no member in common: they write no row that another one writes.
      const pool = `p${round}`;
      const some = backends.slice(0, shared.servers.length > 1 ? shared.servers.length : 2);
      const meeting = shared.servers.length > 1 ? commitTogether(some) : some;
      await Promise.all(meeting.map((backend, at) => submitPool(backend, pool, [`n${at}a`, `n${at}b`].map(key))));
      const hosts: readonly string[] = await backends[0]!.run(({db}) =>
        db('database_instance_pool').where({pool}).orderBy('hostname').pluck('hostname'),
      );
      expect(hosts).toHaveLength(2);
      expect(hosts[0]?.slice(0, -1)).toBe(hosts[1]?.slice(0, -1));
    }
  });

  // Its group is there, and takes long to start.
  describe.each(kind === 'group' ? ['the same group'] : [])('on %s', () => {
    describe('the lease', () => {
      leaseCases(() => shared, EXTENT_ON_A_GROUP);
    });
    describe('cluster locks', () => {
      lockCases(() => shared, EXTENT_ON_A_GROUP);
    });
  });
});

/** Who writes through database nodes of their own wait for each other before they commit for the first time. */
function commitTogether(backends: readonly Backend[]): readonly Backend[] {
  let missing = backends.length;
  const meeting = Promise.withResolvers<void>();
  return backends.map((backend) => {
    let met = false;
    return {
      ...backend,
      transaction: (work, options) =>
        backend.transaction(async (inside) => {
          const result = await work(inside);
          if (!met) missing -= 1;
          met = true;
          if (missing === 0) meeting.resolve();
          await meeting.promise;
          return result;
        }, options),
    };
  });
}
