import fc from 'fast-check';
import {expect, test} from 'vitest';
import {analyze} from '../../../src/lib/analysis/analyze.ts';
import {GtidSet} from '../../../src/lib/model/gtid-set.ts';
import type {Topology} from '../../../src/lib/model/topology.ts';
import type {Decision, RecoveryPlan} from '../../../src/lib/plan/plan.ts';
import {planRecovery} from '../../../src/lib/plan/recovery.ts';
import {and, broken, down, given, uuid, type But} from '../support/given.ts';
import {configured} from '../support/policy.ts';
import {following, run, writableSources} from '../support/run-steps.ts';

const config = configured();

function decide(topology: Topology): Decision {
  const [finding] = analyze(topology, {...config, withHealthy: true}).filter((one) => one.instance.key.host === 'a');
  if (!finding) throw new Error('nothing found');
  return planRecovery(finding, topology, config);
}

function planOf(topology: Topology): RecoveryPlan {
  const decision = decide(topology);
  if (!decision.act) throw new Error(decision.why.because);
  return decision.plan;
}

const at = (upTo: number, applied = upTo): But => ({
  gtid: {executed: `${uuid('a')}:1-${applied}`},
  replication: {retrievedGtid: `${uuid('a')}:1-${upTo}`},
});
const stuck: But = {replication: {applier: {state: 'stopped'}}};
const prefer: But = {wishes: {promotionRule: 'prefer'}};

/** A preferred one that must catch up, one with a backlog, and one that is moved late: every kind of step but detach. */
const before = given('a: b c d e', {
  a: down,
  b: and(broken, at(100, 90)),
  c: and(broken, prefer, at(95)),
  d: and(broken, stuck),
  e: and(broken, at(80)),
});
const plan = planOf(before);
const steps = plan.steps.map(({step}) => step);

test('the plan has every kind of step', () => {
  expect(new Set(steps.map((step) => step.do))).toEqual(
    new Set(['close-source', 'drain', 'catch-up', 'repoint', 'stop-receiver', 'prove', 'make-writable', 'forget-source']),
  );
});

const deaths = steps.flatMap((_, done) => [
  {done, recorded: done},
  {done, recorded: Math.max(0, done - 1)},
]);

test.each([...deaths, {done: steps.length, recorded: steps.length - 1}])(
  'died after $done steps with $recorded recorded: whoever resumes the stored plan completes it',
  ({done, recorded}) => {
    const after = run(run(before, steps.slice(0, done)), steps.slice(recorded));
    expect(writableSources(after)).toEqual(['c']);
    expect(following(after)).toEqual({b: 'c', d: 'c', e: 'c'});
    expect(
      GtidSet.parse(after.instances.find((one) => one.key.host === 'c')!.gtid.executed).contains(GtidSet.parse(`${uuid('a')}:1-100`)),
    ).toBe(true);
  },
);

test('until its last step the finding stands, so that nobody takes a half done recovery for a whole one', () => {
  steps.slice(0, -1).forEach((_, done) => {
    const half = run(before, steps.slice(0, done));
    const codes = analyze(half, config)
      .filter((one) => one.instance.key.host === 'a')
      .map((one) => one.code);
    expect(codes[0]).toMatch(/^(Dead|Unreachable)Master/);
    expect(
      half.replicasOf(before.instances[0]!.key).length + Number(half.instances.find((one) => one.key.host === 'c')?.replication !== null),
    ).toBeGreaterThan(0);
  });
});

test('no successor opens before everything received is on it', () => {
  const open = steps.findIndex((step) => step.do === 'make-writable');
  const opened = run(before, steps.slice(0, open)).instances.find((one) => one.key.host === 'c');
  expect(opened?.gtid.executed).toBe(`${uuid('a')}:1-100`);
});

const replica = fc.record({
  upTo: fc.integer({min: 90, max: 100}),
  unapplied: fc.integer({min: 0, max: 3}),
  errant: fc.integer({min: 0, max: 4}).map((n) => n === 0),
  rule: fc.constantFrom('must', 'prefer', 'neutral', 'prefer_not', 'must_not'),
  applier: fc.constantFrom('running', 'running', 'running', 'stopped'),
  reachable: fc.integer({min: 0, max: 5}).map((n) => n > 0),
  logs: fc.integer({min: 0, max: 5}).map((n) => n > 0),
  version: fc.constantFrom('8.4.5', '8.4.5', '9.7.4'),
});

test('whatever the replicas look like: a plan drops nothing, and never promotes an errant one', () => {
  let planned = 0;
  const refusals = new Set<string>();
  fc.assert(
    fc.property(fc.array(replica, {minLength: 1, maxLength: 5}), (replicas) => {
      const names = replicas.map((_, n) => 'bcdef'.charAt(n));
      const buts = replicas.map((one, n): But => ({
        ...and(broken, at(one.upTo, one.upTo - one.unapplied)),
        ...(one.reachable ? {} : down),
        gtid: {executed: [`${uuid('a')}:1-${one.upTo - one.unapplied}`, ...(one.errant ? [`${uuid(names[n]!)}:1`] : [])].join(',')},
        replication: {
          ...broken.replication,
          retrievedGtid: `${uuid('a')}:1-${one.upTo}`,
          applier: {state: one.applier as 'running', errno: one.applier === 'stopped' ? 1062 : 0},
        },
        wishes: {promotionRule: one.rule as 'must'},
        binlog: {logsReplicaUpdates: one.logs},
        version: one.version,
      }));
      const topology = given(`a: ${names.join(' ')}`, {a: down, ...Object.fromEntries(names.map((name, n) => [name, buts[n]!]))});
      const decision = decide(topology);
      if (!decision.act) {
        refusals.add(decision.why.code);
        return;
      }
      planned += 1;
      const successor = topology.get(decision.plan.successor)!;
      const chosen = replicas[names.indexOf(successor.key.host)]!;
      expect(chosen).toMatchObject({errant: false, applier: 'running', reachable: true, logs: true});
      expect(chosen.rule).not.toBe('must_not');
      const after = run(
        topology,
        decision.plan.steps.map(({step}) => step),
      );
      expect(writableSources(after)).toEqual([successor.key.host]);
      const latest = Math.max(...replicas.filter((one) => one.reachable).map((one) => one.upTo));
      expect(GtidSet.parse(after.get(successor.key)!.gtid.executed).contains(GtidSet.parse(`${uuid('a')}:1-${latest}`))).toBe(true);
      const lost = decision.plan.lost.map((one) => one.host);
      const astray = Object.entries(following(after)).filter(([host, source]) => source !== successor.key.host && !lost.includes(host));
      expect(astray).toEqual([]);
    }),
    {numRuns: 500},
  );
  expect(planned).toBeGreaterThan(50);
  expect([...refusals]).toEqual(expect.arrayContaining(['only-errant-has-latest', 'applier-broken', 'no-candidate']));
});
