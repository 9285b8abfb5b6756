import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, test} from 'vitest';
import {sandbox, type Instance, type Sandbox} from '../sandbox/index.ts';
import {
  backendHost,
  delay,
  desk,
  holdApplier,
  idsOn,
  insert,
  receivedAll,
  rows,
  site,
  standingOf,
  topologyNow,
  witness,
  type BackendHost,
  type Site,
} from './support/index.ts';

/** MariaDB by GTID throws its relay log away when both threads are stopped: what that means for commands. And the same commands over HTTP. */
let box: Sandbox;
let host: BackendHost;
let at: Site;
let run: ReturnType<typeof desk>;
let a: Instance;
let b: Instance;

beforeAll(async () => {
  [box, host] = await Promise.all([sandbox({flavor: 'mariadb'}), backendHost('sqlite')]);
});
beforeEach(async () => {
  ({a, b} = await box.topology('a: b'));
  await insert(a, 1, 3);
  await box.caughtUp();
  const settings = {AuditToBackendDB: true, InstanceBulkOperationsWaitTimeoutSeconds: 1, RecoverMasterClusterFilters: []};
  at = await site({backend: host, servers: [a, b], settings});
  run = desk(at);
  expect(await run('discover', '-i', name(a))).toMatchObject({status: 0});
});
afterEach(() => at?.down());
afterAll(async () => {
  await box?.down();
  await host?.down();
});

const name = ({key}: Instance): string => `${key.host}:${key.port}`;
const done = (on: Instance) => ({status: 0, stdout: `${name(on)}\n`, stderr: ''});
const threads = async (): Promise<readonly string[]> => {
  const {receiver, applier} = await standingOf(b);
  return [receiver, applier];
};
const audited = async () =>
  (await rows<{audit_type: string; message: string}>(at, 'audit')).map((row) => `${row.audit_type}: ${row.message}`);

describe('received and not applied', () => {
  const receive = async (): Promise<void> => {
    await insert(a, 4, 13);
    await receivedAll(b, a);
  };

  test('its source has it: replication stops and says so, and nothing is lost', async () => {
    await delay(b, 3600);
    await receive();
    const ended = await run('stop-replica', '-i', name(b));
    expect(ended).toMatchObject({status: 0, stdout: `${name(b)}\n`});
    expect(ended.stderr).toMatch(/has not applied all it received \(0-1-\d+\); its source has it, and will send it once more/);
    expect(await threads()).toEqual(['No', 'No']);
    expect(await audited()).toEqual([expect.stringMatching(/^stop-replica: .*will send it once more, by tester$/)]);
    expect(await run('delay-replication', '-i', name(b), '-S', '0')).toMatchObject({status: 0});
    expect(await run('start-replica', '-i', name(b))).toEqual(done(b));
    await topologyNow([a, b]);
    expect(await idsOn(b)).toHaveLength(13);
  });

  test('its source is dead: whatever would drop it is refused, and it is applied later', async () => {
    const letGo = await holdApplier(b);
    await receive();
    await a.kill9();
    for (const [command, ...args] of [
      ['stop-replica'],
      ['stop-replica-nice', '--timeout', '1s'],
      ['reset-replica', '--timeout', '1s'],
      ['detach-replica', '--timeout', '1s'],
    ] as const) {
      const ended = await run(command, '-i', name(b), ...args);
      expect(ended).toMatchObject({status: 4, stdout: ''});
      expect(ended.stderr).toMatch(/would lose what it received and did not apply \(0-1-\d+\)/);
      expect((await threads())[1]).toBe('Yes');
    }
    await letGo();
    await box.waitFor('all is applied', async () => (await idsOn(b)).length === 13);
    expect(await run('stop-replica-nice', '-i', name(b))).toEqual(done(b));
    expect(await threads()).toEqual(['No', 'No']);
    expect(await idsOn(b)).toHaveLength(13);
  });

  test('its source is dead: --force drops it, and the audit says what', async () => {
    await delay(b, 3600);
    await receive();
    await a.kill9();
    const ended = await run('stop-replica', '-i', name(b), '--force');
    expect(ended).toMatchObject({status: 0, stderr: expect.stringMatching(/drops what it received .*because of --force/) as string});
    expect(await audited()).toEqual([expect.stringMatching(/^stop-replica: .* drops what it received and did not apply \(0-1-\d+\)/)]);
  });

  test('a restart never has both threads stopped', async () => {
    await delay(b, 3600);
    await receive();
    const log = await witness([b]);
    expect(await run('restart-replica', '-i', name(b))).toEqual(done(b));
    expect((await log.changes()).map((line) => line.replace(/^.*\*\/ /, ''))).toEqual([
      'STOP SLAVE IO_THREAD',
      'START SLAVE IO_THREAD',
      'STOP SLAVE SQL_THREAD',
      'START SLAVE SQL_THREAD',
    ]);
  });
});

test('the program itself: statuses, both forms, a list of instances, and bad input', async () => {
  expect(await at.run('stop-replica', '-i', name(b))).toEqual(done(b));
  expect(await at.run('-c', 'start-slave', '-i', name(b))).toEqual(done(b));
  expect(await at.run('-c', 'stop-slave', '-i', name(a))).toMatchObject({status: 1, stdout: ''});
  expect(await run('stop-replica', '-i', `${name(b)},${name(a)}`)).toMatchObject({status: 4, stdout: `${name(b)}\n`});
  for (const line of [
    'delay-replication',
    'delay-replication -S -1',
    'delay-replication -S soon',
    'kill-query',
    'kill-query --process x',
    'purge-binary-logs',
    'master-pos-wait',
    'master-pos-wait --binlog x',
    'stop-replica --timeout 5',
  ]) {
    const [command = '', ...args] = line.split(' ');
    expect(await run(command, '-i', name(b), ...args)).toMatchObject({status: 2, stdout: ''});
  }
});

test('a statement that a server does not answer is ended, so that it does nothing later, and that is said', async () => {
  const client = a.connect();
  await client.query('LOCK TABLES test.t WRITE');
  const ended = await run('set-read-only', '-i', name(a));
  const left = "SELECT id FROM information_schema.processlist WHERE info LIKE '%SET GLOBAL read_only%' AND id <> CONNECTION_ID()";
  await box.waitFor('the statement is gone', async () => (await a.query(left)).length === 0);
  await client.query('UNLOCK TABLES');
  client.close();
  expect(ended).toMatchObject({status: 6, stdout: '', stderr: expect.stringMatching(/whether it was done is not known/) as string});
  expect(Number(await a.value('SELECT @@global.read_only'))).toBe(0);
  expect(await audited()).toEqual([expect.stringMatching(/^read-only: not done, or not as wished: /)]);
  expect(await rows(at, 'cluster_lock')).toEqual([]);
});

test('the routes of 3.2.6', async () => {
  const service = await at.serve({args: []});
  const get = async (path: string): Promise<{status: number; json: {Code: string; Message: string; Details: unknown}}> => {
    const answer = await fetch(`${service.address}/api/${path}`);
    return {status: answer.status, json: (await answer.json()) as {Code: string; Message: string; Details: unknown}};
  };
  const on = `${b.key.host}/${b.key.port}`;
  const state = {ReplicationIOThreadRuning: false, ReplicationSQLThreadRuning: false};
  for (const [route, running] of [
    ['stop-slave', false],
    ['start-slave', true],
    ['stop-replica-nice', false],
    ['restart-replica', true],
    ['detach-slave', false],
    ['reattach-slave-master-host', true],
  ] as const) {
    const {status, json} = await get(`${route}/${on}`);
    expect({status, code: json.Code}).toEqual({status: 200, code: 'OK'});
    expect(json.Message).toMatch(new RegExp(`: ${name(b)}$`));
    expect(json.Details).toMatchObject({
      Key: {Hostname: b.key.host, Port: b.key.port},
      ...(running ? {ReplicationIOThreadRuning: true, ReplicationSQLThreadRuning: true} : state),
    });
  }
  expect(await get(`delay-replication/${on}/0`)).toMatchObject({status: 200, json: {Details: 0}});
  expect(await get(`restart-slave-statements/${on}?q=select%201`)).toMatchObject({
    status: 200,
    json: {Details: expect.arrayContaining(['select 1;']) as unknown},
  });
  expect(await get(`locate-gtid-errant/${on}`)).toMatchObject({status: 500, json: {Code: 'ERROR'}});
  expect(await get(`stop-slave/${a.key.host}/${a.key.port}`)).toMatchObject({
    status: 500,
    json: {Code: 'ERROR', Message: `${name(a)} is not a replica`},
  });
  expect(await get(`purge-binary-logs/${a.key.host}/${a.key.port}/latest?force=true`)).toMatchObject({status: 200});
});
