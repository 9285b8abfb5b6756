import {beforeAll, beforeEach, describe, expect, test} from 'vitest';
import {acquireLock, extendLock, type LockWish} from '../../../../src/lib/coordination/lock/acquire.ts';
import {isContention} from '../../../../src/lib/coordination/lock/contention.ts';
import {heartbeat, mayStillSend, releaseLock, releaseMember, touchLock} from '../../../../src/lib/coordination/lock/hold.ts';
import {keepLock} from '../../../../src/lib/coordination/lock/keep.ts';
import {isAbandoned, listLocks, observeLocks, type LockObservations} from '../../../../src/lib/coordination/lock/rows.ts';
import {journalSessions, sessionJournal, sessionsOf} from '../../../../src/lib/coordination/lock/sessions.ts';
import {takeOverAbandoned, watchLocks} from '../../../../src/lib/coordination/lock/standstill.ts';
import {forceUnlock, takeOverLock} from '../../../../src/lib/coordination/lock/takeover.ts';
import type {LockHold, NodeId} from '../../../../src/lib/coordination/types.ts';
import {keyText, type InstanceKey} from '../../../../src/lib/model/instance-key.ts';
import type {Backend} from '../../../../src/lib/store/backend.ts';
import {readWishes} from '../../../../src/lib/store/instances/wishes.ts';
import {waitFor} from '../../../sandbox/index.ts';
import {node, steady, unhurried, type Bench, type Extent} from '../coordination.ts';

const key = (host: string): InstanceKey => ({host, port: 3306});
const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(key) as [InstanceKey, InstanceKey, InstanceKey, InstanceKey];

/** What cluster locks must hold to, on a backend that several have open; each case on empty tables. */
export function lockCases(on: () => Bench, extent: Extent = 'all'): void {
  let one: Backend;
  let two: Backend;
  let ann: NodeId;
  let bob: NodeId;

  beforeAll(async () => {
    const shared = on();
    [one, two] = [await shared.open(), await shared.open()];
  });
  beforeEach(async () => {
    await on().empty();
    [ann, bob] = [node('ann'), node('bob')];
  });

  const wish = (backend: Backend, me: NodeId, instances: readonly InstanceKey[], more: Partial<LockWish> = {}): LockWish => ({
    backend,
    me,
    purpose: `work of ${me.hostname}`,
    cluster: 'a:3306',
    instances,
    timing: unhurried,
    ...more,
  });
  const mustLock = async (
    backend: Backend,
    me: NodeId,
    instances: readonly InstanceKey[],
    more: Partial<LockWish> = {},
  ): Promise<LockHold> => {
    const answer = await acquireLock(wish(backend, me, instances, more));
    if (isContention(answer)) throw new Error(`contended: ${answer.purpose}`);
    return answer;
  };
  /** Of a lock that was taken by the same timing: what has run out when this begins is not kept. */
  const keeping = (backend: Backend, hold: LockHold) =>
    keepLock({backend, hold, timing: steady, onLost: () => undefined, log: () => undefined});
  const maintenance = async (): Promise<readonly MaintenanceRow[]> =>
    one.run(({db}) =>
      db<MaintenanceRow>('database_instance_maintenance')
        .orderBy('hostname')
        .select('hostname', 'processing_node_hostname', 'reason', 'explicitly_bounded', 'maintenance_active'),
    );
  const members = () => one.run(({db}) => db('cluster_lock_member').orderBy('hostname').pluck('hostname'));
  const openPlan = (lockId: string, uid = 'u1') =>
    one.run(({db}) =>
      db('recovery_plan').insert({uid, lock_id: lockId, cluster_name: 'a:3306', kind: 'promote', state: 'running', fence: 1, plan: '{}'}),
    );
  const endPlan = (uid = 'u1') => one.run(({db, dialect}) => db('recovery_plan').where({uid}).update({ended_at: dialect.now()}));

  const abandoned = async (lockId: string) => {
    let locks: LockObservations = new Map();
    return waitFor('the lock stood still', async () => {
      locks = await observeLocks(two, locks, unhurried);
      const seen = locks.get(lockId);
      return seen !== undefined && isAbandoned(seen, unhurried, performance.now()) ? seen : null;
    });
  };

  test('locks all instances or none, tells who is in the way, and the fence grows', async () => {
    const first = await mustLock(one, ann, [b, a], {timing: steady});
    const kept = keeping(one, first);
    const answer = await acquireLock(wish(two, bob, [b, c], {timing: steady}));
    expect(answer).toMatchObject({
      contended: true,
      instance: b,
      cluster: 'a:3306',
      holder: ann,
      purpose: 'work of ann',
      lockId: first.lockId,
    });
    expect(await members()).toEqual(['a', 'b']);
    const other = await mustLock(two, bob, [c]);
    expect(other.fence).toBeGreaterThan(first.fence);
    expect(await kept.release()).toBe(true);
    expect((await mustLock(two, bob, [a, b])).fence).toBeGreaterThan(other.fence);
  });

  test('of many who want overlapping sets at once each set goes to one', async () => {
    const wishes = Array.from({length: 12}, (_, at) =>
      wish(at % 2 === 0 ? one : two, node(`n${at}`), at % 3 === 0 ? [a, b] : at % 3 === 1 ? [b, c] : [c, a]),
    );
    const answers = await Promise.all(wishes.map((each) => acquireLock({...each, whenHeld: 'answer'})));
    expect(answers.filter((answer) => !isContention(answer))).toHaveLength(1);
    expect(await members()).toHaveLength(2);
  });

  test('maintenance rows come with the lock and go with it', async () => {
    const hold = await mustLock(one, ann, [a, b]);
    const row = {processing_node_hostname: 'ann', reason: 'work of ann', explicitly_bounded: 0, maintenance_active: 1};
    expect(await maintenance()).toEqual([
      {hostname: 'a', ...row},
      {hostname: 'b', ...row},
    ]);
    expect(await releaseLock(one, hold)).toBe(true);
    expect(await maintenance()).toEqual([]);
    expect(await listLocks(one)).toEqual([]);
    expect(await releaseLock(one, hold)).toBe(false);
  });

  test('one instance is let go, and others may lock it while the rest is held', async () => {
    const hold = await mustLock(one, ann, [a, b]);
    const letGo = () => one.transaction(async (work) => (await touchLock(work, hold)) && (await releaseMember(work, hold, a)));
    expect(await letGo()).toBe(true);
    // also by the same process, whose maintenance rows bear the same token
    const other = await mustLock(one, ann, [a], {purpose: 'return of a'});
    expect(await letGo()).toBe(false);
    expect((await maintenance()).map(({hostname, reason}) => [hostname, reason])).toEqual([
      ['a', 'return of a'],
      ['b', 'work of ann'],
    ]);
    expect(await acquireLock(wish(two, bob, [b], {whenHeld: 'answer'}))).toMatchObject({lockId: hold.lockId});
    expect(await releaseLock(one, hold)).toBe(true);
    expect([await members(), (await maintenance()).map(({hostname}) => hostname)]).toEqual([['a'], ['a']]);
    expect(await releaseLock(one, other)).toBe(true);
  });

  test('a failed attempt leaves nothing behind, not even the maintenance of the free instances', async () => {
    await one.run(({db, dialect}) => db('database_instance_maintenance').insert(byPerson(dialect, 'b')));
    const answer = await acquireLock(wish(two, bob, [a, b, c]));
    expect(answer).toMatchObject({contended: true, instance: b, lockId: null, purpose: 'maintenance by eve: disk'});
    expect(await members()).toEqual([]);
    expect((await maintenance()).map(({hostname}) => hostname)).toEqual(['b']);
  });

  test('a maintenance without an end is one', async () => {
    await one.run(({db, dialect}) => db('database_instance_maintenance').insert({...byPerson(dialect, 'b'), end_timestamp: null}));
    expect(await acquireLock(wish(two, bob, [b]))).toMatchObject({contended: true, instance: b});
  });

  test('what one node has deleted another may write at once', async () => {
    for (let round = 0; round < 50; round++) {
      await two.run(({db, dialect}) => db('database_instance_maintenance').insert(byPerson(dialect, 'b')));
      await one.run(({db}) => db('database_instance_maintenance').delete());
    }
    expect(await maintenance()).toEqual([]);
  });

  test('a lock whose row was deleted by hand keeps nobody away', async () => {
    await mustLock(one, ann, [a, b]);
    await one.run(({db}) => db('cluster_lock').delete());
    await one.run(({db}) => db('database_instance_maintenance').delete());
    await mustLock(two, bob, [b, c]);
    expect(await members()).toEqual(['b', 'c']);
  });

  test('a maintenance that has run out keeps nobody away', async () => {
    await one.run(({db, dialect}) =>
      db('database_instance_maintenance').insert({...byPerson(dialect, 'b'), end_timestamp: dialect.ago(5)}),
    );
    await mustLock(two, bob, [b]);
    expect(await maintenance()).toMatchObject([{hostname: 'b', reason: 'work of bob'}]);
  });

  test('analysis sees the maintenance of people and of old nodes, and never that of a lock', async () => {
    await mustLock(one, ann, [a]);
    await one.run(({db, dialect}) => db('database_instance_maintenance').insert(byPerson(dialect, 'c')));
    await one.run(({db, dialect}) =>
      db('database_instance_maintenance').insert({
        ...byPerson(dialect, 'd'),
        explicitly_bounded: 0,
        processing_node_token: 'of an old node',
      }),
    );
    const wishes = await readWishes(two);
    expect([a, c, d].map((each) => wishes.get(keyText(each))?.inMaintenance)).toEqual([false, true, true]);
    expect(wishes.get(keyText(a))?.lockedBy).toBe('ann (work of ann)');
  });

  test('heartbeats prolong the hold; a stolen lock is noticed', async () => {
    const hold = await mustLock(one, ann, [a]);
    const beaten = await heartbeat(one, hold, unhurried);
    expect(beaten!.validUntil).toBeGreaterThan(hold.validUntil);
    await one.run(({db}) => db('cluster_lock').update({fence: 99}));
    expect(await heartbeat(one, hold, unhurried)).toBeNull();
  });

  test('a queued caller gets the lock when it is released', async () => {
    const kept = keeping(one, await mustLock(one, ann, [a], {timing: steady}));
    const queued = acquireLock(wish(two, bob, [a], {wait: 60_000, timing: steady}));
    await waitFor('the holder was seen alive', () => kept.current());
    await kept.release();
    expect(isContention(await queued)).toBe(false);
  });

  test('waiting ends with the time given, and when told to stop', async () => {
    const kept = keeping(one, await mustLock(one, ann, [a], {timing: steady}));
    const began = performance.now();
    expect(isContention(await acquireLock(wish(two, bob, [a], {wait: 300, timing: steady})))).toBe(true);
    expect(performance.now() - began).toBeGreaterThanOrEqual(300);
    const stopping = new AbortController();
    const queued = acquireLock(wish(two, bob, [a], {wait: 60_000, signal: stopping.signal, timing: steady}));
    stopping.abort();
    expect(isContention(await queued)).toBe(true);
    await kept.release();
  });

  test('the leader does not take over what stirs, and of two takeovers one succeeds', async () => {
    const hold = await mustLock(one, ann, [a]);
    const first = (await observeLocks(two, new Map(), unhurried)).get(hold.lockId)!;
    expect(await takeOverLock(two, {me: bob, seen: first, timing: unhurried})).toBeNull();
    const seen = await abandoned(hold.lockId);
    await heartbeat(one, hold, unhurried);
    expect(await takeOverLock(two, {me: bob, seen, timing: unhurried})).toBeNull();
    const again = await abandoned(hold.lockId);
    const outcomes = await Promise.all([
      takeOverLock(one, {me: node('x'), seen: again, timing: unhurried}),
      takeOverLock(two, {me: bob, seen: again, timing: unhurried}),
    ]);
    expect(outcomes.filter((outcome) => outcome !== null)).toHaveLength(1);
  });

  test('a takeover whose answer was lost is known for our own, and not for one of somebody else', async () => {
    const dead = await mustLock(one, ann, [a]);
    const seen = await abandoned(dead.lockId);
    const hold = await takeOverLock(answerLost(two), {me: bob, seen, timing: unhurried});
    expect(hold).toMatchObject({...bob, lockId: dead.lockId});
    expect(await two.transaction((work) => touchLock(work, hold!))).toBe(true);
    expect(await takeOverLock(answerLost(two), {me: bob, seen, timing: unhurried})).toBeNull();
  });

  test('a lock whose answer was lost is known for our own', async () => {
    const hold = await mustLock(answerLost(two), bob, [a]);
    expect(await two.transaction((work) => touchLock(work, hold))).toBe(true);
  });

  if (extent === 'core') return;

  describe('when the holder has died', () => {
    test('a passer-by takes over after a whole lease of standstill, with a higher fence, and inherits its sessions', async () => {
      const dead = await mustLock(one, ann, [a, b]);
      expect(await journalSessions(one, dead, [{instance: a, connectionId: 17}])).toBe(true);
      const began = performance.now();
      const hold = await mustLock(two, bob, [b, c]);
      expect(performance.now() - began).toBeGreaterThanOrEqual(unhurried.lease);
      expect(hold.fence).toBeGreaterThan(dead.fence);
      expect(await sessionsOf(two, hold.lockId)).toEqual([{instance: a, connectionId: 17}]);
      expect(await members()).toEqual(['b', 'c']);
      expect(await maintenance()).toMatchObject([{hostname: 'b', processing_node_hostname: 'bob'}, {hostname: 'c'}]);
      expect((await listLocks(one)).map(({lockId}) => lockId)).toEqual([hold.lockId]);
    });

    test('connections opened at once are written together, each before its use, and none once the lock is lost', async () => {
      const dead = await mustLock(one, ann, [a]);
      const beats = async (): Promise<number> => {
        const [row] = await one.run(({db}) => db<{heartbeat: number}>('cluster_lock').select('heartbeat'));
        return Number(row?.heartbeat);
      };
      const before = await beats();
      const journal = sessionJournal(one, dead, () => new Error('the lock is lost'));
      await Promise.all(Array.from({length: 20}, (_, at) => journal(a, at)));
      expect(await sessionsOf(one, dead.lockId)).toHaveLength(20);
      // Each transaction touches the lock once.
      expect((await beats()) - before).toBe(1);
      await mustLock(two, bob, [a]);
      await expect(Promise.all([journal(a, 21), journal(a, 22)])).rejects.toThrow('the lock is lost');
    });

    test('nothing it still writes goes through', async () => {
      const dead = await mustLock(one, ann, [a]);
      await mustLock(two, bob, [a]);
      expect(await one.transaction((work) => touchLock(work, dead))).toBe(false);
      expect(await journalSessions(one, dead, [{instance: a, connectionId: 1}])).toBe(false);
      expect(await heartbeat(one, dead, unhurried)).toBeNull();
      expect(await releaseLock(one, dead)).toBe(false);
      expect(await extendLock(one, dead, [d])).toBe('lost');
      expect(await members()).toEqual(['a']);
      expect(await maintenance()).toMatchObject([{hostname: 'a', processing_node_hostname: 'bob'}]);
    });

    test('of many passers-by one takes over', async () => {
      await mustLock(one, ann, [a]);
      // Long enough that who has it is not taken for dead when this process is held up.
      const timing = {...unhurried, lease: 1500, foreignLease: 1600};
      const held: ReturnType<typeof keeping>[] = [];
      const passBy = async (backend: Backend, at: number): Promise<void> => {
        const answer = await acquireLock(wish(backend, node(`n${at}`), [a], {timing}));
        if (!isContention(answer)) held.push(keeping(backend, answer));
      };
      await Promise.all(Array.from({length: 6}, (_, at) => passBy(at % 2 === 0 ? one : two, at)));
      expect(held).toHaveLength(1);
      await held[0]!.release();
    });

    test('its statements were over before anybody else could start', async () => {
      const dead = await mustLock(one, ann, [a]);
      await mustLock(two, bob, [a]);
      expect(mayStillSend(dead, 0)).toBe(false);
      expect(dead.validUntil).toBeLessThan(performance.now());
    });

    test('a passer-by leaves a lock with an open plan alone, and the leader takes it over', async () => {
      const dead = await mustLock(one, ann, [a, b]);
      await openPlan(dead.lockId);
      const answer = await acquireLock(wish(two, bob, [b], {wait: 2 * unhurried.lease}));
      expect(answer).toMatchObject({contended: true, holder: ann, lockId: dead.lockId});
      const seen = await abandoned(dead.lockId);
      const hold = await takeOverLock(two, {me: bob, seen, timing: unhurried});
      expect(hold).toMatchObject({...bob, lockId: dead.lockId, purpose: dead.purpose});
      expect(hold!.fence).toBeGreaterThan(dead.fence);
      expect(await maintenance()).toMatchObject([
        {hostname: 'a', processing_node_hostname: 'bob'},
        {hostname: 'b', processing_node_hostname: 'bob'},
      ]);
      expect(await one.transaction((work) => touchLock(work, dead))).toBe(false);
      expect(await two.transaction((work) => touchLock(work, hold!))).toBe(true);
    });

    test('once its plan has ended, a passer-by may take over', async () => {
      const dead = await mustLock(one, ann, [a]);
      await openPlan(dead.lockId);
      await endPlan();
      expect((await mustLock(two, bob, [a])).fence).toBeGreaterThan(dead.fence);
    });
  });

  test('a lock grows by instances that are free, and says who has those that are not', async () => {
    const hold = await mustLock(one, ann, [a]);
    const other = keeping(two, await mustLock(two, bob, [c], {timing: steady}));
    expect(await extendLock(one, hold, [a, b])).toBe('extended');
    expect(await extendLock(one, hold, [a, b])).toBe('extended');
    expect(await extendLock(one, hold, [c, d])).toMatchObject({contended: true, instance: c, holder: bob});
    expect(await members()).toEqual(['a', 'b', 'c']);
    expect((await maintenance()).map(({hostname}) => hostname)).toEqual(['a', 'b', 'c']);
    await other.release();
    await releaseLock(one, hold);
    expect(await maintenance()).toEqual([]);
  });

  test('a kept lock is never relied on past its heartbeats, and tells when it was lost', async () => {
    const hold = await mustLock(one, ann, [a], {timing: steady});
    const lost: string[] = [];
    const kept = keepLock({backend: one, hold, timing: steady, onLost: (reason) => lost.push(reason), log: () => undefined});
    await waitFor('it was prolonged', () => (kept.current()?.validUntil ?? 0) > hold.validUntil);
    expect(kept.mayStillSend(50)).toBe(true);
    expect(kept.mayStillSend(steady.lease)).toBe(false);
    await one.run(({db}) => db('cluster_lock').where({lock_id: hold.lockId}).update({holder_token: 'somebody'}));
    await waitFor('it was noticed', () => lost.length > 0);
    expect(kept.current()).toBeNull();
    expect(kept.mayStillSend(0)).toBe(false);
    expect(lost).toEqual(['the lock was taken over by somebody else, or the backend has lost it']);
  });

  test('a person takes a lock away from a living holder, kills its sessions first, and leaves nothing', async () => {
    const hold = await mustLock(one, ann, [a, b], {timing: steady});
    const kept = keeping(one, hold);
    await journalSessions(one, hold, [{instance: b, connectionId: 5}]);
    await openPlan(hold.lockId);
    const killed: unknown[] = [];
    const row = await forceUnlock(two, {
      me: bob,
      lockId: hold.lockId,
      timing: steady,
      log: () => undefined,
      before: async (seized, sessions) => {
        killed.push(...sessions);
        expect(seized.fence).toBeGreaterThan(hold.fence);
        await endPlan();
      },
    });
    expect(row).toMatchObject({...ann, lockId: hold.lockId, planOpen: true});
    expect(killed).toEqual([{instance: b, connectionId: 5}]);
    expect(await listLocks(two)).toEqual([]);
    expect(await maintenance()).toEqual([]);
    await waitFor('the holder noticed', () => kept.current() === null);
    await expect(
      forceUnlock(two, {me: bob, lockId: 'none', timing: unhurried, log: () => undefined, before: async () => undefined}),
    ).rejects.toMatchObject({code: 'NOT_FOUND'});
  });

  test('a lock that changes hands while it is being taken away is not reported as gone', async () => {
    const hold = await mustLock(one, ann, [a]);
    const theft = forceUnlock(two, {
      me: bob,
      lockId: hold.lockId,
      timing: steady,
      log: () => undefined,
      before: async () => void (await one.run(({db}) => db('cluster_lock').update({fence: 999}))),
    });
    await expect(theft).rejects.toMatchObject({code: 'CONTENDED'});
    expect(await listLocks(one)).toMatchObject([{lockId: hold.lockId, fence: 999}]);
  });

  test('by hand a lock is taken over once it has stood still, with its plan; one that stirs or is gone is not', async () => {
    const hold = await mustLock(one, ann, [a, b], {timing: steady});
    await openPlan(hold.lockId);
    const kept = keeping(one, hold);
    expect(await takeOverAbandoned(two, {me: bob, lockId: hold.lockId, timing: steady})).toMatchObject({contended: true, holder: ann});
    await expect.poll(() => watchLocks(two, unhurried), {timeout: 60_000}).toMatchObject([{lockId: hold.lockId, stirs: true}]);
    await kept.stop();
    const taken = await takeOverAbandoned(two, {me: bob, lockId: hold.lockId, timing: unhurried});
    expect(taken).toMatchObject({...bob, lockId: hold.lockId});
    expect(await watchLocks(two, unhurried)).toMatchObject([{lockId: hold.lockId, stirs: false, instances: [a, b]}]);
    expect(await takeOverAbandoned(two, {me: bob, lockId: 'none', timing: unhurried})).toBeNull();
  });

  test('locks are listed with what they lock and who holds them', async () => {
    const hold = await mustLock(one, ann, [b, a]);
    expect(await listLocks(two)).toEqual([
      expect.objectContaining({...ann, lockId: hold.lockId, fence: hold.fence, cluster: 'a:3306', planOpen: false, instances: [a, b]}),
    ]);
  });

  test('a purpose of any length and any characters is no error', async () => {
    await mustLock(one, ann, [a], {purpose: `ünder 🐬 ${'x'.repeat(1000)}`});
    const [lock] = await listLocks(one);
    expect(lock!.purpose).toMatch(/^ünder \? x+$/);
    expect(lock!.purpose).toHaveLength(255);
  });
}

/** A backend whose answer to a first COMMIT is lost, so that the work is repeated. */
function answerLost(backend: Backend): Backend {
  return {
    ...backend,
    transaction: async (work, options) => {
      await backend.transaction(work, options);
      return backend.transaction(work, options);
    },
  };
}

interface MaintenanceRow {
  hostname: string;
  processing_node_hostname: string;
  reason: string;
  explicitly_bounded: number;
  maintenance_active: number;
}

function byPerson(dialect: Backend['dialect'], hostname: string) {
  return {
    hostname,
    port: 3306,
    maintenance_active: 1,
    begin_timestamp: dialect.now(),
    end_timestamp: dialect.ahead(600),
    owner: 'eve',
    reason: 'disk',
    processing_node_hostname: 'box',
    processing_node_token: 'of a person',
    explicitly_bounded: 1,
  };
}
