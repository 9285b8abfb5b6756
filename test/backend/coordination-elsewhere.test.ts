import {afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test} from 'vitest';
import {observeLease, takeLease, releaseLease, grabElection} from '../../src/lib/coordination/lease.ts';
import {startLeadership} from '../../src/lib/coordination/leadership.ts';
import {acquireLock} from '../../src/lib/coordination/lock/acquire.ts';
import {isContention} from '../../src/lib/coordination/lock/contention.ts';
import {isAbandoned, observeLocks, type LockObservations} from '../../src/lib/coordination/lock/rows.ts';
import {takeOverLock} from '../../src/lib/coordination/lock/takeover.ts';
import type {LockHold, NodeId} from '../../src/lib/coordination/types.ts';
import {mayTake} from '../../src/lib/coordination/observation.ts';
import type {Backend} from '../../src/lib/store/backend.ts';
import {waitFor} from '../sandbox/index.ts';
import {bench, node, unhurried as timing, type Bench} from './support/coordination.ts';

const instances = [{host: 'a', port: 3306}];

// One server plays both: what tells them apart is its server_id, and the rows that are taken away were lost.
describe('a backend that is another server than before, which lost the last writes', () => {
  let shared: Bench;
  let one: Backend;
  let two: Backend;
  let ann: NodeId;
  let bob: NodeId;
  let servers = 4711;

  beforeAll(async () => {
    shared = await bench('mariadb');
    [one, two] = [await shared.open(), await shared.open()];
  });
  beforeEach(async () => {
    await shared.empty();
    [ann, bob] = [node('ann'), node('bob')];
    const lease = await takeLease(one, ann, {seen: await observeLease(one, undefined, timing), timing});
    expect(lease).toMatchObject({term: 1});
  });
  afterAll(() => shared?.down());

  const moveOn = async (): Promise<void> => void (await shared.servers[0]!.query(`set global server_id = ${(servers += 1)}`));
  const lock = async (backend: Backend, me: NodeId): Promise<LockHold> => {
    const answer = await acquireLock({backend, me, timing, instances, purpose: 'work', cluster: 'a:3306'});
    if (isContention(answer)) throw new Error(`contended: ${answer.purpose}`);
    return answer;
  };
  const lose = async (...tables: readonly string[]): Promise<void> => {
    for (const table of tables) await one.run(({db}) => db(table).delete());
  };
  const place = async () => (await one.run(({db}) => db('leader_term').first('elected_on'))) as {elected_on: string};

  test('a lock that was lost is not given before its holder must have let go, by who has seen nothing of it; and no fence repeats', async () => {
    const lost = await lock(one, ann);
    await moveOn();
    await lose('cluster_lock', 'cluster_lock_member', 'database_instance_maintenance', 'cluster_lock_fence');
    const moved = performance.now();
    const hold = await lock(two, bob);
    expect(performance.now()).toBeGreaterThanOrEqual(moved + timing.lease - 5);
    expect(performance.now()).toBeGreaterThan(lost.validUntil);
    expect(hold.validUntil).toBeGreaterThan(moved + timing.lease);
    expect(hold.fence).toBeGreaterThan(lost.fence);
    expect((await place()).elected_on).toContain(` ${servers}`);
  });

  test('waiting for that ends when it is told to', async () => {
    await moveOn();
    const wish = {backend: two, me: bob, instances, purpose: 'work', cluster: 'a:3306', signal: AbortSignal.abort()};
    await expect(acquireLock({...wish, timing})).rejects.toMatchObject({code: 'DEADLINE_PASSED'});
  });

  test('a lock that stood still is taken over a whole lease later, if it stands still until then', async () => {
    const dead = await lock(one, ann);
    let locks: LockObservations = new Map();
    const seen = await waitFor('it stood still', async () => {
      locks = await observeLocks(two, locks, timing);
      const known = locks.get(dead.lockId);
      return known !== undefined && isAbandoned(known, timing, performance.now()) ? known : null;
    });
    await moveOn();
    const moved = performance.now();
    expect(await takeOverLock(two, {me: bob, seen, timing})).toMatchObject({...bob, lockId: dead.lockId});
    expect(performance.now()).toBeGreaterThanOrEqual(moved + timing.lease - 5);
  });

  test('nobody leads at once because the row says that it was given back, also who sees it for the first time', async () => {
    await releaseLease(one, ann, timing);
    await moveOn();
    const first = await observeLease(two, undefined, timing);
    expect(await takeLease(two, bob, {seen: first, timing})).toBeNull();
    let known = first;
    const settled = await waitFor('it may be taken', async () => {
      known = await observeLease(two, known, timing);
      return mayTake(known, timing, performance.now()) ? known : null;
    });
    expect(await takeLease(two, bob, {seen: settled, timing})).toMatchObject({...bob, term: 2});
    expect((await place()).elected_on).toContain(` ${servers}`);
    expect((await observeLease(one, undefined, timing)).elsewhere).toBe(false);
  });

  test('who may take the row takes it only on the server where it was seen', async () => {
    await releaseLease(one, ann, timing);
    const seen = await observeLease(two, undefined, timing);
    await moveOn();
    expect(await takeLease(two, bob, {seen, timing})).toBeNull();
    await lose('active_node');
    const absent = {...seen, row: null, highestTerm: 0};
    expect(await takeLease(two, bob, {seen: absent, timing})).toBeNull();
    expect((await observeLease(one, undefined, timing)).row).toMatchObject({hostname: '', token: 'vacated'});
  });

  test('who has grabbed the lease and leads has waited for all', async () => {
    await releaseLease(one, ann, timing);
    await moveOn();
    const leadership = startLeadership({
      backend: two,
      me: bob,
      timing,
      onElected: () => undefined,
      onDeposed: () => undefined,
      log: () => undefined,
    });
    onTestFinished(() => leadership.stop());
    await leadership.grab();
    await expect.poll(async () => (await place()).elected_on, {timeout: 60_000}).toContain(` ${servers}`);
  });

  test('who grabs what was given back waits too', async () => {
    await releaseLease(one, ann, timing);
    await moveOn();
    const {lease, validFrom} = await grabElection(two, bob, {timing});
    expect(validFrom).toBeGreaterThan(lease.validUntil);
  });
});
