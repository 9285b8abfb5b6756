import {describe, expect, test} from 'vitest';
import {LOST_IN_RECOVERY} from '../../src/lib/model/lost.ts';
import type {Backend, Work} from '../../src/lib/store/backend.ts';
import {activeDowntimes, beginDowntime, writeDowntime} from '../../src/lib/store/downtime.ts';
import {endRepairedDowntimes, keepEachSecond} from '../../src/lib/store/housekeeping.ts';
import {readInstances, upsertInstances, writeClusterFacts} from '../../src/lib/store/instances.ts';
import {readKeyValues, removeKeyValues, writeKeyValues} from '../../src/lib/store/key-values.ts';
import {activeMaintenance, beginMaintenance} from '../../src/lib/store/maintenance.ts';
import {submitPool} from '../../src/lib/store/pools.ts';
import {acknowledge} from '../../src/lib/store/recovery/acknowledge.ts';
import {readRecoveries} from '../../src/lib/store/recovery/recoveries.ts';
import {instance, key, replicating} from './support/instance.ts';
import {ageColumn, BACKENDS, rowsOf, useStore} from './support/store.ts';

const PATIENT = {timeout: 60_000, interval: 100};

const RECOVERY = {
  uid: 'u1',
  hostname: 'a',
  port: 3306,
  analysis: 'DeadMaster',
  cluster_name: 'a:3306',
  cluster_alias: '',
  end_active_period_unixtime: 0,
  processing_node_hostname: 'n',
  processcing_node_token: 't',
  count_affected_slaves: 0,
  slave_hosts: '',
  participating_instances: '',
  lost_slaves: '',
  all_errors: '',
  acknowledged_by: '',
  acknowledge_comment: '',
  last_detection_id: 0,
};

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

describe.each(BACKENDS)('two who write at once on %s', (kind) => {
  const store = useStore(kind);

  /** Begins `second` when `first` has written and not yet committed, and commits once `second` waits for it. */
  async function overtaken<Result>(
    first: (work: Work) => Promise<unknown>,
    second: (backend: Backend) => Promise<Result>,
  ): Promise<Result> {
    const other = await store.bench.open();
    let answer: Promise<Result> | undefined;
    await store.backend.transaction(async (work) => {
      await first(work);
      answer ??= second(other);
      const [server] = store.bench.servers;
      if (!server) return; // SQLite lets only one begin
      // it has read what it read, and cannot lock or write it; innodb_trx would say so too, but is a tenth of a second old
      const waiting = () =>
        server.query("select id from information_schema.processlist where info regexp '^(delete|update) | for update$'");
      await expect.poll(waiting, PATIENT).not.toEqual([]);
    });
    return answer!;
  }

  test('of those who acknowledge, one has done it, and it stays theirs', async () => {
    await store.backend.run(({db, dialect}) =>
      db('topology_recovery').insert({
        ...RECOVERY,
        in_active_period: 0,
        start_active_period: dialect.now(),
      }),
    );
    const count = await overtaken(
      ({db}) => db('topology_recovery').update({acknowledged: 1, acknowledged_by: 'ann', acknowledge_comment: 'first'}),
      (backend) => acknowledge(backend, {uid: 'u1'}, {by: 'bob', comment: 'second'}),
    );
    expect(count).toBe(0);
    expect(await readRecoveries(store.backend, {uid: 'u1'})).toMatchObject([{acknowledged: {by: 'ann', comment: 'first'}}]);
  });

  test('a downtime that a person begins is not ended as the lost one it replaces', async () => {
    const running = {receiver: {state: 'running', errno: 0, error: ''}} as const;
    const back = instance('back', {replication: replicating('a', running)});
    await upsertInstances(store.backend, [{instance: back, startedAt: performance.now()}]);
    await beginDowntime(store.backend, key('back'), {owner: 'me', reason: LOST_IN_RECOVERY, lasting: 600});
    await ageColumn(store.backend, 'database_instance_downtime', 'begin_timestamp', 61);
    await overtaken((work) => writeDowntime(work, key('back'), {owner: 'ann', reason: 'disk', lasting: 600}), endRepairedDowntimes);
    expect(await activeDowntimes(store.backend)).toMatchObject([{owner: 'ann', reason: 'disk'}]);
  });

  test('who withdraws a source does not withdraw the one published meanwhile', async () => {
    await writeKeyValues(store.backend, [{key: 'p/x', value: 'a:1'}]);
    const removed = await overtaken(
      ({db}) => db('kv_store').where({store_key: 'p/x'}).update({store_value: 'b:1'}),
      (backend) => removeKeyValues(backend, ['p/x'], {key: 'p/x', value: 'a:1'}),
    );
    expect(removed).toBe(false);
    expect([...(await readKeyValues(store.backend, ['p/x']))]).toEqual([['p/x', 'b:1']]);
  });

  test('of two who fill an empty pool, the members of the last one are in it', async () => {
    const others = await Promise.all([store.bench.open(), store.bench.open()]);
    const members = [[key('a'), key('b')], [key('c')]];
    await Promise.all(members.map((keys, at) => submitPool(others[at]!, 'p', keys)));
    const hosts = (await rowsOf(store.backend, 'database_instance_pool', 'hostname')).map((row) => row['hostname']);
    expect([['a', 'b'], ['c']]).toContainEqual(hosts);
  });

  test('a maintenance whose COMMIT took effect unheard is begun, not somebody else’s', async () => {
    const wish = {owner: 'me', reason: 'disk', lasting: 600, processor: {hostname: 'n', token: 't'}};
    expect(await beginMaintenance(answerLost(store.backend), key('a'), wish)).toBe(true);
    expect(await activeMaintenance(store.backend)).toHaveLength(1);
    expect(await beginMaintenance(answerLost(store.backend), key('a'), wish).catch(() => false)).toBe(false);
  });

  test.each([true, false])('where the unreachable stand is written only by who may: %s', async (may) => {
    const many = Array.from({length: 20}, (_, at) => instance(`i${at}`));
    await upsertInstances(
      store.backend,
      many.map((one) => ({instance: one, startedAt: performance.now()})),
    );
    const moved = many.map((one) => ({...one, cluster: {...one.cluster, name: 'new:1'}}));
    await writeClusterFacts(store.backend, moved, () => Promise.resolve(may));
    const names = (await readInstances(store.backend, store.config)).map(({cluster}) => cluster.name);
    expect(names.filter((name) => name === 'new:1')).toHaveLength(may ? 20 : 0);
  });

  test('who does not lead any more keeps no house', async () => {
    const expire = (leads: () => boolean) => keepEachSecond(store.backend, {...store.config, RecoveryPeriodBlockSeconds: 1}, leads);
    await store.backend.run(({db, dialect}) =>
      db('topology_recovery').insert({
        ...RECOVERY,
        in_active_period: 1,
        start_active_period: dialect.ago(60),
        acknowledged: 1,
      }),
    );
    let asked = 0;
    expect(await expire(() => (asked += 1) < 2)).toEqual({});
    expect(asked).toBe(2);
    expect(await expire(() => true)).toMatchObject({'expire-recoveries': 1});
  });
});
