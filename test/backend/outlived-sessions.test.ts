import {describe, expect, test} from 'vitest';
import {acquireLock} from '../../src/lib/coordination/lock/acquire.ts';
import {isContention} from '../../src/lib/coordination/lock/contention.ts';
import {releaseLock} from '../../src/lib/coordination/lock/hold.ts';
import {forgetOutlived, journalSessions, outliveLock, sessionsOf} from '../../src/lib/coordination/lock/sessions.ts';
import {choresOf} from '../../src/lib/daemon/chores.ts';
import type {LockHold, NodeId} from '../../src/lib/coordination/types.ts';
import {forgetInstance, letIn, placeInstances} from '../../src/lib/store/instances.ts';
import type {InstanceKey} from '../../src/lib/model/instance-key.ts';
import {key} from '../unit/support/given.ts';
import {configured} from '../unit/support/policy.ts';
import {node, steady} from './support/coordination.ts';
import {BACKENDS, rowsOf, useStore} from './support/store.ts';

describe.each(BACKENDS)('sessions that were not seen gone when their lock was given back, on %s', (kind) => {
  const store = useStore(kind);
  const [ann, bob] = [node('ann'), node('bob')];
  const [a, b] = [key('a'), key('b')];

  async function locked(me: NodeId, ...instances: readonly InstanceKey[]): Promise<LockHold> {
    const wish = {purpose: 'a test', cluster: 'a', instances, timing: steady, whenHeld: 'answer'} as const;
    const hold = await acquireLock({backend: store.backend, me, ...wish});
    if (isContention(hold)) throw new Error(hold.purpose);
    return hold;
  }

  test('are told to whoever locks their server next, until they are seen gone', async () => {
    const {backend} = store;
    const first = await locked(ann, a, b);
    const [onA, onB] = [
      {instance: a, connectionId: 17},
      {instance: b, connectionId: 18},
    ];
    expect(await journalSessions(backend, first, [onA, onB])).toBe(true);
    expect(await outliveLock(backend, first, {left: [onA], gone: [onB]})).toBe(true);
    // Once, although it is written down twice now.
    expect(await sessionsOf(backend, first.lockId)).toEqual([onB, {...onA, outlived: true}]);
    await releaseLock(backend, first);
    expect(await outliveLock(backend, first, {left: [onB], gone: []})).toBe(false);

    const elsewhere = await locked(bob, b);
    expect(await sessionsOf(backend, elsewhere.lockId)).toEqual([]);
    await releaseLock(backend, elsewhere);
    const second = await locked(bob, a);
    const known = await sessionsOf(backend, second.lockId);
    expect(known).toEqual([{...onA, outlived: true}]);
    await releaseLock(backend, second);
    const third = await locked(ann, a, b);
    expect(await sessionsOf(backend, third.lockId)).toEqual(known);
    expect(await outliveLock(backend, third, {left: [], gone: known})).toBe(true);
    expect(await sessionsOf(backend, third.lockId)).toEqual([]);
    await releaseLock(backend, third);
    expect(await rowsOf(backend, 'cluster_lock_session')).toEqual([]);
  });

  test('are forgotten with their server, not before', async () => {
    const {backend} = store;
    const hold = await locked(ann, a, b);
    const left = [a, b].map((instance) => ({instance, connectionId: 17}));
    expect(await outliveLock(backend, hold, {left, gone: []})).toBe(true);
    expect(await forgetOutlived(backend)).toBe(0);
    await releaseLock(backend, hold);

    await placeInstances(backend, [a, b]);
    expect(await forgetOutlived(backend)).toBe(0);
    await forgetInstance(backend, a, 60);
    expect(await forgetOutlived(backend)).toBe(0);
    await backend.run((work) => letIn(work, [a]));
    const chores = choresOf({backend, config: configured(), audit: () => Promise.resolve(), leads: () => true});
    for (const chore of chores.filter(({restsOn}) => restsOn === 'nothing probed')) await chore.run();
    expect(await rowsOf(backend, 'cluster_lock_session')).toEqual([expect.objectContaining({hostname: b.host})]);
  });
});
