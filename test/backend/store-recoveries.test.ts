import {describe, expect, test} from 'vitest';
import {touchLease} from '../../src/lib/coordination/lease.ts';
import {closeFinding, downtimeLost, moveAlias} from '../../src/lib/store/recovery/after-recovery.ts';
import type {Backend, Work} from '../../src/lib/store/backend.ts';
import {
  endDetectionHooks,
  registerDetection,
  startDetectionHooks,
  type NewDetection,
} from '../../src/lib/store/recovery/detection-registration.ts';
import {readDetections} from '../../src/lib/store/recovery/detections.ts';
import {activeDowntimes, prolongLostInRecovery} from '../../src/lib/store/downtime.ts';
import {keepEachMinute, keepEachSecond} from '../../src/lib/store/housekeeping.ts';
import {
  adoptPlan,
  advancePlan,
  endPlan,
  openPlan,
  readOpenPlans,
  readPlanSteps,
  writeRecoverySteps,
} from '../../src/lib/store/recovery/plans.ts';
import {acknowledge, readBlockedRecoveries, readRecoveries, readRecoverySteps} from '../../src/lib/store/recovery/recoveries.ts';
import {
  recordSuccessor,
  unblock,
  registerRecovery,
  whyNotOpen,
  writeRecoveryEnd,
  type NewRecovery,
} from '../../src/lib/store/recovery/recovery-registration.ts';
import {key} from './support/instance.ts';
import {ageColumn, BACKENDS, rowsOf, useStore} from './support/store.ts';

const node = {hostname: 'box1', token: 't1'};
const ours = (): Promise<boolean> => Promise.resolve(true);
const lost = (): Promise<boolean> => Promise.resolve(false);

describe.each(BACKENDS)('recoveries on %s', (kind) => {
  const store = useStore(kind);
  const age = (table: string, column: string, seconds: number) => ageColumn(store.backend, table, column, seconds);
  const detection = (but: Partial<NewDetection> = {}): NewDetection => ({
    instance: key('a'),
    analysis: 'DeadMaster',
    cluster: 'a:3306',
    alias: 'shop',
    replicas: [key('b'), key('c:3307')],
    actionable: true,
    node,
    ...but,
  });
  const detect = (but: Partial<NewDetection> = {}, backend: Backend = store.backend) => registerDetection(backend, detection(but), ours);
  const recovery = (uid: string, but: Partial<NewRecovery> = {}): NewRecovery => ({
    uid,
    failed: key('a'),
    analysis: 'DeadMaster',
    cluster: 'a:3306',
    alias: 'shop',
    replicas: [key('b')],
    node,
    forced: false,
    ...but,
  });
  const register = (uid: string, but: Partial<NewRecovery> = {}) =>
    store.backend.transaction((work) => registerRecovery(work, recovery(uid, but)));
  const within = <Result>(work: (work: Work) => Promise<Result>) => store.backend.transaction(work);
  const beAlive = (token = node.token) =>
    store.backend.run(({db}) => db('node_health').insert({hostname: node.hostname, token, extra_info: '', command: ''}));

  describe('detections', () => {
    test.each([
      {what: 'the same finding', later: {}, isNew: false},
      {what: 'another code', later: {analysis: 'DeadMasterAndSomeReplicas'}, isNew: false},
      {what: 'one that is not actionable', later: {actionable: false}, isNew: true},
      {what: 'another instance', later: {instance: key('b')}, isNew: true},
    ])('after a first, $what is new: $isNew', async ({later, isNew}) => {
      expect(await detect()).toMatchObject({isNew: true, hooksDue: true});
      expect(await detect(later)).toMatchObject({isNew});
    });

    test('hooks are due until they have run to their end, whoever runs them', async () => {
      const {detectionId, began} = (await detect())!;
      expect(Math.abs(began - Date.now() / 1000)).toBeLessThan(60);
      expect(await detect()).toMatchObject({detectionId, began, isNew: false, hooksDue: true});
      expect(await within((work) => startDetectionHooks(work, detectionId))).toBe(1);
      expect(await detect()).toMatchObject({hooksDue: true});
      expect(await within((work) => startDetectionHooks(work, detectionId))).toBe(2);
      await within((work) => endDetectionHooks(work, detectionId, {state: 'failed', outcome: 'exit 1'}));
      expect(await detect()).toMatchObject({hooksDue: false});
    });

    test('those of a detection of 3.2.6 are its own business', async () => {
      await detect();
      await store.backend.run(({db}) => db('failure_detection_hook').delete());
      expect(await detect()).toMatchObject({isNew: false, hooksDue: false});
    });

    test('without the fence nothing is written', async () => {
      expect(await registerDetection(store.backend, detection(), lost)).toBeNull();
      expect(await rowsOf(store.backend, 'topology_failure_detection')).toEqual([]);
    });

    test('ten who register at once: one is the first', async () => {
      const others = await Promise.all([store.bench.open(), store.bench.open()]);
      const got = await Promise.all(Array.from({length: 10}, (_, at) => detect({}, others[at % 2])));
      expect(got.filter((one) => one?.isNew)).toHaveLength(1);
      expect(new Set(got.map((one) => one?.detectionId)).size).toBe(1);
    });

    test('one is read as it was written, and after its period the next is new', async () => {
      await detect();
      const [read] = await readDetections(store.backend);
      expect(read).toMatchObject({
        key: key('a'),
        code: 'DeadMaster',
        cluster: 'a:3306',
        alias: 'shop',
        countReplicas: 2,
        replicas: [key('b'), key('c:3307')],
        isActionable: true,
        isActive: true,
        processor: node,
      });
      await age('topology_failure_detection', 'start_active_period', 3601);
      expect(await keepEachSecond(store.backend, store.config)).toEqual({'expire-detections': 1});
      expect(await detect()).toMatchObject({isNew: true});
      expect(await readDetections(store.backend, {isActive: true})).toHaveLength(1);
      expect(await readDetections(store.backend, {alias: 'other'})).toEqual([]);
      expect(await readDetections(store.backend, {page: 1})).toEqual([]);
    });
  });

  describe('anti-flapping', () => {
    test.each<{what: string; but: Partial<NewRecovery>; registered: boolean}>([
      {what: 'the same instance', but: {cluster: 'other:1'}, registered: false},
      {what: 'another instance of the cluster', but: {failed: key('b')}, registered: false},
      {what: 'the successor, in a cluster of its own by now', but: {failed: key('s'), cluster: 's:3306'}, registered: false},
      {what: 'another instance of the cluster, by hand', but: {failed: key('b'), forced: true}, registered: true},
      {what: 'the same instance, by hand', but: {forced: true}, registered: true},
      {what: 'an intermediate source of the cluster', but: {failed: key('b'), analysis: 'DeadIntermediateMaster'}, registered: true},
      {what: 'the same instance, as an intermediate source', but: {analysis: 'DeadIntermediateMaster'}, registered: false},
      {what: 'another cluster', but: {failed: key('x'), cluster: 'x:3306'}, registered: true},
    ])('after a recovery that ended, one of $what is registered: $registered', async ({but, registered}) => {
      const first = await register('u1');
      expect(first).toMatchObject({registered: true});
      await within((work) => recordSuccessor(work, 'u1', {successor: key('s'), alias: ''}));
      await within((work) => writeRecoveryEnd(work, 'u1', {lost: [], participating: [], errors: []}));
      const second = await register('u2', but);
      expect(second.registered).toBe(registered);
      expect(await readBlockedRecoveries(store.backend)).toHaveLength(registered ? 0 : 1);
    });

    test('one of an intermediate source does not keep the source of the cluster from being replaced', async () => {
      await register('u1', {failed: key('i'), analysis: 'DeadIntermediateMaster'});
      expect(await register('u2')).toMatchObject({registered: true});
    });

    test('what was put right on a source that lives blocks only its own repetition', async () => {
      const locked = {analysis: 'LockedSemiSyncMaster'};
      expect(await register('u1', locked)).toMatchObject({registered: true});
      await within((work) => recordSuccessor(work, 'u1', {successor: key('a'), alias: ''}));
      expect(await register('u2', locked)).toMatchObject({registered: false});
      expect(await register('u3', {analysis: 'MasterWithTooManySemiSyncReplicas'})).toMatchObject({registered: true});
      expect(await register('u4')).toMatchObject({registered: true});
    });

    test('several of one instance that end within one second, having opened nobody, block nothing', async () => {
      for (const uid of ['u1', 'u2', 'u3']) {
        expect(await register(uid)).toMatchObject({registered: true});
        await within((work) => unblock(work, uid));
      }
      expect(await acknowledge(store.backend, {all: true}, {by: 'me', comment: 'seen'})).toBe(3);
    });

    test('one that runs blocks its instance even by hand', async () => {
      const first = await register('u1');
      expect(await register('u2', {forced: true})).toMatchObject({registered: false, blockedBy: first.registered ? first.recoveryId : 0});
    });

    test('registering again with the same uid is the same registration', async () => {
      expect(await register('u1')).toEqual(await register('u1'));
      expect(await readRecoveries(store.backend)).toHaveLength(1);
    });

    test('the period ends by itself, and blocks with it', async () => {
      await register('u1');
      await beAlive();
      await register('u2');
      expect(await readBlockedRecoveries(store.backend, 'a:3306')).toMatchObject([{key: key('a'), code: 'DeadMaster'}]);
      await age('topology_recovery', 'start_active_period', 3601);
      await age('blocked_topology_recovery', 'last_blocked_timestamp', 3);
      expect(await keepEachSecond(store.backend, store.config)).toEqual({'expire-recoveries': 1, 'expire-blocked-recoveries': 1});
      expect(await register('u2')).toMatchObject({registered: true});
    });
  });

  describe('acknowledging', () => {
    const said = {by: 'me', comment: 'seen'};
    test.each([
      {which: {all: true} as const, count: 2},
      {which: {cluster: 'a:3306'}, count: 1},
      {which: {cluster: 'renamed:3306', alias: 'shop'}, count: 1},
      {which: {cluster: 'renamed:3306'}, count: 0},
      {which: {instance: key('x')}, count: 1},
      {which: {uid: 'u1'}, count: 1},
      {which: {id: -1}, count: 0},
    ])('$which: $count', async ({which, count}) => {
      await register('u1');
      await register('u2', {failed: key('x'), cluster: 'x:3306', alias: 'x'});
      expect(await acknowledge(store.backend, which, said)).toBe(count);
      expect(await acknowledge(store.backend, which, said)).toBe(0);
      const acknowledged = await readRecoveries(store.backend, {isAcknowledged: true});
      expect(acknowledged).toHaveLength(count);
      for (const one of acknowledged) expect(one).toMatchObject({isActive: false, acknowledged: {by: 'me', comment: 'seen'}});
    });

    test('lets the same failure be detected and recovered anew', async () => {
      await detect();
      await register('u1');
      await acknowledge(store.backend, {cluster: 'a:3306'}, said);
      expect(await detect()).toMatchObject({isNew: true});
      expect(await register('u2')).toMatchObject({registered: true});
    });

    test('a recovery whose process is gone is booked, unless a plan of it will be resumed', async () => {
      await register('u1');
      await register('u2', {failed: key('x'), cluster: 'x:3306'});
      await register('u3', {failed: key('y'), cluster: 'y:3306', node: {hostname: 'box1', token: 'alive'}});
      await beAlive('alive');
      await within((work) => openPlan(work, plan('u2')));
      expect(await keepEachSecond(store.backend, store.config)).toEqual({'crashed-recoveries': 1});
      const [crashed] = await readRecoveries(store.backend, {isAcknowledged: true});
      expect(crashed).toMatchObject({uid: 'u1', acknowledged: {by: 'orchestrator'}, endedAt: expect.any(String)});
      expect((await readRecoveries(store.backend, {isRunning: true})).map((one) => one.uid)).toEqual(['u3', 'u2']);
    });
  });

  test('the course of one, as people read it', async () => {
    await register('u1');
    expect(await within((work) => whyNotOpen(work, 'u1'))).toBeNull();
    expect(await within((work) => whyNotOpen(work, 'u2'))).toContain('its row is gone');
    await within((work) => writeRecoverySteps(work, 'u1', ['begun', 'done 🎉']));
    await within((work) => recordSuccessor(work, 'u1', {successor: key('s:3307'), alias: 'sss'}));
    await within((work) =>
      writeRecoveryEnd(work, 'u1', {lost: [key('b'), key('c:3307')], participating: [key('a')], errors: ['one', 'two']}),
    );
    expect(await within((work) => whyNotOpen(work, 'u1'))).toContain('ended by somebody else');
    expect((await readRecoverySteps(store.backend, 'u1')).map((step) => step.message)).toEqual(['begun', 'done ?']);
    const [read] = await readRecoveries(store.backend, {uid: 'u1'});
    expect(read).toMatchObject({
      key: key('a'),
      code: 'DeadMaster',
      isSuccessful: true,
      isActive: true,
      successor: key('s:3307'),
      successorAlias: 'sss',
      lost: [key('b'), key('c:3307')],
      participating: [key('a')],
      errors: ['one', 'two'],
      acknowledged: null,
      processor: node,
    });
    expect(
      await readRecoveries(store.backend, {successor: key('s:3307'), endedWithin: 60, cluster: 'a:3306', alias: 'shop', page: 0}),
    ).toHaveLength(1);
    expect(await readRecoveries(store.backend, {instance: key('b')})).toEqual([]);
  });

  test('what was lost is downtimed for a year that begins anew, or for as long as it is said, which runs out', async () => {
    await within((work) => downtimeLost(work, [key('a')], {owner: 'me'}));
    await within((work) => downtimeLost(work, [key('b')], {owner: 'me', lasting: 600}));
    const left = async (): Promise<readonly number[]> =>
      (
        await store.backend.run(({db, dialect}) =>
          db('database_instance_downtime')
            .orderBy('hostname')
            .select({left: db.raw('? - ?', [dialect.unix('end_timestamp'), dialect.unix()])}),
        )
      ).map(({left: seconds}: {left: number | string}) => Math.round(Number(seconds) / 100) * 100);
    const year = 365 * 24 * 3600;
    await ageColumn(store.backend, 'database_instance_downtime', 'end_timestamp', 200);
    expect(await left()).toEqual([year - 200, 400]);
    await prolongLostInRecovery(store.backend);
    expect(await left()).toEqual([year, 400]);
  });

  test('errors too many for their column are cut, not lost with the rest', async () => {
    await register('u1');
    await within((work) => writeRecoveryEnd(work, 'u1', {lost: [], participating: [], errors: ['x'.repeat(70_000)]}));
    expect((await readRecoveries(store.backend))[0]?.errors[0]).toHaveLength(65_535);
  });

  test('what is left to do after a promotion', async () => {
    await detect();
    await within((work) => downtimeLost(work, [key('a'), key('s')], {owner: 'me'}));
    await store.backend.run(({db}) =>
      db('cluster_alias').insert([
        {cluster_name: 'a:3306', alias: 'shop'},
        {cluster_name: 's:3306', alias: 'old'},
      ]),
    );
    await store.backend.run(({db}) => db('cluster_alias_override').insert({cluster_name: 'a:3306', alias: 'mine'}));
    for (let times = 0; times < 2; times += 1) {
      await within(async (work) => {
        await closeFinding(work, {failed: key('a'), successor: key('s')});
        await moveAlias(work, {from: 'a:3306', to: 's:3306', alias: 'shop'});
      });
    }
    expect((await activeDowntimes(store.backend)).map((one) => [one.key.host, one.reason])).toEqual([['a', 'lost-in-recovery']]);
    expect(await rowsOf(store.backend, 'cluster_alias')).toMatchObject([{cluster_name: 's:3306', alias: 'shop'}]);
    expect(await rowsOf(store.backend, 'cluster_alias_override')).toMatchObject([{cluster_name: 's:3306', alias: 'mine'}]);
    expect(await detect()).toMatchObject({isNew: true});
  });

  describe('plans', () => {
    test('the journal keeps what was started how often, and how it ended', async () => {
      await within((work) => openPlan(work, plan('u1')));
      await within((work) => openPlan(work, plan('u1')));
      const advance = (ended: readonly {number: number; state: 'done' | 'failed'; outcome: string}[], starting: readonly number[]) =>
        advancePlan(store.backend, 'u1', {fenced: ours, advance: {ended, starting, messages: [`starts ${starting.join()}`]}});
      await advance([], [1, 2]);
      await advance([{number: 1, state: 'failed', outcome: 'not yet'}], [2]);
      await advance(
        [
          {number: 2, state: 'failed', outcome: 'no'},
          {number: 1, state: 'done', outcome: 'fine'},
        ],
        [],
      );
      expect(await within((work) => readPlanSteps(work, 'u1'))).toEqual([
        {number: 1, description: 'one', state: 'done', attempt: 1, outcome: 'fine'},
        {number: 2, description: 'two', state: 'failed', attempt: 2, outcome: 'no'},
        {number: 3, description: 'three', state: 'planned', attempt: 0, outcome: ''},
      ]);
      expect((await readRecoverySteps(store.backend, 'u1')).map((step) => step.message)).toEqual(['starts 1,2', 'starts 2', 'starts ']);
    });

    test('without the lock nothing is journaled, and the caller hears of it', async () => {
      await within((work) => openPlan(work, plan('u1')));
      const advance = {ended: [], starting: [1], messages: ['no']};
      await expect(advancePlan(store.backend, 'u1', {fenced: lost, advance})).rejects.toMatchObject({code: 'DEADLINE_PASSED'});
      expect((await within((work) => readPlanSteps(work, 'u1')))[0]).toMatchObject({state: 'planned', attempt: 0});
      expect(await readRecoverySteps(store.backend, 'u1')).toEqual([]);
    });

    test('open ones are found with all that resuming needs, until they end', async () => {
      await within((work) => openPlan(work, plan('u1')));
      await within((work) => openPlan(work, plan('u2')));
      await within((work) => adoptPlan(work, 'u1', 9));
      await within((work) => endPlan(work, 'u2', {state: 'aborted', outcome: 'given up'}));
      await within((work) => endPlan(work, 'u2', {state: 'done', outcome: 'too late'}));
      expect(await readOpenPlans(store.backend)).toEqual([
        {uid: 'u1', lockId: 'l-u1', cluster: 'a:3306', document: {any: ['thing', null, 1.5]}},
      ]);
      expect(await rowsOf(store.backend, 'recovery_plan', 'uid')).toMatchObject([{fence: 9}, {state: 'aborted', outcome: 'given up'}]);
    });

    test('old ones go with their recoveries, open ones never', async () => {
      for (const uid of ['u1', 'u2']) {
        await register(uid, {failed: key(uid), cluster: uid});
        await within((work) => openPlan(work, plan(uid)));
      }
      await within((work) => endPlan(work, 'u1', {state: 'done', outcome: ''}));
      await age('recovery_plan', 'ended_at', 8 * 86_400);
      await age('topology_recovery', 'start_active_period', 8 * 86_400);
      await keepEachMinute(store.backend, store.config);
      expect((await rowsOf(store.backend, 'recovery_plan')).map((row) => row['uid'])).toEqual(['u2']);
      expect((await rowsOf(store.backend, 'recovery_plan_step')).map((row) => row['uid'])).toEqual(['u2', 'u2', 'u2']);
      expect((await readRecoveries(store.backend)).map((one) => one.uid)).toEqual(['u2']);
    });
  });

  test('a real lease is a fence: taken away in between, nothing is written', async () => {
    await store.backend.run(({db}) => db('active_node').insert({anchor: 1, ...node}));
    await store.backend.run(({db}) => db('leader_term').insert({anchor: 1, term: 3}));
    const fence = (work: Work) => touchLease(work, {...node, term: 3});
    expect(await registerDetection(store.backend, detection(), fence)).toMatchObject({isNew: true});
    await store.backend.run(({db}) => db('active_node').update({token: 'other'}));
    expect(await registerDetection(store.backend, detection({instance: key('z')}), fence)).toBeNull();
    expect(await rowsOf(store.backend, 'topology_failure_detection')).toHaveLength(1);
  });
});

function plan(uid: string) {
  const steps = ['one', 'two', 'three'].map((description, at) => ({number: at + 1, description}));
  return {
    uid,
    recoveryId: 1,
    lockId: `l-${uid}`,
    fence: 4,
    cluster: 'a:3306',
    kind: 'promote',
    document: {any: ['thing', null, 1.5]},
    steps,
  };
}
