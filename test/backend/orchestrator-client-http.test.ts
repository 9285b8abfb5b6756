import {spawnSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir, userInfo} from 'node:os';
import path from 'node:path';
import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import {clientTools} from '../sandbox/index.ts';
import {CLIENT, runClient, stub, type Reply, type Stub} from './support/client.ts';
import {words, type Ran} from './support/cli.ts';

let folder = '';
let tools = '';
const stubs: Stub[] = [];

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'client-'));
  tools = await clientTools(folder);
});
afterEach(async () => {
  for (const one of stubs.splice(0)) await one.close();
});
afterAll(() => rmSync(folder, {recursive: true, force: true}));

const client = (line: string, env: NodeJS.ProcessEnv = {}) => runClient(tools, words(line), env);
const answering = async (answer: (url: string, count: number) => Reply | Promise<Reply>): Promise<Stub> => {
  const made = await stub(answer);
  stubs.push(made);
  return made;
};
const listed = (): readonly string[] => [...runSync('-h').stdout.matchAll(/^ {2}([a-z][\w-]*) /gm)].map(([, name = '']) => name);
const runSync = (...args: readonly string[]) => spawnSync(CLIENT, args, {encoding: 'utf8', env: {PATH: '/usr/bin:/bin'}});

const key = (host: string, port = 3306): object => ({Hostname: host, Port: port});
const instance = (host: string, more: object = {}): object => ({
  Key: key(host),
  MasterKey: key('m', 3307),
  ClusterName: 'm:3307',
  DataCenter: 'east',
  GtidErrant: 'uuid:1-3',
  ReplicationSQLThreadState: 1,
  ReplicationIOThreadState: 1,
  ReplicationSQLThreadRuning: true,
  ReplicationIOThreadRuning: true,
  LastSQLError: '',
  LastIOError: '',
  ...more,
});
const ok = (details: unknown, message = 'done'): object => ({Code: 'OK', Message: message, Details: details});
const moved = ok(instance('a'));
const both = ok([instance('b'), instance('c')]);
const halted = {ReplicationSQLThreadState: 0, ReplicationIOThreadState: 0, ReplicationSQLThreadRuning: false};
const analysis = (host: string, code: string, structure: readonly string[] | null = null): object => ({
  AnalyzedInstanceKey: key(host),
  ClusterDetails: {ClusterName: 'm:3307'},
  Analysis: code,
  StructureAnalysis: structure,
});
const REPLICAS = [instance('b'), instance('c', {...halted, LastSQLError: 'broken'}), instance('d', halted)];

interface Case {
  /** After `-c`. */
  readonly run: string;
  readonly asks: string | readonly string[];
  readonly gets: object | string | number | null;
  readonly prints: string;
}

const onInstance = (names: string): readonly Case[] =>
  names.split(' ').map((name) => ({run: `${name} -i a`, asks: `${name}/a/3306`, gets: moved, prints: 'a:3306\n'}));
const withDestination = (names: string): readonly Case[] =>
  names.split(' ').map((name) => ({run: `${name} -i a:3307 -d b`, asks: `${name}/a/3307/b/3306`, gets: moved, prints: 'a:3306<m:3307\n'}));

/** Every command: what it asks, and what it prints of the answer. */
const CASES: readonly Case[] = [
  {run: 'api -P clusters', asks: 'clusters', gets: ['a:1'], prints: '["a:1"]\n'},
  {run: 'api -P /cluster/x', asks: 'cluster/x', gets: null, prints: 'null\n'},
  {run: 'async-discover -i a', asks: 'async-discover/a/3306', gets: ok(null), prints: ':null\n'},
  {run: 'forget -i a', asks: 'forget/a/3306', gets: ok(key('a')), prints: ''},
  {run: 'forget-cluster -a shop', asks: 'forget-cluster/shop', gets: ok(null), prints: ''},
  {run: 'forget-cluster -i a:3306', asks: 'forget-cluster/a%3A3306', gets: ok(null), prints: ''},
  {run: 'topology -i a:3306', asks: 'topology/a%3A3306', gets: ok('a\n+ b'), prints: 'a\n+ b\n'},
  {run: 'topology-tabulated -a shop', asks: 'topology-tabulated/shop', gets: ok('a|b'), prints: 'a|b\n'},
  {run: 'topology-tags -a shop', asks: 'topology-tags/shop', gets: ok('a []'), prints: 'a []\n'},
  {run: 'snapshot-topologies', asks: 'snapshot-topologies', gets: ok('Took 1s'), prints: 'Took 1s\n'},
  {run: 'clusters', asks: 'clusters-info', gets: [{ClusterName: 'a:1'}, {ClusterName: 'b:1'}], prints: 'a:1\nb:1\n'},
  {run: 'clusters-alias', asks: 'clusters-info', gets: [{ClusterName: 'a:1', ClusterAlias: 'shop'}], prints: 'a:1,shop\n'},
  {run: 'search -i "new & shop"', asks: 'search?s=new%20%26%20shop', gets: REPLICAS, prints: 'b:3306\nc:3306\nd:3306\n'},
  {run: 'instance -i a', asks: 'instance/a/3306', gets: instance('a'), prints: 'a:3306\n'},
  {run: 'which-instance -i a', asks: 'instance/a/3306', gets: instance('a'), prints: 'a:3306\n'},
  {run: 'which-instance -i [::1]:3307', asks: 'instance/%3A%3A1/3307', gets: instance('::1'), prints: '[::1]:3306\n'},
  {run: 'which-master -i a', asks: 'instance/a/3306', gets: instance('a'), prints: 'm:3307\n'},
  {run: 'which-gtid-errant -i a', asks: 'instance/a/3306', gets: instance('a'), prints: 'uuid:1-3\n'},
  {run: 'is-replicating -i a', asks: 'instance/a/3306', gets: instance('a'), prints: 'a:3306\n'},
  {run: 'is-replicating -i a', asks: 'instance/a/3306', gets: instance('a', halted), prints: ''},
  {run: 'is-replication-stopped -i a', asks: 'instance/a/3306', gets: instance('a', halted), prints: 'a:3306\n'},
  {run: 'is-replication-stopped -i a', asks: 'instance/a/3306', gets: instance('a'), prints: ''},
  {run: 'which-replicas -i a', asks: 'instance-replicas/a/3306', gets: REPLICAS, prints: 'b:3306\nc:3306\nd:3306\n'},
  {run: 'which-broken-replicas -i a', asks: 'instance-replicas/a/3306', gets: REPLICAS, prints: 'c:3306\n'},
  {run: 'which-cluster-instances -a shop', asks: 'cluster/shop', gets: REPLICAS, prints: 'b:3306\nc:3306\nd:3306\n'},
  {run: 'which-cluster -i a', asks: 'cluster-info/a', gets: {ClusterName: 'm:1', ClusterAlias: 'shop'}, prints: 'm:1\n'},
  {run: 'which-cluster-alias -i a', asks: 'cluster-info/a', gets: {ClusterName: 'm:1', ClusterAlias: 'shop'}, prints: 'shop\n'},
  {run: 'which-cluster-master -a shop', asks: 'master/shop', gets: instance('a'), prints: 'm:3307\n'},
  {run: 'all-clusters-masters', asks: 'masters', gets: [instance('a')], prints: 'a:3306\n'},
  {run: 'all-clusters-masters', asks: 'masters', gets: null, prints: ''},
  {
    run: 'dominant-dc',
    asks: 'masters',
    gets: ['west', 'east', 'north', 'east'].map((place) => instance('a', {DataCenter: place})),
    prints: 'east\n',
  },
  {run: 'dominant-dc', asks: 'masters', gets: null, prints: ''},
  {run: 'all-instances', asks: 'all-instances', gets: REPLICAS, prints: 'b:3306\nc:3306\nd:3306\n'},
  {run: 'downtimed', asks: 'downtimed', gets: [], prints: ''},
  {run: 'downtimed -a shop', asks: 'downtimed/shop', gets: [instance('a')], prints: 'a:3306\n'},
  {run: 'which-cluster-osc-replicas -a shop', asks: 'cluster-osc-replicas/shop', gets: REPLICAS, prints: 'b:3306\nc:3306\nd:3306\n'},
  {run: 'which-cluster-osc-running-replicas -a shop', asks: 'cluster-osc-replicas/shop', gets: REPLICAS, prints: 'b:3306\n'},
  {
    run: 'submit-masters-to-kv-stores -a shop',
    asks: 'submit-masters-to-kv-stores/shop',
    gets: ok([{Key: 'k/shop', Value: 'a:1'}]),
    prints: 'k/shop:a:1\n',
  },
  {run: 'submit-masters-to-kv-stores', asks: 'submit-masters-to-kv-stores', gets: ok([]), prints: ''},
  ...withDestination('relocate match move-below move-equivalent repoint'),
  {run: 'move-gtid -i a -d b', asks: 'move-below-gtid/a/3306/b/3306', gets: moved, prints: 'a:3306<m:3307\n'},
  ...'match-up move-up make-co-master take-master take-siblings'
    .split(' ')
    .map((name) => ({run: `${name} -i a`, asks: `${name}/a/3306`, gets: moved, prints: 'a:3306<m:3307\n'})),
  {run: 'relocate-replicas -i a -s b', asks: 'relocate-replicas/a/3306/b/3306', gets: both, prints: 'b:3306\nc:3306\n'},
  {run: 'move-replicas-gtid -i a -d b', asks: 'move-replicas-gtid/a/3306/b/3306', gets: ok(key('b')), prints: 'b:3306\n'},
  {run: 'move-up-replicas -i a', asks: 'move-up-replicas/a/3306/', gets: both, prints: 'b:3306\nc:3306\n'},
  {run: 'repoint-replicas -i a', asks: 'repoint-replicas/a/3306/', gets: both, prints: 'b:3306\nc:3306\n'},
  {run: 'match-up-replicas -i a', asks: 'match-up-replicas/a/3306/', gets: ok(key('m')), prints: 'm:3306\n'},
  {run: 'tags -i a', asks: 'tags/a/3306', gets: ['old=', 'role=db'], prints: 'old=\nrole=db\n'},
  {run: 'tag-value -i a -t role', asks: 'tag-value/a/3306?tag=role', gets: '"db"', prints: 'db\n'},
  {run: 'tag -i a -t "role=a b"', asks: 'tag/a/3306?tag=role%3Da%20b', gets: ok(key('a')), prints: 'a:3306\n'},
  {run: 'untag -i a -t role', asks: 'untag/a/3306?tag=role', gets: ok([key('a')]), prints: 'a:3306\n'},
  {run: 'untag-all -t role=db', asks: 'untag-all?tag=role%3Ddb', gets: ok([key('a'), key('b')]), prints: 'a:3306\nb:3306\n'},
  {run: 'tagged -t role,~old', asks: 'tagged?tag=role%2C~old', gets: [key('a'), key('b')], prints: 'a:3306\nb:3306\n'},
  {
    run: 'submit-pool-instances -l app -i a:1,b:2',
    asks: 'submit-pool-instances/app?instances=a%3A1%2Cb%3A2',
    gets: ok('app'),
    prints: 'app\n',
  },
  {
    run: 'which-heuristic-cluster-pool-instances -a shop -l app',
    asks: 'heuristic-cluster-pool-instances/shop/app',
    gets: both,
    prints: 'b:3306\nc:3306\n',
  },
  {
    run: 'which-heuristic-cluster-pool-instances -a shop',
    asks: 'heuristic-cluster-pool-instances/shop',
    gets: both,
    prints: 'b:3306\nc:3306\n',
  },
  {
    run: 'begin-downtime -i a -o ann -r "new disk, 50%/2" -u 30m',
    asks: 'begin-downtime/a/3306/ann/new%20disk%2C%2050%25%2F2/30m',
    gets: ok(key('a')),
    prints: 'a:3306\n',
  },
  {
    run: 'begin-downtime -i a -r x',
    asks: `begin-downtime/a/3306/${userInfo().username}/x/10m`,
    gets: ok(key('a')),
    prints: 'a:3306\n',
  },
  {run: 'begin-maintenance -i a -o ann -r x', asks: 'begin-maintenance/a/3306/ann/x', gets: ok(key('a')), prints: 'a:3306\n'},
  ...'end-downtime end-maintenance deregister-hostname-unresolve'
    .split(' ')
    .map((name) => ({run: `${name} -i a`, asks: `${name}/a/3306`, gets: ok(key('a')), prints: 'a:3306\n'})),
  {run: 'register-candidate -i a', asks: 'register-candidate/a/3306/prefer', gets: ok(key('a')), prints: 'a:3306\n'},
  {run: 'register-candidate -i a -R must_not', asks: 'register-candidate/a/3306/must_not', gets: ok(key('a')), prints: 'a:3306\n'},
  {
    run: 'register-hostname-unresolve -i a -H a.vip',
    asks: 'register-hostname-unresolve/a/3306/a.vip',
    gets: ok(key('a')),
    prints: 'a:3306\n',
  },
  ...onInstance('discover stop-replica stop-replica-nice start-replica restart-replica reset-replica skip-query'),
  ...onInstance('detach-replica reattach-replica detach-replica-master-host reattach-replica-master-host'),
  ...onInstance('gtid-errant-reset-master gtid-errant-inject-empty set-read-only set-writeable flush-binary-logs'),
  ...onInstance('enable-semi-sync-master disable-semi-sync-master enable-semi-sync-replica disable-semi-sync-replica'),
  {run: 'stop-slave -i a', asks: 'stop-replica/a/3306', gets: moved, prints: 'a:3306\n'},
  {run: 'locate-gtid-errant -i a', asks: 'locate-gtid-errant/a/3306', gets: ok(['binlog.1', 'binlog.2']), prints: 'binlog.1\nbinlog.2\n'},
  {run: 'locate-gtid-errant -i a', asks: 'locate-gtid-errant/a/3306', gets: ok(null), prints: ''},
  {run: 'last-pseudo-gtid -i a', asks: 'last-pseudo-gtid/a/3306', gets: ok('drop view x'), prints: 'drop view x\n'},
  {
    run: 'restart-replica-statements -i a -q "change x"',
    asks: 'restart-replica-statements/a/3306?q=change%20x',
    gets: ok(['stop slave;', 'change x;']),
    prints: '[\n  "stop slave;",\n  "change x;"\n]\n',
  },
  {run: 'delay-replication -i a -S 60', asks: 'delay-replication/a/3306/60', gets: ok(60), prints: '60\n'},
  {run: 'can-replicate-from -i a -d b', asks: 'can-replicate-from/a/3306/b/3306', gets: ok(key('b'), 'true'), prints: 'b:3306\n'},
  {run: 'can-replicate-from-gtid -i a -d b', asks: 'can-replicate-from-gtid/a/3306/b/3306', gets: ok(key('b'), 'no'), prints: ''},
  {run: 'purge-binary-logs -i a -n binlog.7', asks: 'purge-binary-logs/a/3306/binlog.7', gets: moved, prints: 'a:3306\n'},
  {run: 'recover -i a', asks: 'recover/a/3306', gets: ok(key('b')), prints: 'b:3306\n'},
  ...'graceful-master-takeover graceful-master-takeover-auto force-master-failover force-master-takeover'.split(' ').map((name) => ({
    run: `${name} -a shop -d b`,
    asks: `${name}/shop/b/3306`,
    gets: ok({SuccessorKey: key('b')}),
    prints: 'b:3306\n',
  })),
  {run: 'graceful-master-takeover -i a', asks: 'graceful-master-takeover/a', gets: ok({SuccessorKey: key('b')}), prints: 'b:3306\n'},
  {
    run: 'ack-cluster-recoveries -a shop -r "seen & done"',
    asks: 'ack-recovery/cluster/shop?comment=seen%20%26%20done',
    gets: ok('shop'),
    prints: 'shop\n',
  },
  {run: 'ack-all-recoveries -r "all seen"', asks: 'ack-all-recoveries?comment=all%20seen', gets: ok('all seen'), prints: 'all seen\n'},
  {run: 'disable-global-recoveries', asks: 'disable-global-recoveries', gets: ok('disabled'), prints: 'disabled\n'},
  {run: 'enable-global-recoveries', asks: 'enable-global-recoveries', gets: ok('enabled'), prints: 'enabled\n'},
  {run: 'check-global-recoveries', asks: 'check-global-recoveries', gets: ok('enabled'), prints: 'enabled\n'},
  {
    run: 'replication-analysis',
    asks: 'replication-analysis',
    gets: ok([analysis('a', 'DeadMaster', ['Other']), analysis('b', 'NoProblem', ['StatementWarning', 'Other'])]),
    prints: 'a:3306 (cluster m:3307): DeadMaster\nb:3306 (cluster m:3307): StatementWarning\n',
  },
  {run: 'raft-leader', asks: ['raft-state', 'raft-leader'], gets: '"10.0.0.1:10008"', prints: '10.0.0.1:10008\n'},
  {run: 'raft-health', asks: 'raft-health', gets: '"healthy"', prints: 'healthy\n'},
  {run: 'raft-leader-hostname', asks: 'status', gets: ok({Hostname: 'node1'}), prints: 'node1\n'},
  {run: 'raft-elect-leader -H node2', asks: 'raft-yield-hint/node2', gets: ok('node2'), prints: 'node2\n'},
];

describe('what commands ask and print', () => {
  test.concurrent.each(CASES)('$run', async ({run, asks, gets, prints}) => {
    const server = await stub(() => ({body: typeof gets === 'string' ? gets : gets === null ? 'null' : gets}) as Reply);
    const {status, stdout, stderr} = await client(`-c ${run} -U ${server.url}`);
    await server.close();
    expect({status, stderr, asked: server.asked, stdout}).toEqual({
      status: 0,
      stderr: '',
      asked: [asks].flat().map((one) => `/api/${one}`),
      stdout: prints,
    });
  });

  test('no command is left out', () => {
    const tried = new Set(CASES.map(({run}) => run.split(' ')[0]));
    expect(listed().filter((name) => !tried.has(name))).toEqual(['which-api', 'help']);
    expect(listed()).toHaveLength(105);
  });

  test('its page lists the same commands', () => {
    const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/orchestrator-client.md'), 'utf8');
    const rows = page.split('\n').filter((line) => line.startsWith('| `') && line.split('|').length === 5);
    const named = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([a-z][a-z-]*)`/g)].map(([, name]) => name));
    expect(new Set(named)).toEqual(new Set(listed()));
    expect(named).toHaveLength(listed().length);
  });
});

test('shellcheck has nothing to say', () => {
  const {status, stdout} = spawnSync(path.join(tools, 'shellcheck'), [CLIENT], {encoding: 'utf8'});
  expect({status, stdout}).toEqual({status: 0, stdout: ''});
});

test.each([
  '-c which-instance -i a:3307',
  '-ca -cwhich-instance -ia:3307',
  '--command which-instance --instance a:3307',
  '-command which-instance -instance=a:3307',
  '--command=which-instance --instance=a:3307',
  '-c which-instance -i=a -D 3307',
  '-c which-instance -i a --default-port=3307',
])('options are written as %s', async (line) => {
  const server = await answering(() => ({body: instance('a')}));
  expect(await client(`${line} -U ${server.url}`)).toMatchObject({status: 0, stderr: ''});
  expect(server.asked).toEqual(['/api/instance/a/3307']);
});

test.each([
  {line: '', says: 'no command; give -c COMMAND, or -h for all of them'},
  {line: '-c nothing', says: 'nothing is not a command; -h lists them'},
  {line: '-c clusters extra', says: 'extra is not an option; -h lists them'},
  {line: '-c clusters --nonsense', says: '--nonsense is not an option; -h lists them'},
  {line: '-c clusters -x', says: '-x is not an option; -h lists them'},
  {line: '-c', says: '-c needs a value'},
  {line: '-c forget', says: 'forget needs an instance: -i host[:port]'},
  {line: '-c relocate -i a', says: 'relocate needs a destination: -d host[:port]'},
  {line: '-c topology', says: 'topology needs a cluster: -a ALIAS, or -i host[:port] of one of its instances'},
  {line: '-c begin-downtime -i a', says: 'begin-downtime needs a reason: -r TEXT'},
  {line: '-c tagged', says: 'tagged needs a tag: -t NAME[=VALUE]'},
])('$line is refused: $says', async ({line, says}) => {
  const server = await answering(() => ({body: {}}));
  const {status, stdout, stderr, pid} = await client(line, {ORCHESTRATOR_API: server.url});
  expect({status, stdout, stderr, asked: server.asked}).toEqual({
    status: 1,
    stdout: '',
    stderr: `orchestrator-client[${pid}]: ${says}\n`,
    asked: [],
  });
});

test('help needs neither curl nor jq, the rest says what is missing', () => {
  expect(runSync('--help')).toMatchObject({status: 0, stderr: ''});
  const bin = path.join(folder, 'without');
  spawnSync('sh', ['-c', `mkdir -p ${bin} && ln -s $(command -v bash) $(command -v cat) $(command -v env) ${bin}/`]);
  const {status, stderr} = spawnSync(CLIENT, ['-c', 'clusters'], {encoding: 'utf8', env: {PATH: bin}});
  expect({status, stderr}).toEqual({
    status: 1,
    stderr: expect.stringMatching(/^orchestrator-client\[\d+\]: curl is not installed\n$/) as string,
  });
});

describe('errors of the server', () => {
  test.each([
    {body: {Code: 'ERROR', Message: 'no such thing', Details: null}, stdout: ''},
    {body: {Code: 'ERROR', Message: 'no such thing', Details: {Hostname: 'a', Port: 1}}, stdout: '{\n  "Hostname": "a",\n  "Port": 1\n}\n'},
    {body: {Code: 'ERROR', Message: 'no such thing', Details: 'text'}, stdout: 'text\n'},
  ])('message to standard error, details to standard output: $stdout', async ({body, stdout}) => {
    const server = await answering(() => ({status: 500, body}));
    const ran = await client(`-c recover -i a -U ${server.url}`);
    expect(ran).toMatchObject({status: 1, stdout, stderr: 'no such thing\n'});
    expect(server.asked).toHaveLength(1);
  });

  test('a route that the service does not have is not asked for again', async () => {
    const server = await answering(() => ({status: 404, body: '404 page not found\n'}));
    const {status, stderr} = await client(`-c relocate -i a -d b -U ${server.url}`);
    expect({status, asked: server.asked.length}).toEqual({status: 1, asked: 1});
    expect(stderr).toMatch(/does not know relocate\/a\/3306\/b\/3306 \(404\)/);
  });

  test('an answer of another shape is no success', async () => {
    const server = await answering(() => ({body: {Code: 'OK', Details: 'x'}}));
    const {status, stdout, stderr} = await client(`-c recover -i a -U ${server.url}`);
    expect({status, stdout}).toEqual({status: 1, stdout: ''});
    expect(stderr).toContain('has another shape than expected');
  });
});

test('an answer of a node that cannot write to its backend is printed, and said to be old', async () => {
  const server = await answering(() => ({body: [instance('a')], headers: {'X-Orchestrator-Stale': '42'}}));
  const {status, stdout, stderr, pid} = await client(`-c all-instances -U ${server.url}`);
  expect({status, stdout, stderr}).toEqual({
    status: 0,
    stdout: 'a:3306\n',
    stderr: `orchestrator-client[${pid}]: ${server.url}/api has not been able to write to its backend for 42 s: what it says may be out of date\n`,
  });
});

describe('repetition', () => {
  /** With a `sleep` that only writes down for how long it was asked to. */
  async function unhurried(line: string): Promise<Ran & {readonly pauses: readonly string[]}> {
    const own = mkdtempSync(path.join(folder, 'sleep-'));
    const slept = path.join(own, 'slept');
    writeFileSync(slept, '');
    writeFileSync(path.join(own, 'sleep'), `#!/bin/sh\necho "$1" >>${slept}\n`, {mode: 0o755});
    const ran = await client(line, {PATH: `${own}:${tools}:/usr/bin:/bin`});
    return {...ran, pauses: readFileSync(slept, 'utf8').split('\n').filter(Boolean)};
  }
  const failing = (times: number, reply: Reply) => (_url: string, count: number) => (count < times ? reply : {body: [instance('a')]});

  test.each<{what: string; reply: Reply}>([
    {what: 'a lost connection', reply: {body: null}},
    {what: 'an empty answer', reply: {body: ''}},
    {what: 'half an answer', reply: {body: '[{"Key":'}},
    {what: 'a page of a proxy', reply: {status: 502, body: '<html>Bad Gateway</html>'}},
  ])('$what is asked for again, after .1, .2 and .5 seconds', async ({reply}) => {
    const server = await answering(failing(3, reply));
    const ended = await unhurried(`-c all-instances -U ${server.url}`);
    expect(ended).toMatchObject({status: 0, stdout: 'a:3306\n', stderr: '', pauses: ['.1', '.2', '.5']});
    expect(server.asked).toHaveLength(4);
  });

  test('eight times in all, over eleven seconds', async () => {
    const server = await answering(() => ({status: 502, body: 'no'}));
    const {status, stdout, stderr, pauses} = await unhurried(`-c all-instances -U ${server.url}`);
    expect({status, stdout, asked: server.asked.length}).toEqual({status: 1, stdout: '', asked: 8});
    expect(stderr).toMatch(/answers all-instances with something that is not JSON \(HTTP status 502\)\n$/);
    expect(pauses.reduce((sum, pause) => sum + Number(pause), 0)).toBeGreaterThan(11);
  });

  test('what would do something else the second time is not sent again, unless it was never passed on', async () => {
    const lost = await answering(() => ({body: null}));
    const {status, stderr} = await client(`-c recover -i a -U ${lost.url}`);
    expect({status, asked: lost.asked.length}).toEqual({status: 1, asked: 1});
    expect(stderr).toMatch(/recover may have been carried out: look before you repeat it\n$/);
    const proxy = await answering((_url, count) => (count === 0 ? {status: 503, body: 'none left'} : {body: ok(key('b'))}));
    expect(await client(`-c recover -i a -U ${proxy.url}`)).toMatchObject({status: 0, stdout: 'b:3306\n'});
    expect(proxy.asked).toHaveLength(2);
  });
});

describe('addresses', () => {
  const node = (leads: boolean, routed = false) =>
    answering((url) => {
      if (url === '/api/leader-check') return leads ? {body: '"OK"'} : {status: 404, body: '"Not leader"'};
      if (url === '/api/routed-leader-check') return routed ? {body: '"OK"'} : {status: 404, body: '"Not leader"'};
      return {body: [{ClusterName: 'of this node'}]};
    });

  test.each(['', '/', '/api', '/api/'])('one address is used as it is: URL%s', async (ending) => {
    const one = await node(false);
    expect(await client('-c which-api', {ORCHESTRATOR_API: `${one.url}${ending}`})).toMatchObject({status: 0, stdout: `${one.url}/api\n`});
    expect(one.asked).toEqual([]);
  });

  test('a prefix stays', async () => {
    const one = await node(false);
    expect(await client(`-c which-api -U ${one.url}/orc`)).toMatchObject({stdout: `${one.url}/orc/api\n`});
  });

  test('of several the leader is used, and those that are down are passed over', async () => {
    const [follower, leader] = [await node(false), await node(true)];
    const api = `http://127.0.0.1:1 ${follower.url}/api  ${leader.url}`;
    expect(await client('-c which-api', {ORCHESTRATOR_API: api})).toMatchObject({status: 0, stdout: `${leader.url}/api\n`, stderr: ''});
    expect(await client('-c clusters', {ORCHESTRATOR_API: api})).toMatchObject({status: 0, stdout: 'of this node\n'});
    expect(leader.asked).toContain('/api/clusters-info');
    expect(follower.asked).not.toContain('/api/clusters-info');
  });

  test('-U takes a list too, and one that hangs costs a second', async () => {
    const hanging = await answering(() => new Promise<Reply>(() => undefined));
    const leader = await node(true);
    const began = performance.now();
    const {stdout} = await runClient(tools, ['-c', 'which-api', '-U', `${hanging.url} ${leader.url}`]);
    expect(stdout).toBe(`${leader.url}/api\n`);
    // One is not waited for any longer where another one leads.
    expect(performance.now() - began).toBeLessThan(25_000);
  });

  test('else one that leads to the leader', async () => {
    const [follower, routed] = [await node(false), await node(false, true)];
    expect(await client('-c which-api', {ORCHESTRATOR_API: `${follower.url} ${routed.url}`})).toMatchObject({
      stdout: `${routed.url}/api\n`,
    });
  });

  test('without a leader it fails', async () => {
    const [one, two] = [await node(false), await node(false)];
    const {status, stdout, stderr} = await client('-c clusters', {ORCHESTRATOR_API: `${one.url} ${two.url}`});
    expect({status, stdout}).toEqual({status: 1, stdout: ''});
    expect(stderr).toMatch(/: no leader among http/);
  });

  test('while one is being elected it is waited for', async () => {
    const other = await node(false);
    const heir = await answering((url, count) => {
      if (url !== '/api/leader-check')
        return url === '/api/routed-leader-check' ? {status: 404, body: 'no'} : {body: [{ClusterName: 'of the heir'}]};
      return count > 2 ? {body: '"OK"'} : {status: 404, body: 'no'};
    });
    expect(await client('-c clusters', {ORCHESTRATOR_API: `${other.url} ${heir.url}`})).toMatchObject({status: 0, stdout: 'of the heir\n'});
  });

  test('that none of them takes the credentials is said as such', async () => {
    const [one, two] = [await answering(() => ({status: 401, body: 'Not Authorized'})), await answering(() => ({status: 401, body: ''}))];
    const {status, stderr} = await client('-c clusters', {ORCHESTRATOR_API: `${one.url} ${two.url}`});
    expect(status).toBe(1);
    expect(stderr).toMatch(/refuses the credentials \(401 Unauthorized\); see -b and -e/);
  });

  test('a leader that changes while it is asked is followed', async () => {
    let old: Stub | null = null;
    const heir = await answering((url) => {
      if (url !== '/api/leader-check') return {body: [{ClusterName: 'of the heir'}]};
      return (old?.asked.length ?? 0) > 1 ? {body: '"OK"'} : {status: 404, body: '"Not leader"'};
    });
    old = await answering((_url, count) => (count === 0 ? {body: '"OK"'} : {status: count === 1 ? 502 : 404, body: 'gone'}));
    expect(await client('-c clusters', {ORCHESTRATOR_API: `${heir.url} ${old.url}`})).toMatchObject({status: 0, stdout: 'of the heir\n'});
  });
});

describe('the environment', () => {
  test('a file in /etc/profile.d says what people there need not', async () => {
    const server = await answering(() => ({body: instance('a')}));
    const profile = path.join(folder, 'profile.sh');
    writeFileSync(profile, `ORCHESTRATOR_API=${server.url}\nexport ORCHESTRATOR_INSTANCE=db1:3307\n`);
    expect(await client('-c which-instance', {ORCHESTRATOR_CLIENT_PROFILE: profile})).toMatchObject({status: 0, stdout: 'a:3306\n'});
    expect(server.asked).toEqual(['/api/instance/db1/3307']);
    expect(await client('-c which-instance -i db2', {ORCHESTRATOR_CLIENT_PROFILE: profile})).toMatchObject({status: 0});
    expect(server.asked).toContain('/api/instance/db2/3306');
  });

  test('the example of such a file is one', () => {
    const example = path.resolve(import.meta.dirname, '../../etc/profile.d/orchestrator-client.sh');
    const {status, stdout} = spawnSync('bash', ['-uc', `. ${example}; echo "$ORCHESTRATOR_API"`], {encoding: 'utf8', env: {}});
    expect({status, stdout}).toEqual({status: 0, stdout: expect.stringMatching(/^http\S+( http\S+)*\n$/) as string});
  });

  const login = `Basic ${Buffer.from('ann:p"a\\ss:w').toString('base64')}`;
  test.each([
    {
      how: 'environment',
      args: [],
      env: {ORCHESTRATOR_AUTH_USER: 'ann', ORCHESTRATOR_AUTH_PASSWORD: 'p"a\\ss:w'},
      header: 'authorization',
      value: login,
    },
    {how: 'option', args: ['-b', 'ann:p"a\\ss:w'], env: {}, header: 'authorization', value: login},
    {how: 'header option', args: ['-e', 'X-Forwarded-User: ann'], env: {}, header: 'x-forwarded-user', value: 'ann'},
    {how: 'header variable', args: [], env: {ORCHESTRATOR_AUTH_USER_HEADER: 'X-User: ann'}, header: 'x-user', value: 'ann'},
  ])('who asks, by $how', async ({args, env, header, value}) => {
    const server = await answering(() => ({body: []}));
    expect(await runClient(tools, ['-c', 'all-instances', '-U', server.url, ...args], env)).toMatchObject({status: 0, stderr: ''});
    expect(server.headers.map((one) => one[header])).toEqual([value, value]);
  });

  test('the password is no argument of any program', async () => {
    const spied = path.join(folder, 'spied');
    const spies = path.join(folder, 'spies');
    spawnSync('mkdir', [spies]);
    for (const tool of ['curl', 'jq']) {
      writeFileSync(path.join(spies, tool), `#!/bin/sh\necho ${tool} "$@" >>${spied}\nexec ${tools}/${tool} "$@"\n`, {mode: 0o755});
    }
    const server = await answering(() => ({body: []}));
    const env = {PATH: `${spies}:/usr/bin:/bin`, ORCHESTRATOR_AUTH_USER: 'ann', ORCHESTRATOR_AUTH_PASSWORD: 'hush-hush'};
    expect(await client(`-c all-instances -U ${server.url}`, env)).toMatchObject({status: 0});
    const seen = readFileSync(spied, 'utf8');
    expect(seen).toContain(server.url);
    expect(seen).not.toContain('hush-hush');
  });
});
