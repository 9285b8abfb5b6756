import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {appendEvents} from '../../src/lib/store/events.ts';
import {Gatherer} from '../../src/lib/operations/service/metrics/gather.ts';
import {Metrics} from '../../src/lib/operations/service/metrics/metrics.ts';
import {writeRefusals} from '../../src/lib/store/recovery/refusals.ts';
import {registerRecovery} from '../../src/lib/store/recovery/recovery-registration.ts';
import {createHttp} from '../../src/lib/surfaces/http/server.ts';
import {ALL} from '../../src/lib/operations/registry.ts';
import {given, key} from '../unit/support/given.ts';
import {defaults, portsOver, seed} from './support/operations.ts';
import {useStore} from './support/store.ts';

describe.each(['sqlite', 'mariadb'] as const)('metrics on a %s backend', (kind) => {
  const store = useStore(kind);
  const config = {...defaults, URLPrefix: '/o'};
  let app: Awaited<ReturnType<typeof createHttp>>;
  let gatherer: Gatherer;
  let leads = true;
  let down = false;

  beforeAll(async () => {
    const ports = portsOver(store.backend, config);
    const failing = new Proxy(ports, {
      get: (target, name) => (down && name === 'backend' ? () => Promise.reject(new Error('gone')) : target[name as keyof typeof target]),
    });
    const health = () =>
      down ? Promise.reject(new Error('gone')) : Promise.resolve({healthy: true, isLeader: leads, leader: null, nodes: [], error: ''});
    const service = {
      isLeader: () => leads,
      leaseRemaining: () => (leads ? 2500 : 0),
      health,
      grabElection: () => Promise.resolve(),
      reelect: () => Promise.resolve(),
    };
    const log = (): void => undefined;
    gatherer = new Gatherer({metrics: new Metrics(), ports: failing, service, log});
    app = await createHttp({config, ports: failing, service, operations: ALL, gatherer, log});
  });
  afterAll(async () => {
    gatherer.stop();
    await app.close();
  });

  const get = async (url: string): Promise<{status: number; body: string}> => {
    const {statusCode, body} = await app.inject(`/o${url}`);
    return {status: statusCode, body};
  };

  test('what is in the backend, and how this node is', async () => {
    await seed(store.backend, given('a: b c'), given('x: y'));
    const names = {cluster: 'a:3306', alias: 'a'};
    await store.backend.transaction(async (work) => {
      await appendEvents(work, [
        {kind: 'finding-opened', cluster: 'x:3306', key: key('x'), subject: 'x:3306 DeadMaster', body: {code: 'DeadMaster'}},
        {kind: 'finding-opened', cluster: 'a:3306', key: key('a'), subject: 'a:3306 DeadMaster', body: {code: 'DeadMaster'}},
        {kind: 'finding-closed', cluster: 'x:3306', key: key('x'), subject: 'x:3306 DeadMaster', body: {code: 'DeadMaster'}},
      ]);
      const because = 'no filter matches';
      const refusal = {key: key('a'), cluster: 'a:3306', analysis: 'DeadMaster', code: 'filtered-out', because, candidates: []} as const;
      await writeRefusals(work, {hostname: 'n', term: 3}, [refusal]);
      const node = {hostname: 'n', token: 't'};
      await registerRecovery(work, {uid: '1:a', failed: key('a'), analysis: 'DeadMaster', ...names, replicas: [], node, forced: false});
    });
    const {status, body} = await get('/metrics');
    expect(status).toBe(200);
    const lines = body.split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'orchestrator_instances 5',
        'orchestrator_clusters 2',
        'orchestrator_findings{code="DeadMaster"} 1',
        'orchestrator_refusals{code="filtered-out"} 1',
        'orchestrator_recoveries{type="DeadMaster",result="running"} 1',
        'orchestrator_recoveries_disabled 0',
        'orchestrator_is_leader 1',
        'orchestrator_lease_remaining_seconds 2.5',
        'orchestrator_backend_up 1',
        'orchestrator_info{version="test"} 1',
      ]),
    );
    expect(body).toMatch(/orchestrator_event_loop_lag_seconds\{quantile="0.99"\} [\d.e-]+\n/);
    expect(JSON.parse((await get('/debug/metrics')).body)).toMatchObject({
      'elect.is_elected': 1,
      'recover.dead_master.start': 1,
      'recover.pending': 1,
      memstats: {Sys: expect.any(Number) as number},
    });
    const ready = await get('/health/ready');
    expect(ready.status).toBe(200);
    expect(JSON.parse(ready.body)).toMatchObject({ready: true, refusals: [{code: 'filtered-out', because: 'no filter matches', term: 3}]});
  });

  test('health of a node that follows, and of one whose backend is gone', async () => {
    expect((await get('/health/leader')).status).toBe(200);
    leads = false;
    expect((await get('/health/leader')).status).toBe(503);
    down = true;
    const ready = await get('/health/ready');
    expect({...ready, body: JSON.parse(ready.body) as unknown}).toMatchObject({status: 503, body: {ready: false, error: 'gone'}});
    expect((await get('/health/live')).status).toBe(200);
    // Totals are good for a second: the metrics of a backend that is gone say so from then on.
    await expect.poll(async () => (await get('/metrics')).body, {timeout: 20_000}).toMatch(/^orchestrator_backend_up 0$/m);
    expect((await get('/debug/vars')).status).toBe(200);
    [leads, down] = [true, false];
  });
});
