import {beforeEach, expect, test} from 'vitest';
import {Memory} from '../../../src/lib/operations/memory.ts';

/** A backend of one number, and a clock that stands until it is set. */
let stored = 0;
let clock = 0;
let reads = 0;
let memory: Memory;

beforeEach(() => {
  [stored, clock, reads] = [0, 1000, 0];
  memory = new Memory({now: () => clock});
});

interface Value {
  readonly value: number;
}

async function read(): Promise<Value> {
  reads++;
  return Promise.resolve({value: stored});
}

const ask = (): Promise<Value> => memory.get('all', read);
/** Until everything that waits for nothing from outside has been done. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('within half a second it is the same object, read once', async () => {
  const first = await ask();
  await settled();
  stored = 7;
  clock += 499;
  expect(await ask()).toBe(first);
  expect(reads).toBe(1);
});

test('from half a second on it is read again beside the answer', async () => {
  const first = await ask();
  await settled();
  stored = 7;
  clock += 500;
  expect(await ask()).toBe(first);
  await settled();
  expect(await ask()).toEqual({value: 7});
  expect(reads).toBe(2);
});

test('what somebody else wrote a second before the question is in the answer', async () => {
  await ask();
  await settled();
  stored = 7;
  clock += 1000;
  expect(await ask()).toEqual({value: 7});
});

test('what was changed through this node is in every answer from then on', async () => {
  await ask();
  await settled();
  stored = 7;
  memory.changed();
  expect(await ask()).toEqual({value: 7});
});

test('a reading that began before a change is no answer after it, and is not remembered either', async () => {
  const held = Promise.withResolvers<string>();
  const before = memory.get('all', () => held.promise);
  await settled();
  memory.changed();
  const after = memory.get('all', () => Promise.resolve('new'));
  held.resolve('old');
  expect(await Promise.all([before, after])).toEqual(['old', 'new']);
  await settled();
  expect(await memory.get('all', () => Promise.resolve('newer'))).toBe('new');
});

test('many who ask at once share a reading, and those who may not join it share the next', async () => {
  const first = await Promise.all(Array.from({length: 50}, ask));
  expect([new Set(first).size, reads]).toEqual([1, 1]);
  const held = Promise.withResolvers<Value>();
  memory.changed();
  const slow = memory.get('all', () => held.promise);
  await settled();
  clock += 1000;
  const late = Array.from({length: 50}, ask);
  held.resolve({value: 1});
  expect(await slow).toEqual({value: 1});
  expect([new Set(await Promise.all(late)).size, reads]).toEqual([1, 2]);
});

test('the old one answers until the new one is ready to be sent, but no longer than it may', async () => {
  const ripe = Promise.withResolvers<void>();
  const seen: unknown[] = [];
  memory.beforeReplacing((before, after) => {
    seen.push([before, after]);
    return ripe.promise;
  });
  const first = await ask();
  await settled();
  stored = 7;
  clock += 600;
  await ask();
  await settled();
  expect(seen).toEqual([[{value: 0}, {value: 7}]]);
  expect(await ask()).toBe(first);
  clock += 400;
  expect(await ask()).toEqual({value: 7});
  ripe.resolve();
  await settled();
  expect(await ask()).toEqual({value: 7});
  expect(reads).toBe(2);
});

test('a failure is told to whoever asked, and not remembered', async () => {
  await expect(memory.get('all', () => Promise.reject(new Error('gone')))).rejects.toThrow('gone');
  await settled();
  expect(await ask()).toEqual({value: 0});
});

test('a failure beside an answer is told to nobody who can still be answered', async () => {
  const first = await ask();
  await settled();
  clock += 600;
  expect(await memory.get('all', () => Promise.reject(new Error('gone')))).toBe(first);
  await settled();
  clock += 400;
  expect(await ask()).toEqual({value: 0});
});
