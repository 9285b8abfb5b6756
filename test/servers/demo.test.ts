import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import path from 'node:path';
import {afterEach, expect, test} from 'vitest';
import {waitFor} from '../sandbox/index.ts';

const DEMO = path.resolve(import.meta.dirname, '../../script/demo');

let running: ChildProcess | null = null;
afterEach(() => running?.kill('SIGKILL'));

/** Starts the demo; `said` is what it has printed so far. */
function demo(...args: string[]): {child: ChildProcess; said: () => string; ended: Promise<unknown>} {
  const child = spawn(DEMO, args, {stdio: ['ignore', 'pipe', 'pipe']});
  running = child;
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return {child, said: () => text, ended: once(child, 'close')};
}

/** Nothing of it is left: neither servers nor the service. */
async function expectNothingLeft(said: string): Promise<void> {
  const pids = [...said.matchAll(/ pid (\d+)$/gm)].map((match) => match[1]);
  expect(pids).toHaveLength(4);
  await waitFor('all its servers are gone', () => pids.every((pid) => !existsSync(`/proc/${pid}/exe`)));
  const address = /served at (http:\/\/\S+)/.exec(said)?.[1] ?? '';
  await waitFor(
    'its service is gone',
    () =>
      fetch(address).then(
        () => false,
        () => true,
      ),
    {within: 20_000},
  );
}

test('script/demo --once shows a promotion and cleans up', {timeout: 120_000}, async () => {
  const {child, said, ended} = demo('--once');
  await ended;
  expect(said()).toMatch(/^127\.0\.0\.1:\d+ replaces 127\.0\.0\.1:\d+: a write was accepted \d+ ms after the kill\.$/m);
  expect(said()).toContain('The topology now');
  expect(said()).not.toContain('\u001b');
  expect(child.exitCode).toBe(0);
  await expectNothingLeft(said());
});

test.each(['SIGINT', 'SIGKILL'] as const)('script/demo serves until %s, and leaves nothing behind', {timeout: 120_000}, async (signal) => {
  const {child, said, ended} = demo();
  await waitFor('the demo goes on serving', () => said().includes('Still serving') || child.exitCode !== null, {within: 100_000});
  const address = /Still serving at (http:\/\/[^;]+);/.exec(said())?.[1];
  expect((await fetch(`${address}/api/clusters`)).status).toBe(200);
  child.kill(signal);
  await ended;
  await expectNothingLeft(said());
});
