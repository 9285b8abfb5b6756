import {expect, test} from 'vitest';
import {analyze} from '../../../src/lib/analysis/analyze.ts';
import type {PlanWishes} from '../../../src/lib/plan/contenders.ts';
import type {Decision} from '../../../src/lib/plan/plan.ts';
import {planRecovery} from '../../../src/lib/plan/recovery.ts';
import {and, broken, down, given, key, named, type But, type Kind} from '../support/given.ts';
import {configured} from '../support/policy.ts';

/** b, an intermediate source below a, is dead; c and d replicated from it, e and f replicate from a. */
interface Situation {
  readonly sketch?: string;
  readonly but?: Readonly<Record<string, But>>;
  readonly kind?: Kind;
  readonly wishes?: PlanWishes;
}

function decide({sketch = 'a: b e f; b: c d', but = {}, kind = {}, wishes = {}}: Situation): Decision {
  const dead: Readonly<Record<string, But>> = {b: down, c: broken, d: broken};
  const names = [...new Set([...Object.keys(dead), ...Object.keys(but)])];
  const topology = given(sketch, Object.fromEntries(names.map((name) => [name, and(dead[name] ?? {}, but[name] ?? {})])), kind);
  const config = configured();
  const finding = analyze(topology, {...config, withDowntimed: true, withHealthy: true}).find((one) => one.instance.key.host === 'b');
  expect(finding).toMatchObject({recovery: 'dead-intermediate-source'});
  return planRecovery(finding!, topology, config, wishes);
}

const elsewhere: But = {place: {dataCenter: 'dc2', region: 'r2'}};
const prefer: But = {wishes: {promotionRule: 'prefer', isCandidate: true}};
const banned: But = {wishes: {promotionRule: 'must_not'}};
const byPosition: But = {replication: {usingOracleGtid: false}};
const maxscale: But = {flavor: 'MaxScale', serverUuid: ''};

/** `c: e f a` = c follows e, or else f, or else a; in the order of stages. */
const told = (decision: Decision): readonly string[] => {
  if (!decision.act) return [`refused: ${decision.why.code}`];
  return decision.plan.steps.map(({step, weight, stage}) => {
    if (step.do !== 'follow') throw new Error(step.do);
    return `${stage}${weight === 'lost' ? '' : ` ${weight}`} ${step.on.host}: ${[step.source, ...step.others].map(({host}) => host).join(' ')}${step.sameLog ? ' at its position' : ''}`;
  });
};

test.each<Situation & {what: string; steps: readonly string[]; lost?: readonly string[]}>([
  {what: 'below a sibling in its place', steps: ['0 c: e f a', '0 d: e f c a']},
  {what: 'MariaDB likewise', kind: {flavor: 'MariaDB'}, steps: ['0 c: e f a', '0 d: e f c a']},
  {what: 'the sibling that people prefer', but: {f: prefer}, steps: ['0 c: f e a', '0 d: f e c a']},
  {what: 'no sibling that may be promoted', but: {e: banned, f: banned}, steps: ['0 c: a', '1 d: c a']},
  {
    what: 'siblings elsewhere alone: one of themselves takes its place',
    but: {e: elsewhere, f: elsewhere},
    steps: ['0 c: e f a', '1 d: c e f a'],
  },
  {what: 'one of themselves, the one that people prefer', sketch: 'a: b; b: c d', but: {d: prefer}, steps: ['1 c: d a', '0 d: a']},
  {what: 'a single one, and a sibling elsewhere', sketch: 'a: b e; b: c', but: {e: elsewhere}, steps: ['0 c: e a']},
  {what: 'a single one and nobody else: its source', sketch: 'a: b; b: c', steps: ['0 c: a']},
  {what: 'a sibling that cannot be reached', but: {e: down}, steps: ['0 c: f a', '0 d: f c a']},
  {what: 'a sibling that does not replicate', but: {e: broken}, steps: ['0 c: f a', '0 d: f c a']},
  {what: 'one by position: it is lost, the others are not', but: {c: byPosition}, steps: ['0 d: e f a'], lost: ['c']},
  {
    what: 'a binlog server: those below it go to another of its source, or to that, and stay where they stand',
    but: {b: maxscale, c: byPosition, d: byPosition, f: maxscale},
    steps: ['0 c: f a at its position', '0 d: f a at its position'],
  },
  {
    what: 'a binlog server, with one below it that uses GTIDs',
    but: {b: maxscale, c: byPosition, f: maxscale},
    steps: ['0 c: f a at its position', '0 d: a'],
  },
  {what: 'a binlog server below it cannot be compared', but: {c: and(byPosition, maxscale)}, steps: ['0 d: e f a'], lost: ['c']},
  {what: 'one that cannot be reached itself', but: {d: down}, steps: ['0 c: e f a']},
  {what: 'asked for by name', wishes: {candidate: key('f')}, steps: ['0 c: f', '0 d: f']},
  {
    what: 'its source is dead too, and was replaced by e, which f follows',
    sketch: 'a: b; b: c d; e: f',
    but: {a: down, e: {readOnly: false}},
    wishes: {heir: key('e')},
    steps: ['0 c: f e', '0 d: f c e'],
  },
  {
    what: 'its source is dead too, and nobody knows who replaced it',
    sketch: 'a: b; b: c d',
    but: {a: down},
    steps: ['refused: no-candidate'],
  },
  {what: 'nobody uses GTIDs', kind: {gtid: false}, steps: ['refused: no-candidate']},
])('the replicas of a dead intermediate source, $what', ({steps, lost = [], ...situation}) => {
  const decision = decide(situation);
  expect(told(decision)).toEqual(steps);
  expect(decision.act ? named(decision.plan.lost) : []).toEqual(lost);
});
