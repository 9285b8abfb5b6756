import {afterAll, beforeAll, beforeEach, describe, expect, test} from 'vitest';
import {checkBackend, checkClocks} from '../../src/lib/coordination/backend-checks.ts';
import {takeLease, observeLease} from '../../src/lib/coordination/lease.ts';
import {
  checkNodeHealth,
  forgetAbsentNodes,
  listNodes,
  readLeader,
  registerNode,
  startNodeHealth,
  type Registration,
} from '../../src/lib/coordination/nodes.ts';
import {acquireLock} from '../../src/lib/coordination/lock/acquire.ts';
import type {Backend, Work} from '../../src/lib/store/backend.ts';
import {upsertInstances} from '../../src/lib/store/instances.ts';
import {waitFor} from '../sandbox/index.ts';
import {bench, PROTOCOL_KINDS, node, quick, type Bench} from './support/coordination.ts';
import {instance, key} from './support/instance.ts';

interface StoredNode {
  hostname: string;
  incrementing_indicator: number;
}

describe.each(PROTOCOL_KINDS)('nodes on %s', (kind) => {
  let shared: Bench;
  let one: Backend;
  let two: Backend;

  beforeAll(async () => {
    shared = await bench(kind);
    [one, two] = [await shared.open(), await shared.open()];
  });
  beforeEach(() => shared.empty());
  afterAll(() => shared?.down());

  const registration = (name: string, more: Partial<Registration> = {}): Registration => ({
    me: node(name),
    mode: 'HttpMode',
    command: '',
    version: '4.0.0',
    ...more,
  });
  const rows = async (table: string): Promise<readonly StoredNode[]> =>
    one.run(({db}) => db<StoredNode>(table).orderBy('hostname').select('*'));
  const age = (name: string, seconds: number) =>
    one.run(({db, dialect}) =>
      db('node_health')
        .where({hostname: name})
        .update({last_seen_active: dialect.ago(seconds)}),
    );

  test('a process registers in both tables, as 3.2.6 does, and its signs of life count up', async () => {
    const ann = registration('ann', {mode: 'CLIMode', command: 'relocate'});
    await registerNode(one, ann);
    await registerNode(one, ann);
    const said = {hostname: 'ann', token: ann.me.token, extra_info: 'CLIMode', command: 'relocate', app_version: '4.0.0'};
    expect(await rows('node_health_history')).toMatchObject([said]);
    expect(await rows('node_health')).toMatchObject([{...said, db_backend: one.where, incrementing_indicator: 1}]);
  });

  test('those of the last two seconds are listed, by host name; those of the last ten are kept', async () => {
    const bob = registration('bob');
    for (const each of [registration('cat', {mode: 'CLIMode'}), registration('ann'), bob, registration('dan')])
      await registerNode(one, each);
    // Ahead of time: however long it takes until one looks, they are not older than two seconds.
    await one.run(({db, dialect}) =>
      db('node_health')
        .whereIn('hostname', ['ann', 'cat'])
        .update({last_seen_active: dialect.ahead(600)}),
    );
    await age('dan', 12);
    await age('bob', 3);
    expect((await listNodes(two, {mode: 'any'})).map(({hostname}) => hostname)).toEqual(['ann', 'cat']);
    expect((await listNodes(two, {mode: 'HttpMode'})).map(({hostname}) => hostname)).toEqual(['ann']);
    const kept = async (): Promise<readonly string[]> => {
      await registerNode(one, bob);
      await age('bob', 9);
      await forgetAbsentNodes(two);
      return (await rows('node_health')).map(({hostname}) => hostname);
    };
    // Of those one is less than ten seconds old only for a second.
    await expect.poll(kept, {timeout: 60_000}).toEqual(['ann', 'bob', 'cat']);
  });

  test('a process stays listed while it lives, and is taken off when it has stopped', async () => {
    const ann = registration('ann');
    const health = await startNodeHealth(one, ann, () => undefined);
    await waitFor('it said three times that it lives', async () => Number((await rows('node_health'))[0]?.incrementing_indicator) >= 2);
    const said = {...ann.me, mode: 'HttpMode', version: '4.0.0', backend: one.where};
    await expect.poll(() => listNodes(two, {mode: 'any'}), {timeout: 60_000}).toMatchObject([said]);
    await health.stop();
    await waitFor('it is not listed any more', async () => (await listNodes(two, {mode: 'any'})).length === 0);
  });

  test('health: written, read back, with the leader that the row names', async () => {
    const ann = registration('ann');
    expect(await checkNodeHealth(one, ann)).toMatchObject({healthy: true, leader: null, error: '', nodes: [ann.me]});
    await takeLease(one, ann.me, {seen: await observeLease(one, undefined, quick), timing: quick});
    expect((await checkNodeHealth(two, registration('bob'))).leader).toMatchObject({...ann.me, mode: 'HttpMode', version: '4.0.0'});
    expect(await readLeader(two)).toMatchObject(ann.me);
  });

  test('the checks of a backend as the sandbox makes it', async () => {
    const levels = (await checkBackend(one)).map(({level, sentence}) => `${level}: ${sentence}`);
    const notDurable = [expect.stringContaining('innodb_flush_log_at_trx_commit')];
    const expected = {sqlite: [], mariadb: notDurable, galera: [], group: notDurable};
    expect(levels).toEqual(expected[kind]);
  });

  test('clocks that agree are not remarked on', async () => {
    const health = await startNodeHealth(two, registration('bob'), () => undefined);
    expect(await checkClocks(one)).toEqual([]);
    await health.stop();
  });

  test('a clock that is ahead is, once its node says that it lives', async () => {
    const bob = registration('bob');
    await registerNode(two, bob);
    const skewed = setInterval(
      () =>
        void two.run(({db, dialect}) =>
          db('node_health').update({last_seen_active: dialect.ahead(30), incrementing_indicator: db.raw('incrementing_indicator + 1')}),
        ),
      100,
    );
    const remarks = await checkClocks(one);
    clearInterval(skewed);
    expect(remarks).toMatchObject([
      {level: 'warn', sentence: expect.stringMatching(/bob \(.{8}\) writes to is about (2\d|30) s ahead of ours/)},
    ]);
  });

  describe('a recovery that a node of 3.2.6 has begun', () => {
    const old = {hostname: 'old', token: 'of an old node'};
    const lock = (...hosts: readonly string[]) =>
      acquireLock({backend: two, me: node('bob'), purpose: 'work', cluster: '', instances: hosts.map((host) => key(host)), timing: quick});

    beforeEach(async () => {
      await one.run(({db}) => db('topology_recovery').delete());
      await upsertInstances(one, [{instance: instance('b', {cluster: {...instance('b').cluster, name: 'a:3306'}}), startedAt: 0}]);
      await one.run(({db, dialect}) =>
        db('topology_recovery').insert({
          hostname: 'a',
          port: 3306,
          in_active_period: 1,
          start_active_period: dialect.now(),
          end_active_period_unixtime: 0,
          processing_node_hostname: old.hostname,
          processcing_node_token: old.token,
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
      await registerNode(one, {me: old, mode: 'HttpMode', command: '', version: '3.2.6'});
    });

    test.each(['a', 'b'])('is a lock on its whole cluster: on %s', async (host) => {
      const [instance, purpose] = [key('a'), 'recovery of DeadMaster by a node of 3.2.6'];
      expect(await lock(host)).toMatchObject({contended: true, instance, holder: old, purpose, lockId: null});
    });

    test.each<{what: string; hosts: readonly string[]; change: (work: Work) => PromiseLike<unknown>}>([
      {
        what: 'once it has ended',
        hosts: ['a', 'b'],
        change: ({db, dialect}) => db('topology_recovery').update({end_recovery: dialect.now()}),
      },
      {what: 'once it is acknowledged', hosts: ['a', 'b'], change: ({db}) => db('topology_recovery').update({acknowledged: 1})},
      {what: 'once its node has been silent for ten seconds', hosts: ['a', 'b'], change: () => age('old', 11)},
      {what: 'elsewhere', hosts: ['c'], change: () => Promise.resolve()},
    ])('is in nobody’s way $what', async ({hosts, change}) => {
      await one.run(change);
      expect(await lock(...hosts)).toMatchObject({purpose: 'work', hostname: 'bob'});
    });
  });
});

test('a server that is read-only, and tables that are not kept by InnoDB, are errors', async () => {
  const shared = await bench('mariadb');
  try {
    const backend = await shared.open();
    await shared.servers[0]!.query('alter table orchestrator.leader_term engine = MyISAM');
    await shared.servers[0]!.query('set global read_only = 1');
    const errors = (await checkBackend(backend)).filter(({level}) => level === 'error').map(({sentence}) => sentence);
    expect(errors).toEqual([expect.stringContaining('is read-only'), expect.stringContaining('leader_term (MyISAM)')]);
  } finally {
    await shared.down();
  }
});
