import {expect, test} from 'vitest';
import {analyze} from '../../../src/lib/analysis/analyze.ts';
import type {Config} from '../../../src/lib/config/keys.ts';
import type {Decision} from '../../../src/lib/plan/plan.ts';
import {planRecovery} from '../../../src/lib/plan/recovery.ts';
import {and, broken, down, given, uuid, type But, type Kind} from '../support/given.ts';
import {configured} from '../support/policy.ts';

/** a and b replicate from each other, c and d from a; a is dead. */
function decide(but: Readonly<Record<string, But>> = {}, keys: Partial<Config> = {}, kind: Kind = {}): Decision {
  const dead: Readonly<Record<string, But>> = {a: down, b: broken, c: broken, d: broken};
  const buts = Object.fromEntries(Object.entries(dead).map(([name, one]) => [name, and(one, but[name] ?? {})]));
  const topology = given('a: b c d; b: a', buts, kind);
  const config = configured(keys);
  const finding = analyze(topology, {...config, withHealthy: true}).find((one) => one.instance.key.host === 'a');
  expect(finding).toMatchObject({code: 'DeadCoMaster', recovery: 'dead-co-source'});
  return planRecovery(finding!, topology, config);
}

const any: Partial<Config> = {CoMasterRecoveryMustPromoteOtherCoMaster: false};
const preferred: But = {wishes: {promotionRule: 'prefer', isCandidate: true}};
const wrote: But = {gtid: {executed: `${uuid('a')}:1-100,${uuid('b')}:1-9`, binlogState: '0-1-100,0-2-109'}};
const banned: But = {wishes: {promotionRule: 'must_not'}, binlog: {enabled: false}};

test.each<{what: string; but?: Readonly<Record<string, But>>; keys?: Partial<Config>; kind?: Kind; promoted: string}>([
  {what: 'its partner', promoted: 'b'},
  {what: 'its partner, whatever else people prefer', but: {c: preferred}, promoted: 'b'},
  {what: 'its partner, which wrote meanwhile itself', but: {b: wrote}, promoted: 'b'},
  {what: 'its partner, which wrote meanwhile itself, MariaDB', but: {b: wrote}, kind: {flavor: 'MariaDB'}, promoted: 'b'},
  {what: 'any of its replicas where that is allowed', but: {c: preferred}, keys: any, promoted: 'c'},
  {what: 'its partner where that is written to anyway', but: {b: {readOnly: false}, c: preferred}, keys: any, promoted: 'b'},
  {what: 'nobody, where its partner cannot be', but: {b: banned}, promoted: 'refused: no-candidate'},
])('in the place of a dead co-source: $what', ({but, keys, kind, promoted}) => {
  const decision = decide(but, keys, kind);
  expect(decision.act ? decision.plan.successor.host : `refused: ${decision.why.code}`).toBe(promoted);
  const steps = decision.act ? decision.plan.steps : [];
  const followers = steps.flatMap(({step}) => (step.do === 'repoint' ? [step.on.host] : []));
  expect(followers).toEqual(decision.act ? ['b', 'c', 'd'].filter((name) => name !== promoted) : []);
});
