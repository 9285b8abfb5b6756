import {afterAll, beforeAll, expect, onTestFinished, test} from 'vitest';
import {defaultDraft} from '../../src/lib/config/draft.ts';
import type {Config} from '../../src/lib/config/keys.ts';
import type {Backend} from '../../src/lib/store/backend.ts';
import {migrate} from '../../src/lib/store/migrations/migrate.ts';
import {openBackend} from '../../src/lib/store/open.ts';
import {ACCOUNTS, groupReplication, sandbox, type Group, type Instance} from '../sandbox/index.ts';

let group: Group;
beforeAll(async () => {
  group = await groupReplication();
});
afterAll(() => group?.down());

function configFor(servers: readonly Instance[]): Config {
  return {
    ...defaultDraft().values,
    BackendDB: 'mysql',
    MySQLOrchestratorHost: servers.map(({key}) => `${key.host}:${key.port}`).join(','),
    MySQLOrchestratorDatabase: 'orchestrator',
    MySQLOrchestratorUser: ACCOUNTS.orc.user,
    MySQLOrchestratorPassword: ACCOUNTS.orc.password,
  };
}

async function open(servers: readonly Instance[]): Promise<Backend> {
  const backend = await openBackend(configFor(servers), {pool: 2, queryTimeout: 1000, connectTimeout: 1000});
  onTestFinished(() => backend.close());
  return backend;
}

async function portOf(backend: Backend): Promise<number> {
  const [[row]] = await backend.run(({db}) => db.raw('select @@port as port') as unknown as PromiseLike<[{port: number}[]]>);
  return row!.port;
}

test('a list of members leads to the one that writes, and to the next one when it dies', async () => {
  const [first, second, third] = group.nodes as readonly [Instance, Instance, Instance];
  const backend = await open([third, second, first]);
  await migrate(backend, {appVersion: 'test'});
  expect(await portOf(backend)).toBe(first.key.port);
  await first.kill9();
  const put = backend.run(({db}) => db('host_attributes').insert({hostname: '*', attribute_name: 'a', attribute_value: '1'}), {
    deadline: 60_000,
  });
  await put;
  const now = await portOf(backend);
  expect([second.key.port, third.key.port]).toContain(now);
  const primary = (await group.members(second)).find(({role}) => role === 'PRIMARY');
  expect(now).toBe(primary?.port);
});

test('a server that was set up for a group and has not joined it is not written to', async () => {
  const [first] = group.nodes as readonly [Instance, Instance, Instance];
  await first.start();
  await expect(first.query('CREATE TABLE test.alone (id INT PRIMARY KEY)')).resolves.toBeDefined();
  const config = {...configFor([]), MySQLOrchestratorHost: first.key.host, MySQLOrchestratorPort: first.key.port};
  const backend = openBackend(config, {pool: 1, queryTimeout: 5000, connectTimeout: 5000}).then(async (opened) => {
    onTestFinished(() => opened.close());
    return portOf(opened);
  });
  await expect(backend).rejects.toMatchObject({
    code: 'BACKEND_UNREACHABLE',
    message: expect.stringMatching(/no member of its majority/),
  });
});

test('a list of servers that are no group is refused with what to do instead', async () => {
  const box = await sandbox({flavor: 'mariadb'});
  onTestFinished(() => box.down());
  const {a, b} = await box.topology('a; b');
  await expect(openBackend(configFor([a, b]))).rejects.toMatchObject({code: 'CONFIG_INVALID', hint: expect.stringMatching(/proxy/)});
});
