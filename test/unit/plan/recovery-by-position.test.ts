import {expect, test} from 'vitest';
import {analyze} from '../../../src/lib/analysis/analyze.ts';
import type {Config} from '../../../src/lib/config/keys.ts';
import type {PlanWishes} from '../../../src/lib/plan/contenders.ts';
import type {Decision, PlannedStep, RecoveryPlan} from '../../../src/lib/plan/plan.ts';
import {planRecovery} from '../../../src/lib/plan/recovery.ts';
import {and, broken, down, given, key, named, type But, type Kind} from '../support/given.ts';
import {configured} from '../support/policy.ts';

interface Situation {
  readonly sketch?: string;
  readonly but?: Readonly<Record<string, But>>;
  readonly kind?: Kind;
  readonly keys?: Partial<Config>;
  readonly wishes?: PlanWishes;
  readonly dead?: string;
}

const PATTERN: Partial<Config> = {PseudoGTIDPattern: 'pseudo'};
const marked: But = {detected: {pseudoGtid: true}};
const binlog = (position: number, file = 1) => ({file: `binlog.00000${file}`, position});
/** Received up to here of the log of its source, applied up to there. */
const at = (read: number, executed = read): But => ({replication: {read: binlog(read), executed: binlog(executed)}});
const rule = (promotionRule: 'prefer' | 'must_not'): But => ({wishes: {promotionRule}});

/** The dead one's replicas cannot connect to it. */
function decide({sketch = 'a: b c d', but = {}, kind = {}, keys = {}, wishes = {}, dead = 'a'}: Situation): Decision {
  const replicas = given(sketch).replicasOf(key(dead));
  const deadly = {[dead]: down, ...Object.fromEntries(replicas.map(({key: {host}}) => [host, broken]))};
  const names = [...new Set([...Object.keys(deadly), ...Object.keys(but)])];
  const topology = given(sketch, Object.fromEntries(names.map((name) => [name, and(deadly[name] ?? {}, but[name] ?? {})])), {
    gtid: false,
    ...kind,
  });
  const config = configured(keys);
  const found = analyze(topology, {...config, withDowntimed: true, withHealthy: true}).find(({instance}) => instance.key.host === dead);
  if (!found) throw new Error(`nothing was found about ${dead}`);
  return planRecovery(found, topology, config, wishes);
}

function planned(situation: Situation): RecoveryPlan {
  const decision = decide(situation);
  if (!decision.act) throw new Error(`refused: ${decision.why.because}`);
  return decision.plan;
}

const told = (steps: readonly PlannedStep[]): readonly string[] =>
  steps.map(({step, weight, stage}) => {
    const other = 'source' in step && step.do !== 'prove' ? ` ${step.source.host}` : 'from' in step ? ` ${step.from.host}` : '';
    return `${stage} ${weight} ${step.do} ${step.on.host}${other}${'match' in step && step.match ? ' by match' : ''}`;
  });

test.each<{what: string; kind: Kind}>([
  {what: 'MySQL', kind: {}},
  {what: 'MariaDB', kind: {flavor: 'MariaDB'}},
])('$what: who stands where the successor does goes on where its log ends before it is opened', ({kind}) => {
  const plan = planned({kind, but: {c: at(1000, 900)}});
  expect(plan).toMatchObject({kind: 'promote', successor: key('b'), lost: []});
  expect(told(plan.steps)).toEqual([
    '0 note close-source a',
    '1 must drain b a',
    '1 note stop-receiver c',
    '1 note stop-receiver d',
    '2 must prove b',
    '3 must note-place b a',
    '4 must make-writable b',
    '5 lost place c b',
    '5 lost place d b',
    '6 must forget-source b a',
  ]);
});

test('by Pseudo-GTID those that received less find their places, and who received most leads', () => {
  const plan = planned({keys: PATTERN, but: {b: and(marked, at(900)), c: marked, d: and(marked, at(800, 700))}});
  expect(plan).toMatchObject({successor: key('c'), lost: []});
  expect(told(plan.steps).slice(-3)).toEqual(['5 lost place b c by match', '5 lost place d c by match', '6 must forget-source c a']);
});

test('one that people prefer, and that received less, catches up by Pseudo-GTID first', () => {
  const plan = planned({keys: PATTERN, but: {b: marked, c: and(marked, at(900), rule('prefer')), d: marked}});
  expect(plan.successor).toEqual(key('c'));
  expect(told(plan.steps)).toEqual([
    '0 note close-source a',
    '1 must drain c a',
    '1 must drain b a',
    '1 note stop-receiver d',
    '2 must catch-up c b by match',
    '3 must prove c',
    '4 must note-place c a',
    '5 must make-writable c',
    '6 lost place b c by match',
    '6 lost place d c by match',
    '7 must forget-source c b',
  ]);
  expect(plan.steps.flatMap(({step}) => ('stands' in step ? [step.stands?.host] : []))).toEqual(['b', 'b']);
});

test('a later file comes after all of an earlier one', () => {
  const later: But = {replication: {read: binlog(4, 2), executed: binlog(4, 2)}};
  expect(planned({keys: PATTERN, but: {b: marked, c: and(marked, later), d: marked}}).successor).toEqual(key('c'));
});

test('a replica alone needs no place', () => {
  expect(told(planned({sketch: 'a: b'}).steps)).toEqual([
    '0 note close-source a',
    '1 must drain b a',
    '2 must make-writable b',
    '3 must forget-source b a',
  ]);
});

test('who cannot be placed is given up where a person names the successor, and is told', () => {
  const behind: Situation = {but: {c: at(900)}};
  const plan = planned({...behind, wishes: {candidate: key('b'), forced: true}});
  expect(named(plan.lost)).toEqual(['c']);
  expect(plan.remarks.join('\n')).toMatch(/c:3306 is lost: .*received less than b:3306.*Pseudo-GTID is not in use/);
  expect(told(plan.steps)).toContain('5 lost place d b');
  expect(told(plan.steps)).toContain('5 note detach c');
});

test.each<{what: string; code: string; because: RegExp; at: Situation}>([
  {what: 'one behind', code: 'needs-human', because: /would lose c:3306.*not in use.*recover -i a:3306 -d b:3306/, at: {but: {c: at(900)}}},
  {
    what: 'one behind, named by nobody who insists',
    code: 'needs-human',
    because: /would lose/,
    at: {but: {c: at(900)}, wishes: {candidate: key('b')}},
  },
  {
    what: 'one behind without entries',
    code: 'needs-human',
    because: /c:3306 is not known to use Pseudo-GTID/,
    at: {keys: PATTERN, but: {b: marked, c: at(900), d: marked}},
  },
  {
    what: 'who has most must not, and nobody could fetch it',
    code: 'no-candidate',
    because: /lacks part of the log, which b:3306 received/,
    at: {but: {b: rule('must_not'), c: at(900), d: at(900)}},
  },
  {
    what: 'a place that cannot be read',
    code: 'needs-human',
    because: /would lose c:3306/,
    at: {but: {c: {replication: {read: null}}}},
  },
  {
    what: 'errant transactions of MariaDB',
    code: 'only-errant-has-latest',
    because: /errant/,
    at: {sketch: 'a: b', kind: {flavor: 'MariaDB'}, but: {b: {gtid: {binlogState: '0-1-100,0-2-101'}}}},
  },
  {
    what: 'a co-source',
    code: 'needs-human',
    because: /has a co-source/,
    at: {sketch: 'a: b c; b: a', but: {a: {replication: {source: key('b')}}}},
  },
])('refused: $what', ({code, because, at: situation}) => {
  expect(decide(situation)).toMatchObject({act: false, why: {code, because: expect.stringMatching(because) as string}});
});

const ORPHANS: Situation = {sketch: 'a: b e; b: c d', dead: 'b', keys: PATTERN};

test('replicas of a dead intermediate source find their places by Pseudo-GTID', () => {
  const plan = planned({...ORPHANS, but: {a: marked, c: marked, d: marked, e: marked}});
  expect(plan).toMatchObject({kind: 'adopt', successor: key('e'), lost: []});
  expect(told(plan.steps)).toEqual(['0 lost follow c e by match', '0 lost follow d e by match']);
});

test('of those without entries nobody could tell where they go on', () => {
  expect(named(planned({...ORPHANS, but: {a: marked, c: marked, e: marked}}).lost)).toEqual(['d']);
  expect(decide({...ORPHANS, keys: {}})).toMatchObject({act: false, why: {code: 'no-candidate'}});
});
