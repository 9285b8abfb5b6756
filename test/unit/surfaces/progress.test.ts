import {expect, test} from 'vitest';
import {startProgress} from '../../../src/lib/surfaces/cli/progress.ts';

test('who waits at a terminal is told what is at work, over and over, until it is done', async () => {
  const lines: string[] = [];
  const stop = startProgress({status: (line) => lines.push(line)}, 'recover', 5);
  await expect.poll(() => lines.length, {timeout: 10_000, interval: 5}).toBeGreaterThan(2);
  stop();
  expect(lines[0]).toBe('recover: 0 s');
  expect(lines.at(-1)).toBe('');
});

test('what is over before it is worth saying is not told', () => {
  const lines: string[] = [];
  startProgress({status: (line) => lines.push(line)}, 'clusters')();
  expect(lines).toEqual(['']);
});

test('where nobody looks, nothing is told', () => {
  expect(() => startProgress({}, 'recover')()).not.toThrow();
});
