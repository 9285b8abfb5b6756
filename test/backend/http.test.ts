import {request} from 'node:http';
import path from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {compose} from '../../src/composition.ts';
import {checkNodeHealth} from '../../src/lib/coordination/nodes.ts';
import type {Health} from '../../src/lib/operations/context.ts';
import {ALL} from '../../src/lib/operations/registry.ts';
import type {Opened} from '../../src/lib/surfaces/cli/program.ts';
import {listen} from '../../src/lib/surfaces/http/listen.ts';
import {createHttp} from '../../src/lib/surfaces/http/server.ts';
import {registerDetection} from '../../src/lib/store/recovery/detection-registration.ts';
import {writeRecoverySteps} from '../../src/lib/store/recovery/plans.ts';
import {recordSuccessor, registerRecovery, writeRecoveryEnd} from '../../src/lib/store/recovery/recovery-registration.ts';
import {and, broken, down, given, key, type But} from '../unit/support/given.ts';
import {cli, type Cli} from './support/cli.ts';
import {rowsOf} from './support/store.ts';

type App = Awaited<ReturnType<typeof createHttp>>;
const shop: But = {cluster: {suggestedAlias: 'shop'}};
let it: Cli;
let opened: Opened;
let app: App;

/** Clusters as in cli-read: a:3306, called shop, and x:3306 with a dead source. A recovery of x. */
beforeAll(async () => {
  it = cli();
  await it.seed(given('a: b c; b: d', {a: and(shop, {replicas: [key('b'), key('c')]}), b: shop, c: shop, d: shop}));
  await it.seed(given('x: y z', {x: down, y: broken, z: broken}));
  const backend = await it.backend();
  await backend.run(({db}) => db('database_instance').where({hostname: 'x'}).update({last_seen: '2020-01-01 00:00:00'}));
  await backend.transaction(async (work) => {
    const node = {hostname: 'n', token: 't'};
    const names = {cluster: 'x:3306', alias: 'stock'};
    await registerRecovery(work, {
      uid: '1:aa',
      failed: key('x'),
      analysis: 'DeadMaster',
      ...names,
      replicas: [key('y')],
      node,
      forced: false,
    });
    await recordSuccessor(work, '1:aa', {successor: key('y'), alias: 'y'});
    await writeRecoverySteps(work, '1:aa', ['first', 'second']);
    await writeRecoveryEnd(work, '1:aa', {lost: [key('z')], participating: [], errors: ['one', 'two']});
  });
  const build = {version: 'test', revision: ''};
  const common = {config: path.join(it.folder, 'orchestrator.conf.json')};
  const silent = (): void => undefined;
  opened = compose({common, operation: {name: 'serve', changes: 'servers'}, build, env: {}, warn: silent, alert: silent, log: silent});
  const {ports} = opened;
  const registration = {me: ports.node, mode: 'HttpMode', command: '', version: 'test'} as const;
  const unused = (): Promise<never> => Promise.reject(new Error('unused'));
  const health = async (): Promise<Health> => ({...(await checkNodeHealth(backend, registration)), isLeader: true});
  const service = {isLeader: () => true, health, grabElection: unused, reelect: unused};
  app = await createHttp({config: it.config, ports, service, operations: ALL, log: silent});
});

afterAll(async () => {
  await app.close();
  await opened.close();
  await it.down();
});

async function get(url: string): Promise<{readonly status: number; readonly json: unknown}> {
  const {statusCode, body} = await app.inject({method: 'GET', url});
  return {status: statusCode, json: JSON.parse(body) as unknown};
}

const keyJson = (host: string, port = 3306): object => ({Hostname: host, Port: port});
const keysOf = (json: unknown): readonly unknown[] => (json as readonly {readonly Key: unknown}[]).map((one) => one.Key);

test.each([
  {url: '/api/clusters', json: ['a:3306', 'x:3306']},
  {
    url: '/api/clusters-info',
    json: [
      {ClusterName: 'a:3306', ClusterAlias: 'shop', CountInstances: 4, HasAutomatedMasterRecovery: false},
      {ClusterName: 'x:3306', ClusterAlias: 'x:3306', CountInstances: 3},
    ],
  },
  {url: '/api/cluster-info/shop', json: {ClusterName: 'a:3306', ClusterAlias: 'shop'}},
  {
    url: '/api/instance/b/3306',
    json: {Key: keyJson('b'), MasterKey: keyJson('a'), ClusterName: 'a:3306', IsLastCheckValid: true, Problems: []},
  },
  {url: '/api/master/shop', json: {Key: keyJson('a')}},
  {url: '/api/audit-recovery-steps/1:aa', json: [{RecoveryUID: '1:aa', Message: 'first'}, {Message: 'second'}]},
  {url: '/api/audit-recovery-steps/no:such', json: []},
  {url: '/api/status', json: {Code: 'OK', Details: {Healthy: true, IsActiveNode: true, RaftHealthyMembers: null}}},
])('GET $url', async ({url, json}) => {
  expect(await get(url)).toMatchObject({status: 200, json});
});

test.each([
  {url: '/api/cluster/a:3306', hosts: 'abcd'},
  {url: '/api/cluster/shop', hosts: 'abcd'},
  {url: '/api/cluster/d:3306', hosts: 'abcd'},
  {url: '/api/cluster/alias/shop', hosts: 'abcd'},
  {url: '/api/cluster/instance/d/3306', hosts: 'abcd'},
  {url: '/api/all-instances', hosts: 'axbcyzd'},
  {url: '/api/search?s=shop', hosts: 'abcd'},
  {url: '/api/search/shop', hosts: 'abcd'},
  {url: '/api/instance-replicas/a/3306', hosts: 'bc'},
  {url: '/api/masters', hosts: 'ax'},
  {url: '/api/downtimed', hosts: ''},
])('GET $url lists $hosts', async ({url, hosts}) => {
  const {status, json} = await get(url);
  expect({status, keys: keysOf(json)}).toEqual({status: 200, keys: [...hosts].map((host) => keyJson(host))});
});

test.each(['/api/topology/shop', '/api/topology/a:3306', '/api/topology/d/3306', '/api/topology-tabulated/d/3306'])(
  'GET %s draws',
  async (url) => {
    const {status, json} = await get(url);
    const {Details: text} = json as {Details: string};
    expect({status, json}).toMatchObject({status: 200, json: {Code: 'OK'}});
    expect(text.split('\n').map((line) => line.split(/ *[[|]/)[0])).toEqual([
      'a:3306 (a)',
      '+ b:3306 (b)',
      '  + d:3306 (d)',
      '+ c:3306 (c)',
    ]);
  },
);

test.each([
  {url: '/api/replication-analysis', found: ['x', 'y', 'z']},
  {url: '/api/replication-analysis/x:3306', found: ['x', 'y', 'z']},
  {url: '/api/replication-analysis/shop', found: []},
  {url: '/api/replication-analysis/instance/x/3306', found: ['x']},
])('GET $url finds $found', async ({url, found}) => {
  const {status, json} = await get(url);
  const {Details: details} = json as {Details: readonly {AnalyzedInstanceKey: {Hostname: string}}[]};
  expect({status, json}).toMatchObject({status: 200, json: {Code: 'OK', Message: 'Analysis'}});
  expect(details.map((one) => one.AnalyzedInstanceKey.Hostname)).toEqual(found);
});

test('the finding about a dead source', async () => {
  const {json} = await get('/api/replication-analysis/instance/x/3306');
  expect(json).toMatchObject({
    Details: [{Analysis: 'DeadMaster', CountReplicas: 2, Replicas: [keyJson('y'), keyJson('z')], IsActionableRecovery: true}],
  });
});

test.each([
  {url: '/api/audit-recovery', count: 1},
  {url: '/api/audit-recovery/0', count: 1},
  {url: '/api/audit-recovery/1', count: 0},
  {url: '/api/audit-recovery/id/1', count: 1},
  {url: '/api/audit-recovery/id/2', count: 0},
  {url: '/api/audit-recovery/uid/1:aa', count: 1},
  {url: '/api/audit-recovery/uid/1%3Aaa', count: 1},
  {url: '/api/audit-recovery/cluster/x:3306', count: 1},
  {url: '/api/audit-recovery/cluster/x:3306/1', count: 0},
  {url: '/api/audit-recovery/alias/stock', count: 1},
  {url: '/api/audit-recovery/alias/stock/0', count: 1},
  {url: '/api/audit-recovery/alias/other', count: 0},
  {url: '/api/audit-recovery?unacknowledged=true', count: 1},
])('GET $url has $count', async ({url, count}) => {
  const {status, json} = await get(url);
  expect({status, json}).toEqual({status: 200, json: expect.any(Array) as unknown});
  expect(json).toHaveLength(count);
});

test('a recovery as it was', async () => {
  expect(await get('/api/audit-recovery/uid/1:aa')).toMatchObject({
    json: [
      {
        UID: '1:aa',
        AnalysisEntry: {
          AnalyzedInstanceKey: keyJson('x'),
          Analysis: 'DeadMaster',
          ClusterDetails: {ClusterName: 'x:3306', ClusterAlias: 'stock'},
        },
        SuccessorKey: keyJson('y'),
        IsSuccessful: true,
        LostReplicas: [keyJson('z')],
        AllErrors: ['one', 'two'],
        Acknowledged: false,
      },
    ],
  });
});

test.each([
  {url: '/api/instance/nobody/3306', says: 'nobody:3306'},
  {url: '/api/cluster/nobody', says: 'nobody'},
  {url: '/api/topology/nobody/1', says: 'nobody:1'},
  {url: '/api/instance/a/port', says: 'Invalid port: port'},
  {url: '/api/audit-recovery/x', says: '--page'},
  {url: '/api/forget/nobody/3306', says: 'nobody:3306'},
  {url: '/api/ack-all-recoveries', says: '--reason'},
  {url: '/api/ack-all-recoveries?comment=%20', says: '--reason'},
  {url: '/api/register-candidate/b/3306/best', says: '"best"'},
  {url: '/api/begin-downtime/b/3306/me/why/forever', says: '"forever"'},
])('GET $url is an error that says $says', async ({url, says}) => {
  expect(await get(url)).toEqual({status: 500, json: {Code: 'ERROR', Message: expect.stringContaining(says) as unknown, Details: null}});
});

test('changing over HTTP', async () => {
  expect(await get('/api/begin-downtime/b/3306/ann/new%20disk/30m')).toMatchObject({
    status: 200,
    json: {Code: 'OK', Details: keyJson('b')},
  });
  expect(await get('/api/downtimed/shop')).toMatchObject({
    json: [{Key: keyJson('b'), IsDowntimed: true, DowntimeOwner: 'ann', DowntimeReason: 'new disk'}],
  });
  expect(await get('/api/end-downtime/b/3306')).toMatchObject({status: 200, json: {Details: keyJson('b')}});
  expect(await get('/api/begin-downtime/b/3306/ann/shortly')).toMatchObject({status: 200});
  expect(keysOf((await get('/api/downtimed')).json)).toEqual([keyJson('b')]);
  expect(await get('/api/begin-maintenance/b/3306/ann/why')).toMatchObject({status: 200, json: {Details: keyJson('b')}});
  expect(await get('/api/in-maintenance/b/3306')).toMatchObject({json: {Message: 'true', Details: 'b:3306'}});
  expect(await get('/api/end-maintenance/b/3306')).toMatchObject({status: 200});
  expect(await get('/api/in-maintenance/b/3306')).toMatchObject({json: {Message: 'false', Details: ''}});
  expect(await get('/api/register-candidate/b/3306/prefer_not')).toMatchObject({status: 200, json: {Details: keyJson('b')}});
  expect(await get('/api/disable-global-recoveries')).toMatchObject({json: {Details: 'disabled'}});
  expect(await get('/api/check-global-recoveries')).toMatchObject({json: {Message: 'Global recoveries disabled', Details: 'disabled'}});
  expect(await get('/api/enable-global-recoveries')).toMatchObject({json: {Details: 'enabled'}});
  expect(await get('/api/ack-recovery/cluster/x:3306?comment=seen')).toMatchObject({json: {Code: 'OK', Details: 'x:3306'}});
  expect(await get('/api/audit-recovery?unacknowledged=true')).toMatchObject({json: []});
  expect(await get('/api/audit-recovery')).toMatchObject({
    json: [{Acknowledged: true, AcknowledgedBy: opened.ports.node.hostname, AcknowledgedComment: 'seen'}],
  });
  expect(await get('/api/forget/d/3306')).toMatchObject({status: 200, json: {Details: keyJson('d')}});
  expect(await get('/api/instance/d/3306')).toMatchObject({status: 500});
});

test('tags over HTTP, as a query and as a path', async () => {
  expect(await get('/api/tag/b/3306?tag=role%3Ddb')).toMatchObject({status: 200, json: {Code: 'OK', Details: keyJson('b')}});
  expect(await get('/api/tag/c/3306/role/a%2Fb')).toMatchObject({status: 200, json: {Details: keyJson('c')}});
  expect(await get('/api/tag/c/3306?tag=old')).toMatchObject({status: 200});
  expect(await get('/api/tags/c/3306')).toEqual({status: 200, json: ['old=', 'role=a/b']});
  expect(await get('/api/tags/a/3306')).toEqual({status: 200, json: []});
  expect(await get('/api/tag-value/c/3306?tag=role')).toEqual({status: 200, json: 'a/b'});
  expect(await get('/api/tag-value/c/3306/old')).toEqual({status: 200, json: ''});
  expect(await get('/api/tag-value/c/3306/none')).toMatchObject({status: 500, json: {Code: 'ERROR'}});
  expect(await get('/api/tagged?tag=role')).toEqual({status: 200, json: [keyJson('b'), keyJson('c')]});
  expect(await get('/api/tagged?tag=role,~old')).toEqual({status: 200, json: [keyJson('b')]});
  expect(await get('/api/tagged?tag=~role%3Ddb')).toEqual({status: 200, json: [keyJson('c')]});
  expect((await get('/api/topology-tags/shop')).json).toMatchObject({Details: expect.stringMatching(/b:3306.*\] \[role=db\]\n/) as string});
  expect(await get('/api/untag/b/3306?tag=role%3Dother')).toMatchObject({status: 200, json: {Details: []}});
  expect(await get('/api/untag/b/3306/role')).toMatchObject({json: {Code: 'OK', Details: [keyJson('b')]}});
  expect(await get('/api/untag-all?tag=role')).toMatchObject({status: 500});
  expect(await get('/api/untag-all?tag=old%3D')).toMatchObject({json: {Details: [keyJson('c')]}});
  expect(await get('/api/untag-all/role/a%2Fb')).toMatchObject({json: {Details: [keyJson('c')]}});
  expect(await get('/api/tagged?tag=~x')).toEqual({status: 200, json: []});
});

test('maintenance over HTTP: listed, and ended by number', async () => {
  await get('/api/begin-maintenance/b/3306/ann/new%20disk');
  const {json} = await get('/api/maintenance');
  expect(json).toEqual([
    {
      MaintenanceId: expect.any(Number) as number,
      Key: keyJson('b'),
      BeginTimestamp: expect.any(String) as string,
      SecondsElapsed: expect.any(Number) as number,
      IsActive: true,
      Owner: 'ann',
      Reason: 'new disk',
    },
  ]);
  const {MaintenanceId: id} = (json as [{MaintenanceId: number}])[0];
  expect(await get('/api/begin-maintenance/b/3306/bob/me')).toMatchObject({
    status: 500,
    json: {Message: expect.stringContaining('maintenance by ann: new disk') as string},
  });
  expect(await get(`/api/end-maintenance/${id}`)).toMatchObject({status: 200, json: {Code: 'OK', Details: id}});
  expect(await get(`/api/end-maintenance/${id}`)).toMatchObject({status: 500});
  expect(await get('/api/maintenance')).toEqual({status: 200, json: []});
});

test.each([
  {url: '/api/ack-recovery/cluster/alias/shop', details: 'a:3306'},
  {url: '/api/ack-recovery/instance/x/3306', details: keyJson('x')},
  {url: '/api/ack-recovery/7', details: '7'},
  {url: '/api/ack-recovery/uid/9:zz', details: '9:zz'},
  {url: '/api/ack-all-recoveries', details: 'seen'},
])('GET $url acknowledges', async ({url, details}) => {
  expect(await get(`${url}?comment=seen`)).toMatchObject({status: 200, json: {Code: 'OK', Details: details}});
  expect(await get(url)).toMatchObject({status: 500, json: {Message: expect.stringContaining('--reason') as string}});
});

test('a cluster is forgotten, and a server put on the list', async () => {
  expect(await get('/api/async-discover/127.0.0.1/1')).toMatchObject({status: 200, json: {Code: 'OK', Details: null}});
  expect(await get('/api/instance/127.0.0.1/1')).toMatchObject({
    status: 200,
    json: {Key: keyJson('127.0.0.1', 1), IsLastCheckValid: false},
  });
  expect(await get('/api/forget-cluster/127.0.0.1:1')).toMatchObject({status: 200, json: {Code: 'OK', Details: null}});
  expect(await get('/api/instance/127.0.0.1/1')).toMatchObject({status: 500});
  const kept = await rowsOf(await it.backend(), 'forgotten_instance');
  expect(kept).toContainEqual(expect.objectContaining({hostname: '127.0.0.1', port: 1}));
  expect(await get('/api/forget-cluster/nobody')).toMatchObject({status: 500});
});

test('a server that cannot be reached is not discovered', async () => {
  expect(await get('/api/discover/127.0.0.1/1')).toMatchObject({
    status: 500,
    json: {Code: 'ERROR', Message: expect.stringContaining('127.0.0.1:1') as unknown},
  });
});

test('it listens on an address or a socket, and says what is in the way', async () => {
  const own = async (config: object): Promise<App> => {
    const silent = (): void => undefined;
    const unused = (): Promise<never> => Promise.reject(new Error('unused'));
    const service = {isLeader: () => false, health: unused, grabElection: unused, reelect: unused};
    return createHttp({config: {...it.config, ...config}, ports: opened.ports, service, operations: [], log: silent});
  };
  const tcp = await own({});
  const where = await listen(tcp, {ListenAddress: '127.0.0.1:0', ListenSocket: ''});
  expect(await (await fetch(`${where}/api/lb-check`)).text()).toBe('"OK"');
  const busy = await own({});
  await expect(listen(busy, {ListenAddress: new URL(where).host, ListenSocket: ''})).rejects.toMatchObject({code: 'CONFIG_INVALID'});
  const socket = path.join(it.folder, 'o.sock');
  const unix = await own({});
  expect(await listen(unix, {ListenAddress: ':3000', ListenSocket: socket})).toBe(socket);
  const status = await new Promise((resolve, reject) =>
    request({socketPath: socket, path: '/api/leader-check'}, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end(),
  );
  expect(status).toBe(404);
  await Promise.all([tcp, busy, unix].map((one) => one.close()));
});

describe('while another recovery of x is under way, found anew', () => {
  beforeAll(async () => {
    const backend = await it.backend();
    const node = {hostname: 'n', token: 't'};
    const failure = {failed: key('x'), analysis: 'DeadMaster', cluster: 'x:3306', alias: 'stock', replicas: [key('y')], node};
    const {failed: instance, ...found} = failure;
    await registerDetection(backend, {...found, instance, actionable: true}, () => Promise.resolve(true));
    await backend.transaction(async (work) => {
      await registerRecovery(work, {...failure, uid: '2:bb', forced: true});
      await registerRecovery(work, {...failure, uid: '3:cc', failed: key('y'), forced: false});
    });
  });

  test.each([
    {url: '/api/active-cluster-recovery/x:3306', uids: ['2:bb']},
    {url: '/api/active-cluster-recovery/a:3306', uids: []},
    {url: '/api/recently-active-cluster-recovery/x:3306', uids: ['1:aa']},
    {url: '/api/recently-active-cluster-recovery/a:3306', uids: []},
    {url: '/api/recently-active-instance-recovery/y/3306', uids: ['1:aa']},
    {url: '/api/recently-active-instance-recovery/z/3306', uids: []},
  ])('GET $url has $uids', async ({url, uids}) => {
    const {status, json} = await get(url);
    expect({status, uids: (json as {UID: string}[]).map(({UID}) => UID)}).toEqual({status: 200, uids});
  });

  test.each([
    {url: '/api/audit-failure-detection', count: 1},
    {url: '/api/audit-failure-detection/1', count: 0},
    {url: '/api/audit-failure-detection/id/1', count: 1},
    {url: '/api/audit-failure-detection/id/2', count: 0},
    {url: '/api/audit-failure-detection/alias/stock', count: 1},
    {url: '/api/audit-failure-detection/alias/stock/1', count: 0},
    {url: '/api/audit-failure-detection/alias/shop', count: 0},
  ])('GET $url has $count', async ({url, count}) => {
    const {status, json} = await get(url);
    expect({status, count: (json as []).length}).toEqual({status: 200, count});
  });

  test('a failure as it was found, and what did not follow from it', async () => {
    expect(await get('/api/audit-failure-detection/id/1')).toMatchObject({
      json: [
        {
          Id: 1,
          IsActive: true,
          AnalysisEntry: {AnalyzedInstanceKey: keyJson('x'), Analysis: 'DeadMaster', StartActivePeriod: expect.any(String) as string},
          ProcessingNodeHostname: 'n',
          SuccessorKey: null,
          AllErrors: null,
          RelatedRecoveryId: 2,
        },
      ],
    });
    const blocked = {
      FailedInstanceKey: keyJson('y'),
      ClusterName: 'x:3306',
      Analysis: 'DeadMaster',
      LastBlockedTimestamp: expect.any(String) as string,
      BlockingRecoveryId: 2,
    };
    expect(await get('/api/blocked-recoveries')).toEqual({status: 200, json: [blocked]});
    expect(await get('/api/blocked-recoveries/cluster/x:3306')).toEqual({status: 200, json: [blocked]});
    expect(await get('/api/blocked-recoveries/cluster/a:3306')).toEqual({status: 200, json: []});
    expect(await get('/api/automated-recovery-filters')).toMatchObject({
      json: {
        Code: 'OK',
        Details: {RecoverMasterClusterFilters: [], RecoverIntermediateMasterClusterFilters: [], RecoveryIgnoreHostnameFilters: []},
      },
    });
  });
});
