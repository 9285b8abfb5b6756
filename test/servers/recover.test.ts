import {afterAll, afterEach, beforeAll, beforeEach, expect, test} from 'vitest';
import {sandbox, type Instance, type Sandbox} from '../sandbox/index.ts';
import {
  backendHost,
  detectionsAt,
  recoveriesOf,
  scene,
  topologyNow,
  witness,
  type BackendHost,
  type Scene,
  type Witness,
} from './support/index.ts';

/** A person recovers, beside a service that watches and recovers nothing by itself. */
let box: Sandbox;
let host: BackendHost;
let it: Scene;
let log: Witness;
beforeAll(async () => {
  [box, host] = await Promise.all([sandbox({flavor: 'mariadb'}), backendHost('sqlite')]);
});
beforeEach(async () => {
  it = await scene({box, host}, {RecoverMasterClusterFilters: []});
  log = await witness([it.b, it.c]);
});
afterEach(() => it?.at.down());
afterAll(() => Promise.all([box?.down(), host?.down()]));

const name = ({key}: Instance): string => `${key.host}:${key.port}`;

/** The source dies, and the service has said so, in its hooks too. */
async function die(): Promise<void> {
  await it.a.kill9();
  await box.waitFor('the death is detected', async () => (await detectionsAt(it.at)).includes(`DeadMaster of ${it.a.key.port}`));
  await box.waitFor('hooks were told', async () => (await it.at.hooks.order()).length > 0);
}

test('a dead source is recovered where nothing is recovered automatically, whatever stands against that', async () => {
  await it.at.run('disable-global-recoveries');
  await it.at.run('begin-downtime', '-i', name(it.a), '--owner', 'me', '--reason', 'disk', '--duration', '1h');
  await it.a.kill9();
  const ended = await it.at.run('recover', '-i', name(it.a));
  const source = await topologyNow([it.b, it.c]);
  expect(ended).toEqual({status: 0, stdout: `${name(source)}\n`, stderr: ''});
  expect(await recoveriesOf(it.at)).toMatchObject([{is_successful: 1, successor_port: source.key.port, all_errors: ''}]);
  expect((await it.at.hooks.order()).filter((list) => list !== 'OnFailureDetectionProcesses')).toEqual([
    'PreFailoverProcesses',
    'PostMasterFailoverProcesses',
    'PostFailoverProcesses',
  ]);
});

test('recover-lite runs no hooks', async () => {
  await die();
  const ended = await it.at.run('recover-lite', '-i', name(it.a));
  expect(ended).toMatchObject({status: 0, stdout: `${name(await topologyNow([it.b, it.c]))}\n`});
  expect(await it.at.hooks.order()).toEqual(['OnFailureDetectionProcesses']);
});

test('--noop says what would be done, and does nothing', async () => {
  await die();
  const {status, stdout} = await it.at.run('recover', '-i', name(it.a), '--noop');
  expect(status).toBe(0);
  const [first, ...steps] = stdout.trimEnd().split('\n');
  expect(first).toMatch(new RegExp(`^would promote (${name(it.b)}|${name(it.c)}) in place of ${name(it.a)}$`));
  for (const step of ['close-source', 'drain', 'stop-receiver', 'make-writable', 'repoint', 'forget-source']) {
    expect(steps.join('\n')).toMatch(new RegExp(`^stage \\d: ${step} `, 'm'));
  }
  expect(await log.changes()).toEqual([]);
  expect(await recoveriesOf(it.at)).toEqual([]);
  expect(await it.at.hooks.order()).toEqual(['OnFailureDetectionProcesses']);
});

test('a source that lives is left alone: refused by the command, and silence in the form of 3.2.6', async () => {
  const {status, stdout, stderr} = await it.at.run('recover', '-i', name(it.a));
  expect({status, stdout}).toEqual({status: 4, stdout: ''});
  expect(stderr).toMatch(/no recovery of .* was attempted \(nothing-to-do\): NoProblem/);
  expect(await it.at.run('-c', 'recover', '-i', name(it.a))).toMatchObject({status: 0, stdout: ''});
  expect(await log.changes()).toEqual([]);
  expect(await topologyNow([it.a, it.b, it.c])).toBe(it.a);
  expect(await recoveriesOf(it.at)).toEqual([]);
});

test('an instance that nobody knows is not found', async () => {
  expect(await it.at.run('recover', '-i', '127.0.0.1:1')).toMatchObject({status: 3, stdout: ''});
});
