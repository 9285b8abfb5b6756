import {expect, test} from 'vitest';
import {circumstancesOf, Patience} from '../../../src/lib/daemon/patience.ts';
import type {VetoCode} from '../../../src/lib/plan/vetoes.ts';
import {and, broken, down, given, key, uuid, type But} from '../support/given.ts';

const SAME = (): string => 'as it was';
const OTHERWISE = (): string => 'something else';

/** Seconds after the last of several refusals for the same reason at which it is over: as it was then, and once something has changed. */
function over(code: VetoCode, times: number): {same: number; changed: number} {
  const patience = new Patience();
  const begin = (at: number): void => void patience.begin(code, {now: at, circumstances: SAME});
  for (let time = 0; time < times; time += 1) begin(0);
  const first = (circumstances: () => string): number => {
    for (let second = 0; ; second += 1) if (patience.isOver({now: second * 1000, circumstances})) return second;
  };
  return {same: first(SAME), changed: first(OTHERWISE)};
}

test.each<{code: VetoCode; times: number; same: number; changed: number}>([
  {code: 'lossless-unprovable', times: 1, same: 2, changed: 2},
  {code: 'lossless-unprovable', times: 2, same: 4, changed: 4},
  {code: 'lossless-unprovable', times: 3, same: 8, changed: 5},
  {code: 'lossless-unprovable', times: 20, same: 60, changed: 5},
  {code: 'downtimed', times: 20, same: 60, changed: 5},
  {code: 'recovery-disabled', times: 20, same: 5, changed: 5},
  {code: 'recently-recovered', times: 20, same: 5, changed: 5},
  {code: 'too-many-recoveries', times: 20, same: 0, changed: 0},
  {code: 'failed', times: 3, same: 8, changed: 8},
  {code: 'failed', times: 20, same: 600, changed: 600},
  {code: 'pre-hook-failed', times: 20, same: 60, changed: 60},
])(
  'after $times × $code it is looked at again after $same s, and after $changed s where something changed',
  ({code, times, ...expected}) => {
    expect(over(code, times)).toEqual(expected);
  },
);

test('what failed is tried again after pauses that double up to ten minutes, and it is said how long', () => {
  const patience = new Patience();
  const pauses = Array.from({length: 11}, () => patience.begin('failed', {now: 0, circumstances: SAME}) / 1000);
  expect(pauses).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
});

test('after success the first pause is short again', () => {
  const patience = new Patience();
  for (let time = 0; time < 9; time += 1) patience.begin('downtimed', {now: 0, circumstances: SAME});
  patience.end();
  patience.begin('downtimed', {now: 0, circumstances: SAME});
  expect(patience.isOver({now: 2000, circumstances: SAME})).toBe(true);
});

const DEAD = {a: down, b: broken, c: broken};
const more = {gtid: {executed: `${uuid('a')}:1-99`}};

test.each<{what: string; before: Record<string, But>; after: Record<string, But>; changes: boolean}>([
  {what: 'nothing', before: DEAD, after: DEAD, changes: false},
  {what: 'a replica is gone', before: DEAD, after: {...DEAD, c: down}, changes: true},
  {what: 'a replica is back', before: {...DEAD, c: down}, after: DEAD, changes: true},
  {what: 'the source answers', before: DEAD, after: {...DEAD, a: {}}, changes: true},
  {what: 'a replica has applied more', before: DEAD, after: {...DEAD, b: and(broken, more)}, changes: true},
  {what: 'the same below a source that lives', before: {}, after: {b: more}, changes: false},
  {
    what: 'a person wants somebody else',
    before: DEAD,
    after: {...DEAD, b: and(broken, {wishes: {promotionRule: 'prefer'}})},
    changes: true,
  },
  {what: 'a downtime begins', before: DEAD, after: {...DEAD, a: and(down, {wishes: {inMaintenance: true}})}, changes: true},
  {what: 'a server of another cluster is gone', before: DEAD, after: {...DEAD, y: down}, changes: false},
])('$what: something that a refusal may rest on changed: $changes', ({before, after, changes}) => {
  const [one, other] = [before, after].map((how) => circumstancesOf(given('a: b c; x: y', how), key('a')));
  expect(one !== other).toBe(changes);
});

test('a server that nobody knows has no circumstances', () => {
  expect(circumstancesOf(given('a: b'), key('z'))).toBe('');
});
