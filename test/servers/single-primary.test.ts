import {afterAll, beforeAll, expect, onTestFinished, test} from 'vitest';
import {defaultDraft} from '../../src/lib/config/draft.ts';
import type {Config} from '../../src/lib/config/keys.ts';
import type {Backend} from '../../src/lib/store/backend.ts';
import {migrate} from '../../src/lib/store/migrations/migrate.ts';
import {openBackend} from '../../src/lib/store/open.ts';
import {ACCOUNTS, groupReplication, sandbox, type Group, type Instance, type Sandbox} from '../sandbox/index.ts';
import {recoveriesOf, recoveryOf, rows, site, watching, watchLeaders, type BackendHost, type Site} from './support/index.ts';

/** Set by `script/test --all`. */
const ALL = process.env['ORCHESTRATOR_TEST_ALL'] !== undefined;
/** Far more than any of it takes; several tests share two cores. */
const WITHIN = {within: 60_000};

let group: Group;
let box: Sandbox;
beforeAll(async () => {
  [group, box] = await Promise.all([groupReplication(), sandbox({flavor: 'mariadb'})]);
});
afterAll(() => Promise.all([group?.down(), box?.down()]));

function settingsFor(servers: readonly Instance[]): Partial<Config> {
  return {
    BackendDB: 'mysql',
    MySQLOrchestratorHost: servers.map(({key}) => `${key.host}:${key.port}`).join(','),
    MySQLOrchestratorDatabase: 'orchestrator',
    MySQLOrchestratorUser: ACCOUNTS.orc.user,
    MySQLOrchestratorPassword: ACCOUNTS.orc.password,
  };
}

function configFor(servers: readonly Instance[]): Config {
  return {...defaultDraft().values, ...settingsFor(servers)};
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

function write(backend: Backend, name: string): Promise<unknown> {
  const row = {hostname: '*', attribute_name: name, attribute_value: '1'};
  return backend.run(({db}) => db('host_attributes').insert(row), {deadline: WITHIN.within});
}

/** The member that takes writes, in the view of one that lives. */
async function primary(): Promise<Instance> {
  const alive = group.nodes.filter((node) => node.alive());
  return box.waitFor(
    'the group has a primary',
    async () => {
      const members = await group.members(alive[0]!);
      const ports = members.filter(({state, role}) => state === 'ONLINE' && role === 'PRIMARY').map(({port}) => port);
      return alive.find(({key}) => ports.includes(key.port));
    },
    WITHIN,
  );
}

/** Every node of orchestrator is given the members in the same order. */
function hostOf(members: readonly Instance[]): BackendHost {
  return {kind: 'group', server: null, ways: [{}], fresh: () => settingsFor(members), down: () => Promise.resolve()};
}

async function uuidOf(node: Instance): Promise<string> {
  return String(await node.value('SELECT @@server_uuid'));
}

test.each(ALL ? ['services find the next one, one of them leads, and a source that dies then is failed over, once'] : [])(
  'the primary dies: %s',
  async () => {
    const {a, b, c} = await box.topology('a: b c');
    const first = await primary();
    const members = [...group.nodes.filter((node) => node !== first), first];
    const at = await site({backend: hostOf(members), servers: [a, b, c]});
    onTestFinished(() => at.down());
    const services = [await at.serve(), ...(await Promise.all([at.serve(), at.serve()]))];
    const watch = watchLeaders(services);
    onTestFinished(() => watch.stop());
    await watching(at, a);
    const backend = await open(members);
    expect(await portOf(backend)).toBe(first.key.port);
    const before = await termOf(at);

    const written = write(backend, 'a');
    await Promise.all([first.kill9(), written]);
    const second = await primary();
    expect(await portOf(backend)).toBe(second.key.port);
    await box.waitFor('somebody leads', async () => (await watch.leader()) !== null, WITHIN);
    // Whoever led has found its lease where it was written last, or somebody took over: a term is never lost.
    expect(await termOf(at)).toBeGreaterThanOrEqual(before);
    await a.kill9();
    const recovery = await recoveryOf(at, a);
    expect(recovery).toMatchObject({analysis: 'DeadMaster', is_successful: 1, lost_slaves: '', all_errors: ''});

    // It moves again, in good order, and so do they: what was recovered stays recovered.
    const third = group.nodes.find((node) => node !== first && node !== second)!;
    await second.query('SELECT group_replication_set_as_primary(?)', [await uuidOf(third)], {timeout: WITHIN.within});
    expect(await primary()).toBe(third);
    const moved = await renewalsAt(third);
    await box.waitFor('the lease is renewed there', async () => (await renewalsAt(third)) > moved + 2, WITHIN);
    await write(backend, 'b');
    expect(await portOf(backend)).toBe(third.key.port);
    expect(await at.run('which-cluster-instances', '-i', `${c.key.host}:${c.key.port}`)).toMatchObject({status: 0});
    expect(await recoveriesOf(at)).toMatchObject([{uid: recovery.uid, successor_port: recovery.successor_port}]);
    expect((await at.hooks.order()).filter((list) => list === 'PostMasterFailoverProcesses')).toHaveLength(1);
    expect(watch.together).toEqual([]);
  },
);

// Of the above what concerns the connection alone.
test.each(ALL ? [] : ['a list of members leads to the next one'])('the primary dies: %s', async () => {
  const first = await primary();
  const members = [...group.nodes.filter((node) => node !== first), first];
  const backend = await open(members);
  await migrate(backend, {appVersion: 'test'});
  expect(await portOf(backend)).toBe(first.key.port);
  await Promise.all([first.kill9(), write(backend, 'a')]);
  expect(await portOf(backend)).toBe((await primary()).key.port);
});

async function termOf(at: Site): Promise<number> {
  return Number((await rows<{term: number}>(at, 'leader_term'))[0]?.term);
}

async function renewalsAt(node: Instance): Promise<number> {
  return Number(await node.value('SELECT renewals FROM orchestrator.active_node'));
}

test('a server that was set up for a group and has not joined it is not written to', async () => {
  const [first] = group.nodes as readonly [Instance, Instance, Instance];
  if (first.alive()) await first.kill9();
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
  const {a, b} = await box.topology('a; b');
  await expect(openBackend(configFor([a, b]))).rejects.toMatchObject({code: 'CONFIG_INVALID', hint: expect.stringMatching(/proxy/)});
});
