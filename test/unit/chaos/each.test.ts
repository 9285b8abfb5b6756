import {expect, test} from 'vitest';
import type {Choice} from '../../chaos/choose.ts';
import {playEach} from '../../chaos/each.ts';
import type {Result} from '../../chaos/run.ts';

const CHOICES: readonly Choice[] = [1, 2, 3].map((seed) => ({moves: [], seed}));
const GONE = [{code: 'no-convergence', text: 'No server a in this sandbox; there are: .'}] as const;

function resultOf({seed}: Choice, violations: Result['violations'] = []): Result {
  return {scenario: 'one', cluster: 'maria', seed, moves: [], faults: [], timings: {}, violations};
}

/** Plays three, and is told to end while it plays the second if told so. */
async function played(second: (ending: AbortController, choice: Choice) => Result): Promise<{kept: readonly number[]; counts: object}> {
  const [ending, kept] = [new AbortController(), [] as number[]];
  const counts = await playEach(CHOICES, {
    ended: ending.signal,
    play: (choice) => Promise.resolve().then(() => (choice.seed === 2 ? second(ending, choice) : resultOf(choice))),
    keep: ({seed}) => Promise.resolve(void kept.push(seed)),
  });
  return {kept, counts};
}

test('every scenario is kept, those with violations as well', async () => {
  const found = await played((_, choice) => resultOf(choice, GONE));
  expect(found).toEqual({kept: [1, 2, 3], counts: {good: 2, played: 3}});
});

test('one that is interrupted is not kept, whatever it found when its servers were taken away', async () => {
  const found = await played((ending, choice) => {
    ending.abort();
    return resultOf(choice, GONE);
  });
  expect(found).toEqual({kept: [1], counts: {good: 1, played: 1}});
});

test('a stage that is gone before it could begin is an end, and a fault where nobody asked for one', async () => {
  const fails = (): never => {
    throw new Error('no stage');
  };
  const endsAndFails = (ending: AbortController): never => {
    ending.abort();
    return fails();
  };
  await expect(played(endsAndFails)).resolves.toMatchObject({kept: [1]});
  await expect(played(fails)).rejects.toThrow('no stage');
});
