import {afterAll, afterEach, beforeAll, expect, test} from 'vitest';
import {ACCOUNTS, consul, sandbox, zookeeper, type Consul, type Instance, type Sandbox, type ZooKeeper} from '../../sandbox/index.ts';
import {Session} from '../../../src/lib/kv/zookeeper/session.ts';
import {
  backendHost,
  holdApplier,
  insert,
  proxyAdmin,
  receivedAll,
  recoveryOf,
  rows,
  scene,
  standingOf,
  stepsOf,
  topologyNow,
  type BackendHost,
  type ProxyAdmin,
  type Scene,
} from '../support/index.ts';

/** Where clients look for a source while it is replaced, in a real Consul and a real ZooKeeper. */
let box: Sandbox;
let host: BackendHost;
let store: Consul;
let zoo: ZooKeeper;
let proxy: ProxyAdmin;
let all: Scene | undefined;

beforeAll(async () => {
  [box, host, store, zoo, proxy] = await Promise.all([
    sandbox({flavor: 'mariadb'}),
    backendHost('sqlite'),
    consul(),
    zookeeper(),
    proxyAdmin(),
  ]);
});
afterEach(async () => {
  await all?.at.down();
  all = undefined;
  store.resume();
  await store.remove('mysql');
});
afterAll(() => Promise.all([box?.down(), host?.down(), store?.down(), zoo?.down(), proxy?.down()]));

const WITHIN = {within: 60_000};
const nameOf = ({key}: Pick<Instance, 'key'>): string => `${key.host}:${key.port}`;

/** A cluster called shop, published. */
async function published(): Promise<Scene> {
  all = await scene({box, host}, ({a, b, c}) => {
    proxy.clear();
    proxy.add(10, a.key.port, 7);
    for (const replica of [b, c]) proxy.add(20, replica.key.port, 3);
    return {
      ConsulAddress: store.address,
      ZkAddress: zoo.address,
      ProxySQLAdminAddresses: [proxy.address],
      ProxySQLAdminUser: proxy.user,
      ProxySQLAdminPassword: proxy.password,
      ProxySQLHostgroups: {'alias=shop': '10,20'},
      KVRepairSeconds: 1,
      ReplicationCredentialsQuery: `SELECT '${ACCOUNTS.repl.user}', '${ACCOUNTS.repl.password}'`,
      ClusterNameToAlias: Object.fromEntries([a, b, c].map((one) => [nameOf(one), 'shop'])),
    };
  });
  const {a} = all;
  await box.waitFor('the source is published', async () => (await source()) === nameOf(a) && (await inZooKeeper()) === nameOf(a), WITHIN);
  return all;
}

/** Where ProxySQL sends writes. */
function writers(): readonly {port: number; status: string}[] {
  return proxy.routed().flatMap(({group, port, status}) => (group === 10 ? [{port, status}] : []));
}

async function writesGoTo({key}: Pick<Instance, 'key'>, status: string): Promise<void> {
  const wanted = JSON.stringify([{port: key.port, status}]);
  await box.waitFor(
    `ProxySQL has ${key.port} ${status}`,
    () => JSON.stringify(writers()) === wanted || Promise.reject(new Error(JSON.stringify(writers()))),
    WITHIN,
  );
}

async function source(): Promise<string | undefined> {
  return (await store.all())['mysql/master/shop'];
}

async function inZooKeeper(): Promise<string | undefined> {
  const session = await Session.open({host: '127.0.0.1', port: zoo.port}, AbortSignal.timeout(20_000));
  const node = await session.read('/mysql/master/shop');
  session.close();
  return node?.value;
}

/** All parts that are published, once they name one server. */
async function names(one: Pick<Instance, 'key'>): Promise<void> {
  const {host: hostname, port} = one.key;
  await box.waitFor(`${nameOf(one)} is published`, async () => (await source()) === nameOf(one), WITHIN);
  expect(await store.all()).toMatchObject({'mysql/master/shop/hostname': hostname, 'mysql/master/shop/port': String(port)});
  await box.waitFor('its address too', async () => (await store.all())['mysql/master/shop/ipv4'] === hostname, WITHIN);
  await box.waitFor('in ZooKeeper too', async () => (await inZooKeeper()) === nameOf(one), WITHIN);
}

test('a dead source is taken out while its successor is still closed; that one is written once it is open', async () => {
  const {a, b, c, at} = await published();
  const release = [await holdApplier(b), await holdApplier(c)];
  await insert(a, 11, 20);
  await Promise.all([b, c].map((one) => receivedAll(one, a)));
  await a.kill9();
  await box.waitFor('nobody is published', async () => (await source()) === undefined && (await inZooKeeper()) === undefined, WITHIN);
  expect([await standingOf(b), await standingOf(c)]).toMatchObject([{writable: false}, {writable: false}]);
  expect(await rows(at, 'kv_store')).toEqual([]);
  await writesGoTo(a, 'OFFLINE_HARD');
  for (const let_go of release) await let_go();
  const recovery = await recoveryOf(at, a, 60_000);
  expect(recovery).toMatchObject({is_successful: 1, all_errors: ''});
  const successor = await topologyNow([b, c]);
  await names(successor);
  await writesGoTo(successor, 'ONLINE');
  expect(proxy.saved()).toEqual(proxy.routed());
  const steps = await stepsOf(at, recovery.uid);
  const order = ['begin: take the old source out', 'begin: make ', 'begin: record the successor', 'begin: tell clients'];
  expect(order.map((text) => steps.findIndex((step) => step.startsWith(text)))).toEqual(
    order.map((text) => steps.findIndex((step) => step.startsWith(text))).toSorted((x, y) => x - y),
  );
  expect(steps.find((step) => step.startsWith('tell clients'))).toMatch(/Consul: removed .*wrote .*ms/);
});

test('a takeover takes its source out before it closes it, and writes the successor; what is deleted comes back', async () => {
  const {a, b, at} = await published();
  const taken = await at.run('graceful-master-takeover-auto', '-i', nameOf(a), '-d', nameOf(b));
  expect(taken).toMatchObject({status: 0});
  await names(b);
  const [recovery] = await rows<{uid: string}>(at, 'topology_recovery');
  const steps = await stepsOf(at, recovery?.uid ?? '');
  const removed = steps.findIndex((step) => /^take the old source out.*Consul: removed mysql\/master\/shop /.test(step));
  const closed = steps.findIndex((step) => step.startsWith('begin: close '));
  expect({removed: removed >= 0, before: removed < closed}).toEqual({removed: true, before: true});
  await writesGoTo(b, 'ONLINE');
  expect(proxy.routed().filter(({group}) => group === 20)).toContainEqual({group: 20, port: a.key.port, status: 'ONLINE', weight: 7});

  await store.remove('mysql/master/shop');
  await names(b);
  await store.put('mysql/master/shop', nameOf(a));
  await names(b);
});

test('a takeover that is taken back writes the source that stays', async () => {
  const {a, b, c, at} = await published();
  const {status} = await at.runWith({ORCHESTRATOR_FAULT: 'after:5'}, 'graceful-master-takeover-auto', '-i', nameOf(a), '-d', nameOf(b));
  expect(status).toBeNull();
  await box.waitFor('it was taken back', async () => (await rows(at, 'recovery_plan', {state: 'open'})).length === 0, WITHIN);
  await names(await topologyNow([a, b, c], WITHIN));
  await writesGoTo(a, 'ONLINE');
  expect(await source()).toBe(nameOf(a));
});

test('a Consul that does not answer holds no failover up; the leader writes what is missing once it does', async () => {
  const {a, b, c, at} = await published();
  await store.pause();
  await a.kill9();
  const recovery = await recoveryOf(at, a, 60_000);
  expect(recovery).toMatchObject({is_successful: 1, all_errors: expect.stringMatching(/Consul did not answer in time/) as string});
  const successor = await topologyNow([b, c]);
  const steps = await stepsOf(at, recovery.uid);
  const open = steps.findIndex((step) => /^make \S+ writable: /.test(step));
  const late = steps.findIndex((step) => step.includes('did not answer in time'));
  expect({open: open >= 0, before: open < late}).toEqual({open: true, before: true});
  expect(await inZooKeeper()).toBe(nameOf(successor));
  store.resume();
  await names(successor);
});

test('a source that is down is not published by hand either', async () => {
  const {a, at} = await published();
  const lines = async (): Promise<readonly string[]> => (await at.run('submit-masters-to-kv-stores', '-a', 'shop')).stdout.split('\n');
  // The leader publishes by what it knows itself; it writes the alias for others, and looks addresses up, a moment later.
  await expect
    .poll(lines, {timeout: 60_000})
    .toEqual([
      `mysql/master/shop:${nameOf(a)}`,
      `mysql/master/shop/hostname:127.0.0.1`,
      `mysql/master/shop/port:${a.key.port}`,
      'mysql/master/shop/ipv4:127.0.0.1',
      'mysql/master/shop/ipv6:',
      '',
    ]);
  expect(await at.run('disable-global-recoveries')).toMatchObject({status: 0});
  await a.kill9();
  await store.remove('mysql');
  await box.waitFor('nobody is left to publish', async () => (await at.run('submit-masters-to-kv-stores')).stdout === '', WITHIN);
  await store.remove('mysql');
  expect(await at.run('submit-masters-to-kv-stores')).toMatchObject({status: 0, stdout: ''});
  expect(await store.all()).toEqual({});
});
