import {afterAll, beforeAll, beforeEach, describe, expect, test} from 'vitest';
import {defaultDraft} from '../../../src/lib/config/draft.ts';
import type {Config} from '../../../src/lib/config/keys.ts';
import type {Directory, Publication} from '../../../src/lib/kv/directory.ts';
import {openDirectories} from '../../../src/lib/kv/open.ts';
import {Session} from '../../../src/lib/kv/zookeeper/session.ts';
import {consul, zookeeper, type Consul, type ZooKeeper} from '../../sandbox/index.ts';

/** Real Consul, of two datacenters, and a real ZooKeeper. */
let here: Consul;
let there: Consul;
let zoo: ZooKeeper;

beforeAll(async () => {
  const joined = async (): Promise<void> => {
    here = await consul({datacenter: 'dc1'});
    there = await consul({datacenter: 'dc2', joins: here});
  };
  [zoo] = await Promise.all([zookeeper(), joined()]);
});
afterAll(() => Promise.all([here?.down(), there?.down(), zoo?.down()]));

const soon = (): AbortSignal => AbortSignal.timeout(20_000);
const yes = (): Promise<boolean> => Promise.resolve(true);

function directory(keys: Partial<Config>): Directory {
  const [one] = openDirectories({...defaultDraft().values, KVClusterMasterPrefix: 'mysql/master/', ...keys});
  if (!one) throw new Error('the configuration names no directory');
  return one;
}

const db1 = {host: 'db1', port: 3306};
const db2 = {host: 'db2', port: 3307};

function published(source: Publication['source'], alias = 'shop'): Publication {
  return {cluster: {name: 'db1:3306', alias}, source, addresses: {ipv4: '10.0.0.1', ipv6: ''}, demoted: null};
}

/** What is there of one cluster once a source was published. */
const KEYS = {
  'mysql/master/shop': 'db2:3307',
  'mysql/master/shop/hostname': 'db2',
  'mysql/master/shop/ipv4': '10.0.0.1',
  'mysql/master/shop/ipv6': '',
  'mysql/master/shop/port': '3307',
};
const NAMES = Object.keys(KEYS).sort();

interface Store {
  directory(): Directory;
  all(): Promise<Readonly<Record<string, string>>>;
  put(key: string, value: string): Promise<void>;
  remove(key: string): Promise<void>;
  clear(): Promise<void>;
}

/** Of nodes below one, with values, named as in Consul. */
async function nodes(): Promise<Record<string, string>> {
  const session = await Session.open({host: '127.0.0.1', port: zoo.port}, soon());
  const found: Record<string, string> = {};
  for (const key of [...NAMES, ...NAMES.map((name) => name.replace('shop', 'shop2'))]) {
    const node = await session.read(`/${key}`);
    if (node) found[key] = node.value;
  }
  session.close();
  return found;
}

async function change(...changes: Parameters<Session['transact']>[0]): Promise<void> {
  const session = await Session.open({host: '127.0.0.1', port: zoo.port}, soon());
  expect(await session.transact(changes)).toBe('ok');
  session.close();
}

const STORES: readonly (Store & {readonly name: string})[] = [
  {
    name: 'Consul',
    directory: () => directory({ConsulAddress: here.address}),
    all: () => here.all(),
    put: (key, value) => here.put(key, value),
    remove: (key) => here.remove(key),
    clear: async () => {
      await here.remove('mysql');
      await there.remove('mysql');
    },
  },
  {
    name: 'ZooKeeper',
    // The first one does not answer.
    directory: () => directory({ZkAddress: `127.0.0.1:1, ${zoo.address}`}),
    all: nodes,
    put: (key, value) => change({do: 'write', path: `/${key}`, value}),
    remove: (key) => change({do: 'delete', path: `/${key}`}),
    clear: async () => {
      const left = Object.keys(await nodes())
        .sort()
        .reverse();
      if (left.length > 0) await change(...left.map((key) => ({do: 'delete' as const, path: `/${key}`})));
    },
  },
];

describe.each(STORES)('$name', (store) => {
  beforeEach(() => store.clear());

  test('a source is written with all its parts, over another one', async () => {
    await store.directory().publish(published(db1), soon());
    expect(await store.directory().publish(published(db2), soon())).toMatch(/^wrote \/?mysql\/master\/shop$/);
    expect(await store.all()).toEqual(KEYS);
  });

  test('a demoted one is taken out, and the others stay', async () => {
    const other = published(db1, 'shop2');
    await store.directory().publish(published(db2), soon());
    await store.directory().publish(other, soon());
    expect(await store.directory().withdraw({cluster: published(db2).cluster, demoted: db2}, soon())).toMatch(/^removed/);
    expect(Object.keys(await store.all())).toEqual(NAMES.map((name) => name.replace('shop', 'shop2')));
  });

  test('who is published meanwhile is not taken out', async () => {
    await store.directory().publish(published(db2), soon());
    expect(await store.directory().withdraw({cluster: published(db1).cluster, demoted: db1}, soon())).toMatch(/did not name it$/);
    expect(await store.all()).toEqual(KEYS);
  });

  test('what was deleted or is stale is written again, and only then', async () => {
    await store.directory().publish(published(db2), soon());
    expect(await store.directory().repair(published(db2), yes, soon())).toBeNull();
    await store.remove('mysql/master/shop/port');
    await store.put('mysql/master/shop/hostname', 'db1');
    expect(await store.directory().repair(published(db2), () => Promise.resolve(false), soon())).toBeNull();
    expect(await store.all()).not.toEqual(KEYS);
    expect(await store.directory().repair(published(db2), yes, soon())).toMatch(/^wrote \S*\/shop\/hostname, \S*\/shop\/port$/);
    expect(await store.all()).toEqual(KEYS);
  });

  test('a repair does not write over what somebody changes at that moment', async () => {
    await store.directory().publish(published(db1), soon());
    const meanwhile = async (): Promise<boolean> => {
      await store.directory().publish(published(db2), soon());
      return true;
    };
    expect(await store.directory().repair({...published(db1), addresses: {ipv4: '10.9.9.9', ipv6: ''}}, meanwhile, soon())).toBeNull();
    expect(await store.all()).toEqual(KEYS);
  });

  test('one that does not answer is given up when its time is over', async () => {
    const running = store.name === 'Consul' ? here : zoo;
    await running.pause();
    try {
      const began = performance.now();
      const asked = store.directory().publish(published(db2), AbortSignal.timeout(300));
      await expect(asked).rejects.toMatchObject({code: 'DIRECTORY_FAILED'});
      expect(performance.now() - began).toBeLessThan(15_000);
    } finally {
      running.resume();
    }
  });
});

describe('Consul of two datacenters', () => {
  const everywhere = (): Directory => directory({ConsulAddress: here.address, ConsulCrossDataCenterDistribution: true});

  test('a source is written, repaired and taken out in both', async () => {
    expect(await everywhere().publish(published(db2), soon())).toMatch(/wrote it in dc2$/);
    expect([await here.all(), await there.all()]).toEqual([KEYS, KEYS]);
    await there.remove('mysql/master/shop/port');
    expect(await everywhere().repair(published(db2), yes, soon())).toMatch(/shop\/port in dc2$/);
    expect(await there.all()).toEqual(KEYS);
    await everywhere().withdraw({cluster: published(db2).cluster, demoted: db2}, soon());
    expect([await here.all(), await there.all()]).toEqual([{}, {}]);
  });

  test('without distribution the other is left alone', async () => {
    await directory({ConsulAddress: here.address}).publish(published(db2), soon());
    expect([await here.all(), await there.all()]).toEqual([KEYS, {}]);
  });
});
