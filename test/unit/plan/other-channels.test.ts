import {expect, test} from 'vitest';
import {analyze} from '../../../src/lib/analysis/analyze.ts';
import {NOTHING_OBSERVED} from '../../../src/lib/analysis/evidence.ts';
import type {Decision} from '../../../src/lib/plan/plan.ts';
import {planRecovery} from '../../../src/lib/plan/recovery.ts';
import {and, broken, down, given, key, type But} from '../support/given.ts';
import {configured} from '../support/policy.ts';

/** What would be done about a, with replicas b and c. */
function decide(a: But, replica: But = {}): Decision {
  const topology = given('a: b c', {a, b: replica, c: replica});
  const config = configured({RecoverNonWriteableMaster: true});
  const observed = {...NOTHING_OBSERVED, standingStill: new Set(['a:3306'])};
  const found = analyze(topology, {...config, withHealthy: true}, observed).find((one) => one.instance.key.host === 'a');
  return planRecovery(found!, topology, config, {});
}

const fed: But = {otherChannels: ['from_x', 'from_y']};
const closed: But = {readOnly: true};

test('a read-only server that follows others through channels alone is not opened', () => {
  expect(decide(closed)).toMatchObject({act: true, plan: {steps: [{step: {do: 'open-source', on: key('a')}}]}});
  expect(decide(and(closed, fed))).toMatchObject({
    act: false,
    why: {code: 'needs-human', because: 'a:3306 stays read-only: it replicates through channels that are not managed (from_x, from_y)'},
  });
});

test('the feeds that a dead source had are named in the plan to replace it', () => {
  const about = 'through other channels too (from_x, from_y): b:3306 is not';
  const remarksOf = (decision: Decision): string => (decision.act ? decision.plan.remarks.join('\n') : `refused: ${decision.why.because}`);
  expect(remarksOf(decide(and(down, fed), broken))).toContain(`a:3306 was fed ${about}`);
  expect(remarksOf(decide(down, broken))).toMatch(/^a:3306 cannot be reached[^\n]*$/);
});
