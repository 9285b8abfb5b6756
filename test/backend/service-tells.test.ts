import {spawn, type ChildProcess} from 'node:child_process';
import {chmodSync, existsSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {afterAll, beforeAll, expect, test, vi} from 'vitest';
import {given} from '../unit/support/given.ts';
import {cli, type Cli} from './support/cli.ts';

const PATIENCE = {timeout: 60_000, interval: 50};
let it: Cli;
let child: ChildProcess;
let log = '';
let url = '';

/** A service as people run it, with a `logger` that writes down what it is given. */
beforeAll(async () => {
  it = cli({EnableSyslog: true, AuditToSyslog: true, AuditToBackendDB: true, AuditLogFile: ''});
  await it.seed(given('db1: db2'));
  const logger = path.join(it.folder, 'logger');
  writeFileSync(logger, `#!/bin/sh\nwhile read -r line; do echo "$line" >> ${it.folder}/syslog; done\n`);
  chmodSync(logger, 0o755);
  const bin = process.env['ORCHESTRATOR_BIN'] ?? '';
  const args = [
    '--disable-warning=ExperimentalWarning',
    bin,
    '--config',
    path.join(it.folder, 'orchestrator.conf.json'),
    'serve',
    '--log-format',
    'json',
  ];
  child = spawn(process.execPath, args, {cwd: it.folder, env: env(), stdio: ['ignore', 'ignore', 'pipe']});
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text));
  await vi.waitFor(() => expect(log).toMatch(/listening on http/), PATIENCE);
  url = /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(log)?.[1] ?? '';
}, 90_000);

afterAll(async () => {
  if (child.exitCode === null) {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }
  await it.down();
});

const env = (): NodeJS.ProcessEnv => ({PATH: `${it.folder}:/usr/bin:/bin`, HOME: it.folder});
const syslog = (): string => {
  const file = path.join(it.folder, 'syslog');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};
const get = async (where: string, headers: Record<string, string> = {}): Promise<{status: number; text: string; id: string | null}> => {
  const response = await fetch(`${url}${where}`, {headers});
  return {status: response.status, text: await response.text(), id: response.headers.get('X-Request-Id')};
};

test('why a server cannot be probed is in the log, with what to do about it', async () => {
  const told = (): number => log.split('\n').filter((line) => /"db1:\d+ cannot be reached: .*\(check the host name\)"/.test(line)).length;
  await expect.poll(told, PATIENCE).toBe(1);
}, 90_000);

test('a node that leads says so in its metrics, its health and its events', async () => {
  await expect.poll(async () => (await get('/health/leader')).status, PATIENCE).toBe(200);
  await expect.poll(async () => (await get('/metrics')).text, PATIENCE).toMatch(/^orchestrator_discoveries_total [1-9]/m);
  const {text} = await get('/metrics');
  expect(text).toMatch(/^orchestrator_is_leader 1$/m);
  expect(text).toMatch(/^orchestrator_leader_term 1$/m);
  expect(text).toMatch(/^orchestrator_lease_remaining_seconds [\d.]*[1-9]/m);
  expect(text).toMatch(/^orchestrator_backend_query_seconds_count [1-9]/m);
  expect((await get('/health/ready')).status).toBe(200);
  await expect.poll(async () => (await get('/api/v4/events')).text, PATIENCE).toContain('"kind":"leader-changed"');
  expect(JSON.parse((await get('/debug/metrics')).text)).toMatchObject({'elect.is_elected': 1});
});

test('every line is an object; a request is named in its answer and in its lines', async () => {
  expect((await get('/api/lb-check')).id).toMatch(/^[\w-]{36}$/);
  expect((await get('/api/lb-check', {'X-Request-Id': 'mine-1'})).id).toBe('mine-1');
  expect((await get('/api/lb-check', {'X-Request-Id': 'a "strange" one'})).id).not.toContain('strange');
  await get('/api/reelect', {'X-Request-Id': 'mine-2'});
  await expect.poll(() => log, PATIENCE).toContain('"request":"mine-2"');
  for (const line of log.trimEnd().split('\n').slice(0, -1)) expect(JSON.parse(line)).toMatchObject({level: expect.any(String) as string});
  await expect.poll(syslog, PATIENCE).toMatch(/<12>reelect was asked for/);
});

test('signals move the threshold of the log', async () => {
  child.kill('SIGUSR2');
  await expect.poll(() => log, PATIENCE).toContain('SIGUSR2: from now on the log has warn and above');
  child.kill('SIGUSR1');
  await expect.poll(() => log, PATIENCE).toContain('SIGUSR1: from now on the log has info and above');
  expect(child.exitCode).toBeNull();
});

test('what a command does is audited in syslog too', async () => {
  const {status} = await it.run(['begin-downtime', '-i', 'db2', '--reason', 'disk', '--duration', '1m'], env());
  expect(status).toBe(0);
  await expect.poll(syslog, PATIENCE).toMatch(/<14>auditType:begin-downtime instance:db2:3306 cluster:\S* message:.*disk/);
});
