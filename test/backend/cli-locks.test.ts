import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, test} from 'vitest';
import {acquireLock} from '../../src/lib/coordination/lock/acquire.ts';
import {isContention} from '../../src/lib/coordination/lock/contention.ts';
import {keepLock, type KeptLock} from '../../src/lib/coordination/lock/keep.ts';
import {listLocks} from '../../src/lib/coordination/lock/rows.ts';
import {journalSessions} from '../../src/lib/coordination/lock/sessions.ts';
import {defaultTiming} from '../../src/lib/coordination/timing.ts';
import type {LockHold} from '../../src/lib/coordination/types.ts';
import type {Act} from '../../src/lib/execute/journal/acts.ts';
import type {RecoveryDocument} from '../../src/lib/execute/journal/document.ts';
import {hookFacts} from '../../src/lib/hooks/facts.ts';
import type {InstanceKey} from '../../src/lib/model/instance-key.ts';
import {advancePlan, openPlan, readPlan} from '../../src/lib/store/recovery/plans.ts';
import {registerRecovery} from '../../src/lib/store/recovery/recovery-registration.ts';
import {waitFor} from '../sandbox/index.ts';
import {backendHost, BACKENDS, type BackendHost} from '../servers/support/backends.ts';
import {given} from '../unit/support/given.ts';
import {cli, words, type Cli, type Ran} from './support/cli.ts';
import {node} from './support/coordination.ts';

const at = (name: string): InstanceKey => ({host: '127.0.0.1', port: name.charCodeAt(0) - 96}); // ports nobody listens on
const [a, b, c] = ['a', 'b', 'c'].map(at) as [InstanceKey, InstanceKey, InstanceKey];
const ann = node('ann.example');
const UID = '1:aa';
let it: Cli;
let kept: KeptLock[] = [];
/** Null: SQLite, each test with a file of its own. */
let host: BackendHost | null = null;

beforeEach(() => {
  it = cli({AuditToBackendDB: true, MySQLConnectTimeoutSeconds: 1, ...host?.fresh('')});
});

afterEach(async () => {
  await Promise.all(kept.map((lock) => lock.stop()));
  kept = [];
  await it.down();
});

/** Ann locks these instances, and is gone. */
async function locked(instances: readonly InstanceKey[], purpose = 'recovery of a'): Promise<LockHold> {
  const wish = {me: ann, purpose, cluster: 'shop:3306', instances, timing: defaultTiming};
  const hold = await acquireLock({backend: await it.backend(), ...wish});
  if (isContention(hold)) throw new Error(`contended: ${hold.purpose}`);
  return hold;
}

/** Ann is not gone. */
async function alive(hold: LockHold): Promise<void> {
  const silent = (): void => undefined;
  kept.push(keepLock({backend: await it.backend(), hold, timing: defaultTiming, onLost: silent, log: silent}));
}

/** A recovery of a that promotes b, as its conductor journals it: two acts of which the first was begun. */
async function planned(hold: LockHold, acts: readonly Act[] = [{do: 'record-success'}, {do: 'end'}]): Promise<void> {
  const names = {cluster: 'shop:3306', failed: a};
  const facts = hookFacts({
    ...names,
    failureType: 'DeadMaster',
    instanceType: 'master',
    replicas: [b, c],
    orchestratorHost: ann.hostname,
    recoveryUid: UID,
  });
  const document: RecoveryDocument = {
    version: 1,
    uid: UID,
    plan: {kind: 'promote', code: 'DeadMaster', ...names, successor: b, steps: [], candidates: [], lost: [c], remarks: []},
    acts: acts.map((act, number) => ({number, stage: number, weight: 'must', act})),
    facts,
    alias: 'shop',
  };
  const backend = await it.backend();
  await backend.transaction(async (work) => {
    const {lockId, fence} = hold;
    await registerRecovery(work, {uid: UID, ...names, analysis: 'DeadMaster', alias: 'shop', replicas: [b, c], node: ann, forced: false});
    const steps = acts.map((act, number) => ({number, description: act.do}));
    await openPlan(work, {uid: UID, recoveryId: 1, lockId, fence, cluster: names.cluster, kind: 'promote', document, steps});
  });
  const advance = {ended: [], starting: [0], messages: []};
  await advancePlan(backend, UID, {fenced: () => Promise.resolve(true), advance});
}

const run = (line: string): Promise<Ran> => it.run(words(line));
const table = async <Row>(name: string): Promise<readonly Row[]> =>
  (await it.backend()).run(({db}) => db<object>(name).select('*')) as never;
const locks = async (): Promise<number> => (await listLocks(await it.backend())).length;

// The others wait for a lease to run out, and are the same to any backend.
describe.each(BACKENDS)('on %s', (kind) => {
  beforeAll(async () => {
    host = kind === 'sqlite' ? null : await backendHost(kind);
  });
  afterAll(async () => {
    await host?.down();
    host = null;
  });

  test('without locks there is nothing to show, and nothing to wait for', async () => {
    expect(await run('which-locks')).toEqual({status: 0, stdout: '', stderr: ''});
    expect(JSON.parse((await run('which-locks --json')).stdout)).toEqual([]);
  });

  test('maintenance of what is being changed is refused with who, why and since when', async () => {
    await it.seed(given('a: b'));
    const [seeded] = given('a: b').instances.map(({key}) => key);
    const hold = await locked([seeded!], 'relocation of a');
    const {status, stdout, stderr} = await run('begin-maintenance -i a --reason x');
    expect({status, stdout}).toEqual({status: 7, stdout: ''});
    expect(stderr).toMatch(
      /^orchestrator: cluster shop:3306 is being changed by ann\.example \(relocation of a\) since \d{4}-\S+ \S+ \(wait for .*which-locks.*\)\n$/,
    );
    const rowsOfLock = await table<{database_instance_maintenance_id: number}>('database_instance_maintenance');
    for (const which of ['-i a', `--id ${rowsOfLock[0]!.database_instance_maintenance_id}`]) {
      const ended = await run(`end-maintenance ${which}`);
      expect(ended).toMatchObject({status: 7, stdout: ''});
      expect(ended.stderr).toContain('is being changed by ann.example (relocation of a)');
    }
    expect(await table('database_instance_maintenance')).toEqual(rowsOfLock);
    await (await it.backend()).run(({db}) => db('cluster_lock').where({lock_id: hold.lockId}).delete());
    await (await it.backend()).run(({db}) => db('cluster_lock_member').delete());
    await (await it.backend()).run(({db}) => db('database_instance_maintenance').delete());
    await run('begin-maintenance -i a --reason disk --owner eve');
    const again = await run('begin-maintenance -i a --reason x');
    expect(again.status).toBe(7);
    expect(again.stderr).toMatch(
      /^orchestrator: a:3306 is in maintenance already: maintenance by eve: disk, since \d{4}-\S+ \S+, from \S+ \(orchestrator end-maintenance ends it\)\n$/,
    );
  });

  test('a lock is left alone unless it is forced', async () => {
    const hold = await locked([a]);
    const {status, stdout, stderr} = await run(`unlock ${hold.lockId}`);
    expect({status, stdout}).toEqual({status: 4, stdout: ''});
    expect(stderr).toMatch(
      /^orchestrator: cluster shop:3306 is being changed by ann\.example .*; the lock was left alone \(.*--force.*\)\n$/,
    );
    expect(await locks()).toBe(1);
    expect(await run('unlock nothing')).toMatchObject({status: 3, stdout: ''});
    expect(await run('unlock --lock nothing --force')).toMatchObject({status: 3, stdout: ''});
  });

  test('a lock is forced from a living holder: sessions ended, recovery given up, all on record', async () => {
    const hold = await locked([a, b]);
    await planned(hold);
    await alive(hold);
    await journalSessions(await it.backend(), hold, [{instance: b, connectionId: 5}]);
    const {status, stdout, stderr} = await run(`unlock --lock ${hold.lockId} --force --owner bob --reason "it hangs"`);
    expect({status, stdout, stderr}).toEqual({status: 0, stdout: `${hold.lockId}\n`, stderr: expect.any(String) as string});
    expect(stderr).toMatch(/sessions of the former holder on 127\.0\.0\.1:2 could not be ended/);
    expect(stderr).toMatch(/recovery 1:aa of 127\.0\.0\.1:1 was given up; done before: record-success \(begun\); not done: end\n/);
    expect(await locks()).toBe(0);
    expect(await table('database_instance_maintenance')).toEqual([]);
    await waitFor('its holder noticed', () => kept[0]?.current() === null && !kept[0].mayStillSend(0));
    expect(await readPlan(await it.backend(), UID)).toMatchObject({state: 'aborted', outcome: 'its lock was taken away by bob: it hangs'});
    expect(await table('topology_recovery')).toMatchObject([
      {uid: UID, end_recovery: expect.any(String) as string, is_successful: 0, all_errors: 'its lock was taken away by bob: it hangs'},
    ]);
    // Not seen gone, and not forgotten with the lock.
    expect(await table('cluster_lock_session')).toMatchObject([{hostname: b.host, port: b.port, connection_id: 5}]);
    const [unended, ...audited] = await table<{audit_type: string; message: string; port: number}>('audit');
    expect(unended).toMatchObject({audit_type: 'kill-former-sessions', port: b.port});
    expect(unended?.message).toMatch(/^recovery of a: sessions of the former holder on 127\.0\.0\.1:2 could not be ended/);
    expect(audited.map(({audit_type}) => audit_type)).toEqual(['unlock', 'abort-recovery']);
    expect(audited[0]?.message).toMatch(/^by bob: recovery of a, held by ann\.example since .*, reason: it hangs$/);
  });

  test('a recovery that lost its lock can only be given up', async () => {
    await planned(await locked([a]));
    for (const name of ['cluster_lock', 'cluster_lock_member']) await (await it.backend()).run(({db}) => db(name).delete());
    const resumed = await run(`recovery resume ${UID}`);
    expect(resumed).toMatchObject({status: 4, stdout: ''});
    expect(resumed.stderr).toContain(`orchestrator recovery abort ${UID} ends it`);
    expect(await run(`recovery abort ${UID}`)).toMatchObject({status: 0, stdout: `${UID}\n`});
    expect(await readPlan(await it.backend(), UID)).toMatchObject({state: 'aborted'});
  });

  test('nothing is known of a recovery without a plan', async () => {
    for (const verb of ['resume', 'abort']) expect(await run(`recovery ${verb} 9:zz`)).toMatchObject({status: 3, stdout: ''});
  });
});

test('which-locks says who, what for, since when, whether they live, and what is open', async () => {
  const dead = await locked([b, a]);
  await planned(dead);
  const living = await locked([c], 'relocation of c');
  await alive(living);
  // Whose heartbeat is late while the command looks seems to stand still.
  const {status, stdout, stderr} = await waitFor('its holder is seen alive', async () => {
    const ran = await run('which-locks');
    return ran.stdout.includes('\tmoving\t') ? ran : Promise.reject(new Error(ran.stdout));
  });
  expect({status, stderr}).toEqual({status: 0, stderr: ''});
  const since = expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/) as string;
  const lines = stdout.trimEnd().split('\n');
  expect(new Set(lines.map((line) => line.split('\t')))).toEqual(
    new Set([
      [dead.lockId, 'shop:3306', 'ann.example', 'recovery of a', since, `${dead.fence}`, 'still', UID, '127.0.0.1:1,127.0.0.1:2'],
      [living.lockId, 'shop:3306', 'ann.example', 'relocation of c', since, `${living.fence}`, 'moving', '', '127.0.0.1:3'],
    ]),
  );
  const json = JSON.parse((await run('which-locks --json')).stdout) as {lockId: string}[];
  expect(json.find(({lockId}) => lockId === dead.lockId)).toMatchObject({
    cluster: 'shop:3306',
    holder: ann,
    purpose: 'recovery of a',
    fence: dead.fence,
    stirs: false,
    openRecovery: UID,
    instances: [a, b],
  });
  const drawn = (await run('which-locks --format table')).stdout;
  expect(drawn).toMatch(/^lock +cluster +holder +purpose +since +fence +heartbeat +open recovery +instances\n/);
  expect(drawn).toMatch(/ (moving|still) /);
});

test('a recovery whose holder lives is neither resumed nor given up', async () => {
  const hold = await locked([a]);
  await planned(hold);
  await alive(hold);
  for (const verb of ['resume', 'abort']) {
    const {status, stdout, stderr} = await run(`recovery ${verb} ${UID}`);
    expect({status, stdout}).toEqual({status: 7, stdout: ''});
    expect(stderr).toMatch(/^orchestrator: cluster shop:3306 is being changed by ann\.example \(recovery of a\) since /);
  }
  expect(await readPlan(await it.backend(), UID)).toMatchObject({state: 'open'});
  expect(kept[0]?.current()).toMatchObject({fence: hold.fence});
});

test('a recovery whose holder is gone is given up: plan, recovery, lock and maintenance end together', async () => {
  const hold = await locked([a, b]);
  await planned(hold);
  const {status, stdout, stderr} = await run(`recovery abort ${UID} --owner bob --reason "repaired by hand"`);
  expect({status, stdout}).toEqual({status: 0, stdout: `${UID}\n`});
  expect(stderr).toBe('orchestrator: recovery 1:aa of 127.0.0.1:1 was given up; done before: record-success (begun); not done: end\n');
  expect(await readPlan(await it.backend(), UID)).toMatchObject({state: 'aborted', outcome: 'given up by bob: repaired by hand'});
  expect(await table('topology_recovery')).toMatchObject([
    {all_errors: 'given up by bob: repaired by hand', lost_slaves: '127.0.0.1:3', in_active_period: 1, acknowledged: 0},
  ]);
  expect(await table('topology_recovery_steps')).toMatchObject([{recovery_uid: UID, message: 'given up by bob: repaired by hand'}]);
  expect(await table('audit')).toMatchObject([{audit_type: 'abort-recovery', hostname: '127.0.0.1', port: 1, message: '1:aa by bob'}]);
  expect([await locks(), await table('cluster_lock_member'), await table('database_instance_maintenance')]).toEqual([0, [], []]);
  const again = await run(`recovery abort ${UID}`);
  expect(again).toMatchObject({status: 4, stdout: ''});
  expect(again.stderr).toContain('has ended; it was given up: given up by bob: repaired by hand');
});

test('a recovery that somebody ended meanwhile keeps what they wrote', async () => {
  await planned(await locked([a]));
  const said = {end_recovery: '2020-01-01 00:00:00', all_errors: 'theirs'};
  await (await it.backend()).run(({db}) => db('topology_recovery').update(said));
  expect(await run(`recovery abort ${UID}`)).toMatchObject({status: 0});
  expect(await table('topology_recovery')).toMatchObject([said]);
});

test('a recovery whose holder is gone is resumed: what was begun is repeated, the rest is done, and the lock given back', async () => {
  await planned(await locked([a, b]));
  const {status, stdout, stderr} = await run(`recovery resume ${UID}`);
  expect({status, stdout, stderr}).toEqual({status: 0, stdout: '127.0.0.1:2\n', stderr: 'orchestrator: lost replicas: 127.0.0.1:3\n'});
  expect(await table('topology_recovery')).toMatchObject([
    {is_successful: 1, successor_hostname: '127.0.0.1', successor_port: 2, end_recovery: expect.any(String) as string},
  ]);
  expect(await table('recovery_plan_step')).toMatchObject([
    {state: 'done', attempt: 2},
    {state: 'done', attempt: 1},
  ]);
  expect(await readPlan(await it.backend(), UID)).toMatchObject({state: 'done'});
  expect(await locks()).toBe(0);
  expect((await table<{audit_type: string}>('audit')).map(({audit_type}) => audit_type)).toContain('resume-recovery');
  const again = await run(`recovery resume ${UID}`);
  expect(again).toMatchObject({status: 4, stdout: ''});
  expect(again.stderr).toContain('it was carried through');
});

test('one that was acknowledged meanwhile is not resumed', async () => {
  await planned(await locked([a]));
  await run('ack-all-recoveries --reason seen');
  const {status, stdout, stderr} = await run(`recovery resume ${UID}`);
  expect({status, stdout}).toEqual({status: 4, stdout: ''});
  expect(stderr).toMatch(/was not resumed: it was acknowledged or ended by somebody else meanwhile\n$/);
  expect([await readPlan(await it.backend(), UID), await locks()]).toMatchObject([{state: 'aborted'}, 0]);
});

test('one whose row the backend has lost is not resumed but given up, and says so', async () => {
  await planned(await locked([a]));
  await (await it.backend()).run(({db}) => db('topology_recovery').delete());
  const {status, stdout, stderr} = await run(`recovery resume ${UID}`);
  expect({status, stdout}).toEqual({status: 4, stdout: ''});
  expect(stderr).toMatch(/was not resumed: its row is gone: the backend has lost it, or somebody has deleted it\n$/);
  expect([await readPlan(await it.backend(), UID), await locks()]).toMatchObject([
    {state: 'aborted', outcome: expect.stringContaining('its row is gone') as string},
    0,
  ]);
  expect(await table('topology_recovery')).toEqual([]);
});
