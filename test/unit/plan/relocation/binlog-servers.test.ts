import {expect, test} from 'vitest';
import {and, broken, down} from '../../support/given.ts';
import {binlogServer, leftOf, movesOf, planned, POSITION, refused, type Situation} from './support.ts';

const at = (position: number) => ({replication: {executed: {file: 'binlog.000001', position}}});

/** m and n are binlog servers below a; everybody goes by file and position. */
const SKETCH = 'a: b m n; m: d e; n: f';
const but = {m: binlogServer, n: binlogServer};

test.each<Situation & {wish: string; moves: readonly string[]; left?: readonly string[]; promoted?: string}>([
  {wish: 'relocate b below m', moves: ['b: a > m by same-log']},
  {wish: 'relocate d below n', moves: ['d: m > n by same-log']},
  {wish: 'relocate d below a', moves: ['d: m > a by same-log']},
  {wish: 'relocate d below b', moves: ['d: m > b by same-log+below']},
  {wish: 'relocate n below m', moves: ['n: a > m by same-log']},
  {wish: 'relocate n below a', sketch: 'a: m; m: n', moves: ['n: m > a by same-log']},
  {wish: 'move-below b below m', moves: ['b: a > m by same-log']},
  {wish: 'move-up d', moves: ['d: m > a by same-log']},
  {wish: 'move-up-replicas m', moves: ['d: m > a by same-log', 'e: m > a by same-log']},
  {wish: 'repoint d below n', moves: ['d: m > n by same-log']},
  {wish: 'repoint d below a', moves: ['d: m > a by same-log']},
  {wish: 'repoint b below m', moves: ['b: a > m by same-log']},
  {wish: 'repoint n below m', moves: ['n: a > m by same-log']},
  {wish: 'relocate-replicas m below n', moves: ['d: m > n by same-log', 'e: m > n by same-log']},
  {wish: 'relocate-replicas m below a', moves: ['d: m > a by same-log', 'e: m > a by same-log']},
  {wish: 'relocate-replicas m below n', but: {...but, m: and(binlogServer, down)}, moves: ['d: m > n by same-log', 'e: m > n by same-log']},
  {wish: 'repoint-replicas m', moves: ['d: m > m by repoint', 'e: m > m by repoint']},
  {wish: 'take-siblings m', moves: ['b: a > m by same-log', 'n: a > m by same-log']},
  {
    wish: 'take-siblings b',
    moves: ['c: a > b by below'],
    left: ['m binlog-server', 'n binlog-server'],
    sketch: 'a: b c m n',
    but: {...but, c: {}},
  },
  {
    wish: 'regroup-binlog-servers a',
    but: {m: binlogServer, n: and(binlogServer, at(2000))},
    moves: ['m: a > n by same-log'],
    promoted: 'n',
  },
  {
    wish: 'regroup-binlog-servers a',
    but: {a: down, m: and(binlogServer, broken, at(2000)), n: and(binlogServer, broken)},
    moves: ['n: a > m by same-log'],
    promoted: 'm',
  },
])('$wish in $sketch', ({wish, moves, left = [], promoted, ...situation}) => {
  const plan = planned(wish, {sketch: SKETCH, kind: POSITION, but, ...situation});
  expect(movesOf(plan)).toEqual(moves);
  expect(leftOf(plan)).toEqual(left);
  expect(plan.promoted?.host).toBe(promoted);
});

test.each<{wish: string; code: string}>([
  {wish: 'relocate m below b', code: 'binlog-server'},
  {wish: 'relocate m below d', code: 'would-loop'},
  {wish: 'repoint d below b', code: 'wrong-place'},
  {wish: 'take-source m', code: 'wrong-place'},
  {wish: 'take-source d', code: 'binlog-server'},
])('$wish is refused', ({wish, code}) => {
  expect(refused(wish, {sketch: SKETCH, kind: POSITION, but}).code).toBe(code);
});

test('none leads where there are others', () => {
  const plan = planned('regroup a', {sketch: 'a: b c m', kind: POSITION, but: {m: and(binlogServer, at(2000))}});
  expect(plan.promoted?.host).toBe('b');
  expect(plan.candidates.map(({key}) => key.host)).not.toContain('m');
});
