import {describe, expect, test} from 'vitest';
import {analyze} from '../../../src/lib/analysis/analyze.ts';
import {actsAgain, actsOf, progressToResume, type JournaledAct} from '../../../src/lib/execute/journal/acts.ts';
import type {Progress} from '../../../src/lib/execute/journal/run.ts';
import type {RecoveryPlan} from '../../../src/lib/plan/plan.ts';
import {planRecovery} from '../../../src/lib/plan/recovery.ts';
import {and, broken, down, given} from '../support/given.ts';
import {configured} from '../support/policy.ts';

function plan(delay = 0): RecoveryPlan {
  const topology = given('a: b c d', {a: down, b: broken, c: broken, d: and(broken, {replication: {delay}})});
  const config = configured({PostponeReplicaRecoveryOnLagMinutes: 10});
  const [analysis] = analyze(topology, config);
  const decision = analysis && planRecovery(analysis, topology, config);
  if (!decision?.act) throw new Error('the sketch has no plan');
  return decision.plan;
}

const nameOf = ({act}: JournaledAct): string => (act.do === 'step' ? act.step.do : act.do === 'hooks' ? act.list : act.do);

describe('the order of a recovery', () => {
  test('hooks and the last look come before the first step, success is recorded once the successor is open, the end is last', () => {
    expect(actsOf(plan(), {skipHooks: false}).map(nameOf)).toEqual([
      'PreFailoverProcesses',
      'confirm-dead',
      'close-source',
      'withdraw',
      'drain',
      'stop-receiver',
      'stop-receiver',
      'prove',
      'make-writable',
      'record-success',
      'repoint',
      'repoint',
      'publish',
      'forget-source',
      'tidy-up',
      'PostMasterFailoverProcesses',
      'PostFailoverProcesses',
      'end',
    ]);
  });

  test('the successor is drained while replicas are stopped, those are re-pointed at the same time, everything else one after the other', () => {
    const stages = Map.groupBy(actsOf(plan(), {skipHooks: false}), ({stage}) => stage);
    expect([...stages.values()].filter((acts) => acts.length > 1).map((acts) => acts.map(nameOf))).toEqual([
      ['close-source', 'withdraw'],
      ['drain', 'stop-receiver', 'stop-receiver'],
      ['repoint', 'repoint', 'publish'],
    ]);
  });

  test('who is postponed follows once the successor was told of, and is lost with the others if it cannot', () => {
    const acts = actsOf(plan(3600), {skipHooks: false});
    expect(acts.slice(-8).map((one) => `${nameOf(one)}${one.act.do === 'step' ? ` ${one.act.step.on.host}` : ''}`)).toEqual([
      'publish',
      'forget-source b',
      'tidy-up',
      'PostMasterFailoverProcesses',
      'repoint d',
      'tidy-up',
      'PostFailoverProcesses',
      'end',
    ]);
  });

  test('without hooks all else stays', () => {
    const names = actsOf(plan(), {skipHooks: true}).map(nameOf);
    expect(names.filter((name) => name.endsWith('Processes'))).toEqual([]);
    expect(names).toHaveLength(15);
  });

  test('a source that can be reached and not be closed ends the recovery', () => {
    const [close] = actsOf(plan(), {skipHooks: true}).filter((act) => nameOf(act) === 'close-source');
    expect(close?.weight).toBe('must');
  });
});

describe('what counts as done when somebody takes over', () => {
  const acts = actsOf(plan(), {skipHooks: true});
  const doneUntil = (name: string): ReadonlyMap<number, Progress> => {
    const last = acts.findIndex((act) => nameOf(act) === name);
    return new Map(acts.slice(0, last + 1).map(({number}) => [number, {state: 'done', attempt: 1, outcome: ''}]));
  };
  const again = (name: string): readonly string[] => {
    const resumed = progressToResume(acts, doneUntil(name));
    return acts.filter(({number}) => doneUntil(name).has(number) && !resumed.has(number)).map(nameOf);
  };

  test.each([
    {died: 'confirm-dead', looksAgain: ['confirm-dead']},
    {died: 'close-source', looksAgain: ['confirm-dead', 'close-source']},
    {died: 'drain', looksAgain: ['close-source', 'withdraw']},
    {died: 'make-writable', looksAgain: []},
    {died: 'tidy-up', looksAgain: []},
  ])('died after $died: $looksAgain done again, since the old source may be back', ({died, looksAgain}) => {
    expect(again(died)).toEqual(looksAgain);
  });

  test('what must not fail and did is tried once more: nothing may follow it', () => {
    const failing = acts.find((act) => nameOf(act) === 'drain')!;
    const journal = new Map(doneUntil('drain')).set(failing.number, {state: 'failed', attempt: 2, outcome: 'it could not be reached'});
    expect(progressToResume(acts, journal).get(failing.number)).toMatchObject({state: 'started', attempt: 2});
  });

  test('what may fail and did is left alone', () => {
    const failing = acts.find((act) => nameOf(act) === 'repoint')!;
    const journal = new Map(doneUntil('repoint')).set(failing.number, {state: 'failed', attempt: 1, outcome: ''});
    expect(progressToResume(acts, journal).get(failing.number)).toMatchObject({state: 'failed'});
  });
});

test('once the choice was made again, numbers go on, and neither hooks before it nor the look at replicas that were stopped come again', () => {
  const before = actsOf(plan(), {skipHooks: false});
  const again = actsAgain(plan(), before);
  expect(again.map(nameOf)).toEqual(before.map(nameOf).filter((name) => name !== 'PreFailoverProcesses' && name !== 'confirm-dead'));
  expect(again.map(({number}) => number)).toEqual(again.map((_, index) => before.length + index));
  expect(Math.min(...again.map(({stage}) => stage))).toBeGreaterThanOrEqual(before.length);
  expect(actsAgain(plan(), actsOf(plan(), {skipHooks: true})).some(({act}) => act.do === 'hooks')).toBe(false);
});
