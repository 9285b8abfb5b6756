import {expect, test} from 'vitest';
import {asciiTopology, describeInstance} from '../../../src/lib/operations/information/ascii-topology.ts';
import {and, given, key, stopped, type But} from '../support/given.ts';

const plain = {alias: '', version: '8.0.36', gtid: {mode: '', supported: false}, replication: {usingOracleGtid: false}} satisfies But;
const source = {...plain, replication: null} satisfies But;
const draw = (sketch: string, but: Readonly<Record<string, But>>, tabulated = false): readonly string[] =>
  asciiTopology(given(sketch, but).instances, {lagLimit: 20, tabulated});

test('a tree: the root without prefix, replicas two deeper each, brackets in one column', () => {
  expect(draw('a: b c; b: d', {a: source, b: plain, c: {...plain, alias: 'reports'}, d: plain})).toEqual([
    'a:3306             [0s,ok,8.0.36,rw,ROW,>>]',
    '+ b:3306           [0s,ok,8.0.36,ro,ROW,>>]',
    '  + d:3306         [0s,ok,8.0.36,ro,ROW,>>]',
    '+ c:3306 (reports) [0s,ok,8.0.36,ro,ROW,>>]',
  ]);
});

test('tabulated: every column padded, the lag to the right', () => {
  const lagging = and(plain, {replication: {lag: 12, secondsBehind: 12}});
  expect(draw('a: b', {a: source, b: lagging}, true)).toEqual(['a:3306  | 0s|ok|8.0.36|rw|ROW|>>', '+ b:3306|12s|ok|8.0.36|ro|ROW|>>']);
});

test('with tags: a second bracket on each line, empty where there are none', () => {
  const tags = new Map([
    [
      'b:3306',
      [
        {name: 'old', value: ''},
        {name: 'role', value: 'db'},
      ],
    ],
  ]);
  expect(asciiTopology(given('a: b', {a: source, b: plain}).instances, {lagLimit: 20, tabulated: false, tags})).toEqual([
    'a:3306   [0s,ok,8.0.36,rw,ROW,>>] []',
    '+ b:3306 [0s,ok,8.0.36,ro,ROW,>>] [old,role=db]',
  ]);
});

test('co-sources are two roots at depth 1, each without the other below it', () => {
  const co = and(plain, {cluster: {isCoSource: true}});
  expect(draw('a: b c; b: a', {a: and(co, {readOnly: false}), b: co, c: plain}).map((line) => line.split(' [')[0]?.trimEnd())).toEqual([
    '+ a:3306',
    '  + c:3306',
    '+ b:3306',
  ]);
});

test('two instances that follow nobody are both shown', () => {
  expect(draw('a: b; c:', {a: source, b: plain, c: source}).map((line) => line.split(' ')[0])).toEqual(['a:3306', '+', 'c:3306']);
});

test('group secondaries hang below the primary', () => {
  const group = {name: 'g', singlePrimary: true, state: 'ONLINE', role: 'SECONDARY', members: [], primary: key('a')};
  const lines = draw('a:; b:', {a: {...source, group: {...group, role: 'PRIMARY'}}, b: {...source, group}});
  expect(lines.map((line) => line.split(' [')[0]?.trimEnd())).toEqual(['a:3306', '‡ b:3306']);
  expect(new Set(lines.map((line) => line.indexOf('['))).size).toBe(1);
});

test('nothing is no lines', () => {
  expect(asciiTopology([], {lagLimit: 20, tabulated: false})).toEqual([]);
});

test.each<{readonly what: string; readonly but: But; readonly says: string}>([
  {what: 'healthy', but: plain, says: '[0s,ok,8.0.36,ro,ROW,>>]'},
  {what: 'down', but: and(plain, {reachable: false}), says: '[unknown,invalid,8.0.36,ro,ROW,>>]'},
  {what: 'not checked for long', but: and(plain, {check: {recent: false}}), says: '[unknown,unchecked,8.0.36,ro,ROW,>>]'},
  {what: 'stopped', but: and(plain, stopped), says: '[null,nonreplicating,8.0.36,ro,ROW,>>]'},
  {what: 'lagging', but: and(plain, {replication: {lag: 21, secondsBehind: 21}}), says: '[21s,lag,8.0.36,ro,ROW,>>]'},
  {what: 'lag at the limit', but: and(plain, {replication: {lag: 20, secondsBehind: 20}}), says: '[20s,ok,8.0.36,ro,ROW,>>]'},
  {
    what: 'late as configured',
    but: and(plain, {replication: {lag: 3600, secondsBehind: 3600, delay: 3600}}),
    says: '[3600s,ok,8.0.36,ro,ROW,>>]',
  },
  {what: 'lag unknown', but: and(plain, {replication: {lag: null, secondsBehind: null}}), says: '[null,lag,8.0.36,ro,ROW,>>]'},
  {
    what: 'detached',
    but: and(plain, stopped, {replication: {source: null, sourceHostAsWritten: '//a'}}),
    says: '[detached,ok,8.0.36,ro,ROW,>>]',
  },
  {what: 'without binary log', but: and(plain, {binlog: {enabled: false}}), says: '[0s,ok,8.0.36,ro,nobinlog]'},
  {what: 'not logging what it replicates', but: and(plain, {binlog: {logsReplicaUpdates: false}}), says: '[0s,ok,8.0.36,ro,ROW]'},
  {what: 'with GTID', but: and(plain, {gtid: {supported: true}}), says: '[0s,ok,8.0.36,ro,ROW,>>,GTID]'},
  {what: 'MariaDB with GTID', but: and(plain, {replication: {usingMariadbGtid: true}}), says: '[0s,ok,8.0.36,ro,ROW,>>,GTID]'},
  {what: 'errant', but: and(plain, {gtid: {supported: true, errant: 'x:1'}}), says: '[0s,ok,8.0.36,ro,ROW,>>,GTID:errant]'},
  {
    what: 'with channels that are not managed',
    but: and(plain, {otherChannels: ['b|,]', 'c']}),
    says: '[0s,ok,8.0.36,ro,ROW,>>,unmanaged-channels:2]',
  },
  {
    what: 'all extras',
    but: and(plain, {
      detected: {pseudoGtid: true},
      semiSync: {sourceStatus: true, replicaStatus: true},
      wishes: {downtime: {owner: 'me', reason: 'x', endsAt: '2026-01-01 00:00:00', elapsed: 1, remaining: 1}},
    }),
    says: '[0s,ok,8.0.36,ro,ROW,>>,P-GTID,semi:master,semi:replica,downtimed]',
  },
])('$what says $says', ({but, says}) => {
  const it = given('a: b', {b: but}).get(key('b'));
  expect(it && describeInstance(it, 20)).toBe(says);
});
