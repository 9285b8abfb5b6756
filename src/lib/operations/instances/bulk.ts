import {compareKeys, keyText, type InstanceKey} from '../../model/instance-key.ts';
import {isPrintedBefore} from '../say.ts';
import {allKeys} from '../../store/instances.ts';
import {readCandidates, type Candidate} from '../../store/candidates.ts';
import {define} from '../define.ts';
import type {Seconds} from '../../model/units.ts';

const SECTION = 'Instance management';

export const bulkInstances = define({
  name: 'bulk-instances',
  section: SECTION,
  formerly: [],
  about: 'All known instances, in the order of their text; an empty line when there are none',
  examples: ['bulk-instances'],
  input: {},
  changes: 'nothing',
  run: async (context): Promise<readonly InstanceKey[]> => allKeys(await context.backend()),
  print: (keys) => (keys.length === 0 ? [''] : keys.map(keyText).toSorted(isPrintedBefore)),
  legacy: {http: [{path: 'bulk-instances', reply: {shape: 'keys', nullWhenEmpty: true}}]},
});

/** A promotion rule, and how long it holds from when it was said. */
export interface LastingRule extends Candidate {
  readonly lasting: Seconds;
}

export const bulkPromotionRules = define({
  name: 'bulk-promotion-rules',
  section: SECTION,
  formerly: [],
  about: 'Promotion rules in force, by instance',
  examples: ['bulk-promotion-rules', 'bulk-promotion-rules --json'],
  input: {},
  changes: 'nothing',
  async run(context): Promise<readonly LastingRule[]> {
    const lasting = (await context.config()).CandidateInstanceExpireMinutes * 60;
    return (await readCandidates(await context.backend())).map((one) => ({...one, lasting})).sort((a, b) => compareKeys(a.key, b.key));
  },
  print: (rules) => rules.map(({key, rule}) => `${keyText(key)} ${rule}`).toSorted(isPrintedBefore),
  legacy: {http: [{path: 'bulk-promotion-rules', reply: {shape: 'promotion-rules', nullWhenEmpty: true}}]},
});
