import {createServer, type AddressInfo} from 'node:net';
import {afterAll, beforeAll, beforeEach, describe, expect, test} from 'vitest';
import type {Config} from '../../src/lib/config/keys.ts';
import type {Texts} from '../../src/lib/operations/define.ts';
import {noteAnalysis} from '../../src/lib/store/recovery/analysis-changelog.ts';
import {writeDomain} from '../../src/lib/store/aliases.ts';
import {writeEquivalence} from '../../src/lib/store/equivalence.ts';
import {beginDowntime} from '../../src/lib/store/downtime.ts';
import {writeResolve} from '../../src/lib/store/hostname.ts';
import {keepEachMinute} from '../../src/lib/store/housekeeping.ts';
import {and, broken, down, given, key, type But} from '../unit/support/given.ts';
import {KINDS} from './support/coordination.ts';
import {defaults, portsOver, runner, seed, serving} from './support/operations.ts';
import {ageColumn, rowsOf, useStore} from './support/store.ts';

type App = Awaited<ReturnType<typeof serving>>;
const shop: But = {cluster: {suggestedAlias: 'shop'}};
/** Nothing grows stale in a test. */
const config: Config = {...defaults, InstancePollSeconds: 3600, AuditToBackendDB: true, ProblemIgnoreHostnameFilters: ['^z:']};
const K = (host: string, port = 3306): object => ({Hostname: host, Port: port});
const hosts = (details: unknown): string => (details as readonly {Key: {Hostname: string}}[]).map((one) => one.Key.Hostname).join('');

describe.each(KINDS)('operations on a %s backend', (kind) => {
  const store = useStore(kind);
  let app: App;
  let run: ReturnType<typeof runner>;

  beforeAll(async () => {
    app = await serving({config, ports: portsOver(store.backend, config)});
    run = runner(portsOver(store.backend, config));
  });
  afterAll(() => app.close());
  beforeEach(async () => {
    const top = and(shop, {replicas: [key('b'), key('c')]});
    await seed(store.backend, given('a: b c; b: d', {a: top, b: and(shop, {replicas: [key('d')]}), c: shop, d: shop}));
    await seed(store.backend, given('x: y z', {x: down, y: broken, z: broken}));
  });

  const lines = async (name: string, texts: Texts = {}): Promise<readonly string[]> => (await run(name, texts)).lines();
  const get = async (url: string, status = 200): Promise<unknown> => {
    const {statusCode, body} = await app.inject(`/api/${url}`);
    expect({url, statusCode, body: statusCode === status ? '' : body}).toEqual({url, statusCode: status, body: ''});
    return JSON.parse(body) as unknown;
  };
  const details = async (url: string): Promise<unknown> => ((await get(url)) as {Details: unknown}).Details;
  const audited = async (): Promise<readonly string[]> =>
    (await rowsOf(store.backend, 'audit', 'audit_id')).map((row) => `${String(row['audit_type'])} ${String(row['message'])}`);

  test('a pool: submitted whole, replaced, listed, asked for, emptied, and run out', async () => {
    expect(await lines('submit-pool-instances', {pool: 'app', instance: 'b, c:3306,c,nobody:3306'})).toEqual([]);
    expect(await lines('submit-pool-instances', {pool: 'batch', instance: 'd,y'})).toEqual([]);
    expect(await lines('cluster-pool-instances')).toEqual([
      'a:3306\tshop\tapp\tb:3306',
      'a:3306\tshop\tapp\tc:3306',
      'a:3306\tshop\tbatch\td:3306',
      'x:3306\tx:3306\tbatch\ty:3306',
    ]);
    expect(await lines('cluster-pool-instances', {alias: 'shop', pool: 'batch'})).toEqual(['a:3306\tshop\tbatch\td:3306']);
    expect(await lines('which-heuristic-cluster-pool-instances', {alias: 'shop'})).toEqual(['b:3306', 'c:3306', 'd:3306']);
    expect(await lines('which-heuristic-cluster-pool-instances', {alias: 'shop', pool: 'app'})).toEqual(['b:3306', 'c:3306']);
    expect(await details('cluster-pool-instances/shop')).toEqual({app: [K('b'), K('c')], batch: [K('d')]});
    expect(await details('cluster-pool-instances/a:3306/batch')).toEqual({batch: [K('d')]});
    expect(hosts(await details('heuristic-cluster-pool-instances/shop/app'))).toBe('bc');
    expect(await details('heuristic-cluster-pool-lag/shop')).toBe(0);
    expect(await get('heuristic-cluster-pool-lag/shop/nothing', 500)).toMatchObject({Code: 'ERROR'});
    expect(await details('submit-pool-instances/app?instances=d:3306')).toBe('app');
    expect(await lines('which-heuristic-cluster-pool-instances', {alias: 'shop', pool: 'app'})).toEqual(['d:3306']);
    await expect(run('submit-pool-instances', {pool: 'app'})).rejects.toMatchObject({code: 'INPUT_INVALID'});
    await expect(run('submit-pool-instances', {pool: 'app', instance: 'a,b:0'})).rejects.toMatchObject({code: 'INPUT_INVALID'});
    expect(await lines('submit-pool-instances', {pool: 'app', instance: ''})).toEqual([]);
    expect(await details('cluster-pool-instances/shop/app')).toEqual({});
    await ageColumn(store.backend, 'database_instance_pool', 'registered_at', 3601);
    expect(await keepEachMinute(store.backend, config)).toMatchObject({'expire-database_instance_pool': 2});
    expect(await lines('cluster-pool-instances')).toEqual([]);
    expect(await audited()).toContain('submit-pool-instances batch: d:3306,y:3306');
  });

  test('what tools ask of a cluster', async () => {
    expect(await lines('which-cluster-osc-replicas', {alias: 'shop'})).toEqual(['b:3306', 'd:3306', 'c:3306']);
    expect(hosts(await get('cluster-osc-replicas/shop'))).toBe('bdc');
    expect(hosts(await get('cluster-osc-slaves/d'))).toBe('bdc');
    expect(await lines('which-cluster-gh-ost-replicas', {alias: 'shop'})).toEqual(['c:3306', 'd:3306', 'b:3306']);
    expect(await lines('get-cluster-heuristic-lag', {alias: 'shop'})).toEqual(['0']);
    await seed(store.backend, given('q:'));
    await expect(run('get-cluster-heuristic-lag', {alias: 'q:3306'})).rejects.toMatchObject({code: 'NOT_FOUND'});
  });

  test('a domain, and the writable instance noted for it', async () => {
    expect(await lines('which-cluster-domain', {alias: 'shop'})).toEqual(['']);
    await expect(run('set-heuristic-domain-instance', {alias: 'shop'})).rejects.toMatchObject({code: 'NOT_FOUND'});
    await writeDomain(store.backend, 'a:3306', 'shop.example');
    expect(await lines('which-cluster-domain', {alias: 'shop'})).toEqual(['shop.example']);
    await expect(run('which-heuristic-domain-instance', {alias: 'shop'})).rejects.toMatchObject({code: 'NOT_FOUND'});
    expect(await lines('set-heuristic-domain-instance', {alias: 'shop'})).toEqual(['a:3306']);
    expect(await lines('which-heuristic-domain-instance', {instance: 'd'})).toEqual(['a:3306']);
    expect(await rowsOf(store.backend, 'host_attributes')).toMatchObject([
      {hostname: '*', attribute_name: 'shop.example', attribute_value: 'a:3306'},
    ]);
    await seed(store.backend, given('a: b', {a: and(shop, {readOnly: true}), b: shop}));
    await expect(run('set-heuristic-domain-instance', {alias: 'shop'})).rejects.toMatchObject({code: 'REFUSED'});
  });

  test('an alias given by hand', async () => {
    expect(await lines('set-cluster-alias', {cluster: 'x:3306', alias: 'stock'})).toEqual(['x:3306\tstock']);
    expect(await get('set-cluster-alias/a:3306?alias=market')).toMatchObject({Code: 'OK', Details: null});
    expect(await rowsOf(store.backend, 'cluster_alias_override', 'cluster_name')).toEqual([
      {cluster_name: 'a:3306', alias: 'market'},
      {cluster_name: 'x:3306', alias: 'stock'},
    ]);
    expect(await get('set-cluster-alias/a:3306', 500)).toMatchObject({Message: expect.stringContaining('--alias') as string});
    expect(await get('set-cluster-alias/nobody:1?alias=x', 500)).toMatchObject({Code: 'ERROR'});
  });

  test('a name that a cluster had once, and an instance has, means the instance', async () => {
    await store.backend.run(({db}) => db('cluster_alias').insert({cluster_name: 'b:3306', alias: 'b:3306'}));
    expect(await get('cluster-info/b:3306')).toMatchObject({ClusterName: 'a:3306', ClusterAlias: 'shop'});
    expect(await lines('which-cluster', {cluster: 'b:3306'})).toEqual(['a:3306']);
    expect(await lines('which-cluster', {cluster: 'shop'})).toEqual(['a:3306']);
  });

  test('downtime, maintenance and tags, from beginning to end', async () => {
    for (const [name, listed] of [
      ['downtime', () => lines('which-downtimed-instances', {alias: 'shop'})],
      ['maintenance', () => lines('in-maintenance', {instance: 'b'})],
    ] as const) {
      expect(await listed()).toEqual([]);
      expect(await lines(`begin-${name}`, {instance: 'b', reason: 'disk', duration: '30m'})).toEqual(['b:3306']);
      expect(await listed()).toEqual(['b:3306']);
      expect(await lines(`end-${name}`, {instance: 'b'})).toEqual(['b:3306']);
      expect(await listed()).toEqual([]);
    }
    for (const [instance, tag] of [
      ['b', 'role=db'],
      ['b', 'role=backup'],
      ['c', 'role=db'],
      ['c', 'old'],
    ] as const) {
      expect(await lines('tag', {instance, tag})).toEqual([`${instance}:3306`]);
    }
    expect(await lines('tags', {instance: 'c'})).toEqual(['old=', 'role=db']);
    expect(await lines('tag-value', {instance: 'b', tag: 'role'})).toEqual(['backup']);
    expect(await lines('tagged', {tag: '~role=db'})).toEqual(['b:3306']);
    expect(await lines('tagged', {tag: 'role,~old'})).toEqual(['b:3306']);
    expect(await lines('untag', {instance: 'b', tag: 'none'})).toEqual([]);
    expect(await lines('untag-all', {tag: 'role=db'})).toEqual(['c:3306']);
    expect(await lines('tagged', {tag: 'role'})).toEqual(['b:3306']);
  });

  test('names: what was resolved, forgotten; virtual names given and taken', async () => {
    await writeResolve(store.backend, 'b', 'b.example');
    await writeResolve(store.backend, 'a', 'a.example');
    expect(await lines('show-resolve-hosts')).toEqual(['a a.example', 'b b.example']);
    expect(await details('hostname-resolve-cache')).toEqual({a: {Object: 'a.example', Expiration: expect.any(Number) as number}});
    expect(await lines('reset-hostname-resolve-cache')).toEqual(['hostname resolve cache cleared']);
    expect(await lines('show-resolve-hosts')).toEqual([]);
    expect(await get('reset-hostname-resolve-cache')).toMatchObject({Code: 'OK', Details: null});
    expect(await lines('register-hostname-unresolve', {instance: 'b', hostname: 'b.vip'})).toEqual(['b:3306']);
    expect(await details('register-hostname-unresolve/c/3306/c.vip')).toEqual(K('c'));
    expect(await lines('show-unresolve-hosts')).toEqual(['b b.vip', 'c c.vip']);
    expect(await get('instance/b/3306')).toMatchObject({UnresolvedHostname: 'b.vip'});
    expect(await lines('register-hostname-unresolve', {instance: 'b', hostname: ''})).toEqual(['b:3306']);
    expect(await lines('deregister-hostname-unresolve', {instance: 'b'})).toEqual(['b:3306']);
    expect(await details('deregister-hostname-unresolve/c/3306')).toEqual(K('c'));
    expect(await lines('show-unresolve-hosts')).toEqual([]);
    expect(await audited()).toEqual(expect.arrayContaining(['register-hostname-unresolve b.vip', 'deregister-hostname-unresolve ']));
  });

  test('bulk lists', async () => {
    expect(await lines('bulk-instances')).toEqual(['a:3306', 'b:3306', 'c:3306', 'd:3306', 'x:3306', 'y:3306', 'z:3306']);
    expect(await get('bulk-instances')).toEqual(['a', 'b', 'c', 'd', 'x', 'y', 'z'].map((host) => K(host)));
    expect(await get('bulk-promotion-rules')).toBeNull();
    await run('register-candidate', {instance: 'c', 'promotion-rule': 'must_not'});
    await run('register-candidate', {instance: 'b'});
    expect(await lines('bulk-promotion-rules')).toEqual(['b:3306 prefer', 'c:3306 must_not']);
    const [rule] = (await get('bulk-promotion-rules')) as [Record<string, string>];
    expect(Object.keys(rule)).toEqual(['Hostname', 'Port', 'PromotionRule', 'LastSuggestedString', 'PromotionRuleExpiry']);
    const time = (text: string | undefined): number => Date.parse(`${text?.slice(0, 19).replace(' ', 'T') ?? ''}Z`);
    expect(time(rule['PromotionRuleExpiry']) - time(rule['LastSuggestedString'])).toBe(3_600_000);
  });

  test('problems, without what is downtimed or to be ignored', async () => {
    await store.backend.run(({db}) => db('database_instance').where({hostname: 'x'}).update({last_seen: '2020-01-01 00:00:00'}));
    expect(await lines('problems')).toEqual(['x:3306 last_check_invalid', 'y:3306 not_replicating']);
    expect(hosts(await get('problems'))).toBe('xy');
    expect(hosts(await get('problems/x:33%25'))).toBe('xy');
    expect(await get('problems/a:3306')).toBeNull();
    await beginDowntime(store.backend, key('x'), {owner: 'me', reason: 'x', lasting: 600});
    expect(hosts(await get('problems'))).toBe('y');
  });

  test('what was done, and how findings changed', async () => {
    for (let turn = 0; turn < 21; turn++) await run('begin-downtime', {instance: 'b', reason: `r${turn}`});
    await run('end-downtime', {instance: 'b'});
    await run('register-candidate', {instance: 'c'});
    const page = (await get('audit')) as readonly object[];
    expect(page).toHaveLength(20);
    expect(page[0]).toEqual({
      AuditId: expect.any(Number) as number,
      AuditTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d/) as string,
      AuditType: 'register-candidate',
      AuditInstanceKey: K('c'),
      Message: 'prefer',
    });
    expect(await get('audit/1')).toHaveLength(3);
    expect(await get('audit/instance/c/3306')).toHaveLength(1);
    expect(await get('audit/instance/b/3306/1')).toHaveLength(2);
    expect((await lines('audit', {instance: 'c'}))[0]).toMatch(/\tregister-candidate\tc:3306\t\tprefer$/);
    expect(await get('replication-analysis-changelog')).toBeNull();
    await noteAnalysis(store.backend, key('x'), 'NoProblem');
    await noteAnalysis(store.backend, key('x'), 'DeadMaster');
    expect(await get('replication-analysis-changelog')).toEqual([
      {AnalyzedInstanceKey: K('x'), Changelog: [expect.stringMatching(/^[^;]+;DeadMaster,$/) as string]},
    ]);
  });

  test('snapshots, and a cluster as it was', async () => {
    expect(await details('snapshot-topologies')).toMatch(/^Took /);
    expect(await lines('snapshot-topologies')).toEqual([]);
    await older(1000);
    await seed(store.backend, given('a: b; b: c d', {a: shop, b: shop, c: shop, d: shop}));
    await run('snapshot-topologies');
    expect(await lines('topology', {alias: 'shop', pattern: '.'})).toEqual(['a:3306', '- b:3306', '  - c:3306', '  - d:3306']);
    const [oldest] = await rowsOf(store.backend, 'database_instance_topology_history', 'snapshot_unix_timestamp');
    const pattern = `^${String(oldest?.['snapshot_unix_timestamp'])}$`;
    expect(await lines('topology', {alias: 'shop', pattern})).toEqual(['a:3306', '- b:3306', '  - d:3306', '- c:3306']);
    expect(await lines('topology-tabulated', {alias: 'shop', pattern: '^0$'})).toEqual(['']);
    await expect(run('topology', {alias: 'shop', pattern: '('})).rejects.toMatchObject({code: 'INPUT_INVALID'});
  });

  test('snapshots as often as SnapshotTopologiesIntervalHours says', async () => {
    const often = {...config, SnapshotTopologiesIntervalHours: 2};
    expect(await keepEachMinute(store.backend, config)).toEqual({});
    expect(await keepEachMinute(store.backend, often)).toEqual({'snapshot-topologies': 1});
    expect(await keepEachMinute(store.backend, often)).toEqual({});
    await older(7201);
    expect(await keepEachMinute(store.backend, often)).toEqual({'snapshot-topologies': 1});
    expect(await rowsOf(store.backend, 'database_instance_topology_history')).toHaveLength(14);
  });

  const older = (seconds: number) =>
    store.backend.run(({db}) => db('database_instance_topology_history').decrement('snapshot_unix_timestamp', seconds));

  test('places that are the same in the logs of two servers', async () => {
    const place = (host: string, file: string, position: number) => ({key: key(host), at: {file, position}});
    await writeEquivalence(store.backend, place('a', 'binlog.000003', 4711), place('x', 'log.1', 90));
    const there = {instance: 'a', binlog: 'binlog.000003:4711'};
    expect(await lines('master-equivalent', there)).toEqual(['x:3306 log.1:90']);
    expect(await lines('master-equivalent', {...there, binlog: 'binlog.000003:4712'})).toEqual([]);
    expect(await details('master-equivalent/x/3306/log.1/90')).toEqual([
      {Key: K('a'), Coordinates: {LogFile: 'binlog.000003', LogPos: 4711, Type: 0}},
    ]);
    await get('master-equivalent/x/3306/log.1/-9', 500);
  });

  test('a name that somebody answers to', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const {port} = server.address() as AddressInfo;
    expect(await lines('resolve', {instance: `127.0.0.1:${port}`})).toEqual([`canonical-127.0.0.1:${port}`]);
    expect(await details(`resolve/127.0.0.1/${port}`)).toEqual(K('canonical-127.0.0.1', port));
    await new Promise((resolve) => server.close(resolve));
    await expect(run('resolve', {instance: `127.0.0.1:${port}`})).rejects.toMatchObject({code: 'SERVER_UNREACHABLE'});
  });

  test('an access token is made; only its public half is told', async () => {
    const [open = ''] = await lines('access-token');
    expect(open).toMatch(/^[0-9a-f]{64}$/);
    expect(await rowsOf(store.backend, 'access_token')).toMatchObject([{public_token: open, generated_by: 'ann', is_acquired: 0}]);
  });
});
