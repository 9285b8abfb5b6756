import {existsSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {basename, join} from 'node:path';
import {describe, expect, onTestFinished, test} from 'vitest';
import {analyze} from '../../src/lib/analysis/analyze.ts';
import type {Config} from '../../src/lib/config/keys.ts';
import {grabElection} from '../../src/lib/coordination/lease.ts';
import {acquireLock} from '../../src/lib/coordination/lock/acquire.ts';
import {isContention} from '../../src/lib/coordination/lock/contention.ts';
import {keepLock} from '../../src/lib/coordination/lock/keep.ts';
import {forceUnlock} from '../../src/lib/coordination/lock/takeover.ts';
import type {NodeId} from '../../src/lib/coordination/types.ts';
import {registerFinding} from '../../src/lib/daemon/register.ts';
import {conduct, type Conducting} from '../../src/lib/execute/conduct.ts';
import {OrchestratorError} from '../../src/lib/errors/errors.ts';
import type {Environment} from '../../src/lib/execute/environment.ts';
import {tellOfFailure} from '../../src/lib/execute/journal/unsuccessful.ts';
import {hookFacts} from '../../src/lib/hooks/facts.ts';
import type {Backend} from '../../src/lib/store/backend.ts';
import {startDetectionHooks} from '../../src/lib/store/recovery/detection-registration.ts';
import {openPlan} from '../../src/lib/store/recovery/plans.ts';
import {broken, down, given, key} from '../unit/support/given.ts';
import {node, steady} from './support/coordination.ts';
import {BACKENDS, rowsOf, useStore} from './support/store.ts';

describe.each(BACKENDS)('who was deposed while its hooks ran, on %s', (kind) => {
  const store = useStore(kind);
  const [ann, bob] = [node('ann'), node('bob')];

  /** A hook that says that it has begun, and ends when it is let. */
  function patientHook(): {readonly command: string; readonly folder: string; end(): void} {
    const folder = mkdtempSync(join(tmpdir(), 'orchestrator-hook-'));
    const end = (): void => rmSync(folder, {recursive: true, force: true});
    onTestFinished(end);
    return {command: `while [ -d '${folder}' ]; do sleep 0.02; done`, folder, end};
  }

  test("writes nothing of them into the detection, which is the next leader's", async () => {
    const {backend} = store;
    const {lease} = await grabElection(backend, ann, {timing: steady});
    const hook = patientHook();
    const config: Config = {...store.config, OnFailureDetectionProcesses: [hook.command]};
    const [analysis] = analyze(given('a: b c', {a: down, b: broken, c: broken}), config);
    const by = {backend, config, me: ann, log: () => undefined, detectionHooks: new Map()};
    const registering = registerFinding({...by, lease: () => lease}, analysis!);
    await expect.poll(() => rowsOf(backend, 'failure_detection_hook'), {timeout: 20_000}).toMatchObject([{state: 'started', attempt: 1}]);
    await grabElection(backend, bob, {timing: steady});
    await backend.run((work) => begunOnce(work));
    hook.end();
    expect(await registering).toBe(false);
    expect(await rowsOf(backend, 'failure_detection_hook')).toMatchObject([{state: 'started', attempt: 2, outcome: null}]);
  });

  test('does not run those of a detection a second time when it is elected again: they are brought to their end', async () => {
    const {backend} = store;
    const first = await grabElection(backend, ann, {timing: steady});
    const hook = patientHook();
    const told = join(hook.folder, '..', `${basename(hook.folder)}-told`);
    onTestFinished(() => rmSync(told, {force: true}));
    const config: Config = {...store.config, OnFailureDetectionProcesses: [`echo "$ORC_RECOVERY_ATTEMPT" >> '${told}'; ${hook.command}`]};
    const [analysis] = analyze(given('a: b c', {a: down, b: broken, c: broken}), config);
    const by = {backend, config, me: ann, log: () => undefined, detectionHooks: new Map()};
    const before = registerFinding({...by, lease: () => first.lease}, analysis!);
    await expect.poll(() => existsSync(told), {timeout: 20_000}).toBe(true);
    await grabElection(backend, bob, {timing: steady});
    const second = await grabElection(backend, ann, {timing: steady});
    const again = registerFinding({...by, lease: () => second.lease}, analysis!);
    hook.end();
    expect([await before, await again]).toEqual([false, true]);
    expect(readFileSync(told, 'utf8')).toBe('1\n');
    expect(await rowsOf(backend, 'failure_detection_hook')).toMatchObject([{state: 'done', attempt: 1, outcome: '1 ran'}]);
    expect(await registerFinding({...by, lease: () => second.lease}, analysis!)).toBe(true);
    expect(by.detectionHooks.size).toBe(0);
  });

  async function begunOnce(work: Parameters<typeof startDetectionHooks>[0]): Promise<void> {
    const row: {detection_id: number} | undefined = await work.db('failure_detection_hook').first('detection_id');
    await startDetectionHooks(work, row!.detection_id);
  }

  test('writes nothing of them into the recovery, which goes on in other hands', async () => {
    const {backend} = store;
    const hook = patientHook();
    const what = await begun(backend);
    const env = {
      backend,
      config: {...store.config, PostFailoverProcesses: ['echo said', hook.command]},
      me: ann,
      log: () => undefined,
    } as unknown as Environment;
    const conducting = conduct(env, what);
    await expect.poll(() => rowsOf(backend, 'recovery_plan_step'), {timeout: 20_000}).toMatchObject([{state: 'started'}]);
    await deposeBy(bob, what);
    hook.end();
    await expect(conducting).rejects.toMatchObject({code: 'DEADLINE_PASSED'});
    const lines = (await rowsOf(backend, 'topology_recovery_steps', 'recovery_step_id')).map(({message}) => message);
    expect(lines).toEqual(['begin: run PostFailoverProcesses']);
    await what.lock.stop();
  });

  test('has begun those that tell of a failure: the next one tells them that it is the second attempt', async () => {
    const {backend} = store;
    const config: Config = {...store.config, PostUnsuccessfulFailoverProcesses: ['true']};
    const first = await begun(backend, ann);
    const deposed = tellOfFailure({backend, config}, first, async (attempt) => {
      await deposeBy(bob, first);
      return `attempt ${attempt}`;
    });
    await expect(deposed).rejects.toMatchObject({code: 'DEADLINE_PASSED'});
    expect(await rowsOf(backend, 'recovery_plan_step', 'step_number')).toMatchObject([{}, {state: 'started', attempt: 1, outcome: null}]);
    const second = await begun(backend, bob);
    const again = tellOfFailure({backend, config}, second, (attempt) => {
      throw new OrchestratorError('HOOK_FAILED', `attempt ${attempt} failed`);
    });
    expect(await again).toBe('attempt 2 failed');
    expect(await rowsOf(backend, 'recovery_plan_step', 'step_number')).toMatchObject([
      {state: 'planned'},
      {description: 'run PostUnsuccessfulFailoverProcesses', state: 'failed', attempt: 2, outcome: 'attempt 2 failed'},
    ]);
    await Promise.all([first.lock.stop(), second.lock.stop()]);
  });

  async function deposeBy(me: NodeId, {hold: {lockId}}: Conducting): Promise<void> {
    await forceUnlock(store.backend, {me, lockId, timing: steady, log: () => undefined, before: () => Promise.resolve()});
  }

  /** A recovery of which only its last hooks are left, under its lock. */
  async function begun(backend: Backend, me: NodeId = ann): Promise<Conducting> {
    const topology = given('a: b');
    const hold = await acquireLock({
      backend,
      me,
      purpose: 'recovery of a',
      cluster: 'a',
      instances: [key('a'), key('b')],
      timing: steady,
    });
    if (isContention(hold)) throw new Error('contended');
    const plan = {
      kind: 'promote',
      code: 'DeadMaster',
      cluster: 'a',
      failed: key('a'),
      successor: key('b'),
      steps: [],
      candidates: [],
      lost: [],
      remarks: [],
    } as const;
    const act = {number: 0, stage: 0, weight: 'note', act: {do: 'hooks', list: 'PostFailoverProcesses'}} as const;
    const facts = hookFacts({failureType: 'DeadMaster', failed: key('a'), cluster: 'a', orchestratorHost: 'ann', recoveryUid: 'u1'});
    const document = {version: 1, uid: 'u1', plan, acts: [act], facts, alias: 'a'} as const;
    await backend.transaction((work) =>
      openPlan(work, {
        uid: 'u1',
        recoveryId: 1,
        lockId: hold.lockId,
        fence: hold.fence,
        cluster: 'a',
        kind: 'promote',
        document,
        steps: [{number: 0, description: ''}],
      }),
    );
    const lock = keepLock({backend, hold, timing: steady, onLost: () => undefined, log: () => undefined});
    return {document, lock, hold, former: [], topology, progress: new Map(), overdue: new Set()};
  }
});
