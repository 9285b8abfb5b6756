import {describe, expect, test} from 'vitest';
import {Schedule, SLOWEST} from '../../../src/lib/daemon/schedule.ts';
import {key} from '../support/given.ts';

const POLL = 5000;
const SECOND = 1000;
const options = {poll: POLL, concurrency: 3, slowConcurrency: 1};
const hosts = (keys: readonly {host: string}[]): string[] => keys.map(({host}) => host);

/** A schedule whose servers have all been probed once at time 0. */
function probedOnce(answers: Readonly<Record<string, boolean>>, matters = false): Schedule {
  const schedule = new Schedule({...options, concurrency: 100});
  for (const host of Object.keys(answers)) schedule.add(key(host), 0);
  for (const taken of schedule.take(0)) schedule.ended(taken, {ok: answers[taken.host] ?? true, matters, now: 0});
  return schedule;
}

describe('which servers are due', () => {
  test('a new one at once, and again a poll after its probe ended', () => {
    const schedule = probedOnce({a: true});
    expect(hosts(schedule.take(POLL - 1))).toEqual([]);
    expect(hosts(schedule.take(POLL))).toEqual(['a']);
  });

  test('one whose probe has not ended is not probed a second time', () => {
    const schedule = new Schedule(options);
    schedule.add(key('a'), 0);
    schedule.take(0);
    expect(schedule.take(10 * POLL)).toEqual([]);
  });

  test('no more at once than allowed', () => {
    const schedule = new Schedule(options);
    for (const host of ['a', 'b', 'c', 'd']) schedule.add(key(host), 0);
    expect(hosts(schedule.take(0))).toEqual(['a', 'b', 'c']);
    schedule.ended(key('b'), {ok: true, matters: false, now: 1});
    expect(hosts(schedule.take(1))).toEqual(['d']);
  });

  test('a forgotten one never again', () => {
    const schedule = probedOnce({a: true});
    schedule.remove(key('a'));
    expect(schedule.take(10 * POLL)).toEqual([]);
  });
});

describe('dead servers', () => {
  test.each([
    {matters: false, failures: 1, pause: 2 * POLL},
    {matters: false, failures: 3, pause: 8 * POLL},
    {matters: false, failures: 20, pause: SLOWEST},
    {matters: true, failures: 20, pause: 2 * POLL},
  ])('after $failures failures, others depending on it: $matters, asked again after $pause ms', ({matters, failures, pause}) => {
    const schedule = new Schedule(options);
    schedule.add(key('a'), 0);
    let now = 0;
    for (let failed = 0; failed < failures; failed += 1) {
      while (schedule.take(now).length === 0) now += 1000;
      schedule.ended(key('a'), {ok: false, matters, now});
    }
    expect(schedule.take(now + pause - 1)).toEqual([]);
    expect(hosts(schedule.take(now + pause))).toEqual(['a']);
  });

  test('they never keep live ones waiting: each kind has its own room', () => {
    const schedule = probedOnce({dead1: false, dead2: false, dead3: false, alive: true});
    expect(hosts(schedule.take(100 * POLL))).toEqual(['dead1', 'alive']);
  });

  test('one that answers again is polled as before', () => {
    const schedule = probedOnce({a: false});
    schedule.take(2 * POLL);
    schedule.ended(key('a'), {ok: true, matters: false, now: 2 * POLL});
    expect(hosts(schedule.take(3 * POLL))).toEqual(['a']);
  });
});

describe('those that were replaced and do not answer', () => {
  /** When it is asked next after a failure at time 0, with `said` said of it a moment later. */
  function nextLook({failures, said}: {readonly failures: number; readonly said: 'awaited' | 'awaited, then not' | 'nothing'}): number {
    const schedule = new Schedule(options);
    schedule.add(key('a'), 0);
    let now = 0;
    for (let failed = 0; failed < failures; failed += 1) {
      while (schedule.take(now).length === 0) now += 1000;
      schedule.ended(key('a'), {ok: false, matters: true, now});
    }
    if (said !== 'nothing') schedule.await([key('a')], now);
    if (said === 'awaited, then not') {
      schedule.take(now + SECOND);
      schedule.await([], now + SECOND);
      schedule.ended(key('a'), {ok: false, matters: true, now: now + SECOND});
      now += SECOND;
    }
    const begin = now;
    while (schedule.take(now).length === 0) now += 100;
    return now - begin;
  }

  test.each([
    {failures: 1, said: 'nothing', pause: 2 * POLL},
    {failures: 1, said: 'awaited', pause: SECOND},
    {failures: 20, said: 'awaited', pause: SECOND},
    {failures: 1, said: 'awaited, then not', pause: 2 * POLL},
  ] as const)('after $failures failures, $said: $pause ms until the next look', ({failures, said, pause}) => {
    expect(nextLook({failures, said})).toBe(pause);
  });

  test('again and again, for as long as they are awaited', () => {
    const schedule = probedOnce({a: false});
    schedule.await([key('a')], 0);
    for (let now = SECOND; now < 100 * SECOND; now += SECOND) {
      expect(hosts(schedule.take(now))).toEqual(['a']);
      schedule.ended(key('a'), {ok: false, matters: false, now});
      schedule.await([key('a')], now);
    }
  });

  test('one that was alive at its last turn is looked at a second later, not at its next poll', () => {
    const schedule = probedOnce({a: true});
    schedule.await([key('a')], 100);
    expect(hosts(schedule.take(100 + SECOND))).toEqual(['a']);
  });

  test('one that answers again is polled as others are', () => {
    const schedule = probedOnce({a: false});
    schedule.await([key('a')], 0);
    schedule.take(SECOND);
    schedule.ended(key('a'), {ok: true, matters: false, now: SECOND});
    expect(schedule.take(SECOND + POLL - 1)).toEqual([]);
    expect(hosts(schedule.take(SECOND + POLL))).toEqual(['a']);
  });

  test('they keep neither live nor other dead servers waiting, and are kept waiting by neither', () => {
    const schedule = new Schedule({...options, concurrency: 1});
    for (const host of ['alive1', 'alive2', 'lost1', 'lost2', 'dead1', 'dead2']) schedule.add(key(host), 0);
    for (let rounds = 0; rounds < 6; rounds += 1)
      for (const taken of schedule.take(0)) schedule.ended(taken, {ok: taken.host.startsWith('alive'), matters: false, now: 0});
    schedule.await([key('lost1'), key('lost2')], 0);
    expect(hosts(schedule.take(100 * POLL))).toEqual(['alive1', 'lost1', 'dead1']);
    expect(schedule.load(100 * POLL)).toEqual({active: 3, queued: 3});
  });

  test('one that is forgotten while it is asked leaves its place to the next', () => {
    const schedule = probedOnce({dead1: false, dead2: false});
    expect(hosts(schedule.take(100 * POLL))).toEqual(['dead1']);
    schedule.remove(key('dead1'));
    expect(hosts(schedule.take(100 * POLL))).toEqual(['dead2']);
  });
});
