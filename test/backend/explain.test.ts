import {beforeEach, describe, expect, test} from 'vitest';
import type {Config} from '../../src/lib/config/keys.ts';
import {acquireLock} from '../../src/lib/coordination/lock/acquire.ts';
import {observeLease, takeLease} from '../../src/lib/coordination/lease.ts';
import {registerNode} from '../../src/lib/coordination/nodes.ts';
import {defaultTiming} from '../../src/lib/coordination/timing.ts';
import type {Lease} from '../../src/lib/coordination/types.ts';
import {Refusals} from '../../src/lib/daemon/refusals.ts';
import type {Texts} from '../../src/lib/operations/define.ts';
import {beginDowntime} from '../../src/lib/store/downtime.ts';
import {disableRecoveries} from '../../src/lib/store/recovery/kill-switch.ts';
import {openPlan, writeRecoverySteps} from '../../src/lib/store/recovery/plans.ts';
import {readRefusals, type NewStandingRefusal} from '../../src/lib/store/recovery/refusals.ts';
import {registerRecovery} from '../../src/lib/store/recovery/recovery-registration.ts';
import {and, broken, down, given, key, type But} from '../unit/support/given.ts';
import {defaults, portsOver, runner, seed} from './support/operations.ts';
import {useStore} from './support/store.ts';

/** Nothing grows stale in a test. */
const config: Config = {...defaults, InstancePollSeconds: 3600, RecoverMasterClusterFilters: ['^x']};
const me = {hostname: 'node1', token: 't'};
const gtid: But = {replication: {usingMariadbGtid: true}};

describe.each(['sqlite', 'mariadb'] as const)('explanations on a %s backend', (kind) => {
  const store = useStore(kind);
  const explain = async (texts: Texts): Promise<string> => {
    const answer = await runner(portsOver(store.backend, config))('explain', texts);
    return answer.lines().join('\n');
  };

  beforeEach(async () => {
    await seed(store.backend, given('a: b c', {b: gtid, c: gtid}));
    await seed(store.backend, given('x: y z', {x: down, y: and(broken, gtid), z: and(broken, gtid)}));
    await store.backend.run(({db}) => db('database_instance').where({hostname: 'x'}).update({last_seen: '2020-01-01 00:00:00'}));
  });

  /** This node lives and leads. */
  async function lead(): Promise<Lease> {
    await registerNode(store.backend, {me, mode: 'HttpMode', command: '', version: 'test'});
    const lease = await takeLease(store.backend, me, {
      seen: await observeLease(store.backend, undefined, defaultTiming),
      timing: defaultTiming,
    });
    if (lease === null) throw new Error('nobody else is there to lead');
    return lease;
  }

  test('a dead source: what was seen, the rule, what holds it back, who would be promoted', async () => {
    const said = await explain({instance: 'x'});
    expect(said).toMatch(/x:3306 cannot be reached .*last seen/);
    expect(said).toMatch(/DeadMaster: it cannot be reached.* \(rule \d+ of \d+; calls for: dead-source\)/);
    expect(said).toContain('agrees: y:3306 cannot connect to it (error 2003)');
    expect(said).toContain('ok: RecoverMasterClusterFilters matches cluster x:3306');
    expect(said).toContain('no: no node leads, so nothing is recovered automatically');
    expect(said).toMatch(/plan: [yz]:3306 is promoted in place of x:3306/);
    expect(said).toMatch(/\* [yz]:3306: chosen/);
    expect(said).toMatch(/- [yz]:3306: /);
  });

  test('a source that is well: no rule applies, and what would happen if it failed now', async () => {
    const said = await explain({instance: 'a'});
    expect(said).toMatch(/NoProblem: none of \d+ rules applies/);
    expect(said).toMatch(/Rules that do not apply:\n {2}it can be reached: DeadMasterWithoutReplicas \(1\), DeadMaster \(2\), /);
    expect(said).toContain('If it failed now:');
    expect(said).toContain('no: a:3306 is not recovered: no filter of RecoverMasterClusterFilters matches cluster a:3306');
    expect(said).toMatch(/plan: [bc]:3306 is promoted in place of a:3306/);
  });

  test('a replica has nothing to recover; an instance nobody knows is not found', async () => {
    expect(await explain({instance: 'b'})).toContain('there is nothing to recover');
    expect(await explain({instance: 'b'})).toContain('replication-analysis leaves it out: it is well and has no replicas');
    await expect(explain({instance: 'nobody'})).rejects.toMatchObject({code: 'NOT_FOUND'});
    await expect(explain({recovery: 'none'})).rejects.toMatchObject({code: 'NOT_FOUND'});
  });

  test('everything that holds a recovery back is told, each with its reason', async () => {
    await lead();
    await disableRecoveries(store.backend);
    await beginDowntime(store.backend, key('x'), {owner: 'ann', reason: 'disk', lasting: 600});
    const names = {cluster: 'x:3306', alias: 'x'};
    const earlier = {uid: '1:aa', failed: key('x'), analysis: 'DeadMaster', ...names, replicas: [], node: me, forced: false};
    await store.backend.transaction((work) => registerRecovery(work, earlier));
    await acquireLock({
      backend: store.backend,
      me,
      purpose: 'a test',
      cluster: 'x:3306',
      instances: [key('y')],
      timing: defaultTiming,
      wait: 0,
      whenHeld: 'answer',
    });
    const said = await explain({instance: 'x'});
    expect(said).toContain('no: x:3306 is not recovered: it is downtimed (disk)');
    expect(said).toContain('no: x:3306 is not recovered: recoveries are disabled globally');
    expect(said).toMatch(/no: recovery \d+ of x:3306 in cluster x:3306 .*still blocks others/);
    expect(said).toMatch(/no: y:3306: cluster x:3306 is being changed by node1 \(a test\)/);
    expect(said).toContain('ok: node1 leads');
    expect(said).toContain('replication-analysis leaves it out: it, or all its replicas, are downtimed');
  });

  test('what the leader refused last is seen from any node, once, until there is no reason left to act', async () => {
    const lease = await lead();
    const refusals = new Refusals(store.backend, () => lease);
    const refusal: NewStandingRefusal = {
      key: key('x'),
      cluster: 'x:3306',
      analysis: 'DeadMaster',
      code: 'candidate-lags',
      because: 'y:3306 lags by 900 s',
      candidates: [{key: key('y'), chosen: false, verdict: 'lags'}],
    };
    refusals.say(refusal);
    await refusals.flush();
    expect(await readRefusals(store.backend)).toMatchObject([{...refusal, by: 'node1', term: lease.term}]);
    expect(await explain({instance: 'x'})).toMatch(/node1, leader of term \d+, refused at .* \(candidate-lags\): y:3306 lags by 900 s/);
    const analysis = await runner(portsOver(store.backend, config))('replication-analysis', {explain: 'true'});
    expect(analysis.lines().join('\n')).toMatch(
      /^x:3306 .*DeadMaster.*\n {2}held back: no node|\n {2}plan: [yz]:3306 is promoted.*\n {2}node1, leader/,
    );

    refusals.say({...refusal, code: 'failed', because: 'it failed'});
    await refusals.flush();
    expect(await readRefusals(store.backend)).toMatchObject([{code: 'failed', because: 'it failed'}]);
    // A leader of a later term knows what was written before, and clears it away.
    const later = new Refusals(store.backend, () => lease);
    later.keepOnly(new Set(['x:3306']));
    await later.flush();
    expect(await readRefusals(store.backend)).toHaveLength(1);
    later.keepOnly(new Set());
    await later.flush();
    expect(await readRefusals(store.backend)).toEqual([]);
  });

  test('what is refused about hundreds at once is told of each, and taken back of each', async () => {
    const lease = await lead();
    const refusals = new Refusals(store.backend, () => lease);
    const hosts = Array.from({length: 250}, (_, number) => `many${number}`);
    for (const host of hosts)
      refusals.say({key: key(host), cluster: '', analysis: 'DeadMaster', code: 'failed', because: host, candidates: []});
    await refusals.flush();
    const told = await readRefusals(store.backend);
    expect(told.map(({because}) => because).toSorted()).toEqual(hosts.toSorted());
    refusals.say({key: key('many7'), cluster: '', analysis: 'DeadMaster', code: 'failed', because: 'otherwise', candidates: []});
    refusals.keepOnly(new Set(['many7:3306', 'many8:3306']));
    await refusals.flush();
    expect((await readRefusals(store.backend)).map(({because}) => because).toSorted()).toEqual(['many8', 'otherwise']);
  });

  test('who does not lead any more writes no refusal', async () => {
    const lease = await lead();
    const refusals = new Refusals(store.backend, () => ({...lease, term: lease.term - 1}));
    refusals.say({key: key('x'), cluster: '', analysis: '', code: 'failed', because: 'late', candidates: []});
    await refusals.flush();
    expect(await readRefusals(store.backend)).toEqual([]);
  });

  test('a recovery: what it was decided from, and what it did', async () => {
    const document = {
      plan: {
        kind: 'promote',
        failed: key('x'),
        successor: key('y'),
        candidates: [
          {key: key('y'), chosen: true, verdict: 'chosen: it has everything that was received'},
          {key: key('z'), chosen: false, verdict: 'lags by 900 s'},
        ],
        remarks: ['x:3306 cannot be reached'],
      },
    };
    const names = {cluster: 'x:3306', alias: 'x'};
    await store.backend.transaction(async (work) => {
      const recovery = {uid: '2:bb', failed: key('x'), analysis: 'DeadMaster', ...names, replicas: [], node: me, forced: false};
      await registerRecovery(work, recovery);
      const steps = [{number: 0, description: 'make y:3306 writable'}];
      await openPlan(work, {uid: '2:bb', recoveryId: 1, lockId: 'l', fence: 1, cluster: 'x:3306', kind: 'promote', document, steps});
      await writeRecoverySteps(work, '2:bb', ['it began']);
    });
    const said = await explain({recovery: '2:bb'});
    expect(said).toMatch(/^2:bb: DeadMaster of x:3306 in cluster x:3306, by node1, began .*; under way; not acknowledged/);
    expect(said).toContain('y:3306 is promoted in place of x:3306');
    expect(said).toContain('- z:3306: lags by 900 s');
    expect(said).toContain('0. planned: make y:3306 writable');
    expect(said).toMatch(/\d it began$/);
  });
});
