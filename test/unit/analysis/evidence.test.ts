import {expect, test} from 'vitest';
import {analyze, type AnalysisPolicy} from '../../../src/lib/analysis/analyze.ts';
import {emergentWishes} from '../../../src/lib/analysis/emergent.ts';
import {evidenceOf, NOTHING_OBSERVED, type Observations} from '../../../src/lib/analysis/evidence.ts';
import {and, applierStopped, broken, down, full, given, key, named, stopped, type But, type Kind} from '../support/given.ts';

const receiver = (state: 'stopped' | 'other' | 'running', errno: number): But => ({replication: {receiver: {state, errno}}});

test.each<{what: string; b: But; says: string; gone: boolean; because: RegExp}>([
  {what: 'replicates', b: {}, says: 'contradicts', gone: false, because: /still replicates/},
  {what: 'cannot be reached', b: down, says: 'unreachable', gone: false, because: /cannot be reached/},
  ...[2002, 2003, 2005, 2006, 2013].map((errno) => ({
    what: `error ${errno}`,
    b: receiver('other', errno),
    says: 'agrees',
    gone: true,
    because: new RegExp(String(errno)),
  })),
  {what: 'gave up on 2003', b: receiver('stopped', 2003), says: 'agrees', gone: true, because: /2003/},
  {what: 'has a stale 2003 but runs', b: receiver('running', 2003), says: 'contradicts', gone: false, because: /still replicates/},
  {what: 'stopped by a person', b: stopped, says: 'abstains', gone: false, because: /stopped by somebody/},
  {what: 'applier stopped', b: applierStopped, says: 'abstains', gone: false, because: /only its applier/},
  {what: 'access denied', b: receiver('other', 1045), says: 'abstains', gone: false, because: /1045/},
  {what: 'binary log missing', b: receiver('stopped', 1236), says: 'abstains', gone: false, because: /1236/},
  {what: 'connecting', b: receiver('other', 0), says: 'abstains', gone: false, because: /is connecting/},
])('a replica that $what: $says', ({b, says, gone, because}) => {
  const evidence = evidenceOf(given('a: b', {b}), key('a'));
  const voices = [...evidence.agrees, ...evidence.abstains, ...evidence.contradicts, ...evidence.unreachable];
  expect(voices.map((voice) => voice.says)).toEqual([says]);
  expect(voices[0]!.because).toMatch(because);
  expect(evidence.gone).toBe(gone);
});

test('the error text decides nothing', () => {
  const b: But = {
    replication: {receiver: {state: 'other', errno: 1045, error: "error connecting to master 'repl@a:3306' - Can't connect (2003)"}},
  };
  expect(evidenceOf(given('a: b', {b}), key('a')).gone).toBe(false);
});

test('one receiver that is still connected keeps the source alive, whatever the others say', () => {
  expect(evidenceOf(given('a: b c d', {b: broken, c: broken, d: applierStopped}), key('a')).gone).toBe(false);
  expect(evidenceOf(given('a: b c d', {b: broken, c: broken, d: stopped}), key('a')).gone).toBe(true);
  expect(evidenceOf(given('a: b c d', {b: broken, c: broken, d: and(down, applierStopped)}), key('a')).gone).toBe(true);
  expect(evidenceOf(given('a:'), key('a')).gone).toBe(false);
});

const policy: AnalysisPolicy = {
  ReasonableReplicationLagSeconds: 10,
  RecoverNonWriteableMaster: false,
  EnforceExactSemiSyncReplicas: false,
  ReduceReplicationAnalysisCount: true,
  RecoveryIgnoreHostnameFilters: [],
  withDowntimed: true,
};
const silent: Observations = {...NOTHING_OBSERVED, timeouts: new Map([['a:3306', 2]])};
const once: Observations = {...NOTHING_OBSERVED, timeouts: new Map([['a:3306', 1]])};
const lagging: But = {replication: {lag: 100}};
const frozen: But = {reachable: false, check: {reach: 'silent'}};
const downtimed: But = {wishes: {downtime: {owner: 'x', reason: 'y', endsAt: '', elapsed: 0, remaining: 1}}};
const mariadb: Kind = {flavor: 'MariaDB'};

test.each<{
  what: string;
  sketch: string;
  but: Readonly<Record<string, But>>;
  kind?: Kind;
  seen?: Observations;
  reprobe?: string;
  restart?: string;
  watch?: string;
}>([
  {what: 'healthy', sketch: 'a: b', but: {}},
  {what: 'dead with agreement', sketch: 'a: b c', but: {a: down, b: and(broken, applierStopped), c: stopped}},
  {what: 'all gone', sketch: 'a: b', but: {a: down, b: down}, reprobe: 'ab'},
  {what: 'unreachable', sketch: 'a: b c', but: {a: down}, reprobe: 'abc'},
  {what: 'one timeout', sketch: 'a: b c', but: {a: frozen}, seen: once, reprobe: 'abc'},
  {what: 'silent', sketch: 'a: b c', but: {a: frozen}, seen: silent, reprobe: 'abc', restart: 'bc'},
  {what: 'silent, MariaDB', sketch: 'a: b c', but: {a: frozen}, kind: mariadb, seen: silent, reprobe: 'abc', restart: 'bc'},
  {
    what: 'silent, an applier is stopped',
    sketch: 'a: b c',
    but: {a: frozen, b: applierStopped},
    seen: silent,
    reprobe: 'abc',
    restart: 'bc',
  },
  {
    what: 'silent, an applier is stopped on MariaDB: its relay log would be lost',
    sketch: 'a: b c',
    but: {a: frozen, b: applierStopped},
    kind: mariadb,
    seen: silent,
    reprobe: 'abc',
    restart: 'c',
  },
  {what: 'silent, one was stopped by a person', sketch: 'a: b c', but: {a: frozen, b: stopped}, seen: silent, reprobe: 'abc', restart: 'c'},
  {what: 'silent, one is not reachable', sketch: 'a: b c', but: {a: frozen, b: down}, seen: silent, reprobe: 'abc', restart: 'c'},
  {what: 'silent, being changed', sketch: 'a: b c', but: {a: frozen, b: {wishes: {lockedBy: 'x'}}}, seen: silent, reprobe: 'abc'},
  {what: 'silent, but downtimed', sketch: 'a: b c', but: {a: and(frozen, downtimed)}, seen: silent},
  {what: 'full, after timeouts', sketch: 'a: b c', but: {a: full}, seen: silent, reprobe: 'abc'},
  {what: 'unreachable, all lag', sketch: 'a: b c', but: {a: down, b: lagging, c: lagging}, reprobe: 'abc', restart: 'bc'},
  {
    what: 'full, all lag: a receiver restarted now could not come back',
    sketch: 'a: b c',
    but: {a: full, b: lagging, c: lagging},
    reprobe: 'abc',
  },
  {what: 'none replicates', sketch: 'a: b c', but: {b: stopped, c: stopped}, reprobe: 'a'},
  {what: 'none replicates, one gone', sketch: 'a: b c', but: {b: stopped, c: down}, reprobe: 'a'},
  {what: 'first tier cannot connect', sketch: 'a: b c', but: {b: broken}, reprobe: 'a'},
  {
    what: 'perhaps locked',
    sketch: 'a: b',
    but: {a: {semiSync: {sourceEnabled: true, sourceStatus: true, sourceClients: 0}}},
    reprobe: 'a',
    watch: 'a',
  },
  {
    what: 'intermediate unreachable with lag',
    sketch: 'x: a; a: b c',
    but: {a: down, b: lagging, c: lagging},
    reprobe: 'abc',
    restart: 'bc',
  },
  {what: 'intermediate silent', sketch: 'x: a y; a: b c', but: {a: frozen}, seen: silent, reprobe: 'abc', restart: 'bc'},
  {what: 'co-source silent', sketch: 'a: b; b: a', but: {a: frozen}, seen: silent, reprobe: 'ab', restart: 'b'},
])('$what', ({sketch, but, kind, seen = NOTHING_OBSERVED, reprobe = '', restart = '', watch = ''}) => {
  const topology = given(sketch, but, kind);
  const wishes = emergentWishes(analyze(topology, policy, seen), topology, seen);
  expect({
    reprobe: named(wishes.reprobe).join(''),
    restart: named(wishes.restartReceivers).join(''),
    watch: named(wishes.watchPosition).join(''),
  }).toEqual({reprobe, restart, watch});
});
