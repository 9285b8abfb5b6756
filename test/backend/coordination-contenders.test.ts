import {afterAll, beforeAll, beforeEach, describe, expect, test} from 'vitest';
import type {Backend} from '../../src/lib/store/backend.ts';
import {contend, fencedWrite, randomOf, unfencedWrite, violations, type Contest, type History} from './support/contenders.ts';
import {bench, KINDS, quick, type Bench} from './support/coordination.ts';

const SEED = Number(process.env['ORCHESTRATOR_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const CONTENDERS = 8;
const LASTS = 5000;

describe.each(KINDS)('eight contenders on %s', (kind) => {
  let shared: Bench;
  let backends: Backend[];

  beforeAll(async () => {
    shared = await bench(kind);
    backends = [];
    for (let count = 0; count < CONTENDERS; count += 1) backends.push(await shared.open());
    await backends[0]!.run(({db}) => db.raw('create table fenced_write (number int not null primary key, term bigint not null)'));
  });
  beforeEach(async () => {
    await shared.empty();
    await backends[0]!.run(({db}) => db('fenced_write').delete());
  });
  afterAll(() => shared?.down());

  const contest = async (write: Contest['write']): Promise<{history: History; found: readonly string[]}> => {
    const history: History = {reigns: [], written: 0, refused: 0, paused: 0};
    const until = performance.now() + LASTS;
    await Promise.all(
      backends.map((backend, at) => contend(`n${at}`, backend, {timing: quick, random: randomOf(SEED + at), until, history, write})),
    );
    const terms: readonly (number | string)[] = await backends[0]!.run(({db}) => db('fenced_write').orderBy('number').pluck('term'));
    return {history, found: violations(history.reigns, terms.map(Number))};
  };

  test(`that stop and go as they please never rely on a lease at the same time, and no deposed one writes (seed ${SEED})`, async () => {
    const {history, found} = await contest(fencedWrite);
    expect(found).toEqual([]);
    // otherwise the test has tested nothing
    expect(history.reigns.length).toBeGreaterThan(5);
    expect(history.written).toBeGreaterThan(5);
    expect(history.paused).toBeGreaterThan(0);
    expect(new Set(history.reigns.map(({who}) => who)).size).toBeGreaterThan(2);
  });

  test(`canary: without the fence deposed ones do write (seed ${SEED})`, async () => {
    const {found} = await contest(unfencedWrite);
    expect(found.filter((sentence) => !sentence.startsWith('a write'))).toEqual([]);
    expect(found.filter((sentence) => sentence.startsWith('a write'))).not.toEqual([]);
  });
});
