import {describe, expect, test} from 'vitest';
import type {InstanceKey} from '../../src/lib/model/instance-key.ts';
import {downtimeLost} from '../../src/lib/store/recovery/after-recovery.ts';
import {activeDowntimes, beginDowntime, takeBackIntoService} from '../../src/lib/store/downtime.ts';
import {readDemotions} from '../../src/lib/store/recovery/demotions.ts';
import {endPlan, openPlan, readPlansWithoutLock} from '../../src/lib/store/recovery/plans.ts';
import {purgeRecoveries} from '../../src/lib/store/recovery/recoveries.ts';
import {recordSuccessor, registerRecovery, writeRecoveryEnd} from '../../src/lib/store/recovery/recovery-registration.ts';
import {key} from './support/instance.ts';
import {ageColumn, BACKENDS, rowsOf, useStore} from './support/store.ts';

const identity = (serverUuid: string) => ({serverUuid, serverId: 1, binlogState: ''});

interface Past {
  readonly failed: string;
  readonly successor: string;
  readonly analysis?: string;
  /** Successors that died before. */
  readonly tried?: readonly string[];
  /** Without a plan: as 3.2.6 leaves it. */
  readonly old?: true;
}

describe.each(BACKENDS)('what is recorded of replaced sources on %s', (kind) => {
  const store = useStore(kind);
  let made = 0;

  async function recovered({failed, successor, analysis = 'DeadMaster', tried = [], old}: Past): Promise<string> {
    const uid = `${1_700_000_000_000_000_000n + BigInt(++made)}:aa`;
    await store.backend.transaction(async (work) => {
      const registration = await registerRecovery(work, {
        uid,
        failed: key(failed),
        analysis,
        cluster: 'shop',
        alias: 'shop',
        replicas: [],
        node: {hostname: 'box1', token: 't'},
        forced: true,
      });
      const recoveryId = registration.registered ? registration.recoveryId : 0;
      if (!old) await journal(work, {uid, recoveryId, kind: 'promote', failed: key(failed), tried});
      await recordSuccessor(work, uid, {successor: key(successor), alias: ''});
      await writeRecoveryEnd(work, uid, {lost: [], participating: [], errors: []});
    });
    return uid;
  }

  interface Journal {
    readonly uid: string;
    readonly recoveryId: number;
    readonly kind: string;
    readonly failed: InstanceKey;
    readonly tried?: readonly string[];
    readonly outcome?: string;
  }

  async function journal(
    work: Parameters<typeof openPlan>[0],
    {uid, recoveryId, kind: plan, failed, tried = [], outcome}: Journal,
  ): Promise<void> {
    const document = {
      plan: {kind: plan, failed, outcome},
      facts: {replicas: [key('b'), key('c')]},
      identity: identity(failed.host),
      tried: tried.map((name) => ({key: key(name), identity: identity(name)})),
    };
    await openPlan(work, {uid, recoveryId, lockId: 'l', fence: 1, cluster: 'shop', kind: plan, document, steps: []});
    await endPlan(work, uid, {state: 'done', outcome: ''});
  }

  const demotionOf = async (name: string) => (await readDemotions(store.backend, [key(name)])).get(`${name}:3306`);

  test('who it was, who took its place, how long ago', async () => {
    const uid = await recovered({failed: 'a', successor: 'b'});
    const demotion = await demotionOf('a');
    expect(demotion).toMatchObject({
      uid,
      key: key('a'),
      cluster: 'shop',
      identity: identity('a'),
      successors: [key('b')],
      promotedSince: false,
      handled: null,
      replicas: [key('b'), key('c')],
    });
    await ageColumn(store.backend, 'topology_recovery', 'start_active_period', 100);
    const {age = 0} = (await demotionOf('a')) ?? {};
    expect(age).toBeGreaterThanOrEqual(100);
    expect(await demotionOf('b')).toBeUndefined();
  });

  test('a source that a person replaced is known by the plan of that, which is of another kind', async () => {
    const uid = '1700000000000000000:hand';
    const replaces = {
      failed: key('h'),
      identity: identity('h'),
      replicas: [key('b'), key('c')],
      alias: '',
      node: {hostname: 'x', token: 't'},
    };
    const document = {plan: {kind: 'relocate', subject: key('b')}, replaces};
    const row = {...replaces, uid, analysis: 'DeadMaster', cluster: 'shop', forced: true};
    const relocation = {recoveryId: 0, lockId: 'l', fence: 1, cluster: 'shop', kind: 'relocate', steps: []};
    await store.backend.transaction(async (work) => {
      await openPlan(work, {...relocation, uid, document});
      await endPlan(work, uid, {state: 'done', outcome: ''});
      await openPlan(work, {...relocation, uid: `${uid}2`, document: {plan: {kind: 'relocate', subject: key('c')}}});
      await endPlan(work, `${uid}2`, {state: 'done', outcome: ''});
    });
    expect(await demotionOf('h')).toBeUndefined();
    await store.backend.transaction(async (work) => {
      await registerRecovery(work, row);
      await recordSuccessor(work, uid, {successor: key('b'), alias: ''});
      await writeRecoveryEnd(work, uid, {lost: [], participating: [], errors: []});
    });
    expect(await demotionOf('h')).toMatchObject({uid, identity: identity('h'), successors: [key('b')], replicas: [key('b'), key('c')]});
  });

  test.each<{what: string; past: readonly Past[]; successors: readonly string[] | null; promotedSince?: boolean}>([
    {
      what: 'its successor was replaced too',
      past: [
        {failed: 'a', successor: 'b'},
        {failed: 'b', successor: 'c'},
      ],
      successors: ['b', 'c'],
    },
    {
      what: 'it is the source again',
      past: [
        {failed: 'a', successor: 'b'},
        {failed: 'b', successor: 'a'},
      ],
      successors: ['b', 'a'],
      promotedSince: true,
    },
    {
      what: 'the same by 3.2.6',
      past: [
        {failed: 'a', successor: 'b'},
        {failed: 'b', successor: 'a', old: true},
      ],
      successors: ['b', 'a'],
      promotedSince: true,
    },
    {
      what: 'it only took in replicas of an intermediate source',
      past: [
        {failed: 'a', successor: 'b'},
        {failed: 'x', successor: 'a', analysis: 'DeadIntermediateMaster'},
      ],
      successors: ['b'],
    },
    {what: 'it died as a candidate', past: [{failed: 'z', successor: 'b', tried: ['a']}], successors: ['b']},
    {what: 'the recovery was one of 3.2.6', past: [{failed: 'a', successor: 'b', old: true}], successors: null},
    {what: 'nobody replaced it', past: [], successors: null},
  ])('$what', async ({past, successors, promotedSince = false}) => {
    for (const one of past) await recovered(one);
    const demotion = await demotionOf('a');
    expect(demotion?.successors.map(({host}) => host) ?? null).toEqual(successors);
    expect(demotion?.promotedSince ?? false).toBe(promotedSince);
    expect(demotion?.identity?.serverUuid).toBe(successors === null ? undefined : 'a');
  });

  test('as soon as a successor is recorded, whatever is left to be done then; not before', async () => {
    const uid = '1600000000000000000:aa';
    const document = {plan: {kind: 'promote', failed: key('a')}, facts: {replicas: [key('b')]}, identity: identity('a')};
    await store.backend.transaction(async (work) => {
      const recovery = {uid, failed: key('a'), analysis: 'DeadMaster', cluster: 'shop', alias: '', replicas: [], forced: true};
      await registerRecovery(work, {...recovery, node: {hostname: 'box1', token: 't'}});
      await openPlan(work, {uid, recoveryId: 1, lockId: 'l', fence: 1, cluster: 'shop', kind: 'promote', document, steps: []});
    });
    expect(await demotionOf('a')).toBeUndefined();
    await store.backend.run((work) => recordSuccessor(work, uid, {successor: key('b'), alias: ''}));
    expect(await demotionOf('a')).toMatchObject({uid, identity: identity('a'), successors: [key('b')], handled: null});
  });

  test('what was done about its return, last', async () => {
    await recovered({failed: 'a', successor: 'b'});
    const {recoveryId = 0} = (await demotionOf('a')) ?? {};
    for (const [at, outcome] of ['fenced', 'quarantined'].entries()) {
      const uid = `${1_800_000_000_000_000_000n + BigInt(at)}:bb`;
      await store.backend.transaction((work) => journal(work, {uid, recoveryId, kind: 'return', failed: key('a'), outcome}));
      expect(await demotionOf('a')).toMatchObject({handled: outcome});
    }
  });

  test('it is kept as long as its source is lost, whatever its age', async () => {
    await recovered({failed: 'a', successor: 'b'});
    await recovered({failed: 'x', successor: 'y'});
    await store.backend.run((work) => downtimeLost(work, [key('a')], {owner: 'box1'}));
    await ageColumn(store.backend, 'topology_recovery', 'start_active_period', 1000);
    await ageColumn(store.backend, 'recovery_plan', 'ended_at', 1000);
    expect(await purgeRecoveries(store.backend, 500)).toBe(1);
    expect(await demotionOf('a')).toMatchObject({successors: [key('b')]});
    expect(await rowsOf(store.backend, 'recovery_plan', 'uid')).toHaveLength(1);
  });

  test('who is taken back into service loses that downtime, and no other', async () => {
    await store.backend.run((work) => downtimeLost(work, [key('a')], {owner: 'box1'}));
    await beginDowntime(store.backend, key('b'), {owner: 'ann', reason: 'disk', lasting: 60});
    await takeBackIntoService(store.backend, [key('a'), key('b')]);
    expect((await activeDowntimes(store.backend)).map((one) => one.key)).toEqual([key('b')]);
  });

  test('an open plan whose lock is not there is found', async () => {
    await store.backend.transaction((work) =>
      openPlan(work, {uid: '9:cc', recoveryId: 1, lockId: 'gone', fence: 1, cluster: 'shop', kind: 'promote', document: {}, steps: []}),
    );
    await recovered({failed: 'a', successor: 'b'});
    expect(await readPlansWithoutLock(store.backend)).toEqual(['9:cc']);
  });
});
