import {describe, expect, test} from 'vitest';
import {planInstance} from '../../../../src/lib/plan/instance/decide.ts';
import type {InstanceDecision, InstancePlan, InstanceWish, Seen} from '../../../../src/lib/plan/instance/wish.ts';
import type {Instance} from '../../../../src/lib/model/instance.ts';
import {and, applierStopped, given, key, stopped, uuid, type But, type Kind} from '../../support/given.ts';

const MARIADB: Kind = {flavor: 'MariaDB'};
const MYSQL: Kind = {flavor: 'MySQL'};
const BY_POSITION: Kind = {gtid: false};
const detached: But = {replication: {source: null, sourceHostAsWritten: '//a'}};
const failed: But = {replication: {applier: {state: 'stopped', errno: 1062, error: 'duplicate'}}};

/** What is seen of b, a replica of a, or of another instance. */
function seen(but: But = {}, kind: Kind = MYSQL, more: Partial<Seen> & {readonly of?: string; readonly source?: But} = {}): Seen {
  const {of = 'b', source = {}, ...rest} = more;
  const topology = given('a: b c', {b: but, a: source}, kind);
  const [instance, above] = [topology.get(key(of)), topology.get(key('a'))];
  if (!instance || !above) throw new Error(`no ${of}`);
  return {instance, above: [above], replicas: [], errant: '', binlogs: [], useSuperReadOnly: false, force: false, ...rest};
}

function planned(decision: InstanceDecision): InstancePlan {
  if ('refused' in decision) throw new Error(decision.refused);
  return decision;
}

/** Acts in short: the statements said, and the other acts by name. */
function acts(decision: InstanceDecision): readonly string[] {
  return planned(decision).acts.flatMap((act) => {
    if (act.act === 'say') return act.statements.map(({text, values}) => [text, ...values].join(' | '));
    if (act.act === 'purge') return [`purge ${act.before}`];
    return act.act === 'stop' ? [`stop${act.drops ? ' drops' : ''}${act.mustApply ? ' must-apply' : ''}`] : [act.act];
  });
}

/** Acts in short, or why nothing is done. */
function outcome(decision: InstanceDecision): readonly string[] | string {
  return 'refused' in decision ? decision.refused : acts(decision);
}

/** As a table writes it: acts, or what the refusal says. */
function like(expected: RegExp | readonly string[]): unknown {
  return expected instanceof RegExp ? {asymmetricMatch: (said: unknown) => expected.test(String(said))} : expected;
}

describe('threads', () => {
  test.each<{what: string; wish: InstanceWish['do']; but?: But; kind?: Kind; expected: readonly string[]}>([
    {what: 'start', wish: 'start-replica', but: stopped, expected: ["START REPLICA FOR CHANNEL ''"]},
    {what: 'start on MariaDB', wish: 'start-replica', but: stopped, kind: MARIADB, expected: ['START SLAVE']},
    {what: 'stop', wish: 'stop-replica', expected: ['stop']},
    {what: 'stop on MariaDB, which drops its relay log', wish: 'stop-replica', kind: MARIADB, expected: ['stop drops']},
    {what: 'stop nicely', wish: 'stop-replica-nice', expected: ['stop must-apply']},
    {what: 'restart', wish: 'restart-replica', expected: ["STOP REPLICA FOR CHANNEL ''", "START REPLICA FOR CHANNEL ''"]},
    {
      what: 'restart on MariaDB: one thread runs at any time',
      wish: 'restart-replica',
      kind: MARIADB,
      expected: ['STOP SLAVE IO_THREAD', 'START SLAVE IO_THREAD', 'STOP SLAVE SQL_THREAD', 'START SLAVE SQL_THREAD'],
    },
    {
      what: 'restart on MariaDB with a failed applier leaves the receiver',
      wish: 'restart-replica',
      but: failed,
      kind: MARIADB,
      expected: ['STOP SLAVE SQL_THREAD', 'START SLAVE SQL_THREAD'],
    },
    {what: 'restart of what is stopped on MariaDB', wish: 'restart-replica', but: stopped, kind: MARIADB, expected: ['START SLAVE']},
    {what: 'reset', wish: 'reset-replica', expected: ['stop drops must-apply', "RESET REPLICA ALL FOR CHANNEL ''"]},
    {what: 'detach', wish: 'detach-replica-source-host', expected: ['stop drops', 'rename-source']},
    {
      what: 'reattach',
      wish: 'reattach-replica-source-host',
      but: detached,
      expected: ['stop drops', 'rename-source', "START REPLICA FOR CHANNEL ''"],
    },
    {what: 'skip with GTIDs', wish: 'skip-query', but: failed, expected: ['skip']},
  ])('$what', ({wish, but, kind, expected}) => {
    expect(acts(planInstance({do: wish} as InstanceWish, seen(but, kind)))).toEqual(expected);
  });

  test.each<{what: string; wish: InstanceWish; but?: But; of?: string; because: RegExp}>([
    ...(
      [
        'start-replica',
        'stop-replica',
        'stop-replica-nice',
        'restart-replica',
        'reset-replica',
        'detach-replica-source-host',
        'reattach-replica-source-host',
        'enable-gtid',
        'disable-gtid',
        'skip-query',
        'gtid-errant-reset',
        'gtid-errant-inject-empty',
      ] as const
    ).map((name) => ({what: `${name} of what is no replica`, wish: {do: name}, of: 'a', because: /is not a replica/})),
    {what: 'delay of what is no replica', wish: {do: 'delay-replication', delay: 1}, of: 'a', because: /is not a replica/},
    {what: 'start of a detached one', wish: {do: 'start-replica'}, but: detached, because: /is detached: it points at \/\/a/},
    {what: 'detach twice', wish: {do: 'detach-replica-source-host'}, but: detached, because: /is detached already/},
    {what: 'reattach what is not detached', wish: {do: 'reattach-replica-source-host'}, because: /is not detached/},
    {what: 'skip while it runs', wish: {do: 'skip-query'}, because: /applier of b:3306 runs/},
    {what: 'skip what a person stopped', wish: {do: 'skip-query'}, but: applierStopped, because: /without an error/},
    {what: 'enable-gtid twice', wish: {do: 'enable-gtid'}, because: /by GTID already/},
    {what: 'reset of errant ones where there are none', wish: {do: 'gtid-errant-reset'}, because: /has no errant/},
  ])('refused: $what', ({wish, but, of, because}) => {
    const decision = planInstance(wish, seen(but, MYSQL, of ? {of} : {}));
    expect(decision).toMatchObject({refused: expect.stringMatching(because) as string});
  });

  test('a transaction is skipped by a counter where there are no GTIDs', () => {
    expect(planned(planInstance({do: 'skip-query'}, seen(failed, BY_POSITION))).acts).toMatchObject([{act: 'skip', how: 'counter'}]);
    expect(planned(planInstance({do: 'skip-query'}, seen(failed, MARIADB))).acts).toMatchObject([{act: 'skip', how: 'counter'}]);
    expect(planned(planInstance({do: 'skip-query'}, seen(failed))).acts).toMatchObject([{act: 'skip', how: 'empty-transaction'}]);
  });

  test.each<{what: string; kind: Kind; but?: But; expected: readonly string[]}>([
    {
      what: 'the receiver runs on where it may',
      kind: MYSQL,
      expected: [
        "STOP REPLICA SQL_THREAD FOR CHANNEL ''",
        "CHANGE REPLICATION SOURCE TO SOURCE_DELAY = ? FOR CHANNEL '' | 60",
        "START REPLICA FOR CHANNEL ''",
      ],
    },
    {
      what: 'a stopped applier stays stopped',
      kind: MYSQL,
      but: applierStopped,
      expected: [
        "STOP REPLICA SQL_THREAD FOR CHANNEL ''",
        "CHANGE REPLICATION SOURCE TO SOURCE_DELAY = ? FOR CHANNEL '' | 60",
        "START REPLICA IO_THREAD FOR CHANNEL ''",
      ],
    },
    {what: 'both stop on MariaDB', kind: MARIADB, expected: ['stop drops', 'CHANGE MASTER TO MASTER_DELAY = ? | 60', 'START SLAVE']},
    {
      what: 'nothing is started that was stopped',
      kind: MARIADB,
      but: stopped,
      expected: ['stop drops', 'CHANGE MASTER TO MASTER_DELAY = ? | 60'],
    },
  ])('delay: $what', ({kind, but, expected}) => {
    expect(acts(planInstance({do: 'delay-replication', delay: 60}, seen(but, kind)))).toEqual(expected);
  });
});

describe('what has to be seen afterwards', () => {
  const after = (but: But, kind: Kind = MYSQL): Instance => seen(but, kind).instance;
  test.each<{what: string; wish: InstanceWish; before?: But; after: But; problem: RegExp | null}>([
    {what: 'started', wish: {do: 'start-replica'}, before: stopped, after: {}, problem: null},
    {
      what: 'a receiver that does not connect',
      wish: {do: 'start-replica'},
      after: {replication: {receiver: {state: 'other', errno: 2003, error: 'no'}}},
      problem: /receiver is not connected yet \(error 2003: no\)/,
    },
    {what: 'an applier that fails', wish: {do: 'start-replica'}, after: failed, problem: /applier does not run \(error 1062/},
    {what: 'stopped', wish: {do: 'stop-replica'}, after: stopped, problem: null},
    {what: 'half stopped', wish: {do: 'stop-replica'}, after: applierStopped, problem: /receiver runs/},
    {what: 'no replica any more', wish: {do: 'stop-replica'}, after: {replication: null}, problem: /not a replica/},
    {what: 'forgotten', wish: {do: 'reset-replica'}, after: {replication: null}, problem: null},
    {what: 'not forgotten', wish: {do: 'reset-replica'}, after: stopped, problem: /still names a/},
    {what: 'detached', wish: {do: 'detach-replica-source-host'}, after: and(detached, stopped), problem: null},
    {what: 'not detached', wish: {do: 'detach-replica-source-host'}, after: stopped, problem: /points at a/},
    {what: 'delayed', wish: {do: 'delay-replication', delay: 5}, after: {replication: {delay: 5}}, problem: null},
    {what: 'not delayed', wish: {do: 'delay-replication', delay: 5}, after: {}, problem: /delay is 0/},
    {
      what: 'delayed, and not started again',
      wish: {do: 'delay-replication', delay: 5},
      after: and(stopped, {replication: {delay: 5}}),
      problem: /does not run/,
    },
    {what: 'closed', wish: {do: 'set-read-only'}, after: {readOnly: true}, problem: null},
    {what: 'not closed', wish: {do: 'set-read-only'}, after: {readOnly: false}, problem: /read_only is off/},
    {what: 'opened', wish: {do: 'set-writeable'}, after: {readOnly: false, superReadOnly: false}, problem: null},
    {what: 'semi-sync on', wish: {do: 'semi-sync', role: 'replica', on: true}, after: {semiSync: {replicaEnabled: true}}, problem: null},
    {
      what: 'semi-sync still off',
      wish: {do: 'semi-sync', role: 'replica', on: true},
      after: {semiSync: {replicaEnabled: false}},
      problem: /still off/,
    },
  ])('$what', ({wish, before, after: then, problem}) => {
    const words = {words: {source: 'new', replica: 'new'}} as const;
    const {expects} = planned(planInstance(wish, seen(before ? and(before, {semiSync: words}) : {semiSync: words})));
    const found = expects.check(after(then));
    expect(found ?? '').toMatch(problem ?? /^$/);
  });

  test('super_read_only counts where it was asked for', () => {
    const {expects} = planned(planInstance({do: 'set-read-only'}, seen({}, MYSQL, {useSuperReadOnly: true})));
    expect(expects.check(after({readOnly: true, superReadOnly: false}))).toMatch(/super_read_only is off/);
    expect(expects.check(after({readOnly: true, superReadOnly: true}))).toBeNull();
  });
});

describe('GTID mode', () => {
  const byPosition: But = {replication: {usingOracleGtid: false, usingMariadbGtid: false}};

  test.each<{what: string; kind?: Kind; but?: But; source?: But; more?: Partial<Seen>; expected: RegExp | readonly string[]}>([
    {
      what: 'MySQL',
      expected: ['stop drops', "CHANGE REPLICATION SOURCE TO SOURCE_AUTO_POSITION = 1 FOR CHANNEL ''", "START REPLICA FOR CHANNEL ''"],
    },
    {what: 'MariaDB', kind: MARIADB, expected: ['stop drops', 'CHANGE MASTER TO MASTER_USE_GTID = slave_pos', 'START SLAVE']},
    {what: 'gtid_mode OFF', but: {gtid: {mode: 'OFF', supported: false}}, expected: /has gtid_mode OFF/},
    {what: 'a source without', source: {gtid: {mode: 'OFF', supported: false}}, expected: /a:3306, the source of b:3306, has no GTIDs/},
    {what: 'an unknown source', more: {above: []}, expected: /could not be read/},
    {
      what: 'an unknown source, forced',
      more: {above: [], force: true},
      expected: ['stop drops', "CHANGE REPLICATION SOURCE TO SOURCE_AUTO_POSITION = 1 FOR CHANNEL ''", "START REPLICA FOR CHANNEL ''"],
    },
    {
      what: 'purged',
      source: {gtid: {purged: `${uuid('a')}:1-5`}},
      expected: ['stop drops', "CHANGE REPLICATION SOURCE TO SOURCE_AUTO_POSITION = 1 FOR CHANNEL ''", "START REPLICA FOR CHANNEL ''"],
    },
    {
      what: 'purged and missing',
      source: {gtid: {purged: `${uuid('x')}:1-5`}},
      expected: /has purged transactions that b:3306 does not count as its own: .*:1-5/,
    },
    {what: 'a replica that knows no position', kind: MARIADB, but: {gtid: {replicaPos: ''}}, expected: /no position in domain 0 of a:3306/},
    {
      what: 'a domain it knows nothing of',
      kind: MARIADB,
      source: {gtid: {binlogPos: '0-1-100,5-1-3'}},
      expected: /no position in domain 5 of/,
    },
  ])('enable: $what', ({kind = MYSQL, but = {}, source = {}, more = {}, expected}) => {
    const decision = planInstance({do: 'enable-gtid'}, seen(and(byPosition, but), kind, {source, ...more}));
    expect(outcome(decision)).toEqual(like(expected));
  });

  test('disable', () => {
    expect(acts(planInstance({do: 'disable-gtid'}, seen({}, MARIADB)))).toEqual([
      'await-position',
      'stop drops',
      'follow-by-position',
      'START SLAVE',
    ]);
    expect(planInstance({do: 'disable-gtid'}, seen(byPosition))).toMatchObject({refused: 'b:3306 does not replicate by GTID'});
  });
});

describe('errant transactions', () => {
  test.each<{
    what: string;
    wish: InstanceWish;
    errant: string | null;
    kind?: Kind;
    source?: But;
    more?: Partial<Seen>;
    expected: RegExp | readonly string[];
  }>([
    {
      what: 'forgotten',
      wish: {do: 'gtid-errant-reset'},
      errant: `${uuid('b')}:1-2`,
      expected: ['stop', 'rewrite-history', "START REPLICA FOR CHANNEL ''"],
    },
    {
      what: 'forgotten on MariaDB',
      wish: {do: 'gtid-errant-reset'},
      errant: '7-2-1',
      kind: MARIADB,
      expected: ['stop drops', 'rewrite-history', 'START SLAVE'],
    },
    {what: 'unknown', wish: {do: 'gtid-errant-reset'}, errant: null, expected: /not known what is errant/},
    {
      what: 'with replicas',
      wish: {do: 'gtid-errant-reset'},
      errant: `${uuid('b')}:1`,
      more: {replicas: [{key: key('d'), instance: null}]},
      expected: /has replicas \(d:3306\)/,
    },
    {
      what: 'with replicas, forced',
      wish: {do: 'gtid-errant-reset'},
      errant: `${uuid('b')}:1`,
      more: {replicas: [{key: key('d'), instance: null}], force: true},
      expected: ['stop', 'rewrite-history', "START REPLICA FOR CHANNEL ''"],
    },
    {
      what: 'written on the source',
      wish: {do: 'gtid-errant-inject-empty'},
      errant: `${uuid('b')}:1-2:5`,
      expected: [1, 2, 5]
        .flatMap((n) => [`SET SESSION gtid_next = ? | ${uuid('b')}:${n}`, 'BEGIN', 'COMMIT'])
        .concat("SET SESSION gtid_next = 'AUTOMATIC'"),
    },
    {
      what: 'written on the source of MariaDB',
      wish: {do: 'gtid-errant-inject-empty'},
      errant: '7-2-3',
      kind: MARIADB,
      expected: [
        'SET SESSION gtid_domain_id = ? | 7',
        'SET SESSION server_id = ? | 2',
        'SET SESSION gtid_seq_no = ? | 3',
        'FLUSH HOSTS',
        'SET SESSION gtid_domain_id = DEFAULT',
        'SET SESSION server_id = DEFAULT',
      ],
    },
    {
      what: 'out of order',
      wish: {do: 'gtid-errant-inject-empty'},
      errant: '0-2-99',
      kind: MARIADB,
      expected: /0-2-99 comes before 0-1-100, which a:3306 has written/,
    },
    {what: 'too many', wish: {do: 'gtid-errant-inject-empty'}, errant: `${uuid('b')}:1-10001`, expected: /10001 transactions are errant/},
    {what: 'no source', wish: {do: 'gtid-errant-inject-empty'}, errant: null, more: {above: []}, expected: /could not be read/},
  ])('$wish.do: $what', ({wish, errant, kind = MYSQL, source = {}, more = {}, expected}) => {
    const decision = planInstance(wish, seen({}, kind, {errant, source, ...more}));
    expect(outcome(decision)).toEqual(like(expected));
  });

  test('the source has to be seen to have them', () => {
    const errant = `${uuid('b')}:1-2`;
    const {expects} = planned(planInstance({do: 'gtid-errant-inject-empty'}, seen({}, MYSQL, {errant})));
    const source = (executed: string) => given('a: b', {a: {gtid: {executed}}}).get(key('a'))!;
    expect(expects.on).toEqual(key('a'));
    expect(expects.check(source(`${uuid('a')}:1-100,${errant}`))).toBeNull();
    expect(expects.check(source(`${uuid('a')}:1-100,${uuid('b')}:1`))).toMatch(/does not have all of/);
  });

  test('the replica has to be seen without them', () => {
    const {expects} = planned(planInstance({do: 'gtid-errant-reset'}, seen({}, MYSQL, {errant: `${uuid('b')}:1`})));
    expect(expects.check(seen().instance)).toBeNull();
    expect(expects.check(seen({gtid: {executed: `${uuid('a')}:1-100,${uuid('b')}:1`}}).instance)).toMatch(/still counts/);
    const mariadb = planned(planInstance({do: 'gtid-errant-reset'}, seen({}, MARIADB, {errant: '7-2-1'}))).expects;
    expect(mariadb.check(seen({}, MARIADB).instance)).toBeNull();
    expect(mariadb.check(seen({gtid: {binlogState: '0-1-100,7-2-1'}}, MARIADB).instance)).toMatch(/still has 7-2-1/);
  });
});

const FLUSH = 'FLUSH LOCAL BINARY LOGS';

describe('binary logs', () => {
  const at = (number: number): But => ({binlog: {at: {file: `binlog.00000${number}`, position: 4}}});
  const applied = (number: number): Seen['replicas'][number] => ({
    key: key('b'),
    instance: seen({replication: {executed: {file: `binlog.00000${number}`, position: 900}}}).instance,
  });

  test.each<{until: string | null; expected: readonly string[] | RegExp}>([
    {until: null, expected: [FLUSH]},
    {until: 'binlog.000005', expected: [FLUSH, FLUSH]},
    {until: 'binlog.000003', expected: []},
    {until: 'binlog.000002', expected: /writes binlog.000003 already/},
    {until: 'other.000005', expected: /is no binary log of a:3306/},
    {until: 'binlog', expected: /is no binary log of a:3306/},
    {until: 'binlog.900000', expected: /files away/},
  ])('flush until $until', ({until, expected}) => {
    const decision = planInstance({do: 'flush-binary-logs', until}, seen({}, MYSQL, {of: 'a', source: at(3)}));
    expect(outcome(decision)).toEqual(like(expected));
  });

  test('flush: a file must have been begun', () => {
    const {expects} = planned(planInstance({do: 'flush-binary-logs', until: null}, seen({}, MYSQL, {of: 'a', source: at(3)})));
    expect([3, 4].map((number) => expects.check(seen({}, MYSQL, {of: 'a', source: at(number)}).instance))).toEqual([
      'it writes binlog.000003',
      null,
    ]);
  });

  const binlogs = ['binlog.000001', 'binlog.000002', 'binlog.000003'];
  const unreadable = {key: key('b'), instance: null};
  test.each<{what: string; before: string; replicas?: Seen['replicas']; force?: true; expected: readonly string[] | RegExp}>([
    {what: 'nobody needs them', before: 'binlog.000002', expected: ['purge binlog.000002']},
    {what: 'the latest', before: 'latest', expected: ['purge binlog.000003']},
    {what: 'a replica is in that file', before: 'binlog.000002', replicas: [applied(2)], expected: ['purge binlog.000002']},
    {
      what: 'a replica is behind',
      before: 'binlog.000003',
      replicas: [applied(3), applied(2)],
      expected: /b:3306 has applied only up to binlog.000002:900/,
    },
    {what: 'a replica is behind, forced', before: 'binlog.000003', replicas: [applied(2)], force: true, expected: ['purge binlog.000003']},
    {what: 'a replica cannot be read', before: 'binlog.000002', replicas: [unreadable], expected: /b:3306 cannot be read/},
    {what: 'no such file', before: 'binlog.000009', expected: /has no binary log binlog.000009/},
  ])('purge: $what', ({before, replicas = [], force = false, expected}) => {
    const decision = planInstance({do: 'purge-binary-logs', before}, seen({}, MYSQL, {of: 'a', binlogs, replicas, force}));
    expect(outcome(decision)).toEqual(like(expected));
  });
});

describe('semi-sync', () => {
  const words = {words: {source: 'old', replica: 'old'}} as const;
  const wish = (role: 'source' | 'replica', on: boolean): InstanceWish => ({do: 'semi-sync', role, on});

  test.each<{what: string; wish: InstanceWish; but: But; expected: readonly string[]}>([
    {what: 'a source', wish: wish('source', true), but: {semiSync: words}, expected: ['SET GLOBAL rpl_semi_sync_master_enabled = ? | 1']},
    {
      what: 'a replica: counts from the next start of the receiver',
      wish: wish('replica', true),
      but: {semiSync: words},
      expected: ['SET GLOBAL rpl_semi_sync_slave_enabled = ? | 1', 'STOP SLAVE IO_THREAD', 'START SLAVE IO_THREAD'],
    },
    {
      what: 'a replica with a stopped applier: with both stopped its relay log would be gone',
      wish: wish('replica', true),
      but: and({semiSync: words}, applierStopped),
      expected: ['SET GLOBAL rpl_semi_sync_slave_enabled = ? | 1'],
    },
    {
      what: 'a stopped replica',
      wish: wish('replica', false),
      but: and({semiSync: {...words, replicaEnabled: true}}, stopped),
      expected: ['SET GLOBAL rpl_semi_sync_slave_enabled = ? | 0'],
    },
  ])('$what', ({wish: wanted, but, expected}) => {
    expect(acts(planInstance(wanted, seen(but, MARIADB)))).toEqual(expected);
  });

  test('no plugin, no semi-sync', () => {
    expect(planInstance(wish('source', true), seen())).toMatchObject({
      refused: expect.stringMatching(/no semi-sync plugin/) as string,
      code: 'NOT_SUPPORTED',
    });
  });
});

test('a replica that takes writes is said', () => {
  expect(planned(planInstance({do: 'set-writeable'}, seen())).remarks).toEqual(['b:3306 is a replica, and now takes writes of its own']);
  expect(planned(planInstance({do: 'set-writeable'}, seen({}, MYSQL, {of: 'a'}))).remarks).toEqual([]);
});
