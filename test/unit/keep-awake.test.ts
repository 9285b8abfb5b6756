import {afterEach, beforeEach, expect, test, vi} from 'vitest';
import {IDLE_S, Wakefulness} from '../../src/lib/store/connection/keep-awake.ts';

let asked: number[] = [];
let answer: () => Promise<void>;
let awake: Wakefulness;

beforeEach(() => {
  vi.useFakeTimers({toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout', 'performance']});
  asked = [];
  answer = () => Promise.resolve();
  const began = performance.now();
  awake = new Wakefulness(async () => {
    asked.push(performance.now() - began);
    await answer();
  });
});
afterEach(() => {
  awake.end();
  vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const say = (sql: string) => awake.during(sql, () => Promise.resolve());

test('a session that is idle says something before the server ends it, again and again, and may be used', async () => {
  await pass(20_000);
  const gaps = asked.map((at, index) => at - (asked[index - 1] ?? 0));
  expect(gaps.length).toBeGreaterThan(4);
  expect(Math.max(...gaps)).toBeLessThan((IDLE_S * 1000) / 2);
  expect(awake.awake).toBe(true);
});

test.each(['BEGIN;', 'begin'])(
  'within a transaction (%s) it says nothing, so that the server ends one that stands still',
  async (begin) => {
    await say(begin);
    await say('update t set a = 1');
    await pass(IDLE_S * 1000);
    expect(asked).toEqual([]);
    expect(awake.awake).toBe(false);
  },
);

test.each([
  {sql: 'COMMIT;', speaks: true},
  {sql: 'ROLLBACK', speaks: true},
  {sql: 'ROLLBACK TO SAVEPOINT trx2', speaks: false},
  {sql: 'RELEASE SAVEPOINT trx2;', speaks: false},
])('after $sql it speaks again: $speaks', async ({sql, speaks}) => {
  await say('BEGIN;');
  await say(sql);
  await pass(3000);
  expect(asked.length > 0).toBe(speaks);
});

test('while a statement runs nothing else is said, and its answer counts as a sign of life', async () => {
  const {promise, resolve} = Promise.withResolvers<void>();
  const running = awake.during('select sleep(60)', () => promise);
  await pass(60_000);
  expect(asked).toEqual([]);
  resolve();
  await running;
  expect(awake.awake).toBe(true);
});

test('while the server has not answered it is not handed out', async () => {
  const {promise, resolve} = Promise.withResolvers<void>();
  answer = () => promise;
  await pass(3000);
  expect(asked).toHaveLength(1);
  expect(awake.awake).toBe(false);
  resolve();
  await pass(1);
  expect(awake.awake).toBe(true);
});

test('after the process stood still it is not handed out', () => {
  awake.end(); // no timer runs
  vi.advanceTimersByTime(IDLE_S * 1000);
  expect(awake.awake).toBe(false);
});

test('once ended it is silent', async () => {
  awake.end();
  await pass(20_000);
  expect(asked).toEqual([]);
});
