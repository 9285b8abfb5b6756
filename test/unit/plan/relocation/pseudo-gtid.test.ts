import {describe, expect, test} from 'vitest';
import {and, broken, down, stopped, type But} from '../../support/given.ts';
import {binlogServer, leftOf, movesOf, planned, POSITION, refused, told, type Situation} from './support.ts';

const uses: But = {detected: {pseudoGtid: true}};
const at = (position: number): But => ({replication: {executed: {position}, read: {position}}});
const applierBroken: But = {replication: {applier: {state: 'stopped', errno: 1062, error: 'duplicate key'}}};
const keys = {PseudoGTIDPattern: 'mark'};
const all = (but: Readonly<Record<string, But>> = {}): Record<string, But> =>
  Object.fromEntries('abcde'.split('').map((name) => [name, and(uses, but[name] ?? {})]));
/** The source of b and c is gone; c received less. */
const dead = {a: down, b: broken, c: and(broken, at(900))};

describe('by Pseudo-GTID', () => {
  test.each<Situation & {wish: string; moves: readonly string[]; steps: readonly string[]; left?: readonly string[]}>([
    {wish: 'match c below b', but: all(), moves: ['c: a > b by pseudo-gtid'], steps: ['0 match c b']},
    {wish: 'match c below a', but: all(), moves: ['c: a > a by pseudo-gtid'], steps: ['0 match c a']},
    {wish: 'rematch c', but: all({c: stopped}), moves: ['c: a > a by pseudo-gtid'], steps: ['0 match c a']},
    {wish: 'match-up d', but: all({b: down, d: broken}), moves: ['d: b > a by pseudo-gtid'], steps: ['0 match d a']},
    {
      wish: 'match-replicas a below d',
      sketch: 'a: b c; e: d',
      but: all(),
      moves: ['b: a > d by pseudo-gtid', 'c: a > d by pseudo-gtid'],
      steps: ['0 match b d', '0 match c d'],
    },
    {
      wish: 'match-up-replicas b',
      sketch: 'a: b; b: c d',
      but: all(),
      moves: ['c: b > a by pseudo-gtid', 'd: b > a by pseudo-gtid'],
      steps: ['0 match c a', '0 match d a'],
    },
    {
      wish: 'make-source b',
      sketch: 'a: b c',
      but: all(dead),
      moves: ['c: a > b by pseudo-gtid'],
      steps: ['0 drain b a', '1 make-writable b', '2 match c b', '3 forget-source b a'],
    },
    {
      wish: 'make-local-source c',
      sketch: 'a: b; b: c d',
      but: all({b: down, c: broken, d: and(broken, at(900))}),
      moves: ['c: b > a by pseudo-gtid', 'd: b > c by pseudo-gtid'],
      steps: ['0 match c a', '1 match d c'],
    },
    // Positions are certain: a comparison comes last.
    {wish: 'relocate d below a', but: all(), moves: ['d: b > a by up'], steps: ['0 hold b', '1 climb d a', '2 go-on d a', '2 go-on b a']},
    {wish: 'relocate d below a', but: all({b: down, d: broken}), moves: ['d: b > a by pseudo-gtid'], steps: ['0 match d a']},
    {wish: 'relocate c below b', but: all(dead), moves: ['c: a > b by pseudo-gtid'], steps: ['0 match c b']},
    {wish: 'relocate c below b', but: all({c: stopped}), moves: ['c: a > b by pseudo-gtid'], steps: ['0 match c b']},
    {wish: 'relocate c below b', sketch: 'a: b; e: c', but: all(), moves: ['c: e > b by pseudo-gtid'], steps: ['0 match c b']},
    {
      wish: 'relocate-replicas a below d',
      sketch: 'a: b c; b: d; e: a',
      but: all({a: down, b: and(broken, {replication: {source: {host: 'x'}}}), c: broken}),
      moves: ['c: a > d by pseudo-gtid'],
      steps: ['0 match c d'],
    },
    {
      wish: 'regroup a',
      sketch: 'a: b c d',
      but: all({...dead, d: and(broken, at(800))}),
      moves: ['c: a > b by pseudo-gtid', 'd: a > b by pseudo-gtid'],
      steps: ['0 match c b', '0 match d b'],
    },
    {wish: 'regroup-pseudo-gtid a', sketch: 'a: b c', but: all(), moves: ['c: a > b by pseudo-gtid'], steps: ['0 match c b']},
    // What counts is what will be applied: received, unless the applier failed.
    {
      wish: 'regroup a',
      sketch: 'a: b c d',
      but: all({
        a: down,
        b: and(broken, at(900), applierBroken, {replication: {read: {position: 2000}}}),
        c: and(broken, at(800), {replication: {read: {position: 1000}}}),
        d: and(broken, at(950)),
      }),
      moves: ['d: a > c by pseudo-gtid'],
      left: ['b applier-broken'],
      steps: ['0 match d c'],
    },
    // Who received more than the one that can lead stays where it is.
    {
      wish: 'regroup a',
      sketch: 'a: b c d',
      but: all({...dead, b: and(broken, {binlog: {logsReplicaUpdates: false}}), d: and(broken, at(800))}),
      moves: ['d: a > c by pseudo-gtid'],
      left: ['b ahead'],
      steps: ['0 match d c'],
    },
  ])('$wish of $sketch with $but', ({wish, moves, steps, left = [], ...situation}) => {
    const plan = planned(wish, {kind: POSITION, keys, ...situation});
    expect({moves: movesOf(plan), steps: told(plan.steps), left: leftOf(plan)}).toEqual({moves, steps, left});
  });

  test.each<Situation & {wish: string; code: string; because: RegExp}>([
    {wish: 'match c below b', but: all(), keys: {}, code: 'needs-pseudo-gtid', because: /PseudoGTIDPattern is empty/},
    {wish: 'match c below b', but: {b: uses}, code: 'needs-pseudo-gtid', because: /c:3306 is not known to use Pseudo-GTID/},
    {wish: 'match c below b', but: {c: uses}, code: 'needs-pseudo-gtid', because: /b:3306 is not known to use Pseudo-GTID/},
    {wish: 'match c below b', but: all(), kind: {}, code: 'uses-gtid', because: /c:3306 replicates by GTID/},
    {wish: 'match c below b', but: all({b: binlogServer}), code: 'binlog-server', because: /b:3306 is a binlog server/},
    {wish: 'match b below d', but: all(), code: 'would-loop', because: /d:3306 replicates from b:3306/},
    {wish: 'match c below b', but: all({b: down}), code: 'unreachable', because: /b:3306 could not be reached/},
    {wish: 'match c below b', but: all({c: applierBroken}), code: 'applier-broken', because: /error 1062/},
    {wish: 'match b below c', but: all(dead), code: 'ahead', because: /b:3306 received more of their source than c:3306/},
    {wish: 'relocate b below c', but: all(dead), code: 'ahead', because: /b:3306 received more/},
    {wish: 'match-up c', but: all(), code: 'wrong-place', because: /a:3306, its source, is not a replica/},
    {
      wish: 'make-source c',
      sketch: 'a: b c',
      but: all(dead),
      code: 'no-candidate',
      because: /b:3306 received transactions that c:3306 did not/,
    },
    {wish: 'rematch a', but: all(), code: 'would-loop', because: /cannot replicate from itself/},
    {wish: 'relocate c below b', but: dead, code: 'needs-pseudo-gtid', because: /only Pseudo-GTID could match them/},
    {wish: 'regroup-pseudo-gtid a', sketch: 'a: b c', but: dead, code: 'needs-pseudo-gtid', because: /not known to use Pseudo-GTID/},
  ])('$wish with $but: $code', ({wish, code, because, ...situation}) => {
    expect(refused(wish, {kind: POSITION, keys, ...situation})).toMatchObject({code, because: expect.stringMatching(because) as unknown});
  });
});
