import {describe, expect, test} from 'vitest';
import type {Lease} from '../../../src/lib/coordination/types.ts';
import {permitByHand, permitOfHolder, permitOfLeader} from '../../../src/lib/execute/eyes/permit.ts';
import {given, key} from '../support/given.ts';

const lease = (validFor: number): Lease => ({hostname: 'one.example', token: 't', term: 7, validUntil: performance.now() + validFor});
const journal = (): Promise<void> => Promise.resolve();
const holder = permitOfHolder(
  {purpose: 'recovery of a:3306'},
  {sender: {what: 'uid', fence: 3, step: 1}, mayStillSend: () => true, journal},
);

describe('who restarts receivers', () => {
  test.each([
    {who: 'a leader', lockedBy: null, permit: permitOfLeader(() => lease(60_000)), others: false},
    {who: 'a leader', lockedBy: 'two.example (relocate of b:3306)', permit: permitOfLeader(() => lease(60_000)), others: true},
    {who: 'a person', lockedBy: 'two.example (relocate of b:3306)', permit: permitByHand(), others: true},
    {who: 'a holder', lockedBy: null, permit: holder, others: false},
    {who: 'a holder', lockedBy: 'two.example (relocate of b:3306)', permit: holder, others: true},
    {who: 'a holder who took over', lockedBy: 'dead.example (recovery of a:3306)', permit: holder, others: false},
  ])('$who, of a replica locked by $lockedBy: somebody else’s $others', ({lockedBy, permit, others}) => {
    const replica = given('a: b').get(key('b'))!;
    expect(permit.isOthers({...replica, wishes: {...replica.wishes, lockedBy}})).toBe(others);
  });

  test.each([
    {of: lease(60_000), within: 2000, may: true},
    {of: lease(1000), within: 2000, may: false},
    {of: null, within: 0, may: false},
  ])('a leader may send what arrives before its lease ends: $may', ({of, within, may}) => {
    expect(permitOfLeader(() => of).mayStillSend(within)).toBe(may);
  });
});
