import {DatabaseSync} from 'node:sqlite';
import {setTimeout as sleep} from 'node:timers/promises';
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, test} from 'vitest';
import {defaultTiming, type Timing} from '../../src/lib/coordination/timing.ts';
import {waitFor} from '../sandbox/index.ts';
import {bench, PROTOCOL_KINDS, quick, type Bench} from './support/coordination.ts';
import type {ContenderSettings} from './support/contender-process.ts';
import {Contender, overlaps, sharedClock} from './support/processes.ts';

const WITHIN = {within: 60_000};

describe.each(PROTOCOL_KINDS)('processes on %s', (kind) => {
  let shared: Bench;
  let contenders: Contender[];

  beforeAll(async () => {
    shared = await bench(kind);
  });
  beforeEach(async () => {
    await shared.empty();
    contenders = [];
  });
  afterEach(async () => {
    await Promise.all(contenders.map((contender) => contender.end()));
  });
  afterAll(() => shared?.down());

  const start = (count: number, settings: Pick<ContenderSettings, 'for' | 'timing'>): void => {
    for (let at = 0; at < count; at += 1) {
      contenders.push(new Contender({name: `n${at}`, config: shared.configs[at % shared.configs.length]!, ...settings}));
    }
  };
  const holder = (but?: Contender): Promise<Contender> =>
    waitFor('one of them holds it', () => contenders.find((each) => each !== but && each.holds), WITHIN);

  /** SIGSTOP. On SQLite not while it writes: a file stays locked for as long as its process stands still. */
  const stop = async (contender: Contender): Promise<void> => {
    contender.signal('SIGSTOP');
    if (kind !== 'sqlite') return;
    const database = new DatabaseSync(shared.configs[0]!.SQLite3DataFile, {timeout: 500});
    for (;;) {
      try {
        database.exec('begin immediate');
        database.exec('rollback');
        return database.close();
      } catch {
        contender.signal('SIGCONT');
        await sleep(5 * Math.random());
        contender.signal('SIGSTOP');
      }
    }
  };

  test('kill -9 of the leader: another leads after a lease, and never before', async () => {
    start(3, {for: 'lease', timing: quick});
    for (let round = 0; round < 2; round += 1) {
      const leader = await holder();
      leader.signal('SIGKILL');
      await holder(leader);
    }
    expect(overlaps(contenders)).toEqual([]);
  });

  test('SIGSTOP of the leader past its lease: it relies on nothing when it goes on', async () => {
    start(3, {for: 'lease', timing: quick});
    const stopped = await holder();
    await stop(stopped);
    const next = await holder(stopped);
    stopped.signal('SIGCONT');
    const resumedAt = sharedClock();
    const said = next.lines.length;
    await waitFor('the new leader leads on', () => next.lines.length > said + 20, WITHIN);
    expect(stopped.lines.filter(({at}) => at > resumedAt)).toEqual([]);
    expect(overlaps(contenders)).toEqual([]);
  });

  test('SIGTERM: another leads before a lease is over', async () => {
    // So long that nobody could take it, were it not given back.
    start(3, {for: 'lease', timing: {...defaultTiming, lease: 60_000, foreignLease: 61_000}});
    const leader = await holder();
    const told = sharedClock();
    leader.signal('SIGTERM');
    await holder(leader);
    expect(sharedClock() - told).toBeLessThan(30_000);
    expect(overlaps(contenders)).toEqual([]);
  });

  // Which backend it is makes no difference to lengths; within how many seconds is for script/bench to measure, on a quiet machine.
  test.each(kind === 'mariadb' ? ['a real service'] : [])(
    'kill -9 of the leader at the lengths of %s: another leads after its lease',
    async () => {
      start(3, {for: 'lease', timing: defaultTiming});
      const leader = await holder();
      await waitFor(
        'it was renewed, so that the others know it for one of ours',
        () => leader.lines.at(-1)!.until - leader.lines[0]!.until > 1500,
        WITHIN,
      );
      const killed = sharedClock();
      leader.signal('SIGKILL');
      await holder(leader);
      expect(sharedClock() - killed).toBeGreaterThan(4000 - defaultTiming.renewEach);
      expect(overlaps(contenders)).toEqual([]);
    },
  );

  test('a lock: whoever holds it is killed, or stopped and goes on, and the next follows with a higher fence', async () => {
    const timing: Timing = {...quick, glance: 1000};
    start(4, {for: 'lock', timing});
    const first = await holder();
    first.signal('SIGKILL');
    const second = await holder(first);
    await stop(second);
    const third = await holder(second);
    second.signal('SIGCONT');
    const said = third.lines.length;
    await waitFor('the third holds on', () => third.lines.length > said + 20, WITHIN);
    expect(overlaps(contenders)).toEqual([]);
    expect(new Set([first, second, third]).size).toBe(3);
  });
});
