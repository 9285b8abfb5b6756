import {expect, test} from 'vitest';
import {analyze, instanceType, ruleFor, type AnalysisPolicy} from '../../../src/lib/analysis/analyze.ts';
import {ANALYSIS_CODES} from '../../../src/lib/analysis/codes.ts';
import {NOTHING_OBSERVED, type Observations} from '../../../src/lib/analysis/evidence.ts';
import {factsOf} from '../../../src/lib/analysis/facts.ts';
import {RULES, STRUCTURE_RULES, unmet} from '../../../src/lib/analysis/rules.ts';
import {and, applierStopped, broken, down, full, given, key, stopped, type But} from '../support/given.ts';

const policy: AnalysisPolicy = {
  ReasonableReplicationLagSeconds: 10,
  RecoverNonWriteableMaster: false,
  EnforceExactSemiSyncReplicas: false,
  ReduceReplicationAnalysisCount: true,
  RecoveryIgnoreHostnameFilters: [],
};

const found = (
  sketch: string,
  but: Readonly<Record<string, But>>,
  more: Partial<AnalysisPolicy> = {},
  seen?: Observations,
): readonly string[] => analyze(given(sketch, but), {...policy, ...more}, seen).map(({instance, code}) => `${instance.key.host}: ${code}`);

const lagging: But = {replication: {lag: 100}};
const delayed: But = {replication: {lag: 100, delay: 100}};
const cut: But = and(down, {check: {partial: true}});
const denied: But = {replication: {receiver: {state: 'other', errno: 1045, error: 'access denied'}}};
const connecting: But = {replication: {receiver: {state: 'other', errno: 0}}};
const overdue = (...names: readonly string[]): Observations => ({
  ...NOTHING_OBSERVED,
  handshakeOverdue: new Set(names.map((name) => `${name}:3306`)),
});
const semiSync = (clients: number, waitFor = 1): But => ({
  semiSync: {sourceEnabled: true, sourceStatus: true, sourceWaitCount: waitFor, sourceClients: clients},
});
const member = (role: string): But => ({
  group: {name: 'g', singlePrimary: true, state: 'ONLINE', role, members: [], primary: null},
});

test.each<{sketch: string; but: Readonly<Record<string, But>>; finds: readonly string[]}>([
  // Sources.
  {sketch: 'a: b c', but: {}, finds: []},
  {sketch: 'a:', but: {}, finds: []},
  {sketch: 'a:', but: {a: down}, finds: ['a: DeadMasterWithoutReplicas']},
  {
    sketch: 'a: b c',
    but: {a: down, b: broken, c: broken},
    finds: ['a: DeadMaster', 'b: FirstTierReplicaFailingToConnectToMaster', 'c: FirstTierReplicaFailingToConnectToMaster'],
  },
  {sketch: 'a: b c', but: {a: down, b: down, c: down}, finds: ['a: DeadMasterAndReplicas']},
  {
    sketch: 'a: b c',
    but: {a: down, b: broken, c: down},
    finds: ['a: DeadMasterAndSomeReplicas', 'b: FirstTierReplicaFailingToConnectToMaster'],
  },
  {sketch: 'a: b c', but: {a: down, b: lagging, c: lagging}, finds: ['a: UnreachableMasterWithLaggingReplicas']},
  {sketch: 'a: b c', but: {a: down, b: lagging, c: delayed}, finds: ['a: UnreachableMasterWithLaggingReplicas']},
  {sketch: 'a: b c', but: {a: down, b: delayed, c: delayed}, finds: ['a: UnreachableMaster']},
  {sketch: 'a: b c', but: {a: down}, finds: ['a: UnreachableMaster']},
  {sketch: 'a: b c', but: {a: down, b: stopped}, finds: ['a: UnreachableMaster']},
  {sketch: 'a: b c', but: {a: cut}, finds: []},
  {sketch: 'a: b', but: {b: stopped}, finds: ['a: MasterSingleReplicaNotReplicating']},
  {sketch: 'a: b', but: {b: down}, finds: ['a: MasterSingleReplicaDead']},
  {sketch: 'a: b c', but: {b: stopped, c: applierStopped}, finds: ['a: AllMasterReplicasNotReplicating']},
  {sketch: 'a: b c', but: {b: down, c: stopped}, finds: ['a: AllMasterReplicasNotReplicatingOrDead']},
  {sketch: 'a: b c', but: {b: down}, finds: []},
  // A source that sends a packet of its own is never dead.
  {sketch: 'a:', but: {a: full}, finds: ['a: UnreachableMaster']},
  {sketch: 'a: b', but: {a: full, b: stopped}, finds: ['a: UnreachableMaster']},
  {sketch: 'a: b c', but: {a: full, b: down, c: down}, finds: ['a: UnreachableMaster']},
  {sketch: 'a: b', but: {a: full, b: lagging}, finds: ['a: UnreachableMaster']},
  // Nor is one whose replicas do not agree: somebody stopped them, or one still receives.
  {sketch: 'a: b c', but: {a: down, b: stopped, c: stopped}, finds: ['a: UnreachableMaster']},
  {sketch: 'a: b c', but: {a: down, b: applierStopped, c: applierStopped}, finds: ['a: UnreachableMaster']},
  {sketch: 'a: b', but: {a: down, b: denied}, finds: ['a: UnreachableMaster']},
  {sketch: 'a: b', but: {a: down, b: connecting}, finds: ['a: UnreachableMaster']},
  {sketch: 'a: b c', but: {a: down, b: and(broken, applierStopped), c: applierStopped}, finds: ['a: UnreachableMaster']},
  // One that agrees is enough where the others abstain.
  {sketch: 'a: b c', but: {a: down, b: and(broken, applierStopped), c: stopped}, finds: ['a: DeadMaster']},
  {sketch: 'a: b c', but: {a: down, b: and(broken, applierStopped), c: down}, finds: ['a: DeadMasterAndSomeReplicas']},
  // Co-sources.
  {
    sketch: 'a: b; b: a',
    but: {a: down, b: and(broken, applierStopped)},
    finds: ['a: DeadCoMaster', 'b: AllCoMasterReplicasNotReplicating'],
  },
  {
    sketch: 'a: b c; b: a',
    but: {a: down, b: and(broken, applierStopped), c: down},
    finds: ['a: DeadCoMasterAndSomeReplicas', 'b: AllCoMasterReplicasNotReplicating'],
  },
  {sketch: 'a: b; b: a', but: {a: down}, finds: ['a: UnreachableCoMaster', 'b: AllCoMasterReplicasNotReplicating']},
  {sketch: 'a: b; b: a', but: {a: down, b: stopped}, finds: ['a: UnreachableCoMaster', 'b: AllCoMasterReplicasNotReplicating']},
  {
    sketch: 'a: b; b: a',
    but: {a: full, b: and(broken, applierStopped)},
    finds: ['a: UnreachableCoMaster', 'b: AllCoMasterReplicasNotReplicating'],
  },
  {
    sketch: 'a: b; b: a',
    but: {a: stopped, b: stopped},
    finds: ['a: AllCoMasterReplicasNotReplicating', 'b: AllCoMasterReplicasNotReplicating'],
  },
  // Intermediate sources.
  {
    sketch: 'a: b; b: c',
    but: {b: down, c: broken},
    finds: ['a: MasterSingleReplicaDead', 'b: DeadIntermediateMasterWithSingleReplicaFailingToConnect'],
  },
  {
    sketch: 'a: b; b: c',
    but: {b: down, c: and(broken, applierStopped)},
    finds: ['a: MasterSingleReplicaDead', 'b: DeadIntermediateMasterWithSingleReplica'],
  },
  {sketch: 'a: b; b: c d', but: {b: down, c: broken, d: broken}, finds: ['a: MasterSingleReplicaDead', 'b: DeadIntermediateMaster']},
  {
    sketch: 'a: b; b: c d',
    but: {b: down, c: down, d: broken},
    finds: ['a: MasterSingleReplicaDead', 'b: DeadIntermediateMasterAndSomeReplicas'],
  },
  {
    sketch: 'a: b; b: c d',
    but: {b: down, c: down, d: down},
    finds: ['a: MasterSingleReplicaDead', 'b: DeadIntermediateMasterAndReplicas'],
  },
  {
    sketch: 'a: b; b: c d',
    but: {b: down, c: lagging, d: lagging},
    finds: ['a: MasterSingleReplicaDead', 'b: UnreachableIntermediateMasterWithLaggingReplicas'],
  },
  {sketch: 'a: b; b: c d', but: {b: down, c: stopped}, finds: ['a: MasterSingleReplicaDead', 'b: UnreachableIntermediateMaster']},
  {
    sketch: 'a: b; b: c d',
    but: {b: down, c: stopped, d: stopped},
    finds: ['a: MasterSingleReplicaDead', 'b: UnreachableIntermediateMaster'],
  },
  {sketch: 'a: b; b: c d', but: {b: full, c: broken, d: broken}, finds: ['a: MasterSingleReplicaDead', 'b: UnreachableIntermediateMaster']},
  {sketch: 'a: b; b: c d', but: {c: broken, d: broken}, finds: ['b: AllIntermediateMasterReplicasFailingToConnectOrDead']},
  {sketch: 'a: b; b: c d', but: {c: broken, d: down}, finds: ['b: AllIntermediateMasterReplicasFailingToConnectOrDead']},
  {sketch: 'a: b; b: c d', but: {c: broken, d: stopped}, finds: ['b: AllIntermediateMasterReplicasNotReplicating']},
  {sketch: 'a: b; b: c', but: {c: stopped}, finds: ['b: AllIntermediateMasterReplicasNotReplicating']},
  // Others.
  {sketch: 'a: b c', but: {b: broken}, finds: ['b: FirstTierReplicaFailingToConnectToMaster']},
  {
    sketch: 'a: b; b: c',
    but: {c: and(broken, {flavor: 'MaxScale'})},
    finds: ['b: AllIntermediateMasterReplicasNotReplicating', 'c: BinlogServerFailingToConnectToMaster'],
  },
  {
    sketch: 'a: b',
    but: {a: and(down, member('PRIMARY')), b: broken},
    finds: ['a: DeadReplicationGroupMemberWithReplicas', 'b: FirstTierReplicaFailingToConnectToMaster'],
  },
  {sketch: 'a: b', but: {a: and(down, member('PRIMARY')), b: stopped}, finds: ['a: UnreachableMaster']},
  {sketch: 'a: b', but: {a: and(down, member('SECONDARY')), b: stopped}, finds: ['a: UnreachableIntermediateMaster']},
  {
    sketch: 'a: b',
    but: {a: and(full, member('PRIMARY')), b: broken},
    finds: ['a: UnreachableMaster', 'b: FirstTierReplicaFailingToConnectToMaster'],
  },
])('$sketch with $but: $finds', ({sketch, but, finds}) => {
  expect(found(sketch, but)).toEqual(finds);
});

test('a source is dead once the receivers we restarted did not shake hands in time', () => {
  expect(found('a: b c', {a: down, b: connecting, c: connecting}, {}, overdue('b', 'c'))).toEqual(['a: DeadMaster']);
  expect(found('a: b c', {a: down, b: connecting, c: connecting}, {}, overdue('b'))).toEqual(['a: DeadMaster']);
  expect(found('a: b c', {a: down, b: connecting}, {}, overdue('b'))).toEqual(['a: UnreachableMaster']);
});

test('semi-sync and read-only sources', () => {
  const still = {...NOTHING_OBSERVED, standingStill: new Set(['a:3306'])};
  expect(found('a: b', {a: semiSync(0)})).toEqual(['a: LockedSemiSyncMasterHypothesis']);
  expect(found('a: b', {a: semiSync(0)}, {}, still)).toEqual(['a: LockedSemiSyncMaster']);
  expect(found('a: b', {a: semiSync(1)}, {}, still)).toEqual([]);
  expect(found('a: b', {a: semiSync(2)})).toEqual([]);
  expect(found('a: b', {a: semiSync(2)}, {EnforceExactSemiSyncReplicas: true})).toEqual(['a: MasterWithTooManySemiSyncReplicas']);
  expect(found('a: b', {a: {readOnly: true}}, {RecoverNonWriteableMaster: true})).toEqual(['a: NoWriteableMasterStructureWarning']);
  expect(found('a: b', {a: {readOnly: true}})).toEqual(['a: NoProblem']);
});

/** All combinations of a few states of one instance and up to two replicas: enough for every rule to be the first that matches. */
test('every rule can be reached: none is shadowed by those above it', () => {
  const roles: readonly But[] = [
    {},
    {flavor: 'MaxScale'},
    member('PRIMARY'),
    member('SECONDARY'),
    {semiSync: semiSync(0).semiSync!},
    {semiSync: semiSync(3).semiSync!},
    {readOnly: true},
  ];
  const reaches: readonly But[] = [{}, down, cut, full, broken];
  const states: readonly But[] = [{}, down, broken, stopped, applierStopped, lagging, and(broken, applierStopped)];
  const sketches = ['a:', 'a: b', 'a: b c', 'x: a; a: b', 'x: a; a: b c', 'a: b; b: a', 'a: b c; b: a', 'x: a'];
  const reached = new Set<number>();
  const all = {...policy, EnforceExactSemiSyncReplicas: true, RecoverNonWriteableMaster: true};
  const still = [new Set<string>(), new Set(['a:3306'])];
  const cases = sketches.flatMap((sketch) => roles.flatMap((role) => reaches.map((reach) => ({sketch, role, reach}))));
  const below = states.flatMap((b) => states.flatMap((c) => still.map((standingStill) => ({b, c, standingStill}))));
  for (const {sketch, role, reach} of cases) {
    for (const {b, c, standingStill} of below) {
      // A source replicates from nobody, so it cannot fail to.
      const a = and(role, sketch.startsWith('x') || !('replication' in reach) ? reach : {});
      const topology = given(sketch, {a, b, c});
      const facts = factsOf(topology.get(key('a'))!, topology, {policy: all, observations: {...NOTHING_OBSERVED, standingStill}});
      reached.add(RULES.findIndex((rule) => unmet(rule, facts, all) === null));
    }
  }
  const shadowed = RULES.filter((_, index) => !reached.has(index)).map(({code, because}) => `${code}: ${because}`);
  expect(shadowed).toEqual([]);
}, 60_000);

test('the table has every producible code, in the order of the list', () => {
  const codes = [...new Set(RULES.map(({code}) => code))].filter((code) => code !== 'NoWriteableMasterStructureWarning');
  expect(codes).toEqual(ANALYSIS_CODES.filter((code) => code !== 'NoProblem' && code !== 'MasterWithoutReplicas'));
});

const logging = (format: string): But => ({binlog: {format}});
test.each<{but: Readonly<Record<string, But>>; finds: readonly string[]}>([
  {but: {b: {binlog: {logsReplicaUpdates: false}}, c: {binlog: {enabled: false}}}, finds: ['NoLoggingReplicasStructureWarning']},
  {but: {b: {replication: {usingOracleGtid: false}}}, finds: ['NoFailoverSupportStructureWarning']},
  {but: {a: {detected: {pseudoGtid: true}}, b: {replication: {usingOracleGtid: false}}}, finds: []},
  {but: {b: logging('STATEMENT'), c: logging('MIXED')}, finds: ['StatementAndMixedLoggingReplicasStructureWarning']},
  {but: {b: logging('STATEMENT')}, finds: ['StatementAndRowLoggingReplicasStructureWarning']},
  {but: {b: logging('MIXED')}, finds: ['MixedAndRowLoggingReplicasStructureWarning']},
  {but: {b: {version: '9.7.4'}}, finds: ['MultipleMajorVersionsLoggingReplicasStructureWarning']},
  {but: {b: {gtid: {mode: 'ON_PERMISSIVE'}}}, finds: ['DifferentGTIDModesStructureWarning']},
  {but: {b: {gtid: {errant: 'x:1'}}}, finds: ['ErrantGTIDStructureWarning']},
  {but: {b: {gtid: {errant: 'x:1'}, wishes: {downtime: {owner: '', reason: '', endsAt: '', elapsed: 0, remaining: 60}}}}, finds: []},
  {but: {a: {readOnly: true}}, finds: ['NoWriteableMasterStructureWarning']},
  {
    but: {a: {semiSync: {sourceEnabled: true, sourceStatus: false, sourceWaitCount: 1, sourceClients: 0}}},
    finds: ['NotEnoughValidSemiSyncReplicasStructureWarning'],
  },
])('structure of a: b c with $but: $finds', ({but, finds}) => {
  expect(analyze(given('a: b c', but), policy).flatMap(({structure}) => structure)).toEqual(finds);
});

test('binlog servers have neither a GTID mode nor a version that would differ', () => {
  const maxscale: But = {flavor: 'MaxScale', version: '2.2.21-maxscale', gtid: {mode: ''}, binlog: {format: 'INHERIT'}};
  const structure = (but: Readonly<Record<string, But>>) => analyze(given('a: b c; b: d', but), policy).flatMap((one) => one.structure);
  expect(structure({b: maxscale})).toEqual([]);
  expect(structure({b: maxscale, c: {gtid: {mode: 'OFF'}}})).toContain('DifferentGTIDModesStructureWarning');
});

test('there are ten structure findings, each with a reason', () => {
  expect(STRUCTURE_RULES).toHaveLength(10);
  expect(STRUCTURE_RULES.every(({because}) => because.length > 10)).toBe(true);
});

const MOVES = 'dead-intermediate-source';
const lost: But = {wishes: {downtime: {owner: 'x', reason: 'lost-in-recovery', endsAt: '', elapsed: 1, remaining: 60}}};
const downtime: But = {wishes: {downtime: {owner: 'x', reason: 'y', endsAt: '2026-01-01 00:00:00', elapsed: 1, remaining: 60}}};

test.each<{what: string; sketch: string; but: Readonly<Record<string, But>>; recovery: string; skippable: boolean}>([
  {what: 'a source', sketch: 'a: b', but: {a: and(down, lost), b: broken}, recovery: 'dead-source', skippable: true},
  {
    what: 'an intermediate source',
    sketch: 'a: b; b: c d',
    but: {b: and(down, lost), c: broken, d: broken},
    recovery: MOVES,
    skippable: false,
  },
  {
    what: 'one that people downtimed',
    sketch: 'a: b; b: c d',
    but: {b: and(down, downtime), c: broken, d: broken},
    recovery: MOVES,
    skippable: true,
  },
  {
    what: 'one that was detached, and is a source by that',
    sketch: 'a: b; b: c',
    but: {b: and(down, lost, {replication: {source: null}}), c: broken},
    recovery: 'dead-source',
    skippable: true,
  },
])('lost in a recovery, and dead: $what', ({sketch, but, recovery, skippable}) => {
  const dead = analyze(given(sketch, but), {...policy, withDowntimed: true}).find((one) => one.instance.wishes.downtime !== null);
  expect(dead).toMatchObject({recovery, skippable, isDowntimed: true});
});

test('downtime: left out unless asked for; of the replicas alone only where the finding is about them', () => {
  expect(found('a: b', {a: and(down, downtime), b: broken})).toEqual(['b: FirstTierReplicaFailingToConnectToMaster']);
  const [asked] = analyze(given('a: b', {a: and(down, downtime), b: broken}), {...policy, withDowntimed: true});
  expect(asked).toMatchObject({code: 'DeadMaster', skippable: true, isDowntimed: true, isReplicasDowntimed: false, actionable: true});
  expect(found('a: b', {b: and(down, downtime)})).toEqual([]);
  expect(analyze(given('a: b', {b: and(down, downtime)}), {...policy, withDowntimed: true})[0]).toMatchObject({
    isReplicasDowntimed: true,
    skippable: true,
  });
  // The replicas of a dead source being downtimed is no reason to leave it dead.
  expect(found('a: b', {a: down, b: and(broken, downtime)})).toEqual(['a: DeadMaster']);
  expect(found('a: b c', {b: and(stopped, downtime), c: stopped})).toEqual(['a: AllMasterReplicasNotReplicating']);
});

test('filters, maintenance and the reduced count', () => {
  const dead = {a: down, b: broken};
  expect(found('a: b', dead, {RecoveryIgnoreHostnameFilters: ['^a$']})).toEqual(['b: FirstTierReplicaFailingToConnectToMaster']);
  expect(found('a: b', {...dead, a: and(down, {wishes: {inMaintenance: true}})})).toEqual(['b: FirstTierReplicaFailingToConnectToMaster']);
  expect(found('a: b', {}, {withHealthy: true})).toEqual(['a: NoProblem']);
  expect(found('a: b', {}, {withHealthy: true, ReduceReplicationAnalysisCount: false})).toEqual(['a: NoProblem', 'b: NoProblem']);
  expect(found('a: b', dead, {cluster: 'z:3306'})).toEqual([]);
  expect(found('a: b', dead, {cluster: 'a:3306'})).toContain('a: DeadMaster');
});

test('what somebody is changing is found, but not to be acted on', () => {
  const [finding] = analyze(given('a: b c', {a: down, b: broken, c: and(broken, {wishes: {lockedBy: 'host1 (relocate)'}})}), policy);
  expect(finding).toMatchObject({code: 'DeadMaster', actionable: false, beingChangedBy: 'host1 (relocate)', recovery: 'dead-source'});
});

test('order: sources, then sources of whole clusters, then by number of replicas', () => {
  expect(found('a: b c; b: d', {}, {withHealthy: true})).toEqual(['a: NoProblem', 'b: NoProblem']);
  const two = found('b: c; a: d e', {}, {withHealthy: true});
  expect(two).toEqual(['a: NoProblem', 'b: NoProblem']);
});

test.each([
  {sketch: 'a: b', of: 'a', type: 'master'},
  {sketch: 'x: a; a: b', of: 'a', type: 'intermediate-master'},
  {sketch: 'a: b; b: a', of: 'a', type: 'co-master'},
])('$of in $sketch is a $type', ({sketch, of, type}) => {
  const topology = given(sketch);
  expect(instanceType(factsOf(topology.get(key(of))!, topology, {policy, observations: NOTHING_OBSERVED}))).toBe(type);
});

test('a finding is explained by the rule that made it', () => {
  const topology = given('a: b', {a: full, b: broken});
  const facts = factsOf(topology.get(key('a'))!, topology, {policy, observations: NOTHING_OBSERVED});
  expect(ruleFor(facts, policy).because).toContain('alive');
});
