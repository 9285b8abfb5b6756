import {createServer, type AddressInfo, type Socket} from 'node:net';
import {channel} from 'node:diagnostics_channel';
import {expect, test} from 'vitest';
import {Measures} from '../../../src/lib/operations/service/measures.ts';
import {METRICS} from '../../../src/lib/operations/service/metrics/declared.ts';
import {hear} from '../../../src/lib/operations/service/metrics/gather.ts';
import {graphiteLines, sendToGraphite} from '../../../src/lib/operations/service/metrics/graphite.ts';
import {legacyMetrics} from '../../../src/lib/operations/service/metrics/legacy.ts';
import {Metrics} from '../../../src/lib/operations/service/metrics/metrics.ts';
import {runHooks} from '../../../src/lib/hooks/run.ts';
import {hookFacts} from '../../../src/lib/hooks/facts.ts';

test('every name and label is one that Prometheus takes, and says what it is', () => {
  for (const [name, {about, labels, type}] of Object.entries(METRICS)) {
    expect(name).toMatch(/^(orchestrator|process)(_[a-z]+)+$/);
    expect(about).toMatch(/^[A-Z1].*[^.]$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    for (const label of labels) expect(label).toMatch(/^[a-z]+$/);
  }
});

test('counters, gauges and histograms as text', () => {
  const metrics = new Metrics();
  metrics.count('orchestrator_hooks_total', {list: 'Post"Failover\\', result: 'ok'});
  metrics.count('orchestrator_hooks_total', {list: 'Post"Failover\\', result: 'ok'});
  metrics.set('orchestrator_instances', 7);
  for (const seconds of [0.001, 0.02, 100]) metrics.observe('orchestrator_discovery_seconds', seconds);
  const lines = metrics.text().split('\n');
  expect(lines).toContain('# TYPE orchestrator_discovery_seconds histogram');
  expect(lines).toContain('orchestrator_hooks_total{list="Post\\"Failover\\\\",result="ok"} 2');
  expect(lines).toContain('orchestrator_instances 7');
  expect(lines).toContain('orchestrator_discovery_seconds_bucket{le="0.001"} 1');
  expect(lines).toContain('orchestrator_discovery_seconds_bucket{le="0.025"} 2');
  expect(lines).toContain('orchestrator_discovery_seconds_bucket{le="30"} 2');
  expect(lines).toContain('orchestrator_discovery_seconds_bucket{le="+Inf"} 3');
  expect(lines).toContain('orchestrator_discovery_seconds_count 3');
  expect(lines).toContain('orchestrator_discoveries_total 0'); // counted from 0, not from the first time
  expect(metrics.text().endsWith('\n')).toBe(true);
  for (const line of lines.filter((one) => one !== '')) expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{.+\})? [\d.e+-]+)$/);
});

test('what was measured is counted for good', () => {
  const metrics = new Metrics();
  const measures = new Measures({retention: 0, samples: 1, metrics, poll: 5});
  measures.probed({key: {host: 'a', port: 1}, instance: 6, error: 'gone'});
  measures.probed({key: {host: 'a', port: 1}, instance: 0.01, error: null});
  measures.wrote({instances: 3, wait: 0, write: 0.1});
  measures.asked({wait: 0, execute: 0.1, error: 'no'});
  measures.queued({active: 2, queued: 9});
  const all = new Map(
    legacyMetrics(metrics, [
      {type: 'DeadMaster', result: 'succeeded', count: 2},
      {type: 'DeadMasterAndSomeReplicas', result: 'failed', count: 1},
      {type: 'DeadIntermediateMaster', result: 'running', count: 1},
    ]).map(({name, value}) => [name, value]),
  );
  expect(all.size).toBe(38);
  const told = {
    'discoveries.attempt': 2,
    'discoveries.fail': 1,
    'discoveries.instance_poll_seconds_exceeded': 1,
    'discoveries.queue_length': 9,
    'instance.write': 3,
    'recover.dead_master.start': 3,
    'recover.dead_master.success': 2,
    'recover.dead_master.fail': 1,
    'recover.dead_intermediate_master.start': 1,
    'recover.dead_co_master.start': 0,
    'recover.pending': 1,
  };
  expect(Object.fromEntries(Object.keys(told).map((name) => [name, all.get(name)]))).toEqual(told);
  expect(metrics.read('orchestrator_backend_errors_total')).toBe(1);
});

test('hooks, locks and audits are heard of, until nobody listens any more', async () => {
  const metrics = new Metrics();
  const end = hear(metrics);
  const facts = hookFacts({
    failureType: 'DeadMaster',
    failureDescription: '',
    instanceType: 'master',
    failed: {host: 'a', port: 1},
    cluster: 'a:1',
    clusterAlias: '',
    clusterDomain: '',
    countReplicas: 0,
    replicas: [],
    isDowntimed: false,
    autoMasterRecovery: false,
    autoIntermediateMasterRecovery: false,
    orchestratorHost: 'n',
    recoveryUid: 'u',
  });
  const run = {list: 'PostFailoverProcesses', shell: 'sh', stopOnFailure: false, onStep: () => undefined, facts} as const;
  await runHooks({...run, commands: ['true', 'exit 3']});
  channel('orchestrator:lock').publish({result: 'contended', seconds: 0.2});
  channel('orchestrator:audit').publish({});
  end();
  await runHooks({...run, commands: ['true']});
  const text = metrics.text();
  expect(text).toContain('orchestrator_hooks_total{list="PostFailoverProcesses",result="ok"} 1');
  expect(text).toContain('orchestrator_hook_seconds_count{list="PostFailoverProcesses"} 2');
  expect(text).toContain('orchestrator_lock_wait_seconds_bucket{result="contended",le="0.25"} 1');
  expect(text).toContain('orchestrator_audits_total 1');
});

test.each([
  {path: '', underscores: true, line: 'discoveries.fail.count 1 99'},
  {path: 'orch.{hostname}', underscores: true, line: 'orch.db1_example.discoveries.fail.count 1 99'},
  {path: 'orch.{hostname}.', underscores: false, line: 'orch.db1.example.discoveries.fail.count 1 99'},
])('a line for Graphite below $path', ({path, underscores, line}) => {
  const config = {GraphitePath: path, GraphiteConvertHostnameDotsToUnderscores: underscores};
  expect(graphiteLines([{name: 'discoveries.fail', kind: 'count', value: 1}], config, {hostname: 'db1.example', seconds: 99})).toEqual([
    line,
  ]);
});

test('lines reach Graphite whole; that nobody listens is an error', async () => {
  let said = '';
  const server = createServer((socket: Socket) => socket.on('data', (data) => (said += String(data))).on('end', () => socket.end()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const {port} = server.address() as AddressInfo;
  await sendToGraphite(`127.0.0.1:${port}`, ['a 1 2', 'b 3 4']);
  expect(said).toBe('a 1 2\nb 3 4\n');
  await new Promise((resolve) => server.close(resolve));
  await expect(sendToGraphite(`127.0.0.1:${port}`, ['a 1 2'])).rejects.toThrow(/ECONNREFUSED/);
});
