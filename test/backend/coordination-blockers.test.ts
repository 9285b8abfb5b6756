import {afterAll, beforeAll, beforeEach, describe, expect, test} from 'vitest';
import {acquireLock, extendLock, type LockWish} from '../../src/lib/coordination/lock/acquire.ts';
import {inTheWay, isContention, judgeBlockers, watchBlockers} from '../../src/lib/coordination/lock/contention.ts';
import {blockersOf} from '../../src/lib/coordination/lock/rows.ts';
import {registerNode} from '../../src/lib/coordination/nodes.ts';
import type {LockHold, NodeId} from '../../src/lib/coordination/types.ts';
import type {InstanceKey} from '../../src/lib/model/instance-key.ts';
import type {Backend} from '../../src/lib/store/backend.ts';
import {bench, node, unhurried, type Bench} from './support/coordination.ts';

const key = (host: string): InstanceKey => ({host, port: 3306});
const [a, b, c] = ['a', 'b', 'c'].map(key) as [InstanceKey, InstanceKey, InstanceKey];
/** Long enough to see that a holder is gone. */
const QUEUED = 1.25 * unhurried.lease;
const OLD = {hostname: 'old', token: 'of an old node'};

describe.each(['sqlite', 'mariadb'] as const)('what is in the way of a lock, on %s', (kind) => {
  let shared: Bench;
  let one: Backend;
  let two: Backend;
  let ann: NodeId;
  let bob: NodeId;

  beforeAll(async () => {
    shared = await bench(kind);
    [one, two] = [await shared.open(), await shared.open()];
  });
  beforeEach(async () => {
    await shared.empty();
    await one.run(({db}) => db('topology_recovery').delete());
    [ann, bob] = [node('ann'), node('bob')];
  });
  afterAll(() => shared?.down());

  const wish = (instances: readonly InstanceKey[], more: Partial<LockWish> = {}): LockWish => ({
    backend: two,
    me: bob,
    purpose: 'work of bob',
    cluster: 'a:3306',
    instances,
    timing: unhurried,
    ...more,
  });
  /** Nobody keeps it: its holder is gone. */
  const lockOf = async (me: NodeId, instances: readonly InstanceKey[]): Promise<LockHold> => {
    const answer = await acquireLock({...wish(instances), backend: one, me, purpose: `work of ${me.hostname}`});
    if (isContention(answer)) throw new Error(`contended: ${answer.purpose}`);
    return answer;
  };
  const maintained = (hostname: string) =>
    one.run(({db, dialect}) =>
      db('database_instance_maintenance').insert({
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
      }),
    );
  const recoveredByOldNode = async (hostname: string): Promise<void> => {
    await registerNode(one, {me: OLD, mode: 'HttpMode', command: '', version: '3.2.6'});
    await one.run(({db, dialect}) =>
      db('topology_recovery').insert({
        hostname,
        port: 3306,
        in_active_period: 1,
        start_active_period: dialect.now(),
        end_active_period_unixtime: 0,
        processing_node_hostname: OLD.hostname,
        processcing_node_token: OLD.token,
        analysis: 'DeadMaster',
        cluster_name: 'a:3306',
        cluster_alias: '',
        slave_hosts: '',
        participating_instances: '',
        lost_slaves: '',
        all_errors: '',
        acknowledged_by: '',
        acknowledge_comment: '',
        last_detection_id: 0,
        uid: 'o1',
        count_affected_slaves: 1,
      }),
    );
  };
  const members = () => one.run(({db}) => db('cluster_lock_member').orderBy('hostname').pluck('hostname'));
  const MAINTENANCE = {contended: true, instance: b, lockId: null, purpose: 'maintenance by eve: disk'};
  const RECOVERY = {contended: true, instance: b, lockId: null, purpose: 'recovery of DeadMaster by a node of 3.2.6'};

  describe.each([
    {what: 'a maintenance', begin: maintained, says: MAINTENANCE},
    {what: 'a recovery of a node of 3.2.6', begin: recoveredByOldNode, says: RECOVERY},
  ])('a lock whose holder is gone, and $what', ({begin, says}) => {
    beforeEach(async () => {
      await lockOf(ann, [a]);
      await begin('b');
    });

    test('are both in the way, and the lock’s own maintenance is not a third', async () => {
      const blockers = await blockersOf(two, [a, b, c]);
      expect(blockers).toMatchObject([{lock: ann}, {lock: null, contention: says}]);
      const watched = watchBlockers(watchBlockers(new Map(), blockers, 0), blockers, 10_000);
      const patience = {timing: unhurried, now: 10_000, until: 0, answerAtOnce: false};
      expect(judgeBlockers(blockers, watched, patience)).toBe('contended');
      expect(inTheWay(blockers, watched, patience)).toMatchObject(says);
    });

    test('are told to who has queued for long enough, and nothing was taken', async () => {
      expect(await acquireLock(wish([a, b], {wait: QUEUED}))).toMatchObject(says);
      expect(await members()).toEqual(['a']);
    });

    test('are told to who is told to stop', async () => {
      const stopping = new AbortController();
      const queued = acquireLock(wish([a, b], {wait: 600_000, signal: stopping.signal}));
      setTimeout(() => stopping.abort(), QUEUED);
      expect(await queued).toMatchObject(says);
    });
  });

  test('a recovery that a node of 3.2.6 begins after one has looked for it is found in time', async () => {
    const late: Backend = Object.assign(Object.create(two) as Backend, {
      transaction: async (work: Parameters<Backend['transaction']>[0]) => {
        if ((await one.run(({db}) => db('topology_recovery').select('uid'))).length === 0) await recoveredByOldNode('b');
        return two.transaction(work);
      },
    });
    expect(await acquireLock(wish([a, b], {backend: late}))).toMatchObject(RECOVERY);
    expect(await members()).toEqual([]);
    await one.run(({db}) => db('topology_recovery').delete());
    const hold = await lockOf(ann, [a]);
    expect(await extendLock(late, hold, [b])).toMatchObject(RECOVERY);
    expect(await members()).toEqual(['a']);
  });

  test('of two locks that which stays is told, not that whose holder is gone', async () => {
    await lockOf(node('dead'), [a]);
    const {lockId: lock_id} = await lockOf(ann, [b]);
    const plan = {uid: 'u1', lock_id, cluster_name: 'a:3306', kind: 'promote', state: 'running', fence: 1, plan: '{}'};
    await one.run(({db}) => db('recovery_plan').insert(plan));
    expect(await acquireLock(wish([a, b], {wait: QUEUED}))).toMatchObject({holder: ann, instance: b});
  });

  test('members whose lock is not there keep nobody away, beside a lock whose holder is gone either', async () => {
    await lockOf(ann, [a]);
    await one.run(({db}) => db('cluster_lock_member').insert({hostname: 'b', port: 3306, lock_id: 'gone'}));
    expect(isContention(await acquireLock(wish([a, b])))).toBe(false);
    expect(await members()).toEqual(['a', 'b']);
  });

  test('a lock grows by members whose lock is not there', async () => {
    const hold = await lockOf(ann, [a]);
    await one.run(({db}) => db('cluster_lock_member').insert({hostname: 'b', port: 3306, lock_id: 'gone'}));
    expect(await extendLock(one, hold, [b])).toBe('extended');
    expect(await members()).toEqual(['a', 'b']);
  });

  test('what nobody can name is given up after a while, not waited for for ever', async () => {
    const stuck: Backend = Object.assign(Object.create(two) as Backend, {
      transaction: async (work: Parameters<Backend['transaction']>[0]) => {
        await one.run(({db}) => db('cluster_lock_member').insert({hostname: 'b', port: 3306, lock_id: 'gone'}));
        return two.transaction(work);
      },
    });
    const message = expect.stringMatching(/could not be locked/) as string;
    await expect(acquireLock(wish([b], {backend: stuck}))).rejects.toMatchObject({code: 'CONTENDED', message});
  });
});
