import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {hostname, tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import {registerRecovery, writeRecoveryEnd} from '../../src/lib/store/recovery/recovery-registration.ts';
import {clientTools, waitFor} from '../sandbox/index.ts';
import {Service} from '../servers/support/service.ts';
import {and, broken, down, given, key, stopped, type But} from '../unit/support/given.ts';
import {cli, words, type Cli} from './support/cli.ts';
import {runClient} from './support/client.ts';

let folder = '';
let tools = '';
const services: Service[] = [];

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'client-'));
  tools = await clientTools(folder);
});
afterAll(() => rmSync(folder, {recursive: true, force: true}));

/** A running service of an installation; with a line of options. */
async function serve(it: Cli, options = '', settings: object = {}): Promise<Service> {
  const file = path.join(it.folder, `serve-${services.length}.json`);
  writeFileSync(file, JSON.stringify({...it.config, ...settings}));
  const service = new Service(['--config', file, ...words(options)], {PATH: process.env['PATH'], HOME: it.folder});
  services.push(service);
  await service.says(/listening on /);
  return service;
}

const ask = (line: string, api: string, env: NodeJS.ProcessEnv = {}) =>
  runClient(tools, ['-c', ...words(line)], {ORCHESTRATOR_API: api, ...env});

describe('a service on a known backend', () => {
  const shop: But = {cluster: {suggestedAlias: 'shop'}};
  let it: Cli;
  let api = '';

  /** Clusters as in cli-read: a:3306, called shop, and x:3306 with a dead source. A recovery of x. Nobody probes anything. */
  beforeAll(async () => {
    it = cli();
    await it.seed(
      given('a: b c; b: d', {
        a: and(shop, {replicas: [key('b'), key('c')]}),
        b: and(shop, {replicas: [key('d')]}),
        c: shop,
        d: and(shop, stopped),
      }),
    );
    await it.seed(given('x: y z', {x: down, y: broken, z: broken}));
    const backend = await it.backend();
    await backend.run(({db}) => db('database_instance').where({hostname: 'x'}).update({last_seen: '2020-01-01 00:00:00'}));
    await backend.transaction(async (work) => {
      const names = {failed: key('x'), analysis: 'DeadMaster', cluster: 'x:3306', alias: 'stock', replicas: [key('y')]};
      await registerRecovery(work, {uid: '1:aa', ...names, node: {hostname: 'n', token: 't'}, forced: false});
      await writeRecoveryEnd(work, '1:aa', {lost: [], participating: [], errors: []});
    });
    api = (await serve(it, '--discovery=false')).address;
  });
  afterAll(async () => {
    for (const service of services.splice(0)) await service.stop();
    await it.down();
  });

  test.each([
    {line: 'clusters', prints: 'a:3306\nx:3306\n'},
    {line: 'clusters-alias', prints: 'a:3306,shop\nx:3306,x:3306\n'},
    {line: 'search -i shop', prints: 'a:3306\nb:3306\nc:3306\nd:3306\n'},
    {line: 'instance -i b', prints: 'b:3306\n'},
    {line: 'which-instance -i b:3306', prints: 'b:3306\n'},
    {line: 'which-master -i b', prints: 'a:3306\n'},
    {line: 'which-master -i a', prints: ':0\n'},
    {line: 'which-gtid-errant -i b', prints: '\n'},
    {line: 'which-replicas -i a', prints: 'b:3306\nc:3306\n'},
    {line: 'which-slaves -i a', prints: 'b:3306\nc:3306\n'},
    {line: 'which-broken-replicas -i x', prints: 'y:3306\nz:3306\n'},
    {line: 'which-broken-replicas -i b', prints: ''},
    {line: 'is-replicating -i b', prints: 'b:3306\n'},
    {line: 'is-replicating -i d', prints: ''},
    {line: 'is-replication-stopped -i d', prints: 'd:3306\n'},
    {line: 'is-replication-stopped -i a', prints: ''},
    {line: 'which-cluster -i d', prints: 'a:3306\n'},
    {line: 'which-cluster -a shop', prints: 'a:3306\n'},
    {line: 'which-cluster-alias -i d:3306', prints: 'shop\n'},
    {line: 'which-cluster-master -a shop', prints: 'a:3306\n'},
    {line: 'which-cluster-instances -a shop', prints: 'a:3306\nb:3306\nc:3306\nd:3306\n'},
    {line: 'all-clusters-masters', prints: 'a:3306\nx:3306\n'},
    {line: 'all-instances', prints: 'a:3306\nx:3306\nb:3306\nc:3306\ny:3306\nz:3306\nd:3306\n'},
    {line: 'dominant-dc', prints: 'dc1\n'},
    {line: 'downtimed', prints: ''},
    {line: 'check-global-recoveries', prints: 'enabled\n'},
    {
      line: 'replication-analysis',
      prints:
        'x:3306 (cluster x:3306): DeadMaster\nb:3306 (cluster a:3306): AllIntermediateMasterReplicasNotReplicating\n' +
        'y:3306 (cluster x:3306): FirstTierReplicaFailingToConnectToMaster\nz:3306 (cluster x:3306): FirstTierReplicaFailingToConnectToMaster\n',
    },
    {line: 'raft-leader-hostname', prints: `${hostname()}\n`},
    {line: 'api -P lb-check', prints: '"OK"\n'},
    {line: 'api -P maintenance', prints: '[]\n'},
    {line: 'which-cluster-osc-replicas -a shop', prints: 'b:3306\nd:3306\nc:3306\n'},
    {line: 'which-cluster-osc-slaves -i d', prints: 'b:3306\nd:3306\nc:3306\n'},
    {line: 'which-cluster-osc-running-replicas -a shop', prints: 'b:3306\nc:3306\n'},
    {line: 'which-heuristic-cluster-pool-instances -a shop', prints: ''},
    {line: 'api -P bulk-promotion-rules', prints: 'null\n'},
  ])('$line', async ({line, prints}) => {
    expect(await ask(line, api)).toMatchObject({status: 0, stdout: prints, stderr: ''});
  });

  test.each(['topology -a shop', 'topology-tabulated -i d', 'topology-tags -i d:3306'])('%s draws', async (line) => {
    const {status, stdout} = await ask(line, api);
    const labels = stdout
      .trimEnd()
      .split('\n')
      .map((drawn) => drawn.split(/ *[[|]/)[0]);
    expect({status, labels}).toEqual({status: 0, labels: ['a:3306 (a)', '+ b:3306 (b)', '  - d:3306 (d)', '+ c:3306 (c)']});
  });

  // Before anything looks at these servers, which do not exist.
  test('pools, virtual names and snapshots', async () => {
    expect(
      await unlike(
        ['submit-pool-instances -l "app & co" -i b,c:3306', 'app & co\n'],
        ['which-heuristic-cluster-pool-instances -a shop', 'b:3306\nc:3306\n'],
        ['which-heuristic-cluster-pool-instances -i d -l "app & co"', 'b:3306\nc:3306\n'],
        ['which-heuristic-cluster-pool-instances -a shop -l other', ''],
        ['register-hostname-unresolve -i b -H b.vip', 'b:3306\n'],
        ['deregister-hostname-unresolve -i b', 'b:3306\n'],
      ),
    ).toEqual([]);
    expect(await ask('snapshot-topologies', api)).toMatchObject({status: 0, stdout: expect.stringMatching(/^Took \d/) as string});
  });

  test.each([
    {line: 'which-instance -i nobody', says: /nobody:3306/},
    {line: 'which-cluster-instances -a nobody', says: /nobody/},
    {line: 'which-instance -i a:port', says: /^Invalid port: port\n$/},
    {line: 'begin-downtime -i b -r x -u forever', says: /--duration "forever" is not a duration/},
    {line: 'register-candidate -i b -R best', says: /"best" is not a promotion rule/},
    {line: 'untag-all -t role', says: /has no value/},
    {line: 'tag-value -i b -t none', says: /no tag none/},
    {line: 'discover -i 127.0.0.1:1', says: /127\.0\.0\.1:1/},
    {line: 'recover -i b', says: /no recovery of b:3306 was attempted/},
    {line: 'raft-leader', says: /raft is not part of this version/},
    {line: 'raft-elect-leader -H n', says: /raft is not part of this version/},
    {line: 'relocate -i b -d c', says: /[bc]:3306/},
    {line: 'api -P no/such', says: /^orchestrator-client\[\d+\]: \S+\/api does not know no\/such \(404\).*\n$/},
  ])('$line fails', async ({line, says}) => {
    const {status, stdout, stderr} = await ask(line, api);
    expect({status, stdout}).toEqual({status: 1, stdout: ''});
    expect(stderr).toMatch(says);
  });

  /** Runs them in order; those that did not go well, or did not print this. */
  async function unlike(...said: readonly (readonly [line: string, prints: string])[]): Promise<readonly object[]> {
    const wrong: object[] = [];
    for (const [line, prints] of said) {
      const {status, stdout, stderr} = await ask(line, api);
      if (status !== 0 || stdout !== prints || stderr !== '') wrong.push({line, status, stdout, stderr});
    }
    return wrong;
  }

  test('downtime, with a reason of any signs', async () => {
    expect(
      await unlike(
        ['begin-downtime -i b -o ann -r "disk & 100%/ü?" -u 30m', 'b:3306\n'],
        ['downtimed', 'b:3306\n'],
        ['downtimed -a shop', 'b:3306\n'],
      ),
    ).toEqual([]);
    const [{DowntimeReason: reason, DowntimeOwner: owner}] = JSON.parse((await ask('api -P downtimed', api)).stdout) as [
      Record<string, string>,
    ];
    expect({reason, owner}).toEqual({reason: 'disk & 100%/ü?', owner: 'ann'});
    expect(await unlike(['end-downtime -i b', 'b:3306\n'], ['downtimed', ''])).toEqual([]);
  });

  test('maintenance, and who is in the way', async () => {
    expect(await unlike(['begin-maintenance -i b -o ann -r schema', 'b:3306\n'])).toEqual([]);
    const {status, stderr} = await ask('begin-maintenance -i b -o bob -r me', api);
    expect({status, stderr}).toEqual({
      status: 1,
      stderr: expect.stringMatching(/in maintenance already: maintenance by ann: schema, since /) as string,
    });
    expect(
      await unlike(
        ['end-maintenance -i b', 'b:3306\n'],
        ['begin-maintenance -i b -r again', 'b:3306\n'],
        ['end-maintenance -i b', 'b:3306\n'],
      ),
    ).toEqual([]);
  });

  test('tags', async () => {
    expect(
      await unlike(
        ['tag -i b -t role=db', 'b:3306\n'],
        ['tag -i c -t "role=a b, c"', 'c:3306\n'],
        ['tag -i c -t old', 'c:3306\n'],
        ['tags -i c', 'old=\nrole=a b, c\n'],
        ['tag-value -i c -t role', 'a b, c\n'],
        ['tagged -t role', 'b:3306\nc:3306\n'],
        ['tagged -t role,~old', 'b:3306\n'],
        ['untag -i c -t old', 'c:3306\n'],
        ['untag -i c -t old', ''],
        ['untag-all -t role=db', 'b:3306\n'],
        ['tagged -t role', 'c:3306\n'],
      ),
    ).toEqual([]);
  });

  test('acknowledgement and the kill switch', async () => {
    expect(
      await unlike(['ack-cluster-recoveries -a x:3306 -r "seen by all"', 'x:3306\n'], ['ack-all-recoveries -r "once more"', 'once more\n']),
    ).toEqual([]);
    expect(JSON.parse((await ask('api -P audit-recovery', api)).stdout)).toMatchObject([
      {Acknowledged: true, AcknowledgedComment: 'seen by all'},
    ]);
    expect(
      await unlike(
        ['disable-global-recoveries', 'disabled\n'],
        ['check-global-recoveries', 'disabled\n'],
        ['enable-global-recoveries', 'enabled\n'],
      ),
    ).toEqual([]);
  });

  test('making known and forgetting', async () => {
    expect(
      await unlike(
        ['async-discover -i 127.0.0.1:1', ':null\n'],
        ['which-cluster -i 127.0.0.1:1', '127.0.0.1:1\n'],
        ['register-candidate -i 127.0.0.1:1 -R must_not', '127.0.0.1:1\n'],
        ['forget -i 127.0.0.1:1', ''],
        ['async-discover -i 127.0.0.1:1', ':null\n'],
        ['forget-cluster -i 127.0.0.1:1', ''],
      ),
    ).toEqual([]);
    expect(await ask('which-instance -i 127.0.0.1:1', api)).toMatchObject({status: 1});
  });

  test('a service that wants a login', async () => {
    const account = {AuthenticationMethod: 'multi', HTTPAuthUser: 'admin', HTTPAuthPassword: 'hush"hush\\'};
    const {address} = await serve(it, '--discovery=false', account);
    const env = {ORCHESTRATOR_AUTH_USER: 'admin', ORCHESTRATOR_AUTH_PASSWORD: 'hush"hush\\'};
    expect(await ask('clusters', address, env)).toMatchObject({status: 0, stdout: 'a:3306\nx:3306\n'});
    expect(await ask('tag -i b -t x', address, env)).toMatchObject({status: 0});
    expect(await ask('clusters -b readonly:any', address)).toMatchObject({status: 0, stdout: 'a:3306\nx:3306\n'});
    expect(await ask('tag -i b -t x -b readonly:any', address)).toMatchObject({status: 1, stdout: '', stderr: 'Unauthorized\n'});
    for (const wrong of ['', ' -b admin:wrong']) {
      const {status, stdout, stderr} = await ask(`clusters${wrong}`, address);
      expect({status, stdout}).toEqual({status: 1, stdout: ''});
      expect(stderr).toMatch(/refuses the credentials \(401 Unauthorized\)/);
    }
  });
});

describe('a service that looks at servers', () => {
  let it: Cli;
  afterEach(async () => {
    for (const service of services.splice(0)) await service.stop();
    await it.down();
  });

  test('measures how it goes, and reads its configuration again when asked to', async () => {
    it = cli({InstancePollSeconds: 1, DiscoverySeeds: ['127.0.0.1:1']});
    const service = await serve(it);
    const measured = async (name: string): Promise<Record<string, number>> =>
      (await (await fetch(`${service.address}/api/${name}/60`)).json()) as Record<string, number>;
    const probes = await waitFor('a probe was measured', async () => {
      const found = await measured('discovery-metrics-aggregated');
      return found['FailedDiscoveries'] === 0 ? undefined : found;
    });
    expect(probes).toMatchObject({CountDistinctInstanceKeys: 1, CountDistinctFailedInstanceKeys: 1, SuccessfulDiscoveries: 0});
    expect((await measured('backend-query-metrics-aggregated'))['Count']).toBeGreaterThan(0);
    await waitFor('the queue was measured', async () =>
      (await (await fetch(`${service.address}/api/discovery-queue-metrics-raw/60`)).text()).includes('"Active"'),
    );
    process.kill(service.pid, 'SIGHUP');
    await service.says(/configuration read again for SIGHUP: nothing has changed/);
    const file = path.join(it.folder, 'serve-0.json');
    const before = JSON.parse(readFileSync(file, 'utf8')) as object;
    const filters = async (): Promise<unknown> => (await fetch(`${service.address}/api/automated-recovery-filters`)).json();
    const reload = async (): Promise<unknown> => (await fetch(`${service.address}/api/reload-configuration`, {method: 'POST'})).json();
    writeFileSync(file, JSON.stringify({...before, RecoverMasterClusterFilters: ['shop'], DiscoveryMaxConcurrency: 7}));
    process.kill(service.pid, 'SIGHUP');
    await service.says(/in force now: RecoverMasterClusterFilters; after a restart: DiscoveryMaxConcurrency/);
    expect(JSON.stringify(await filters())).toContain('"shop"');
    writeFileSync(file, JSON.stringify({...before, RecoverMasterClusterFilters: 1}));
    process.kill(service.pid, 'SIGHUP');
    await service.says(/the configuration stays as it was.*RecoverMasterClusterFilters/);
    expect(await reload()).toMatchObject({Code: 'ERROR', Message: expect.stringContaining('RecoverMasterClusterFilters') as string});
    expect(JSON.stringify(await filters())).toContain('"shop"');
    writeFileSync(file, JSON.stringify({...before, RecoverMasterClusterFilters: ['other']}));
    expect(await reload()).toMatchObject({Code: 'OK', Details: {applied: ['RecoverMasterClusterFilters'], waiting: []}});
    expect(JSON.stringify(await filters())).toContain('"other"');
    expect(await (await fetch(`${service.address}/api/reload-configuration?config=/etc/passwd`)).json()).toMatchObject({Code: 'ERROR'});
  });
});

describe('two services of which one leads', () => {
  let it: Cli;
  afterEach(async () => {
    for (const service of services.splice(0)) await service.stop();
    await it.down();
  });

  const leads = async ({address}: Service): Promise<boolean> => (await fetch(`${address}/api/leader-check`)).ok;
  const others = (all: readonly Service[], one: Service): Service => all.find((other) => other !== one)!;

  test('the client finds the leader, also after leadership was moved by hand and after the leader has gone', async () => {
    it = cli({InstancePollSeconds: 5});
    await it.backend();
    const both = [await serve(it), await serve(it)];
    const api = both.map(({address}) => address).join(' ');
    const leader = (): Promise<Service> =>
      waitFor('one of them leads', async () => {
        const found = await Promise.all(both.map(async (one) => one.alive && (await leads(one))));
        return found.filter(Boolean).length === 1 ? both[found.indexOf(true)] : undefined;
      });
    const first = await leader();
    expect(await ask('which-api', api)).toMatchObject({status: 0, stdout: `${first.address}/api\n`});

    const second = others(both, first);
    expect(await ask('api -P grab-election', second.address)).toMatchObject({status: 0, stderr: ''});
    await waitFor('the other leads', () => leads(second), {within: 12_000});
    expect(await leads(first)).toBe(false);
    expect(await ask('which-api', api)).toMatchObject({status: 0, stdout: `${second.address}/api\n`});

    expect(await ask('api -P reelect', first.address)).toMatchObject({status: 0, stderr: ''});
    await waitFor('nobody leads for a while', async () => !(await leads(first)) && !(await leads(second)));
    const third = await leader();
    await third.stop();
    await waitFor('the last one leads', () => leads(others(both, third)), {within: 12_000});
    expect(await ask('clusters', api)).toMatchObject({status: 0, stdout: ''});
    expect(await ask('which-api', api)).toMatchObject({status: 0, stdout: `${others(both, third).address}/api\n`});
  });
});
