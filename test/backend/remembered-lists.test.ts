import {gunzipSync} from 'node:zlib';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {escapedJson} from '../../src/lib/config/escaped-json.ts';
import type {Instance} from '../../src/lib/model/instance.ts';
import {Memory} from '../../src/lib/operations/memory.ts';
import type {Backend} from '../../src/lib/store/backend.ts';
import {beginDowntime} from '../../src/lib/store/downtime.ts';
import {forgetInstance, readInstances, upsertInstances, writeClusterFacts} from '../../src/lib/store/instances.ts';
import {KnownInstances} from '../../src/lib/store/instances/known.ts';
import {InstanceTexts} from '../../src/lib/surfaces/http/instance-texts.ts';
import type {createHttp} from '../../src/lib/surfaces/http/server.ts';
import {instanceJson} from '../../src/lib/surfaces/legacy-json/instance.ts';
import {given, key} from '../unit/support/given.ts';
import {KINDS} from './support/coordination.ts';
import {defaults, portsOver, runner, seed, serving} from './support/operations.ts';
import {ageColumn, useStore} from './support/store.ts';

type Topology = ReturnType<typeof given>;
type App = Awaited<ReturnType<typeof createHttp>>;
type Headers = Readonly<Record<string, string>>;

const LIST = '/api/all-instances';
const C = {hostname: 'c', port: 3306};

interface Write {
  readonly what: string;
  write(backend: Backend, topology: Topology): Promise<unknown>;
}

/** Whatever is written, by whomever. */
const WRITES: readonly Write[] = [
  {what: 'nothing', write: () => Promise.resolve()},
  {what: 'a probe that saw nothing new', write: (backend, topology) => upsertInstances(backend, [seen(topology.get(key('b'))!)])},
  {
    what: 'a probe that saw something',
    write: (backend, topology) => upsertInstances(backend, [seen({...topology.get(key('b'))!, readOnly: false, alias: '<new>'})]),
  },
  {what: 'a downtime', write: (backend) => beginDowntime(backend, key('b'), {owner: 'ann', reason: 'disk', lasting: 60})},
  {
    what: 'an alias',
    write: (backend, topology) => {
      const a = topology.get(key('a'))!;
      return writeClusterFacts(backend, [{...a, cluster: {...a.cluster, suggestedAlias: 'other'}}], () => Promise.resolve(true));
    },
  },
  {what: 'one column, by hand', write: ({run}) => run(({db}) => db('database_instance').where(C).update({data_center: 'east'}))},
  {
    what: 'a value that moves from one column to the next',
    write: ({run}) => run(({db}) => db('database_instance').where(C).update({slave_lag_seconds: 0, seconds_behind_master: null})),
  },
  {what: 'a time long ago', write: (backend) => ageColumn(backend, 'database_instance', 'last_checked', 3600)},
  {what: 'details', write: ({run}) => run(({db}) => db('instance_detail').where(C).update({reach: 'refused', errno: 111}))},
  {what: 'no details', write: ({run}) => run(({db}) => db('instance_detail').where(C).delete())},
  {what: 'one less', write: (backend) => forgetInstance(backend, key('c'), 15)},
  {what: 'one more', write: (backend) => seed(backend, given('z'))},
  {what: 'none at all', write: ({run}) => run(({db}) => db('database_instance').delete())},
];

describe.each([...KINDS, 'mysql9'] as const)('lists that are remembered, from a %s backend', (kind) => {
  const store = useStore(kind);
  const topology = given('a: b c');
  let apps: App[] = [];
  let clock = 0;

  beforeEach(() => seed(store.backend, topology));
  afterEach(async () => {
    await Promise.all(apps.map((app) => app.close()));
    apps = [];
  });

  /** A node at a database node of its own, whose clock only the test moves. */
  async function node(): Promise<App> {
    const memory = new Memory({now: () => clock});
    const app = await serving({config: defaults, ports: portsOver(await store.bench.open(), defaults, memory)});
    apps.push(app);
    return app;
  }

  const get = (app: App, headers: Headers = {}, method: 'GET' | 'HEAD' = 'GET') => app.inject({method, url: LIST, headers});
  async function downtimed(app: App): Promise<readonly string[]> {
    const list = (await get(app)).json<readonly {readonly Key: {readonly Hostname: string}; readonly IsDowntimed: boolean}[]>();
    return list.filter((one) => one.IsDowntimed).map((one) => one.Key.Hostname);
  }

  test('are as if all had been read and written anew, whatever was written by somebody else', async () => {
    const {backend, bench} = store;
    const elsewhere = await bench.open();
    const [known, texts] = [new KnownInstances(), new InstanceTexts()];
    const anew = async (): Promise<string> =>
      escapedJson((await readInstances(backend, defaults)).map((one) => instanceJson(one, defaults)));
    const told = async (): Promise<string> => texts.write(await known.read(backend, defaults), defaults).toString();
    for (const {what, write} of WRITES) {
      await write(elsewhere, topology);
      // Between the two readings a second may begin.
      const both = async (): Promise<readonly string[]> => [await told(), await anew()];
      await expect.poll(both, {timeout: 20_000, message: what}).toSatisfy(([some, all]: readonly string[]) => some === all);
    }
  });

  test('one that was written by a process that does the same as this one is another row, and the others are not read again', async () => {
    const known = new KnownInstances();
    const first = await known.read(store.backend, defaults);
    await upsertInstances(store.backend, [seen(topology.get(key('b'))!)]);
    const second = await known.read(store.backend, defaults);
    const readAgain = second.filter(({binlog}, at) => binlog !== first[at]?.binlog).map((one) => one.key.host);
    expect(readAgain).toEqual(kind === 'sqlite' ? ['a', 'b', 'c'] : ['b']);
  });

  test('grow older without being read again', async () => {
    const known = new KnownInstances();
    const [first] = await known.read(store.backend, defaults);
    const both = async () => [await known.read(store.backend, defaults), await readInstances(store.backend, defaults)] as const;
    const checks = (list: readonly Instance[]): string => JSON.stringify(list.map((one) => one.check));
    await expect.poll(both, {timeout: 20_000}).toSatisfy(([some, all]: Awaited<ReturnType<typeof both>>) => {
      return some[0]!.check.secondsSinceSeen! > first!.check.secondsSinceSeen! && checks(some) === checks(all);
    });
  });

  test('show what was changed at this node at once, and what others changed after a second', async () => {
    const [one, other] = [await node(), await node()];
    expect([await downtimed(one), await downtimed(other)]).toEqual([[], []]);
    const change = await one.inject({
      method: 'POST',
      url: '/api/v4/begin-downtime',
      payload: {instance: 'b:3306', duration: '1h', reason: 'disk'},
    });
    expect(change.statusCode).toBe(200);
    expect(await downtimed(one)).toEqual(['b']);
    await get(one, {}, 'HEAD'); // on the routes of 3.2.6 too
    expect((await one.inject({method: 'GET', url: '/api/begin-downtime/c/3306/ann/disk/1h'})).statusCode).toBe(200);
    expect(await downtimed(one)).toEqual(['b', 'c']);

    clock += 1000;
    expect(await downtimed(other)).toEqual(['b', 'c']);
    await runner(portsOver(await store.bench.open(), defaults))('end-downtime', {instance: 'b:3306'});
    clock += 1000;
    expect([await downtimed(one), await downtimed(other)]).toEqual([['c'], ['c']]);
  });

  test('are not sent again to who has them', async () => {
    const [one, other] = [await node(), await node()];
    const {headers, body} = await get(one);
    const tag = headers.etag!;
    expect(headers).toMatchObject({'cache-control': 'private, no-cache', vary: 'Accept-Encoding'});
    for (const condition of [tag, `"other", ${tag}`, tag.replace('W/', ''), '*']) {
      const again = await get(one, {'if-none-match': condition});
      expect(again).toMatchObject({statusCode: 304, body: '', headers: {etag: tag}});
      expect((await get(one, {'if-none-match': condition}, 'HEAD')).statusCode).toBe(304);
    }
    expect(await get(one, {'if-none-match': '"other"'})).toMatchObject({statusCode: 200, body});
    expect((await one.inject({method: 'GET', url: '/api/begin-downtime/c/3306/ann/disk/1h'})).statusCode).toBe(200);
    const changed = await get(one, {'if-none-match': tag});
    expect(changed.statusCode).toBe(200);
    expect(changed.body).not.toBe(body);
    // A tag is of the content, whoever answers; the list of clusters has no ages in it.
    const clusters = {method: 'GET', url: '/api/clusters-info'} as const;
    expect((await other.inject(clusters)).headers.etag).toBe((await one.inject(clusters)).headers.etag);
  });

  test('are packed for who takes that, and HEAD tells of what GET would send', async () => {
    const app = await node();
    const plain = await get(app);
    const table = [
      {takes: 'gzip', encoding: 'gzip'},
      {takes: 'br, GZIP;q=0.5', encoding: 'gzip'},
      {takes: 'gzip;q=0, identity', encoding: undefined},
      {takes: 'gzip; q=0.0', encoding: undefined},
      {takes: 'gzippy', encoding: undefined},
      {takes: 'identity', encoding: undefined},
    ];
    for (const {takes, encoding} of table) {
      const headers = {'accept-encoding': takes};
      const got = await get(app, headers);
      expect({takes, encoding: got.headers['content-encoding']}).toEqual({takes, encoding});
      expect((encoding === 'gzip' ? gunzipSync(got.rawPayload) : got.rawPayload).toString()).toBe(plain.body);
      const {'content-length': length, etag} = got.headers;
      expect(length).toBe(String(got.rawPayload.length));
      expect(etag).toBe(plain.headers.etag);
      const head = await get(app, headers, 'HEAD');
      expect(head).toMatchObject({statusCode: 200, body: '', headers: {'content-length': length, etag}});
    }
  });
});

function seen(instance: Instance): {readonly instance: Instance; readonly startedAt: number} {
  return {instance, startedAt: performance.now()};
}
