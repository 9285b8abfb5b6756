import {beforeEach, expect, test} from 'vitest';
import {Memory} from '../../../src/lib/operations/memory.ts';

/** A backend of one number, and a clock that stands until it is set. */
let stored = 0;
let clock = 0;
let looks = 0;
let reads = 0;
let memory: Memory;

beforeEach(() => {
  [stored, clock, looks, reads] = [0, 1000, 0, 0];
  memory = new Memory({
    version: () => {
      looks++;
      return Promise.resolve(`v${stored}`);
    },
    now: () => clock,
  });
});

async function read(): Promise<{readonly value: number}> {
  reads++;
  return Promise.resolve({value: stored});
}

/** Asks once, far enough from the last look. */
async function ask(): Promise<{readonly value: number}> {
  clock += 10;
  return memory.get('all', read);
}

test('what has not changed is the same object, read once', async () => {
  const first = await ask();
  expect(await ask()).toBe(first);
  expect(reads).toBe(1);
});

test('what was written before the question is in the answer', async () => {
  await ask();
  stored = 7;
  expect(await ask()).toEqual({value: 7});
});

test('whoever asks after a look has begun is answered from a later one', async () => {
  const held = Promise.withResolvers<string>();
  const versions = [held.promise, Promise.resolve('new')];
  const slow = new Memory({version: () => versions.shift() ?? Promise.resolve('new'), now: () => (clock += 10)});
  const before = slow.get('all', () => Promise.resolve('old'));
  await Promise.resolve().then(() => Promise.resolve()); // the first look has begun
  await new Promise((resolve) => setImmediate(resolve));
  const after = slow.get('all', () => Promise.resolve('written meanwhile'));
  held.resolve('old');
  expect(await Promise.all([before, after])).toEqual(['old', 'written meanwhile']);
});

test('many who ask at once share a look and a reading', async () => {
  const answers = await Promise.all(Array.from({length: 50}, () => memory.get('all', read)));
  expect(new Set(answers).size).toBe(1);
  expect([looks, reads]).toEqual([1, 1]);
});

test('what grew older than a second is read again beside the answer, and what is older than two before it', async () => {
  const first = await ask();
  clock += 1500;
  expect(await ask()).toBe(first);
  const second = await ask();
  expect(second).not.toBe(first);
  clock += 2500;
  expect(await ask()).not.toBe(second);
  expect(reads).toBe(3);
});

test('where the version is not known, everything is read each time', async () => {
  const forgetful = new Memory({version: () => Promise.resolve(null), now: () => (clock += 10)});
  await forgetful.get('all', read);
  await forgetful.get('all', read);
  expect(reads).toBe(2);
});

test('a failure is told to whoever asked, and not remembered', async () => {
  clock += 10;
  await expect(memory.get('all', () => Promise.reject(new Error('gone')))).rejects.toThrow('gone');
  expect(await ask()).toEqual({value: 0});
  const failing = new Memory({
    version: () => (looks++ === 0 ? Promise.reject(new Error('no version')) : Promise.resolve('v')),
    now: () => (clock += 10),
  });
  looks = 0;
  await expect(failing.get('all', read)).rejects.toThrow('no version');
  expect(await failing.get('all', read)).toEqual({value: 0});
});
