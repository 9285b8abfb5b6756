import {describe, expect, test} from 'vitest';
import {and, broken, down, stopped, uuid, type But} from '../../support/given.ts';
import {binlogServer, leftOf, MARIADB, movesOf, planned, POSITION, refused, told, wished, type Situation} from './support.ts';

const lag = (secondsBehind: number | null, delay = 0): But => ({replication: {secondsBehind, lag: secondsBehind, delay}});
const applierBroken: But = {replication: {applier: {state: 'stopped', errno: 1062, error: 'duplicate key'}}};
const at = (position: number): But => ({replication: {executed: {position}, read: {position}}});
const executed = (...sets: readonly string[]): But => ({gtid: {executed: sets.join(',')}});
const purged = (set: string): But => ({gtid: {purged: set}});
const errant = (name: string, against = 'a'): But =>
  and(executed(`${uuid(against)}:1-100`, `${uuid(name)}:1-2`), {gtid: {errant: `${uuid(name)}:1-2`}});

describe('relocate takes the first way that applies', () => {
  test.each<Situation & {wish: string; moves: readonly string[]; steps: readonly string[]}>([
    {wish: 'relocate c below a', moves: ['c: a > a by repoint'], steps: ['0 follow c a']},
    {wish: 'relocate c below a', kind: POSITION, moves: ['c: a > a by repoint'], steps: ['0 follow-same-log c a']},
    {wish: 'relocate c below b', moves: ['c: a > b by gtid'], steps: ['0 follow c b']},
    {wish: 'relocate c below d', moves: ['c: a > d by gtid'], steps: ['0 follow c d']},
    {wish: 'relocate d below a', moves: ['d: b > a by gtid'], steps: ['0 follow d a']},
    {wish: 'relocate c below b', kind: MARIADB, moves: ['c: a > b by gtid'], steps: ['0 follow c b']},
    {wish: 'relocate c below b', but: {c: stopped}, moves: ['c: a > b by gtid'], steps: ['0 follow c b']},
    {wish: 'relocate c below b', but: {c: lag(900)}, moves: ['c: a > b by gtid'], steps: ['0 follow c b']},
    {wish: 'relocate c below b', but: {a: down, b: broken, c: broken}, moves: ['c: a > b by gtid'], steps: ['0 follow c b']},
    {
      wish: 'relocate c below b',
      kind: POSITION,
      moves: ['c: a > b by below'],
      steps: ['0 hold b', '0 hold c', '1 level b b,c', '1 level c b,c', '2 settle-below c b', '3 go-on c b', '3 go-on b a'],
    },
    {
      wish: 'relocate d below a',
      kind: POSITION,
      equivalences: {'b@1000 = a': {file: 'binlog.000007', position: 77}},
      moves: ['d: b > a by up'],
      steps: ['0 hold b', '1 climb d a', '2 go-on d a', '2 go-on b a'],
    },
    {
      wish: 'relocate d below c',
      kind: POSITION,
      moves: ['d: b > c by up+below'],
      steps: [
        '0 hold b',
        '1 climb d a',
        '2 go-on d a',
        '2 go-on b a',
        '3 hold c',
        '3 hold d',
        '4 level c c,d',
        '4 level d c,d',
        '5 settle-below d c',
        '6 go-on d c',
        '6 go-on c a',
      ],
    },
    {
      wish: 'relocate d below c',
      kind: POSITION,
      but: {b: lag(900)},
      equivalences: {'b@1000 = c': {file: 'binlog.000007', position: 77}},
      moves: ['d: b > c by equivalent'],
      steps: ['0 settle-at d c'],
    },
    {
      wish: 'relocate c below b',
      kind: POSITION,
      but: {a: down, b: broken, c: broken},
      moves: ['c: a > b by below'],
      steps: ['0 hold b', '0 hold c', '1 level b b,c', '1 level c b,c', '2 settle-below c b', '3 go-on c b', '3 go-on b a'],
    },
    {
      wish: 'relocate c below b',
      kind: POSITION,
      but: {b: stopped, c: stopped},
      moves: ['c: a > b by below'],
      steps: ['0 hold b', '0 hold c', '1 level b b,c', '1 level c b,c', '2 settle-below c b', '3 go-on c b', '3 go-on b a'],
    },
    {wish: 'relocate c below b', kind: POSITION, but: {b: binlogServer}, moves: ['c: a > b by same-log'], steps: ['0 follow-same-log c b']},
    {wish: 'relocate d below a', kind: POSITION, but: {b: binlogServer}, moves: ['d: b > a by same-log'], steps: ['0 follow-same-log d a']},
    {
      wish: 'relocate d below c',
      kind: POSITION,
      but: {b: binlogServer, c: binlogServer},
      moves: ['d: b > c by same-log'],
      steps: ['0 follow-same-log d c'],
    },
    {
      sketch: 'a: b c; b: e; c: d',
      wish: 'relocate d below b',
      kind: POSITION,
      but: {b: binlogServer},
      moves: ['d: c > b by up+same-log'],
      steps: ['0 hold c', '1 climb d a', '2 go-on d a', '2 go-on c a', '3 follow-same-log d b'],
    },
    {
      sketch: 'a: b c; b: d',
      wish: 'relocate d below c',
      kind: POSITION,
      but: {b: binlogServer},
      moves: ['d: b > c by same-log+below'],
      steps: [
        '0 follow-same-log d a',
        '1 hold c',
        '1 hold d',
        '2 level c c,d',
        '2 level d c,d',
        '3 settle-below d c',
        '4 go-on d c',
        '4 go-on c a',
      ],
    },
    {wish: 'move-below c below b', moves: ['c: a > b by gtid'], steps: ['0 follow c b']},
    {wish: 'move-up d', moves: ['d: b > a by gtid'], steps: ['0 follow d a']},
    {wish: 'move-up d', kind: POSITION, moves: ['d: b > a by up'], steps: ['0 hold b', '1 climb d a', '2 go-on d a', '2 go-on b a']},
    {wish: 'move-gtid c below d', moves: ['c: a > d by gtid'], steps: ['0 follow c d']},
    {
      wish: 'move-equivalent c below b',
      kind: POSITION,
      equivalences: {'a@1000 = b': {file: 'binlog.000002', position: 4}},
      moves: ['c: a > b by equivalent'],
      steps: ['0 settle-at c b'],
    },
    {wish: 'repoint c', moves: ['c: a > a by repoint'], steps: ['0 follow c a']},
    {wish: 'repoint c', kind: POSITION, moves: ['c: a > a by repoint'], steps: ['0 follow-same-log c a']},
    {wish: 'repoint c below b', moves: ['c: a > b by gtid'], steps: ['0 follow c b']},
    {wish: 'repoint c below b', kind: POSITION, but: {b: binlogServer}, moves: ['c: a > b by same-log'], steps: ['0 follow-same-log c b']},
  ])('$wish of $sketch with $but', ({wish, moves, steps, ...situation}) => {
    const plan = planned(wish, situation);
    expect(movesOf(plan)).toEqual(moves);
    expect(told(plan.steps)).toEqual(steps);
  });
});

describe('refused, before anything is changed', () => {
  test.each<Situation & {wish: string; code: string; because: RegExp}>([
    {wish: 'relocate x below a', code: 'unknown', because: /^x:3306 is not known/},
    {wish: 'relocate c below x', code: 'unknown', because: /^x:3306 is not known/},
    {wish: 'relocate c below c', code: 'would-loop', because: /cannot replicate from itself/},
    {wish: 'relocate a below b', code: 'not-a-replica', because: /a:3306 is not a replica/},
    {wish: 'relocate b below d', code: 'would-loop', because: /d:3306 replicates from b:3306, directly or through others/},
    {wish: 'relocate c below b', but: {c: down}, code: 'unreachable', because: /c:3306 could not be reached/},
    {wish: 'relocate c below b', but: {b: down}, code: 'unreachable', because: /b:3306 could not be reached/},
    {
      wish: 'relocate c below b',
      but: {b: {binlog: {logsReplicaUpdates: false}}},
      code: 'cannot-replicate',
      because: /does not log what it replicates/,
    },
    {wish: 'relocate c below b', but: {c: {version: '8.0.40'}}, code: 'cannot-replicate', because: /older/},
    {wish: 'relocate c below b', but: {c: applierBroken}, code: 'applier-broken', because: /error 1062: duplicate key/},
    {
      wish: 'relocate c below b',
      but: {b: purged(`${uuid('a')}:1-50`), c: executed(`${uuid('a')}:1-40`)},
      code: 'purged',
      because: /:41-50$/,
    },
    {
      wish: 'relocate c below b',
      but: {b: errant('b')},
      code: 'errant',
      because: /b:3306 has errant transactions, which c:3306 would get too/,
    },
    {wish: 'relocate c below d', but: {b: errant('b')}, code: 'errant', because: /b:3306 has errant/},
    {
      wish: 'relocate c below b',
      kind: MARIADB,
      but: {b: {gtid: {errant: '7-2-1', binlogState: '0-1-100,7-2-1'}}},
      code: 'errant',
      because: /7-2-1/,
    },
    {
      sketch: 'a: b; e: c',
      wish: 'relocate c below b',
      but: {c: executed(`${uuid('e')}:1-3`)},
      code: 'diverged',
      because: /have no source in common/,
    },
    {
      sketch: 'a: b; e: c',
      wish: 'relocate c below b',
      kind: MARIADB,
      but: {c: {gtid: {binlogState: '0-3-101', replicaPos: '0-1-100'}}},
      code: 'diverged',
      because: /0-3-101/,
    },
    {wish: 'relocate c below b', kind: POSITION, but: {c: lag(900)}, code: 'lagging', because: /c:3306 lags by 900 s/},
    {wish: 'relocate c below b', kind: POSITION, but: {b: lag(900)}, code: 'lagging', because: /b:3306 lags by 900 s/},
    {wish: 'relocate c below b', kind: POSITION, but: {c: lag(null)}, code: 'not-replicating', because: /c:3306 does not replicate/},
    {wish: 'relocate c below b', kind: POSITION, but: {c: lag(3600, 3600)}, code: 'lagging', because: /applies 3600 s late/},
    {wish: 'relocate c below b', kind: POSITION, but: {c: and(stopped, at(900))}, code: 'not-replicating', because: /receiver stopped/},
    {
      wish: 'relocate c below b',
      kind: POSITION,
      but: {a: down, b: broken, c: and(broken, at(900))},
      code: 'needs-pseudo-gtid',
      because: /only Pseudo-GTID/,
    },
    {
      sketch: 'a: b; e: c',
      wish: 'relocate c below b',
      kind: POSITION,
      code: 'needs-pseudo-gtid',
      because: /no source in common whose positions/,
    },
    {wish: 'relocate b below c', kind: POSITION, but: {b: binlogServer}, code: 'binlog-server', because: /is a binlog server/},
    {
      wish: 'relocate c below b',
      kind: {...MARIADB, gtid: false},
      but: {c: {flavor: 'MySQL'} as But},
      code: 'cannot-replicate',
      because: /is MariaDB/,
    },
    {wish: 'move-gtid c below b', kind: POSITION, code: 'no-gtid', because: /by file and position, not by GTID/},
    {wish: 'move-gtid c below b', but: {b: {gtid: {supported: false}}}, code: 'no-gtid', because: /no GTIDs of the kind/},
    {wish: 'move-below d below c', code: 'wrong-place', because: /do not replicate from the same source/},
    {wish: 'move-up c', code: 'wrong-place', because: /a:3306, its source, is not a replica/},
    {wish: 'move-up a', code: 'unknown', because: /source of a:3306 is not known/},
    {wish: 'move-equivalent c below b', kind: POSITION, code: 'no-equivalence', because: /nobody wrote down/},
    {wish: 'repoint c below b', kind: POSITION, code: 'wrong-place', because: /mean nothing on b:3306/},
    {wish: 'repoint a', code: 'would-loop', because: /itself/},
    {
      wish: 'relocate c below b',
      but: {c: {replication: {source: null, sourceHostAsWritten: '//a'}}},
      code: 'not-a-replica',
      because: /is detached \(its source is written as \/\/a\)/,
    },
    {
      wish: 'relocate c below b',
      but: {
        c: {
          group: {name: 'g', singlePrimary: true, state: 'ONLINE', role: 'SECONDARY', members: [], primary: {host: 'b', port: 3306}},
        } as But,
      },
      code: 'group-member',
      because: /secondary of replication group g/,
    },
    {
      wish: 'relocate c below b',
      but: {
        c: {
          group: {
            name: 'g',
            singlePrimary: true,
            state: 'ONLINE',
            role: 'PRIMARY',
            members: [{host: 'b', port: 3306}],
            primary: {host: 'c', port: 3306},
          },
        } as But,
      },
      code: 'group-member',
      because: /b:3306 is a member of the group of c:3306/,
    },
  ])('$wish of $sketch with $but: $code', ({wish, code, because, ...situation}) => {
    const why = refused(wish, situation);
    expect(why).toMatchObject({code, because: expect.stringMatching(because) as unknown});
  });

  test('a replica that was lost is taken back by what its transactions say, whatever cluster it is in by name', () => {
    expect(movesOf(planned('relocate c below b', {sketch: 'a: b; e: c', but: {c: executed(`${uuid('a')}:1-50`)}}))).toEqual([
      'c: e > b by gtid',
    ]);
    const lost: But = {gtid: {binlogState: '0-1-90', replicaPos: '0-1-90'}};
    expect(
      movesOf(planned('relocate c below b', {sketch: 'a: b; e: c', kind: MARIADB, but: {c: lost, b: {gtid: {binlogState: '0-1-100'}}}})),
    ).toEqual(['c: e > b by gtid']);
  });

  test('errant transactions of the new source are taken over only when asked for', () => {
    expect(movesOf(planned(wished('relocate c below b', {allowErrant: true}), {but: {b: errant('b')}}))).toEqual(['c: a > b by gtid']);
  });

  test('who has them itself is not kept from moving', () => {
    const plan = planned('relocate c below b', {but: {c: errant('c')}});
    expect(plan.remarks).toEqual([`c:3306 keeps its errant transactions: ${uuid('c')}:1-2`]);
  });
});

describe('many replicas', () => {
  test.each<Situation & {wish: string; moves: readonly string[]; left?: readonly string[]; steps: readonly string[]}>([
    {
      sketch: 'a: b c d e',
      wish: 'relocate-replicas a below b',
      moves: ['c: a > b by gtid', 'd: a > b by gtid', 'e: a > b by gtid'],
      steps: ['0 follow c b', '0 follow d b', '0 follow e b'],
    },
    {
      sketch: 'a: b c d e',
      wish: 'relocate-replicas a below b / cd',
      moves: ['c: a > b by gtid', 'd: a > b by gtid'],
      steps: ['0 follow c b', '0 follow d b'],
    },
    {
      sketch: 'a: b c d e',
      wish: 'relocate-replicas a below b',
      but: {c: down, d: {version: '5.7.1'}},
      moves: ['e: a > b by gtid'],
      left: ['c unreachable', 'd cannot-replicate'],
      steps: ['0 follow e b'],
    },
    {
      sketch: 'a: b c d',
      kind: POSITION,
      wish: 'relocate-replicas a below b',
      moves: ['c: a > b by below', 'd: a > b by below'],
      steps: [
        '0 hold b',
        '0 hold c',
        '0 hold d',
        '1 level b b,c,d',
        '1 level c b,c,d',
        '1 level d b,c,d',
        '2 settle-below c b',
        '2 settle-below d b',
        '3 go-on c b',
        '3 go-on d b',
        '3 go-on b a',
      ],
    },
    {
      sketch: 'a: b c',
      wish: 'relocate-replicas a below a',
      moves: ['b: a > a by repoint', 'c: a > a by repoint'],
      steps: ['0 follow b a', '0 follow c a'],
    },
    {sketch: 'a: b', wish: 'relocate-replicas b below a', moves: [], steps: []},
    {sketch: 'a: b c', wish: 'take-siblings b', moves: ['c: a > b by gtid'], steps: ['0 follow c b']},
    {sketch: 'a: b', wish: 'take-siblings b', moves: [], steps: []},
    {
      sketch: 'a: b; b: c d',
      wish: 'move-up-replicas b',
      moves: ['c: b > a by gtid', 'd: b > a by gtid'],
      steps: ['0 follow c a', '0 follow d a'],
    },
    {
      sketch: 'a: b; b: c d',
      kind: POSITION,
      wish: 'move-up-replicas b',
      moves: ['c: b > a by up', 'd: b > a by up'],
      steps: ['0 hold b', '1 climb c a', '1 climb d a', '2 go-on c a', '2 go-on d a', '2 go-on b a'],
    },
    {
      sketch: 'a: b c d',
      wish: 'move-replicas-gtid a below b',
      moves: ['c: a > b by gtid', 'd: a > b by gtid'],
      steps: ['0 follow c b', '0 follow d b'],
    },
    {
      sketch: 'a: b c',
      wish: 'repoint-replicas a',
      moves: ['b: a > a by repoint', 'c: a > a by repoint'],
      steps: ['0 follow b a', '0 follow c a'],
    },
  ])('$wish of $sketch with $but', ({wish, moves, left = [], steps, ...situation}) => {
    const plan = planned(wish, situation);
    expect(movesOf(plan)).toEqual(moves);
    expect(leftOf(plan)).toEqual(left);
    expect(told(plan.steps)).toEqual(steps);
  });

  test.each<Situation & {wish: string; code: string; because: RegExp}>([
    {sketch: 'a: b c', wish: 'relocate-replicas a below b', but: {c: applierBroken}, code: 'applier-broken', because: /^c:3306 stopped/},
    {sketch: 'a: b; b: c; c: d', wish: 'relocate-replicas b below d', code: 'would-loop', because: /d:3306 replicates from c:3306/},
    {sketch: 'a: b c', wish: 'relocate-replicas a below b', but: {b: down}, code: 'unreachable', because: /^b:3306/},
    {
      sketch: 'a: b c d',
      wish: 'move-replicas-gtid a below b',
      kind: POSITION,
      code: 'no-gtid',
      because: /^none of 2 replicas can be moved: c:3306 .*; d:3306/,
    },
    {sketch: 'a: b c', wish: 'take-siblings a', code: 'not-a-replica', because: /has no known source/},
  ])('$wish of $sketch with $but: $code', ({wish, code, because, ...situation}) => {
    const why = refused(wish, situation);
    expect(why).toMatchObject({code, because: expect.stringMatching(because) as unknown});
  });

  test('the estimate grows with rounds and lag', () => {
    const few = planned('relocate-replicas a below b', {sketch: 'a: b c d'});
    const slow = planned('relocate-replicas a below b', {sketch: 'a: b c d', but: {c: lag(7)}, keys: {MaxConcurrentReplicaOperations: 1}});
    expect([few.estimate, slow.estimate]).toEqual([0.1, 7.2]);
  });
});
