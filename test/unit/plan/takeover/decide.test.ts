import {expect, test} from 'vitest';
import type {Config} from '../../../../src/lib/config/keys.ts';
import {planTakeover} from '../../../../src/lib/plan/takeover/decide.ts';
import type {
  BusySession,
  TakeoverCommand,
  TakeoverDecision,
  TakeoverPlan,
  TakeoverRefusalCode,
} from '../../../../src/lib/plan/takeover/plan.ts';
import {and, broken, down, given, key, named, stopped, type But, type Kind} from '../../support/given.ts';
import {configured} from '../../support/policy.ts';

interface Situation {
  readonly command?: TakeoverCommand;
  readonly designated?: string;
  readonly sketch?: string;
  readonly but?: Readonly<Record<string, But>>;
  readonly kind?: Kind;
  readonly keys?: Partial<Config>;
  readonly busy?: readonly BusySession[] | null;
  readonly killWriters?: boolean;
  readonly allowDataLoss?: boolean;
}

function decide(at: Situation = {}): TakeoverDecision {
  const {command = 'graceful-master-takeover-auto', designated, killWriters = false, allowDataLoss = false, busy = []} = at;
  const topology = given(at.sketch ?? 'a: b c; b: d', at.but ?? {}, at.kind ?? {});
  const cluster = topology.get(key('a'))?.cluster.name ?? '';
  const wish = {command, cluster, designated: designated === undefined ? null : key(designated), killWriters, allowDataLoss};
  return planTakeover({topology, policy: configured(at.keys), wish, busy});
}

function planned(at: Situation = {}): TakeoverPlan {
  const decision = decide(at);
  if (!decision.act) throw new Error(`refused (${decision.why.code}): ${decision.why.because}`);
  return decision.plan;
}

const told = ({steps}: TakeoverPlan): readonly string[] =>
  steps.map(({step, stage, weight}) => `${stage} ${weight} ${step.do} ${step.on.host}${'source' in step ? ` ${step.source.host}` : ''}`);

const busy: BusySession = {id: 7, user: 'app', host: 'web1', lasting: 60};
const semiSync: But = {semiSync: {sourceEnabled: true, sourceStatus: true}};
const lossless: But = {semiSync: {sourceEnabled: true, sourceStatus: true, sourceTimeout: 1e9}};
const acknowledges: But = {semiSync: {replicaEnabled: true}};
const late = (seconds: number | null): But => ({replication: {lag: seconds}});
const rule = (promotionRule: 'must' | 'prefer' | 'neutral' | 'prefer_not' | 'must_not'): But => ({wishes: {promotionRule}});
const inDowntime: But = {wishes: {downtime: {owner: 'x', reason: 'y', endsAt: '', elapsed: 1, remaining: 9}}} as But;

test('nothing stands between closing the source and opening the successor; siblings follow afterwards', () => {
  const plan = planned({designated: 'b'});
  expect(told(plan)).toEqual([
    '0 must prepare b a',
    '1 must close-source a',
    '1 must catch-up b a',
    '1 must open b',
    '1 note release a',
    '1 note stop-replication b',
    '2 lost repoint c b',
    '2 lost rejoin a b',
    '3 note forget-source b a',
  ]);
  expect(plan.steps.filter(({inTurn}) => inTurn).map(({stage}) => stage)).toEqual([1, 1, 1, 1, 1]);
  expect(plan).toMatchObject({failed: key('a'), successor: key('b'), wasReadOnly: false, lost: []});
});

test('semi-sync is carried over: at once where it is a promise, else once somebody can acknowledge', () => {
  const promised = planned({designated: 'b', but: {a: lossless, b: acknowledges, c: acknowledges}});
  expect(promised.steps[0]?.step).toMatchObject({do: 'prepare', semiSync: true});
  const wished = planned({designated: 'b', but: {a: semiSync, b: acknowledges, c: acknowledges}});
  expect(wished.steps[0]?.step).toMatchObject({do: 'prepare', semiSync: false});
  for (const plan of [promised, wished]) {
    expect(told(plan).slice(-2)).toEqual(['3 note semi-sync b a', '4 note forget-source b a']);
    expect(plan.steps.find(({step}) => step.do === 'rejoin')?.step).toMatchObject({semiSync: true});
  }
});

test.each<{command: TakeoverCommand; designated?: string; last: string; lost: readonly string[]}>([
  {command: 'graceful-master-takeover-auto', last: 'start', lost: []},
  {command: 'graceful-master-takeover', designated: 'b', last: 'point', lost: []},
  {command: 'force-master-failover', last: 'none', lost: ['a']},
  {command: 'force-master-takeover', designated: 'b', last: 'none', lost: ['a']},
])('$command: the old source $last', ({command, designated, last, lost}) => {
  const plan = planned({command, ...(designated ? {designated} : {})});
  const rejoin = plan.steps.map(({step}) => step).find((step) => step.do === 'rejoin');
  expect(rejoin === undefined ? 'none' : rejoin.start ? 'start' : 'point').toBe(last);
  expect(named(plan.lost)).toEqual(lost);
});

test.each<{what: string; at: Situation; successor: string}>([
  {what: 'the best by promotion rule', at: {but: {c: rule('prefer')}}, successor: 'c'},
  {what: 'whoever is designated', at: {designated: 'c', but: {b: rule('prefer')}}, successor: 'c'},
  {what: 'one that is in order', at: {but: {b: and(rule('prefer'), late(1000))}}, successor: 'c'},
  {what: 'one that replicates', at: {but: {b: and(rule('prefer'), stopped)}}, successor: 'c'},
  {what: 'the only one there is', at: {command: 'graceful-master-takeover', sketch: 'a: b'}, successor: 'b'},
  {
    what: 'one in the same data center',
    at: {but: {b: {place: {dataCenter: 'x'}}}, keys: {PreventCrossDataCenterMasterFailover: true}},
    successor: 'c',
  },
  {
    what: 'one that the others can follow',
    at: {but: {b: {version: '9.7.0'}}},
    successor: 'c',
  },
  {what: 'on MariaDB too', at: {kind: {flavor: 'MariaDB'}, but: {c: rule('prefer')}}, successor: 'c'},
  {what: 'a lagging one when forced', at: {command: 'force-master-takeover', designated: 'b', but: {b: late(1000)}}, successor: 'b'},
  {
    what: 'one that must not, when forced',
    at: {command: 'force-master-takeover', designated: 'b', but: {b: rule('must_not')}},
    successor: 'b',
  },
])('the successor is $what', ({at, successor}) => {
  expect(planned(at).successor.host).toBe(successor);
});

test.each<{what: string; kind: Kind; byPosition: true | undefined}>([
  {what: 'MySQL', kind: {gtid: false}, byPosition: true},
  {what: 'MariaDB', kind: {flavor: 'MariaDB', gtid: false}, byPosition: true},
  {what: 'those with GTID', kind: {}, byPosition: undefined},
])('by file and position the steps are the same, and places count: $what', ({kind, byPosition}) => {
  const read = (position: number): But => ({replication: {read: {file: 'binlog.000001', position}}});
  const plan = planned({kind, but: {b: read(1000), c: read(1200)}, designated: 'b'});
  expect(plan.byPosition).toBe(byPosition);
  expect(plan.steps.map(({step}) => `${step.do} ${step.on.host}`)).toEqual(
    planned({designated: 'b'}).steps.map(({step}) => `${step.do} ${step.on.host}`),
  );
  expect(plan.lost).toEqual([]);
  expect(plan.remarks.filter((one) => one.includes('file and position'))).toHaveLength(byPosition ? 1 : 0);
});

test.each<{what: string; code: TakeoverRefusalCode; because: RegExp; at: Situation}>([
  {
    what: 'two sources',
    code: 'several-sources',
    because: /2 sources/,
    at: {but: {a: {cluster: {name: 'x'}}, d: {cluster: {name: 'x'}, replication: null}}},
  },
  {what: 'a source that is away', code: 'source-unreachable', because: /a:3306 could not be reached/, at: {but: {a: down}}},
  {
    what: 'a group member',
    code: 'group-member',
    because: /replication group/,
    at: {but: {a: {group: {name: 'g', singlePrimary: true, state: 'ONLINE', role: 'PRIMARY', members: [], primary: key('a')}} as But}},
  },
  {what: 'a source in maintenance', code: 'being-changed', because: /in maintenance/, at: {but: {a: {wishes: {inMaintenance: true}}}}},
  {
    what: 'some by position',
    code: 'no-gtid',
    because: /c:3306 replicates by file and position, and the others by GTID/,
    at: {but: {c: {replication: {usingOracleGtid: false}}}},
  },
  {
    what: 'a binlog server',
    code: 'cannot-follow',
    because: /c:3306 is a binlog server/,
    at: {kind: {gtid: false}, but: {c: {flavor: 'MaxScale'}}},
  },
  {what: 'no replica', code: 'no-replica', because: /no replica/, at: {sketch: 'a:'}},
  {what: 'several and none designated', code: 'several-replicas', because: /2 replicas/, at: {command: 'graceful-master-takeover'}},
  {what: 'no direct replica', code: 'not-a-replica', because: /d:3306 is not a direct replica/, at: {designated: 'd'}},
  {what: 'an unknown one', code: 'not-a-replica', because: /x:3306/, at: {designated: 'x'}},
  {what: 'one that is away', code: 'no-candidate', because: /b:3306 could not be reached/, at: {designated: 'b', but: {b: down}}},
  {what: 'one that stands still', code: 'not-replicating', because: /b:3306 does not replicate/, at: {designated: 'b', but: {b: stopped}}},
  {what: 'one that cannot connect', code: 'not-replicating', because: /2003/, at: {designated: 'b', but: {b: broken}}},
  {what: 'one that lags', code: 'candidate-lags', because: /lags by 21 s/, at: {designated: 'b', but: {b: late(21)}}},
  {what: 'one that does not say', code: 'candidate-lags', because: /does not say/, at: {designated: 'b', but: {b: late(null)}}},
  {
    what: 'one that is delayed',
    code: 'candidate-delayed',
    because: /late on purpose/,
    at: {designated: 'b', but: {b: {replication: {delay: 9}}}},
  },
  {
    what: 'one with filters',
    code: 'filtered',
    because: /filters/,
    at: {designated: 'b', keys: {VerifyReplicationFilters: true}, but: {b: {replication: {hasFilters: true}}}},
  },
  {what: 'one that must not', code: 'no-candidate', because: /must_not/, at: {designated: 'b', but: {b: rule('must_not')}}},
  {
    what: 'one without binary log',
    code: 'no-candidate',
    because: /no binary log/,
    at: {designated: 'b', but: {b: {binlog: {enabled: false}}}},
  },
  {
    what: 'one with errant transactions',
    code: 'errant',
    because: /errant/,
    at: {designated: 'b', but: {b: {gtid: {executed: `${'0000000b-0000-0000-0000-000000000000'}:1-5`}}}},
  },
  {
    what: 'one elsewhere',
    code: 'cross-data-center',
    because: /data center x/,
    at: {designated: 'b', keys: {PreventCrossDataCenterMasterFailover: true}, but: {b: {place: {dataCenter: 'x'}}}},
  },
  {what: 'a sibling that is away', code: 'would-lose-replica', because: /c:3306 could not follow/, at: {designated: 'b', but: {c: down}}},
  {
    what: 'a sibling that is older',
    code: 'would-lose-replica',
    because: /c:3306 .*older/,
    at: {designated: 'b', but: {c: {version: '5.7.40'}}},
  },
  {
    what: 'an old source that is older',
    code: 'cannot-follow',
    because: /a:3306 could not follow/,
    at: {sketch: 'a: b', but: {b: {version: '9.7.0'}}},
  },
  {
    what: 'nobody who knows credentials',
    code: 'no-credentials',
    because: /what a:3306 could replicate with/,
    at: {sketch: 'a: b', but: {b: {replicationCredentialsAvailable: false}}},
  },
  {
    what: 'a promise that could not be kept',
    code: 'no-semi-sync',
    because: /b:3306 has not the plugin/,
    at: {designated: 'b', but: {a: lossless, b: {semiSync: {sourceWaitCount: 0}}}},
  },
  {what: 'long transactions', code: 'long-transactions', because: /7 of app@web1 for 60 s/, at: {busy: [busy]}},
  {what: 'transactions nobody knows of', code: 'long-transactions', because: /could not be asked/, at: {busy: null}},
])('refused: $what, $code', ({code, because, at}) => {
  const decision = decide(at);
  expect(decision).toMatchObject({act: false, why: {code, because: expect.stringMatching(because) as string}});
});

test.each<{what: string; at: Situation; remark: RegExp}>([
  {what: 'long transactions that may be ended', at: {busy: [busy], killWriters: true}, remark: /1 sessions .* ended/},
  {
    what: 'a sibling in downtime that is away',
    at: {designated: 'b', but: {c: and(down, inDowntime)}},
    remark: /c:3306 will be left behind/,
  },
  {
    what: 'an old source that is older and stays stopped',
    at: {command: 'graceful-master-takeover', sketch: 'a: b', but: {b: {version: '9.7.0'}}},
    remark: /not started/,
  },
  {
    what: 'credentials nobody knows, and it stays stopped',
    at: {command: 'graceful-master-takeover', sketch: 'a: b', but: {b: {replicationCredentialsAvailable: false}}},
    remark: /not started/,
  },
  {what: 'a source that is read-only', at: {but: {a: {readOnly: true}}}, remark: /read-only already/},
  {what: 'long transactions when forced', at: {command: 'force-master-failover', busy: [busy], killWriters: true}, remark: /left closed/},
])('not refused, and said: $what', ({at, remark}) => {
  expect(planned(at).remarks.join('\n')).toMatch(remark);
});

test('a sibling in downtime that cannot follow is lost, and known to be', () => {
  expect(named(planned({designated: 'b', but: {c: and(down, inDowntime)}}).lost)).toEqual(['c']);
});
