import {describe} from 'vitest';
import {leaseCases} from './support/cases/lease.ts';
import {KINDS, useBench} from './support/coordination.ts';

// On a group: beside its contenders.
describe.each(KINDS)('the lease on %s', (kind) => {
  leaseCases(useBench(kind));
});
