import {describe, expect, test} from 'vitest';
import {and, broken, down, full, named, uuid, type But} from '../../support/given.ts';
import {binlogServer, leftOf, MARIADB, movesOf, planned, POSITION, refused, told, type Situation} from './support.ts';

const received = (upTo: number): But => ({
  gtid: {executed: `${uuid('a')}:1-${upTo}`},
  replication: {retrievedGtid: `${uuid('a')}:1-${upTo}`},
});
const at = (position: number): But => ({replication: {executed: {position}, read: {position}}});
const coSource: But = {cluster: {isCoSource: true}};
const writable: But = {readOnly: false, superReadOnly: false};
const ready: But = {replication: {hasCredentials: true}};
const dead = {a: down, b: broken, c: broken, d: broken};

interface Planned extends Situation {
  readonly wish: string;
  readonly moves: readonly string[];
  readonly steps: readonly string[];
  readonly left?: readonly string[];
  readonly promoted?: string;
}

interface Refused extends Situation {
  readonly wish: string;
  readonly code: string;
  readonly because: RegExp;
}

const CASES: readonly Planned[] = [
  {
    sketch: 'a: b; b: c',
    wish: 'take-source c',
    moves: ['c: b > a by gtid', 'b: a > c by gtid'],
    steps: ['0 follow c a', '1 follow b c'],
    promoted: 'c',
  },
  {
    sketch: 'a: b; b: c',
    kind: POSITION,
    wish: 'take-source c',
    moves: ['c: b > a by up', 'b: a > c by below'],
    steps: ['0 hold b', '1 climb c a', '2 settle-below b c', '3 go-on c a', '4 go-on b c'],
    promoted: 'c',
  },
  {sketch: 'a: b', wish: 'make-co-source b', but: {b: ready}, moves: ['a: - > b by co-source'], steps: ['0 join-ring a b']},
  {
    sketch: 'a: b c d',
    wish: 'regroup a',
    moves: ['c: a > b by gtid', 'd: a > b by gtid'],
    steps: ['0 follow c b', '0 follow d b'],
    promoted: 'b',
  },
  {
    sketch: 'a: b c d',
    wish: 'regroup a',
    but: {...dead, b: and(broken, received(90))},
    moves: ['b: a > c by gtid', 'd: a > c by gtid'],
    steps: ['0 follow b c', '0 follow d c'],
    promoted: 'c',
  },
  {sketch: 'a: b', wish: 'regroup a', but: {b: {wishes: {promotionRule: 'must_not'}}}, moves: [], steps: [], promoted: 'b'},
  {
    sketch: 'a: b c',
    wish: 'regroup a',
    but: {b: {wishes: {promotionRule: 'must_not'}}},
    moves: ['b: a > c by gtid'],
    steps: ['0 follow b c'],
    promoted: 'c',
  },
  {
    sketch: 'a: b c d',
    wish: 'regroup a',
    but: {d: down},
    moves: ['c: a > b by gtid'],
    left: ['d unreachable'],
    steps: ['0 follow c b'],
    promoted: 'b',
  },
  {
    sketch: 'a: b c d',
    kind: POSITION,
    wish: 'regroup a',
    moves: ['b: a > d by below', 'c: a > d by below'],
    but: {b: at(900), d: at(2000)},
    steps: [
      '0 hold d',
      '0 hold b',
      '0 hold c',
      '1 level d d,b,c',
      '1 level b d,b,c',
      '1 level c d,b,c',
      '2 settle-below b d',
      '2 settle-below c d',
      '3 go-on b d',
      '3 go-on c d',
      '3 go-on d a',
    ],
    promoted: 'd',
  },
  {
    sketch: 'a: b c d',
    kind: POSITION,
    wish: 'regroup a',
    but: {...dead, d: and(broken, at(900))},
    moves: ['c: a > b by below'],
    left: ['d needs-pseudo-gtid'],
    steps: ['0 hold b', '0 hold c', '1 level b b,c', '1 level c b,c', '2 settle-below c b', '3 go-on c b', '3 go-on b a'],
    promoted: 'b',
  },
  {
    sketch: 'a: b c d',
    kind: POSITION,
    wish: 'regroup-binlog-servers a',
    but: {b: binlogServer, c: and(binlogServer, at(2000))},
    moves: ['b: a > c by same-log'],
    steps: ['0 follow-same-log b c'],
    promoted: 'c',
  },
  {sketch: 'a: b c', wish: 'regroup-gtid a', kind: MARIADB, moves: ['c: a > b by gtid'], steps: ['0 follow c b'], promoted: 'b'},
  {
    sketch: 'a: b c d',
    wish: 'make-source b',
    but: dead,
    moves: ['c: a > b by gtid', 'd: a > b by gtid'],
    steps: ['0 drain b a', '1 make-writable b', '2 follow c b', '2 follow d b', '3 forget-source b a'],
    promoted: 'b',
  },
  {
    sketch: 'a: b; b: c d',
    wish: 'make-local-source c',
    but: {b: down, c: broken, d: broken},
    moves: ['c: b > a by gtid', 'd: b > c by gtid'],
    steps: ['0 follow c a', '1 follow d c'],
    promoted: 'c',
  },
];

test.each(CASES)('$wish of $sketch with $but', ({wish, moves, steps, left = [], promoted, ...situation}) => {
  const plan = planned(wish, situation);
  expect(movesOf(plan)).toEqual(moves);
  expect(told(plan.steps)).toEqual(steps);
  expect(leftOf(plan)).toEqual(left);
  expect(plan.promoted && named([plan.promoted])).toEqual(promoted === undefined ? null : [promoted]);
});

test.each([
  {wish: 'make-source b', sketch: 'a: b c d', but: dead, replaces: 'a'},
  {wish: 'make-local-source c', sketch: 'a: b; b: c d', but: {b: down, c: broken, d: broken}, replaces: null},
])('$wish replaces $replaces', ({wish, replaces, ...situation}) => {
  expect(planned(wish, situation).replaces?.host ?? null).toBe(replaces);
});

const REFUSALS: readonly Refused[] = [
  {sketch: 'a: b', wish: 'take-source b', code: 'wrong-place', because: /a:3306 is the source of its cluster/},
  {sketch: 'a: b; b: c', wish: 'take-source a', code: 'not-a-replica', because: /a:3306 is not a replica/},
  {sketch: 'a: b; b: c', wish: 'take-source c', but: {c: down}, code: 'unreachable', because: /c:3306/},
  {sketch: 'a: b; b: c', wish: 'take-source c', but: {b: down}, code: 'unreachable', because: /b:3306/},
  {sketch: 'a: b; b: c', wish: 'take-source c', but: {b: coSource}, code: 'co-source', because: /b:3306 is a co-source/},
  {
    sketch: 'a: b; b: c',
    wish: 'take-source c',
    but: {c: {binlog: {enabled: false}}},
    code: 'cannot-replicate',
    because: /b:3306 cannot replicate from c:3306/,
  },
  {
    sketch: 'a: b; b: c',
    wish: 'take-source c',
    but: {b: {replication: {usingOracleGtid: false}}},
    code: 'no-gtid',
    because: /only c:3306 uses GTID/,
  },
  {sketch: 'a: b; b: c', wish: 'make-co-source c', code: 'wrong-place', because: /b:3306 replicates from a:3306/},
  {sketch: 'a: b', wish: 'make-co-source b', but: {b: writable}, code: 'writable', because: /b:3306 is writable/},
  {sketch: 'a: b; b: a', wish: 'make-co-source b', code: 'nothing-to-do', because: /co-sources already/},
  {
    sketch: 'a: b',
    wish: 'make-co-source b',
    but: {b: and(ready, {gtid: {errant: `${uuid('b')}:1`}})},
    code: 'errant',
    because: /b:3306 has errant transactions, which a:3306 would get too/,
  },
  {
    sketch: 'a: b; b: c',
    wish: 'take-source c',
    but: {c: {gtid: {errant: `${uuid('c')}:1`}}},
    code: 'errant',
    because: /c:3306 has errant transactions, which b:3306 would get too/,
  },
  {sketch: 'a: b', wish: 'make-co-source b', but: {b: broken}, code: 'not-replicating', because: /b:3306 does not replicate/},
  {sketch: 'a: b', wish: 'regroup b', code: 'nothing-to-do', because: /b:3306 has no replicas/},
  {
    sketch: 'a: b c d',
    wish: 'regroup-pseudo-gtid a',
    code: 'uses-gtid',
    because: /none of 2 replicas could follow b:3306: c:3306 .*; d:3306/,
  },
  {sketch: 'a: b c', wish: 'regroup-binlog-servers a', code: 'nothing-to-do', because: /has no binlog servers/},
  {sketch: 'a: b c', wish: 'regroup-gtid a', kind: POSITION, code: 'no-gtid', because: /not all replicas/},
  {sketch: 'a: b c', wish: 'regroup a', but: {a: down, b: down, c: down}, code: 'no-candidate', because: /none of the replicas/},
  {
    sketch: 'a: b c',
    wish: 'regroup a',
    but: {...dead, b: and(broken, received(90)), c: and(broken, {wishes: {promotionRule: 'must_not'}})},
    code: 'no-candidate',
    because: /no replica of a:3306 can take the others: b:3306 /,
  },
  {
    sketch: 'a: b c',
    wish: 'regroup a',
    kind: POSITION,
    but: {...dead, b: and(broken, at(900))},
    code: 'needs-pseudo-gtid',
    because: /only Pseudo-GTID could match them/,
  },
  {
    sketch: 'a: b c',
    wish: 'regroup a',
    kind: POSITION,
    but: {b: {binlog: {logsReplicaUpdates: false}}, c: {binlog: {enabled: false}}},
    code: 'no-candidate',
    because: /nobody could follow it/,
  },
  {sketch: 'a: b c', wish: 'make-source b', code: 'alive', because: /a:3306, the source of b:3306, is alive/},
  {sketch: 'a: b c', wish: 'make-source b', but: {...dead, a: full}, code: 'alive', because: /alive/},
  {sketch: 'a: b; b: c', wish: 'make-source c', but: {b: down, c: broken}, code: 'wrong-place', because: /b:3306 is a replica itself/},
  {
    sketch: 'a: b c',
    wish: 'make-source b',
    but: {...dead, b: and(broken, received(90))},
    code: 'no-candidate',
    because: /c:3306 received transactions that b:3306 did not/,
  },
  {sketch: 'a: b c', wish: 'make-source b', kind: POSITION, but: dead, code: 'needs-pseudo-gtid', because: /only Pseudo-GTID/},
  {sketch: 'a: b c', wish: 'make-local-source b', code: 'wrong-place', because: /a:3306 is the source of its cluster/},
];

test.each(REFUSALS)('$wish of $sketch with $but: $code', ({wish, code, because, ...situation}) => {
  expect(refused(wish, situation)).toMatchObject({code, because: expect.stringMatching(because) as unknown});
});

describe('what a plan says beside its steps', () => {
  test('who took whose place', () => {
    expect(planned('take-source c', {sketch: 'a: b; b: c'}).takeover).toMatchObject({successor: {host: 'c'}, demoted: {host: 'b'}});
  });

  test('why each candidate was taken or not', () => {
    const {candidates} = planned('regroup a', {sketch: 'a: b c', but: {b: {wishes: {promotionRule: 'prefer_not'}}}});
    expect(candidates.map(({key, chosen, verdict}) => [key.host, chosen, verdict])).toEqual([
      ['b', false, expect.stringMatching(/could be promoted, but c:3306/)],
      ['c', true, expect.stringMatching(/^chosen/)],
    ]);
  });
});
