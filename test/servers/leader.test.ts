import {writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {afterAll, afterEach, beforeAll, expect, test} from 'vitest';
import {sandbox, type Instance, type Sandbox} from '../sandbox/index.ts';
import {
  backendHost,
  detectionsAt,
  insert,
  recoveriesOf,
  recoveryOf,
  rows,
  site,
  stepsOf,
  topologyNow,
  watching,
  witness,
  type BackendHost,
  type Service,
  type Site,
  type SiteOptions,
} from './support/index.ts';

/** A lease and a look at it take 5.6 s; a machine that tests much at once takes longer. */
const ELECTED_WITHIN = 60_000;
/** The account that the second node uses, so that servers tell who is connected. */
const SECOND = {user: 'orc2', password: 'orc2pw'};

let box: Sandbox;
let host: BackendHost;
let at: Site;
beforeAll(async () => {
  [box, host] = await Promise.all([sandbox({flavor: 'mariadb'}), backendHost('mariadb')]);
});
afterEach(() => at?.down());
afterAll(() => Promise.all([box?.down(), host?.down()]));

interface Scene {
  readonly a: Instance;
  readonly b: Instance;
  readonly c: Instance;
  readonly leader: Service;
  readonly other: Service;
}

/** A source with two replicas, a leader that watches them, and another node. */
async function start(settings: SiteOptions['settings'] = {}): Promise<Scene> {
  const {a, b, c} = await box.topology('a: b c');
  await a.query('CREATE USER ?@? IDENTIFIED BY ?', [SECOND.user, '%', SECOND.password]);
  await a.query('GRANT ALL ON *.* TO ?@? WITH GRANT OPTION', [SECOND.user, '%']);
  await insert(a, 1, 10);
  await box.caughtUp();
  at = await site({backend: host, servers: [a, b, c], settings});
  const leader = await at.serve();
  await watching(at, a);
  const other = await at.serve({args: ['--topology-user', SECOND.user, '--topology-password', SECOND.password]});
  return {a, b, c, leader, other};
}

/** Connections of one node at each server. */
async function connections(servers: readonly Instance[], user: string): Promise<readonly number[]> {
  const count = 'SELECT COUNT(*) FROM information_schema.processlist WHERE user = ?';
  return Promise.all(servers.map(async (server) => Number(await server.value(count, [user]))));
}

/** The new leader has a connection to each of these servers. */
async function watchedBySecond(servers: readonly Instance[]): Promise<void> {
  await box.waitFor('the new leader is connected to all servers', async () =>
    (await connections(servers, SECOND.user)).every((n) => n > 0),
  );
}

/** The first node has no connection to any of these servers any more; they take a moment to notice. */
async function leftByFirst(servers: readonly Instance[]): Promise<void> {
  await box.waitFor('the first node has let go of the servers', async () => (await connections(servers, 'orc')).every((n) => n === 0));
}

test('only the leader is connected to managed servers; when it is killed another leads, and recovers', async () => {
  const {a, b, c, leader, other} = await start();
  await box.waitFor('the leader is connected to all', async () => (await connections([a, b, c], 'orc')).every((n) => n > 0));
  expect(await connections([a, b, c], SECOND.user)).toEqual([0, 0, 0]);
  await leader.kill9();
  await other.says(/elected leader of term 2/, ELECTED_WITHIN);
  await watchedBySecond([a, b, c]);
  await leftByFirst([a, b, c]);
  await a.kill9();
  expect(await recoveryOf(at, a)).toMatchObject({is_successful: 1});
  await topologyNow([b, c]);
});

test('leader and source are killed together: the next leader recovers', async () => {
  const {a, b, c, leader, other} = await start();
  await Promise.all([leader.kill9(), a.kill9()]);
  await other.says(/elected leader of term 2/, ELECTED_WITHIN);
  expect(await recoveryOf(at, a)).toMatchObject({is_successful: 1, analysis: 'DeadMaster'});
  await topologyNow([b, c]);
  expect(await recoveriesOf(at)).toHaveLength(1);
});

test('a leader that is told to end hands over at once, and leaves no connection behind', async () => {
  const {a, b, c, leader, other} = await start();
  other.pause();
  await leader.stop();
  // Free for whoever asks next: a row of one that has died would have to stand still for a lease first.
  expect(await rows(at, 'active_node')).toMatchObject([{hostname: '', token: ''}]);
  other.resume();
  await other.says(/elected leader of term 2/, ELECTED_WITHIN);
  expect({exit: leader.exitCode, signal: leader.signal}).toEqual({exit: 0, signal: null});
  await leftByFirst([a, b, c]);
  await watchedBySecond([a, b, c]);
  await a.kill9();
  expect(await recoveryOf(at, a)).toMatchObject({is_successful: 1});
  await topologyNow([b, c]);
});

test('a leader that hangs is replaced, and does nothing more when it goes on', async () => {
  const {a, b, c, leader, other} = await start();
  leader.pause();
  await other.says(/elected leader of term 2/, ELECTED_WITHIN);
  await a.kill9();
  expect(await recoveryOf(at, a)).toMatchObject({is_successful: 1});
  const source = await topologyNow([b, c]);
  const log = await witness([b, c]);
  leader.resume();
  await leader.says(/no longer leader/);
  await leftByFirst([b, c]);
  expect(await topologyNow([b, c])).toBe(source);
  expect(await log.changes()).toEqual([]);
  expect(await recoveriesOf(at)).toHaveLength(1);
});

test('hooks of a detection that a leader did not survive are run again by the next one, under the same UID', async () => {
  const once = 'test -e "$HOME/killed" || { touch "$HOME/killed"; kill -9 $PPID; }';
  const {a, b, c, leader, other} = await start((hooks) => ({
    OnFailureDetectionProcesses: [hooks.command('OnFailureDetectionProcesses'), once],
  }));
  await a.kill9();
  await leader.ended();
  await other.says(/elected leader of term 2/, ELECTED_WITHIN);
  expect(await recoveryOf(at, a)).toMatchObject({is_successful: 1});
  await topologyNow([b, c]);
  const told = (await at.hooks.runs()).filter(({list, type}) => list === 'OnFailureDetectionProcesses' && type === 'DeadMaster');
  expect(told.map(({attempt}) => attempt)).toEqual([1, 2]);
  expect(told[1]?.uid).toBe(told[0]?.uid);
  expect((await detectionsAt(at)).filter((one) => one.startsWith('Dead'))).toEqual([`DeadMaster of ${a.key.port}`]);
});

test('a leader that hangs in the middle of a recovery loses it to the next one, and adds nothing when it goes on', async () => {
  const once = 'test -e "$HOME/stopped" || { touch "$HOME/stopped"; kill -STOP $PPID; }';
  const {a, b, c, leader, other} = await start((hooks) => ({
    PreFailoverProcesses: [hooks.command('PreFailoverProcesses'), once],
  }));
  await a.kill9();
  await other.says(/elected leader of term 2/, ELECTED_WITHIN);
  const recovery = await recoveryOf(at, a);
  expect(recovery).toMatchObject({is_successful: 1, all_errors: ''});
  const source = await topologyNow([b, c]);
  const log = await witness([b, c]);
  leader.resume();
  await leader.says(/no longer leader/);
  await leftByFirst([b, c]);
  expect(await topologyNow([b, c])).toBe(source);
  expect(await log.changes()).toEqual([]);
  expect(await recoveriesOf(at)).toEqual([recovery]);
  const runs = (await at.hooks.runs()).filter(({uid}) => uid === recovery.uid);
  expect(runs.map(({list, attempt}) => `${list} ${attempt}`)).toEqual([
    'PreFailoverProcesses 1',
    'PreFailoverProcesses 2',
    expect.stringMatching(/^PostMasterFailoverProcesses /),
    expect.stringMatching(/^PostFailoverProcesses /),
  ]);
});

/** A recovery whose PreFailover hook is under way, and goes on when it is told to. */
async function inTheMiddle(): Promise<Scene & {readonly goOn: () => Promise<void>}> {
  const held = 'until test -e "$HOME/go"; do sleep 0.1; done';
  const scene = await start((hooks) => ({PreFailoverProcesses: [hooks.command('PreFailoverProcesses'), held]}));
  await scene.a.kill9();
  await box.waitFor('the hook runs', async () => (await at.hooks.order()).includes('PreFailoverProcesses'));
  return {...scene, goOn: () => writeFile(join(dirname(at.file), 'go'), '')};
}

/** The recovery that was under way went on to its end, nobody resumed it, and there was no other. */
async function endedByItself({a, b, c}: Scene): Promise<void> {
  const recovery = await recoveryOf(at, a);
  expect(recovery).toMatchObject({is_successful: 1, all_errors: ''});
  await topologyNow([b, c]);
  expect(await recoveriesOf(at)).toHaveLength(1);
  expect((await stepsOf(at, recovery.uid)).filter((step) => step.startsWith('resumed by'))).toEqual([]);
  const runs = (await at.hooks.runs()).filter(({list}) => list === 'PreFailoverProcesses');
  expect(runs.map(({attempt}) => attempt)).toEqual([1]);
}

test('a leader that is told to end in the middle of a recovery hands over at once, and brings the recovery to its end', async () => {
  const scene = await inTheMiddle();
  const {b, c, leader, other} = scene;
  process.kill(leader.pid, 'SIGTERM');
  await leader.says(/leadership is given back; what is under way goes on/);
  expect(leader.log).not.toMatch(/leadership could not be given back/);
  await other.says(/elected leader of term 2/, ELECTED_WITHIN);
  await watchedBySecond([b, c]);
  expect(leader.alive).toBe(true);
  await scene.goOn();
  await endedByItself(scene);
  await leader.ended();
  expect({exit: leader.exitCode, signal: leader.signal}).toEqual({exit: 0, signal: null});
});

test('a leader that is deposed in the middle of a recovery and elected again begins its term at once', async () => {
  const scene = await inTheMiddle();
  const {b, leader, other} = scene;
  await other.kill9();
  expect((await fetch(`${leader.address}/api/reelect`)).status).toBe(200);
  await leader.says(/no longer leader[^]*elected leader of term 2/, ELECTED_WITHIN);
  // One look may still be of the former term.
  const looks = new Set<string>();
  await box.waitFor('it probes in its new term', async () => {
    const known = await rows<{last_seen: string}>(at, 'database_instance', {port: b.key.port});
    for (const {last_seen} of known) looks.add(last_seen);
    return looks.size > 2;
  });
  await scene.goOn();
  await endedByItself(scene);
});

test.each(['is stopped', 'is killed'] as const)(
  'while the backend %s nothing is changed; when it is back, what is dead is replaced',
  async (how) => {
    const {a, b, c, leader} = await start();
    const log = await witness([b, c]);
    const backend = host.server!;
    if (how === 'is stopped') backend.pause();
    else await backend.kill9();
    await a.kill9();
    await leader.says(/no longer leader/);
    expect(await log.changes()).toEqual([]);
    if (how === 'is stopped') backend.resume();
    else await backend.start();
    expect(await recoveryOf(at, a)).toMatchObject({is_successful: 1, all_errors: ''});
    await topologyNow([b, c]);
    expect(await recoveriesOf(at)).toHaveLength(1);
  },
);

/** What waits for a statement that hangs is played by `script/test --all`. */
const hanging = process.env['ORCHESTRATOR_TEST_ALL'] === undefined ? [] : ['hangs'];

test.each(hanging)('while the question whether recoveries are disabled %s, nothing is recovered; once it is answered, it is', async () => {
  const {a, b, c, leader} = await start();
  const log = await witness([b, c]);
  const [schema, held] = [at.settings.MySQLOrchestratorDatabase ?? '', host.server!.connect()];
  try {
    await held.query(`USE ${schema}`);
    await held.query('LOCK TABLES global_recovery_disable WRITE');
    await a.kill9();
    await leader.says(/whether recoveries are disabled cannot be read, so nothing is recovered: .* gave no answer within 5 s/);
    // Under the lock: nobody reads it in between. Whoever explains it need not wait either.
    await held.query('ALTER TABLE global_recovery_disable RENAME TO kept_away');
  } finally {
    held.close();
  }
  const explained = async (): Promise<string> => (await at.run('explain', '-i', `${a.key.host}:${a.key.port}`)).stdout;
  const because = 'is not recovered: whether recoveries are disabled globally cannot be read';
  await expect.poll(explained, {timeout: 60_000}).toMatch(new RegExp(`${because}[^]*The leader said[^]*recovery-disabled[^]*${because}`));
  expect(await recoveriesOf(at)).toEqual([]);
  expect(await log.changes()).toEqual([]);
  await host.server!.query(`RENAME TABLE ${schema}.kept_away TO ${schema}.global_recovery_disable`);
  expect(await recoveryOf(at, a)).toMatchObject({is_successful: 1, all_errors: ''});
  await topologyNow([b, c]);
  expect(await recoveriesOf(at)).toHaveLength(1);
});
