import {setTimeout as sleep} from 'node:timers/promises';
import {expect, test} from 'vitest';
import {alarm} from '../../../src/lib/servers/alarm.ts';

const rings = (timeout: number) => {
  const start = performance.now();
  return new Promise<number>((resolve) => alarm(timeout, () => resolve(performance.now() - start)));
};

function busy(milliseconds: number): void {
  for (const until = performance.now() + milliseconds; performance.now() < until;);
}

test('it rings when the time is up', async () => {
  const after = await rings(30);
  expect(after).toBeGreaterThanOrEqual(29);
  expect(after).toBeLessThan(300);
});

test('called off, it does not ring', async () => {
  let rang = false;
  alarm(20, () => (rang = true))();
  await sleep(60);
  expect(rang).toBe(false);
});

test('called off between a stall and its ring, it does not ring either', async () => {
  let rang = false;
  const callOff = alarm(20, () => (rang = true));
  busy(200);
  setImmediate(callOff);
  await sleep(100);
  expect(rang).toBe(false);
});

test('time in which this process did not run is given back, once and no more than it had', async () => {
  const ringing = rings(100);
  busy(400);
  const after = await ringing;
  expect(after).toBeGreaterThanOrEqual(495);
  expect(after).toBeLessThan(800);
});
