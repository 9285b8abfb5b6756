import {expect, test} from 'vitest';
import {analyze, type Analysis} from '../../../src/lib/analysis/analyze.ts';
import type {Config} from '../../../src/lib/config/keys.ts';
import type {Instance, PromotionRule} from '../../../src/lib/model/instance.ts';
import type {Topology} from '../../../src/lib/model/topology.ts';
import type {PlanWishes} from '../../../src/lib/plan/contenders.ts';
import type {Decision, PlannedStep, RecoveryPlan, Refusal} from '../../../src/lib/plan/plan.ts';
import {planRecovery} from '../../../src/lib/plan/recovery.ts';
import {and, broken, down, full, given, key, named, stopped, uuid, type But, type Kind} from '../support/given.ts';
import {configured} from '../support/policy.ts';

interface Situation {
  readonly but?: Readonly<Record<string, But>>;
  readonly keys?: Partial<Config>;
  readonly wishes?: PlanWishes;
  readonly kind?: Kind;
  readonly sketch?: string;
}

/** a is dead unless said otherwise, b, c and d cannot connect to it. */
function situation({sketch = 'a: b c d', but = {}, kind = {}}: Situation): Topology {
  const deadly: Readonly<Record<string, But>> = {a: down, b: broken, c: broken, d: broken};
  const names = [...new Set([...Object.keys(deadly), ...Object.keys(but)])];
  return given(sketch, Object.fromEntries(names.map((name) => [name, and(deadly[name] ?? {}, but[name] ?? {})])), kind);
}

function findingOn(topology: Topology, config: Config, name = 'a'): Analysis {
  const found = analyze(topology, {...config, withDowntimed: true, withHealthy: true}).find((one) => one.instance.key.host === name);
  if (!found) throw new Error(`nothing was found about ${name}`);
  return found;
}

function decide(at: Situation): Decision {
  const config = configured(at.keys);
  const topology = situation(at);
  return planRecovery(findingOn(topology, config), topology, config, at.wishes);
}

function planned(at: Situation): RecoveryPlan {
  const decision = decide(at);
  if (!decision.act) throw new Error(`refused: ${decision.why.because}`);
  return decision.plan;
}

function refused(at: Situation): Refusal {
  const decision = decide(at);
  if (decision.act) throw new Error(`planned: ${decision.plan.successor.host}`);
  return decision.why;
}

/** `0 note close-source a` … */
const told = (steps: readonly PlannedStep[]): readonly string[] =>
  steps.map(({step, weight, stage}) => {
    const other = 'source' in step && step.do === 'repoint' ? ` ${step.source.host}` : 'from' in step ? ` ${step.from.host}` : '';
    return `${stage} ${weight} ${step.do} ${step.on.host}${other}`;
  });
const verdicts = ({candidates}: {candidates: readonly {key: Instance['key']; verdict: string}[]}): Readonly<Record<string, string>> =>
  Object.fromEntries(candidates.map((one) => [one.key.host, one.verdict]));

/** Received up to `upTo` of a's transactions, applied up to `applied`, and executed some others. */
const at = (upTo: number, more: {applied?: number; errant?: string} = {}): But => ({
  gtid: {executed: [`${uuid('a')}:1-${more.applied ?? upTo}`, more.errant ?? ''].filter(Boolean).join(',')},
  replication: {retrievedGtid: `${uuid('a')}:1-${upTo}`},
});
const errantly = (upTo: number, name: string): But => at(upTo, {errant: `${uuid(name)}:1-2`});
const rule = (promotionRule: PromotionRule): But => ({wishes: {promotionRule}});
const place = (dataCenter: string, region = 'r1'): But => ({place: {dataCenter, region}});
const applierBroken: But = {replication: {applier: {state: 'stopped', errno: 1062, error: 'duplicate key'}}};
/** As a MariaDB is found whose applier failed after a recovery had stopped its receiver. */
const brokenAndStopped: But = {replication: {receiver: {state: 'stopped'}, ...applierBroken.replication}};
const delayed = (delay: number): But => ({replication: {delay}});
const version = (text: string): But => ({version: text});
const downtime: But = {wishes: {downtime: {owner: 'x', reason: 'y', endsAt: '', elapsed: 0, remaining: 1}}};

test('the plan for a plain dead source', () => {
  const plan = planned({});
  expect(plan).toMatchObject({kind: 'promote', code: 'DeadMaster', cluster: 'a:3306', failed: key('a'), successor: key('b'), lost: []});
  expect(told(plan.steps)).toEqual([
    '0 note close-source a',
    '1 must drain b',
    '1 note stop-receiver c',
    '1 note stop-receiver d',
    '2 must prove b',
    '3 must make-writable b',
    '4 lost repoint c b',
    '4 lost repoint d b',
    '5 must forget-source b',
  ]);
  expect(verdicts(plan)).toEqual({
    b: 'chosen: it has everything that was received',
    c: 'is as good as b:3306, which comes first by name',
    d: 'is as good as b:3306, which comes first by name',
  });
  expect(plan.remarks).toEqual(['a:3306 cannot be reached: unless it can be closed it is unfenced']);
});

test('a source that replicates too passed on transactions of others since it was read: they are not errant, and not dropped', () => {
  const through = (upTo: number): But => ({
    gtid: {executed: `${uuid('a')}:1-100,${uuid('e')}:1-${upTo}`},
    replication: {retrievedGtid: `${uuid('a')}:1-100,${uuid('e')}:50-${upTo}`},
  });
  const a: But = {gtid: {executed: `${uuid('a')}:1-100,${uuid('e')}:1-50`}};
  expect(named([planned({but: {a, b: through(53), c: through(55), d: through(54)}}).successor])).toEqual(['c']);
  const own = {gtid: {executed: `${uuid('a')}:1-100,${uuid('e')}:1-50`}, serverUuid: uuid('e')};
  const c = {...own, gtid: {executed: `${uuid('a')}:1-100,${uuid('e')}:1-51`}};
  expect(verdicts(planned({but: {a, b: through(50), c, d: through(50)}}))['c']).toContain(`errant transactions: ${uuid('e')}:51`);
  const history = {gtid: {binlogState: '0-1-100,0-9-50'}};
  const state = (upTo: number): But => pos(`0-9-${upTo}`, {state: `0-1-100,0-9-${upTo}`});
  expect(named([planned({kind: mariadb, but: {a: history, b: state(103), c: state(105), d: state(104)}}).successor])).toEqual(['c']);
});

test('the same inputs give the same plan, whatever the order of instances', () => {
  expect(planned({sketch: 'a: d c b'})).toEqual(planned({}));
});

test.each<Situation & {what: string; promotes: string; because?: string}>([
  {what: 'what was received decides first', but: {b: at(99), c: at(100), d: at(99)}, promotes: 'c', because: 'received more itself'},
  {what: 'received counts, not applied', but: {b: at(99), c: at(100, {applied: 90}), d: at(99)}, promotes: 'c'},
  {
    what: 'what is not applied yet counts among equals',
    but: {b: at(100, {applied: 90}), c: at(100), d: at(100, {applied: 95})},
    promotes: 'c',
    because: 'has less to apply',
  },
  {what: 'clean before errant', but: {b: errantly(100, 'b')}, promotes: 'c', because: 'has errant transactions'},
  {what: 'clean before errant, even if preferred', but: {b: and(errantly(100, 'b'), rule('must'))}, promotes: 'c'},
  {what: 'must before prefer', but: {b: rule('prefer'), c: rule('must')}, promotes: 'c', because: 'better promotion rule'},
  {what: 'prefer before neutral', but: {c: rule('prefer')}, promotes: 'c', because: 'better promotion rule'},
  {what: 'neutral before prefer_not', but: {b: rule('prefer_not')}, promotes: 'c'},
  {what: 'prefer_not is better than nobody', but: {b: rule('prefer_not'), c: rule('must_not'), d: rule('must_not')}, promotes: 'b'},
  {what: 'a named one is worth catching up for', but: {b: at(100), c: and(at(90), rule('prefer')), d: at(95)}, promotes: 'c'},
  {
    what: 'a named one nearby comes before a named one further away',
    but: {b: and(rule('must'), place('dc2')), c: and(rule('prefer'), at(90))},
    promotes: 'c',
    because: 'stands closer',
  },
  {
    what: 'standing closer is not worth catching up for',
    but: {b: place('dc2'), c: at(99), d: at(99)},
    promotes: 'b',
    because: 'received more',
  },
  {
    what: 'standing closer decides among equals',
    but: {b: place('dc2'), d: {place: {environment: 'test'}}},
    promotes: 'c',
    because: 'stands closer',
  },
  {what: 'same region before another', but: {b: place('dc2', 'r2'), c: place('dc2'), d: place('dc3', 'r3')}, promotes: 'c'},
  {what: 'must_not never', but: {b: rule('must_not')}, promotes: 'c'},
  {what: 'filtered by name', keys: {PromotionIgnoreHostnameFilters: ['^b:']}, promotes: 'c'},
  {what: 'without binary log', but: {b: {binlog: {enabled: false}}}, promotes: 'c'},
  {what: 'without logging what it replicates', but: {b: {binlog: {logsReplicaUpdates: false}}}, promotes: 'c'},
  {what: 'several channels', but: {b: {otherChannels: ['second']}}, promotes: 'c'},
  {what: 'in maintenance', but: {b: {wishes: {inMaintenance: true}}}, promotes: 'c'},
  {
    what: 'a secondary of a group',
    but: {b: {group: {name: 'g', singlePrimary: true, state: 'ONLINE', role: 'SECONDARY', members: [], primary: key('x')}}},
    promotes: 'c',
  },
  {what: 'unreadable positions', but: {b: {gtid: {executed: 'nonsense'}}}, promotes: 'c'},
  {what: 'unreachable', but: {b: down}, promotes: 'c'},
  {what: 'a failing applier: next', but: {b: applierBroken}, promotes: 'c'},
  {what: 'a stale applier error does not matter while it runs', but: {b: {replication: {applier: {errno: 1062}}}}, promotes: 'b'},
  {what: 'delayed, though preferred', but: {b: and(delayed(10), rule('must'))}, promotes: 'c', because: 'is not delayed'},
  {
    what: 'delayed but the only one with the latest, within the time for draining',
    but: {b: and(delayed(10), at(100, {applied: 90})), c: and(at(95), rule('must_not')), d: and(at(95), rule('must_not'))},
    promotes: 'b',
  },
  {what: 'older version', but: {b: version('9.7.4'), c: version('9.7.4'), d: version('8.4.5')}, promotes: 'd'},
  {
    what: 'a newer version that nobody could follow, though preferred',
    but: {b: and(version('9.7.4'), rule('must'))},
    promotes: 'c',
    because: 'most of the others',
  },
  {
    what: 'a newer version that most could follow, preferred',
    but: {b: and(version('9.7.4'), rule('must')), c: version('9.7.4')},
    promotes: 'b',
  },
  {
    what: 'binary log format',
    but: {b: {binlog: {format: 'ROW'}}, c: {binlog: {format: 'STATEMENT'}}, d: {binlog: {format: 'MIXED'}}},
    promotes: 'c',
  },
  {what: 'asked for', wishes: {candidate: key('d')}, promotes: 'd'},
  {what: 'asked for, though banned', but: {d: rule('must_not')}, wishes: {candidate: key('d')}, promotes: 'd'},
  {what: 'asked for, and behind', but: {d: at(50)}, wishes: {candidate: key('d')}, promotes: 'd'},
  {what: 'another data center is fine without the key', but: {b: place('dc2'), c: rule('must_not'), d: rule('must_not')}, promotes: 'b'},
  {
    what: 'not across data centers',
    but: {b: and(rule('must'), place('dc2'))},
    keys: {PreventCrossDataCenterMasterFailover: true},
    promotes: 'c',
  },
  {
    what: 'not across regions',
    but: {b: and(rule('must'), place('dc2', 'r2'))},
    keys: {PreventCrossRegionMasterFailover: true},
    promotes: 'c',
  },
  {
    what: 'across data centers in the region',
    but: {b: and(rule('must'), place('dc2'))},
    keys: {PreventCrossRegionMasterFailover: true},
    promotes: 'b',
  },
  {what: 'too much lag', but: {b: {replication: {lag: 120}}}, keys: {FailMasterPromotionOnLagMinutes: 2}, promotes: 'c'},
  {what: 'just not too much lag', but: {b: {replication: {lag: 119}}}, keys: {FailMasterPromotionOnLagMinutes: 2}, promotes: 'b'},
  {
    what: 'not up to date',
    but: {b: and(rule('must'), at(100, {applied: 99}))},
    keys: {FailMasterPromotionIfSQLThreadNotUpToDate: true},
    promotes: 'c',
  },
  {
    what: 'errant, as allowed, where only it has the latest',
    but: {b: at(99), c: errantly(100, 'c'), d: at(99)},
    keys: {PromoteErrantIfMostAdvanced: true},
    promotes: 'c',
  },
  {
    what: 'errant is not promoted while a clean one has as much, even if allowed',
    but: {b: and(errantly(100, 'b'), rule('must'))},
    keys: {PromoteErrantIfMostAdvanced: true},
    promotes: 'c',
  },
  {
    what: 'what all of them have beside the source came from it',
    but: {b: errantly(100, 'e'), c: errantly(100, 'e'), d: errantly(100, 'e')},
    promotes: 'b',
  },
  {what: 'dead with some replicas', but: {c: down}, promotes: 'b'},
  {what: 'alone', sketch: 'a: b', promotes: 'b'},
  {
    what: 'nothing ever read of the source: clean as probed',
    but: {a: {gtid: {executed: ''}}, b: {gtid: {errant: `${uuid('b')}:1`, executed: `${uuid('a')}:1-100,${uuid('b')}:1`}}},
    promotes: 'c',
  },
  {
    what: 'a transaction written after the source was last read is not errant',
    but: {a: {gtid: {executed: `${uuid('a')}:1-80`}}, b: at(120), c: at(110), d: at(110)},
    promotes: 'b',
  },
  {
    what: 'nothing ever read of the source: older history that a straggler lacks is not errant',
    but: {a: {gtid: {executed: ''}}, b: at(100, {errant: `${uuid('e')}:1-9`}), c: at(100, {errant: `${uuid('e')}:1-9`}), d: at(90)},
    promotes: 'b',
  },
  {what: 'delayed, but nothing waits', sketch: 'a: b', but: {b: delayed(3600)}, promotes: 'b'},
  {
    what: 'delayed, and there is all the time in the world',
    sketch: 'a: b',
    but: {b: and(delayed(3600), at(100, {applied: 90}))},
    keys: {DelayMasterPromotionIfSQLThreadNotUpToDate: true},
    promotes: 'b',
  },
])('$what: $promotes is promoted', ({promotes, because, ...rest}) => {
  const plan = planned(rest);
  expect(named([plan.successor])).toEqual([promotes]);
  expect(plan.candidates.filter((one) => one.chosen).map((one) => one.key.host)).toEqual([promotes]);
  expect(plan.candidates.every((one) => one.verdict !== '')).toBe(true);
  expect(Object.values(verdicts(plan)).join('\n')).toContain(because ?? '');
});

const mariadb: Kind = {flavor: 'MariaDB'};
const pos = (received: string, more: {applied?: string; state?: string} = {}): But => ({
  gtid: {replicaPos: more.applied ?? received, binlogState: more.state ?? more.applied ?? received},
  replication: {retrievedGtid: received},
});

test.each<Situation & {what: string; promotes: string}>([
  {what: 'plain', promotes: 'b'},
  {what: 'received decides', but: {b: pos('0-1-100'), c: pos('0-1-101'), d: pos('0-1-100')}, promotes: 'c'},
  {what: 'received and not applied', but: {b: pos('0-1-100'), c: pos('0-1-101', {applied: '0-1-90'})}, promotes: 'c'},
  {what: 'both threads stopped: only what is applied counts', but: {b: and(stopped, pos('0-1-120', {applied: '0-1-90'}))}, promotes: 'c'},
  {
    what: 'both threads stopped, the applier by an error: what others received as well is no loss',
    but: {b: and(brokenAndStopped, pos('0-1-100', {applied: '0-1-90'})), c: pos('0-1-100'), d: pos('0-1-100')},
    promotes: 'c',
  },
  {what: 'a branch with higher numbers is not ahead', but: {b: pos('0-2-150', {state: '0-1-99,0-2-150'})}, promotes: 'c'},
  {what: 'own writes', but: {b: pos('0-1-100', {state: '0-1-100,0-2-101'}), c: rule('prefer_not'), d: rule('prefer_not')}, promotes: 'c'},
  {what: 'a pair the source does not know, on one replica only', but: {b: pos('0-1-100', {state: '0-9-5,0-1-100'})}, promotes: 'c'},
  {
    what: 'a pair the source does not know, on all of them',
    but: {
      b: pos('0-1-100', {state: '0-9-5,0-1-100'}),
      c: pos('0-1-100', {state: '0-9-5,0-1-100'}),
      d: pos('0-1-100', {state: '0-9-5,0-1-100'}),
    },
    promotes: 'b',
  },
  {what: 'several domains', but: {b: pos('0-1-100,1-1-5'), c: pos('0-1-100,1-1-6'), d: pos('0-1-100')}, promotes: 'c'},
  {what: 'preferred and behind catches up', but: {b: pos('0-1-100'), c: and(rule('must'), pos('0-1-90'))}, promotes: 'c'},
  {
    what: 'own writes from a time when it was the source, and beyond',
    but: {a: {gtid: {binlogState: '0-2-50,0-1-100'}}, b: pos('0-2-150', {state: '0-1-99,0-2-150'})},
    promotes: 'c',
  },
  {
    what: 'nothing ever read of the source: own writes are no history',
    but: {a: {gtid: {binlogState: ''}}, b: pos('0-2-150', {state: '0-1-99,0-2-150'})},
    promotes: 'c',
  },
])('MariaDB, $what: $promotes is promoted', ({promotes, ...rest}) => {
  expect(named([planned({...rest, kind: mariadb}).successor])).toEqual([promotes]);
});

const semiSync = (more: object = {}): But => ({
  semiSync: {sourceEnabled: true, sourceStatus: true, sourceTimeout: 1e10, waitPoint: 'AFTER_SYNC', sourceWaitCount: 1, ...more},
});
const acker: But = {semiSync: {replicaEnabled: true}};

test.each<Situation & {what: string; code: string; because?: string}>([
  {what: 'no replica is reachable', but: {b: down, c: down, d: down}, code: 'needs-human'},
  {what: 'it answers', but: {a: full}, code: 'needs-human', because: 'alive'},
  {what: 'stopped by people', but: {b: stopped, c: stopped, d: stopped}, code: 'needs-human', because: 'do not prove'},
  {what: 'healthy', but: {a: {reachable: true}}, code: 'needs-human'},
  {what: 'nothing wrong', sketch: 'a:', but: {a: {reachable: true}}, keys: {ReduceReplicationAnalysisCount: false}, code: 'nothing-to-do'},
  {what: 'downtimed', but: {a: downtime}, code: 'downtimed'},
  {what: 'being changed', but: {c: {wishes: {lockedBy: 'host1 (relocate)'}}}, code: 'being-changed', because: 'host1 (relocate)'},
  {
    what: 'a dead co-source whose partner is broken',
    sketch: 'a: b; b: a',
    but: {b: applierBroken},
    code: 'applier-broken',
    because: 'b:3306',
  },
  {
    what: 'a binlog server among them',
    but: {c: {flavor: 'MaxScale', replication: {usingOracleGtid: false}}},
    code: 'needs-human',
    because: 'c:3306 is a binlog server',
  },
  {what: 'one without GTID', but: {c: {replication: {usingOracleGtid: false}}}, code: 'needs-human', because: 'c:3306 replicates by file'},
  {
    what: 'a binlog server among them',
    but: {c: {flavor: 'MaxScale', replication: {usingOracleGtid: false}}},
    code: 'needs-human',
    because: 'c:3306 is a binlog server',
  },
  {
    what: 'two kinds of GTID',
    but: {c: {replication: {usingOracleGtid: false, usingMariadbGtid: true}}},
    code: 'needs-human',
    because: 'cannot follow each other',
  },
  {what: 'all banned', but: {b: rule('must_not'), c: rule('must_not'), d: rule('must_not')}, code: 'no-candidate', because: 'must_not'},
  {
    what: 'only an errant one has the latest',
    but: {b: at(99), c: errantly(100, 'c'), d: at(99)},
    code: 'only-errant-has-latest',
    because: `${uuid('c')}:1-2`,
  },
  {what: 'the only one is errant', sketch: 'a: b', but: {b: errantly(100, 'b')}, code: 'only-errant-has-latest'},
  {
    what: 'all in another data center',
    but: {b: place('dc2'), c: place('dc2'), d: place('dc2')},
    keys: {PreventCrossDataCenterMasterFailover: true},
    code: 'cross-data-center',
  },
  {
    what: 'all in another region',
    but: {b: place('dc2', 'r2'), c: place('dc2', 'r2'), d: place('dc2', 'r2')},
    keys: {PreventCrossRegionMasterFailover: true},
    code: 'cross-region',
  },
  {
    what: 'all lag',
    but: {b: {replication: {lag: 60}}, c: {replication: {lag: 60}}, d: {replication: {lag: 61}}},
    keys: {FailMasterPromotionOnLagMinutes: 1},
    code: 'candidate-lags',
  },
  {
    what: 'none up to date',
    but: {b: at(100, {applied: 99}), c: at(100, {applied: 98}), d: at(100, {applied: 97})},
    keys: {FailMasterPromotionIfSQLThreadNotUpToDate: true},
    code: 'not-drained',
  },
  {
    what: 'the latest waits behind a failing applier',
    but: {b: at(99), c: and(applierBroken, at(100, {applied: 90})), d: at(99)},
    code: 'applier-broken',
    because: 'error 1062',
  },
  {
    what: 'the latest is a MariaDB whose applier failed after its receiver had been stopped',
    kind: mariadb,
    but: {b: pos('0-1-99'), c: and(brokenAndStopped, pos('0-1-100', {applied: '0-1-90'})), d: pos('0-1-99')},
    code: 'applier-broken',
    because: 'lacks 1 transactions, which c:3306 received and which stopped applying with error 1062',
  },
  {
    what: 'the latest waits behind a delay',
    but: {b: at(99), c: and(delayed(3600), at(100, {applied: 90})), d: at(99)},
    code: 'not-drained',
    because: '3600 s late',
  },
  {
    what: 'the latest is on one that nobody can fetch from',
    but: {b: at(99), c: and({binlog: {logsReplicaUpdates: false}}, at(100)), d: at(99)},
    code: 'no-candidate',
    because: 'does not log',
  },
  {
    what: 'the latest is on one that is too new',
    but: {b: at(99), c: and(version('9.7.4'), rule('must_not'), at(100)), d: at(99)},
    code: 'no-candidate',
    because: 'older than',
  },
  {
    what: 'what is missing was purged',
    but: {b: at(90), c: and(rule('must_not'), at(100), {gtid: {purged: `${uuid('a')}:1-95`}}), d: at(90)},
    code: 'no-candidate',
    because: 'purged',
  },
  {what: 'the one asked for is not there', wishes: {candidate: key('z')}, code: 'no-candidate', because: 'z:3306 is not'},
  {
    what: 'the one asked for is not reachable',
    but: {b: down},
    wishes: {candidate: key('b')},
    code: 'no-candidate',
    because: 'b:3306 is not',
  },
  {
    what: 'the one asked for is across data centers',
    but: {b: place('dc2')},
    keys: {PreventCrossDataCenterMasterFailover: true},
    wishes: {candidate: key('b')},
    code: 'cross-data-center',
  },
  {what: 'the one asked for is errant', but: {b: errantly(100, 'b')}, wishes: {candidate: key('b')}, code: 'only-errant-has-latest'},
  {
    what: 'lossless, and an acker is out of reach',
    but: {a: semiSync(), b: acker, c: and(acker, down)},
    code: 'lossless-unprovable',
    because: 'c:3306',
  },
  {
    what: 'lossless, two needed and two out of reach',
    but: {a: semiSync({sourceWaitCount: 2}), b: acker, c: and(acker, down), d: and(acker, down)},
    code: 'lossless-unprovable',
  },
  {
    what: 'lossless, and the source named a replica that we do not know',
    but: {a: and(semiSync(), {replicas: [key('b'), key('z')]}), b: acker},
    code: 'lossless-unprovable',
    because: 'z:3306',
  },
  {
    what: 'MariaDB, lossless: one is enough, whatever the count says',
    kind: mariadb,
    but: {a: semiSync({waitNoReplica: null, sourceWaitCount: 2}), b: acker, c: and(acker, down)},
    code: 'lossless-unprovable',
  },
  {
    what: 'MariaDB, lossless, an acker lost its relay log',
    kind: mariadb,
    but: {a: semiSync({waitNoReplica: null}), b: acker, c: and(acker, stopped)},
    code: 'lossless-unprovable',
  },
  {
    what: 'MariaDB: each has what the other has not',
    sketch: 'a: b c',
    kind: mariadb,
    but: {b: pos('0-1-100,1-1-5'), c: pos('0-1-99,1-1-6')},
    code: 'no-candidate',
    because: 'no single replica has',
  },
  {
    what: 'MariaDB: the latest only beside a branch',
    kind: mariadb,
    but: {b: pos('0-1-101', {state: '0-1-101,0-2-102'})},
    code: 'only-errant-has-latest',
    because: '0-2-102',
  },
  {
    what: 'MariaDB: the only one is errant',
    sketch: 'a: b',
    kind: mariadb,
    but: {b: pos('0-1-100', {state: '0-1-100,0-2-101'})},
    code: 'only-errant-has-latest',
  },
  {
    what: 'lossless, and one that acknowledged until now is out of reach',
    but: {a: semiSync(), b: acker, c: and({semiSync: {replicaStatus: true}}, down)},
    code: 'lossless-unprovable',
  },
])('$what: refused, $code', ({code, because, ...rest}) => {
  const why = refused(rest);
  expect(why.code).toBe(code);
  expect(why.because).toContain(because ?? '');
});

test.each<Situation & {what: string}>([
  {what: 'asynchronous after a timeout', but: {a: semiSync({sourceStatus: false}), c: and(acker, down)}},
  {what: 'AFTER_COMMIT', but: {a: semiSync({waitPoint: 'AFTER_COMMIT'}), c: and(acker, down)}},
  {what: 'a short timeout', but: {a: semiSync({sourceTimeout: 10_000}), c: and(acker, down)}},
  {what: 'gives up without replicas', but: {a: semiSync({waitNoReplica: false}), c: and(acker, down)}},
  {what: 'the one out of reach was no acker', but: {a: semiSync(), b: acker, c: down}},
  {what: 'one of two ackers out of reach, two needed', but: {a: semiSync({sourceWaitCount: 2}), b: acker, c: and(acker, down), d: acker}},
  {what: 'MySQL with both threads stopped keeps its relay log', but: {a: semiSync(), b: acker, c: and(acker, stopped)}},
  {what: 'semi-sync is off', but: {a: semiSync({sourceEnabled: false}), c: and(acker, down)}},
])('lossless or not, $what: planned', (rest) => {
  expect(named([planned(rest).successor])).toEqual(['b']);
});

test('what a person may override, and that it is said', () => {
  const lossless = {but: {a: semiSync(), b: acker, c: and(acker, down)}};
  expect(planned({...lossless, wishes: {allowDataLoss: true}}).remarks.join('\n')).toMatch(/lossless.*as allowed/);
  const behind = {but: {b: at(99), c: and(applierBroken, at(100, {applied: 90})), d: at(99)}};
  const plan = planned({...behind, wishes: {allowDataLoss: true}});
  expect(named([plan.successor])).toEqual(['b']);
  expect(plan.remarks.join('\n')).toMatch(/1 transactions that other replicas received are dropped/);
  expect(named(plan.lost)).toEqual(['c']);
  expect(told(plan.steps)).toContain('1 note drain b');
  const stuck = {sketch: 'a: b', but: {b: and(applierBroken, at(100, {applied: 90}))}};
  expect(planned({...stuck, wishes: {allowDataLoss: true}}).remarks.join('\n')).toMatch(/1062.*dropped, as allowed/);
  const errant = {but: {b: errantly(100, 'b')}, wishes: {candidate: key('b'), allowDataLoss: true}};
  expect(planned(errant).remarks.join('\n')).toMatch(/errant transactions: .*:1-2/);
  expect(planned({but: {a: downtime}, wishes: {forced: true}}).successor).toEqual(key('b'));
});

test('catching up: the donor is drained too, and one that has all is enough', () => {
  const plan = planned({but: {b: at(100), c: and(at(90), rule('must')), d: at(95)}});
  expect(told(plan.steps)).toEqual([
    '0 note close-source a',
    '1 must drain c',
    '1 must drain b',
    '1 note stop-receiver d',
    '2 must catch-up c b',
    '3 must prove c',
    '4 must make-writable c',
    '5 lost repoint b c',
    '5 lost repoint d c',
    '6 must forget-source c',
  ]);
  expect(plan.steps.at(-1)?.step).toMatchObject({source: key('b')});
  expect(verdicts(plan)['c']).toBe('chosen; catches up with b:3306 first');
});

test('catching up with several where none has all (MySQL: sets add up)', () => {
  const gap = (text: string): But => ({gtid: {executed: text}, replication: {retrievedGtid: ''}});
  const b = gap(`${uuid('a')}:1-100:102`);
  const c = gap(`${uuid('a')}:1-101`);
  const plan = planned({sketch: 'a: b c', but: {a: {gtid: {executed: `${uuid('a')}:1-102`}}, b, c}});
  expect(told(plan.steps).slice(1, 4)).toEqual(['1 must drain b', '1 must drain c', '2 must catch-up b c']);
});

test('never catches up from an errant one silently', () => {
  const but = {b: at(90), c: and(errantly(100, 'c'), rule('must_not')), d: at(90)};
  expect(refused({but}).code).toBe('only-errant-has-latest');
  const plan = planned({but, keys: {PromoteErrantIfMostAdvanced: true}});
  expect(told(plan.steps)).toContain('2 must catch-up b c');
  expect(plan.remarks.join('\n')).toMatch(/takes over errant transactions of c:3306/);
});

test.each<Situation & {what: string; slow: boolean}>([
  {what: 'nothing to apply', but: {}, slow: false},
  {what: 'MariaDB, little to apply', kind: mariadb, but: {d: pos('0-1-100', {applied: '0-1-50'})}, slow: false},
  {
    what: 'MariaDB, a lot to apply',
    kind: mariadb,
    but: {b: pos('0-1-900'), c: pos('0-1-900'), d: pos('0-1-900', {applied: '0-1-100'})},
    slow: true,
  },
  {what: 'MariaDB, delayed', kind: mariadb, but: {d: delayed(10)}, slow: true},
  {what: 'MySQL repoints while applying, however much', but: {b: at(900), c: at(900), d: at(900, {applied: 100})}, slow: false},
  {what: 'MySQL repoints while applying, delayed too', but: {d: delayed(10)}, slow: false},
  {what: 'MySQL 5.6 cannot', but: {b: version('5.6.24'), c: version('5.6.24'), d: and(delayed(10), version('5.6.24'))}, slow: true},
  {what: 'a failing applier', but: {d: applierBroken}, slow: true},
  {what: 'stopped by a person', but: {d: stopped}, slow: true},
  {what: 'slow to answer', but: {d: {check: {latency: 600e6}}}, slow: true},
])('a sibling with $what follows once the successor is open, and may fetch again what it has not applied: $slow', ({slow, ...rest}) => {
  const plan = planned(rest);
  const steps = told(plan.steps);
  const open = steps.findIndex((one) => one.includes('make-writable'));
  const moved = steps.findIndex((one) => one.includes('repoint d'));
  const silenced = steps.findIndex((one) => one.includes('note stop-receiver d'));
  expect([silenced > 0, silenced < open, open < moved]).toEqual([true, true, true]);
  expect(steps.at(-1)).toContain('forget-source');
  expect(plan.steps.find(({step}) => step.do === 'repoint' && step.on.host === 'd')?.step).toEqual({
    do: 'repoint',
    on: key('d'),
    source: key('b'),
    ...(slow ? {refetch: true} : {}),
  });
});

test.each<Situation & {what: string; last: string}>([
  {what: 'whom it delays by more than so much', but: {c: delayed(601)}, last: 'c'},
  {what: 'whom it delays by just so much', but: {c: delayed(600)}, last: ''},
  {what: 'who lags by more', but: {d: {replication: {lag: 700}}}, last: 'd'},
  {what: 'whose lag is not known', but: {d: {replication: {lag: null}}}, last: ''},
  {what: 'several of them', but: {c: delayed(3600), d: delayed(3600)}, last: 'c d'},
  {what: 'nobody where the key is 0', but: {c: delayed(3600)}, keys: {PostponeReplicaRecoveryOnLagMinutes: 0}, last: ''},
  {
    what: 'whom it delays, where the successor is not opened by us',
    but: {c: delayed(3600)},
    keys: {PostponeReplicaRecoveryOnLagMinutes: 10, ApplyMySQLPromotionAfterMasterFailover: false},
    last: 'c',
  },
])('PostponeReplicaRecoveryOnLagMinutes: last of all follows $what', ({last, ...rest}) => {
  const {steps} = planned({keys: {PostponeReplicaRecoveryOnLagMinutes: 10}, ...rest});
  const [others, postponed] = [steps.filter((one) => !one.postponed), steps.filter((one) => one.postponed)];
  expect(postponed.map(({step, weight}) => `${weight} ${step.do} ${step.on.host}`)).toEqual(
    last
      .split(' ')
      .filter(Boolean)
      .map((name) => `lost repoint ${name}`),
  );
  const stage = Math.max(...others.map((one) => one.stage));
  expect(postponed.every((one) => one.stage === stage + 1)).toBe(true);
  const silenced = told(others).filter((one) => one.includes('stop-receiver')).length;
  expect(silenced).toBe(rest.keys?.ApplyMySQLPromotionAfterMasterFailover === false ? 0 : 2);
});

test.each<Situation & {what: string; promotes: string; because: string}>([
  {
    what: 'one that applies what it received, among those that drop as little',
    but: {b: and(applierBroken, at(100, {applied: 90}), rule('must')), c: at(90), d: at(80)},
    promotes: 'c',
    because: 'applies what it received',
  },
  {
    what: 'the broken one where it drops less',
    but: {b: and(applierBroken, at(100, {applied: 95})), c: at(90), d: at(80)},
    promotes: 'b',
    because: 'drops fewer',
  },
  {
    what: 'one that is up to date, among those that drop as little',
    but: {b: and(at(100, {applied: 90}), rule('must')), c: at(90), d: at(80)},
    keys: {FailMasterPromotionIfSQLThreadNotUpToDate: true},
    promotes: 'c',
    because: 'applies what it received',
  },
])('where data loss is allowed and nobody is named: $what', ({promotes, because, ...rest}) => {
  const plan = planned({...rest, wishes: {allowDataLoss: true}});
  expect(named([plan.successor])).toEqual([promotes]);
  expect(Object.values(verdicts(plan)).join('\n')).toContain(because);
});

test('lost: those that cannot follow, detached unless both keys are off', () => {
  const but = {b: version('9.7.4'), c: version('9.7.4'), d: version('8.4.5')};
  const asked = {but, wishes: {candidate: key('b')}};
  const plan = planned(asked);
  expect(named(plan.lost)).toEqual(['d']);
  expect(plan.remarks.join('\n')).toMatch(/d:3306 is lost.*older than/);
  expect(told(plan.steps).slice(-2)).toEqual(['4 note detach d', '5 must forget-source b']);
  const off = {DetachLostReplicasAfterMasterFailover: false, DetachLostSlavesAfterMasterFailover: false};
  expect(told(planned({...asked, keys: off}).steps).join()).not.toContain('detach');
  expect(told(planned({...asked, keys: {...off, DetachLostReplicasAfterMasterFailover: true}}).steps).join()).toContain('detach d');
});

test('lost: one that needs what the successor has purged', () => {
  const plan = planned({but: {b: {gtid: {purged: `${uuid('a')}:1-50`}}, c: at(40), d: rule('must_not')}});
  expect(named([plan.successor])).toEqual(['b']);
  expect(named(plan.lost)).toEqual(['c']);
});

test('without applying the promotion the successor stays read-only and below, or is detached', () => {
  const without = {ApplyMySQLPromotionAfterMasterFailover: false};
  expect(told(planned({keys: without}).steps)).toEqual([
    '0 note close-source a',
    '1 must drain b',
    '2 lost repoint c b',
    '2 lost repoint d b',
  ]);
  expect(told(planned({keys: {...without, MasterFailoverDetachReplicaMasterHost: true}}).steps).at(-1)).toBe('3 must detach b');
  expect(told(planned({keys: {...without, MasterFailoverDetachSlaveMasterHost: true}}).steps).at(-1)).toBe('3 must detach b');
  const slow = planned({keys: without, but: {d: applierBroken}});
  expect(told(slow.steps).filter((one) => / d( |$)/.test(one))).toEqual(['2 lost repoint d b']);
});

test('a source that answers must be closed before anybody else opens; semi-sync is carried over', () => {
  const topology = situation({but: {a: and({reachable: true}, {semiSync: {sourceEnabled: true}})}});
  const config = configured();
  const dead = {...findingOn(topology, config), code: 'DeadMaster', recovery: 'dead-source'} as const;
  const decision = planRecovery(dead, topology, config, {forced: true});
  if (!decision.act) throw new Error(decision.why.because);
  expect(told(decision.plan.steps)[0]).toBe('0 must close-source a');
  expect(decision.plan.steps.find(({step}) => step.do === 'make-writable')?.step).toMatchObject({semiSync: true});
  expect(decision.plan.remarks).toEqual([]);
});

test('what nobody received, who is away, and relay logs that are gone are said', () => {
  const remarks = planned({but: {a: {gtid: {executed: `${uuid('a')}:1-107`}}, d: down}}).remarks.join('\n');
  expect(remarks).toMatch(/7 transactions last seen on a:3306 were received by no reachable replica/);
  expect(remarks).toMatch(/d:3306 cannot be reached and will still point at a:3306/);
  expect(verdicts(planned({but: {d: down}}))['d']).toBe('cannot be reached');
  expect(planned({kind: mariadb, but: {d: stopped}}).remarks.join('\n')).toMatch(/d:3306 had both threads stopped/);
});
