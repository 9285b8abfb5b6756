import {describe} from 'vitest';
import {lockCases} from './support/cases/lock.ts';
import {KINDS, useBench} from './support/coordination.ts';

// On a group: beside its contenders.
describe.each(KINDS)('cluster locks on %s', (kind) => {
  lockCases(useBench(kind));
});
