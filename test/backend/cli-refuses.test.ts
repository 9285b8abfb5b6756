import {existsSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:net';
import path from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {ALL} from '../../src/lib/operations/registry.ts';
import {cli, program, words, type Cli, type Ran} from './support/cli.ts';

let it: Cli;

beforeAll(() => {
  it = cli();
});

afterAll(() => it.down());

interface Judged {
  readonly status: number | null;
  readonly stdout: string;
  readonly wrong: readonly string[];
}

/** A good refusal: one sentence that names the program and says what is expected, no stack, and not even a backend was made. */
function judge({status, stdout, stderr}: Ran, says: RegExp): Judged {
  const faults = {
    [`does not say ${String(says)}: ${stderr}`]: !says.test(stderr),
    [`is not one line: ${stderr}`]: stderr.split('\n').length !== 2,
    'does not name the program': !stderr.startsWith('orchestrator: '),
    'has a stack': /unexpected|^ +at /m.test(stderr),
    'made a backend': existsSync(it.dataFile),
  };
  return {status, stdout, wrong: Object.keys(faults).filter((fault) => faults[fault])};
}

const refused = (status: number): Judged => ({status, stdout: '', wrong: []});

const names = ALL.map((operation) => operation.name);

test.each([
  {line: 'clusters --nonsense', status: 2, says: /has no option --nonsense/},
  {line: '-c clusters --nonsense', status: 2, says: /has no option --nonsense/},
  {line: 'forget', status: 2, says: /--instance is missing/},
  {line: '-c forget', status: 1, says: /--instance is missing/},
  {line: 'begin-downtime -i db1 -r x --duration forever', status: 2, says: /is not a duration/},
  {line: 'dump-config --show-secrets', status: 4, says: /terminal/},
  {line: '-c custom-command --hostname h --pattern p', status: 1, says: /agents are not part of this version/},
  {line: 'submit-pool-instances --pool app', status: 2, says: /--instance is missing/},
  {line: 'resolve -i 127.0.0.1:1', status: 1, says: /nobody answers at 127\.0\.0\.1:1/},
  {line: 'topolgy', status: 2, says: /did you mean topology\?/},
])('$line', async ({line, status, says}) => {
  expect(judge(await it.run(words(line)), says)).toEqual(refused(status));
});

test('an unknown command in the form of version 3: the list of commands on standard error, and 1', async () => {
  const {status, stdout, stderr} = await it.run('-c topolgy');
  expect({status, stdout}).toEqual({status: 1, stdout: ''});
  expect(stderr).toContain('did you mean topology?');
  for (const name of names) expect(stderr).toContain(`  ${name} `);
});

test('no words at all: how to begin', async () => {
  const {status, stdout, stderr} = await program([], it.folder);
  expect({status, stderr}).toEqual({status: 0, stderr: ''});
  expect(stdout).toContain('orchestrator help');
});

test('the list of commands: to standard output on request, to standard error in the form of version 3', async () => {
  const asked = await it.run('help');
  expect(asked).toMatchObject({status: 0, stderr: ''});
  for (const name of names) expect(asked.stdout).toContain(`  ${name} `);
  expect(await it.run('-c help')).toEqual({status: 0, stdout: '', stderr: asked.stdout});
});

test('a configuration that is not there, or is no JSON', async () => {
  const broken = path.join(it.folder, 'broken.json');
  writeFileSync(broken, '{"Debug": tru}');
  const wrong = path.join(it.folder, 'wrong.json');
  writeFileSync(wrong, '{"InstancePollSeconds": "often", "MySQLTopologyPassword": "hunter2"}');
  for (const [file, says] of [
    [path.join(it.folder, 'absent.json'), /absent\.json/],
    [broken, /not JSON/],
    [wrong, /InstancePollSeconds/],
  ] as const) {
    const ran = await program(['clusters', '--config', file], it.folder);
    expect(judge(ran, says)).toEqual(refused(1));
    expect(ran.stderr).not.toContain('hunter2');
    expect(judge(await program(['-c', 'clusters', '--config', file], it.folder), says)).toEqual(refused(1));
  }
});

test('config check says all of it, and by its exit status whether it can be used', async () => {
  const wrong = path.join(it.folder, 'wrong.json');
  writeFileSync(wrong, '{"InstancePollSeconds": "often", "InstancePollSecond": 5, "BackendDB": "oracle"}');
  const {status, stdout} = await program(['config', 'check', '--config', wrong], it.folder);
  expect(status).toBe(1);
  expect(stdout).toMatch(/^error: .*InstancePollSeconds/m);
  expect(stdout).toMatch(/InstancePollSecond is not.*did you mean InstancePollSeconds\?/);
  expect(await it.run('config check')).toMatchObject({status: 0});
});

test('a backend that refuses, and one that hangs', async () => {
  const hanging = createServer(() => undefined);
  const port = await new Promise<number>((resolve) =>
    hanging.listen(0, '127.0.0.1', () => resolve((hanging.address() as {port: number}).port)),
  );
  const backend = {
    BackendDB: 'mysql',
    MySQLOrchestratorHost: '127.0.0.1',
    MySQLOrchestratorDatabase: 'orchestrator',
    MySQLOrchestratorUser: 'o',
  };
  const common = {...backend, MySQLOrchestratorPassword: 'hunter2', MySQLConnectTimeoutSeconds: 1, MySQLOrchestratorReadTimeoutSeconds: 1};
  const closed = cli({...common, MySQLOrchestratorPort: 1});
  const silent = cli({...common, MySQLOrchestratorPort: port});
  for (const one of [closed, silent]) {
    const ran = await one.run('clusters');
    expect(judge(ran, /127\.0\.0\.1/)).toEqual(refused(5));
    expect(ran.stderr).not.toContain('hunter2');
    expect(judge(await one.run('-c clusters'), /127\.0\.0\.1/)).toEqual(refused(1));
    await one.down();
  }
  await new Promise((resolve) => hanging.close(resolve));
});

test('no secret in dump-config', async () => {
  const secret = cli({MySQLTopologyPassword: 'hunter2', HTTPAuthPassword: 'hunter2', ConsulAclToken: 'hunter2'});
  const {status, stdout} = await secret.run('-c dump-config');
  expect(status).toBe(0);
  expect(stdout).not.toContain('hunter2');
  expect(JSON.parse(stdout)).toMatchObject({MySQLTopologyPassword: '********', InstancePollSeconds: 3600});
  await secret.down();
});
