import {afterAll, beforeAll, expect, test} from 'vitest';
import {beginDowntime} from '../../src/lib/store/downtime.ts';
import {and, broken, down, given, key, type But} from '../unit/support/given.ts';
import {cli, words, type Cli} from './support/cli.ts';

const shop: But = {alias: '', cluster: {suggestedAlias: 'shop'}, place: {dataCenter: '', region: '', environment: ''}};
const top = and(shop, {replicas: [key('b'), key('c')]});
const cut = and(shop, {cluster: {suggestedAlias: ''}});

/** Cluster a:3306, called shop: a above b and c, d below b. Cluster x:3306, without alias: x is dead, y and z say so. */
let it: Cli;

beforeAll(async () => {
  it = cli();
  await it.seed(given('a: b c; b: d', {a: top, b: and(shop, {replicas: [key('d')]}), c: shop, d: shop}));
  await it.seed(given('x: y z', {x: and(cut, down, {replicas: [key('y'), key('z')]}), y: and(cut, broken), z: and(cut, broken)}));
  const backend = await it.backend();
  await backend.run(({db}) => db('database_instance').where({hostname: 'x'}).update({last_seen: '2020-01-01 00:00:00'}));
  await beginDowntime(backend, key('c'), {owner: 'ann', reason: 'new disk', lasting: 3600});
  await beginDowntime(backend, key('d'), {owner: 'orchestrator', reason: 'lost-in-recovery', lasting: 3600});
});

afterAll(() => it.down());

const lines = (...all: readonly string[]): string => all.map((line) => `${line}\n`).join('');

test.each([
  {line: 'clusters', prints: lines('a:3306', 'x:3306')},
  {line: 'clusters-alias', prints: lines('a:3306\tshop', 'x:3306\tx:3306')},
  {line: 'all-instances', prints: lines('a:3306', 'x:3306', 'b:3306', 'c:3306', 'y:3306', 'z:3306', 'd:3306')},
  {line: 'all-clusters-masters', prints: lines('a:3306', 'x:3306')},
  {line: 'search shop', prints: lines('a:3306', 'b:3306', 'c:3306', 'd:3306')},
  {line: 'search --pattern b:33', prints: lines('b:3306')},
  {line: 'search 24', prints: lines('x:3306')},
  {line: 'search nothing', prints: ''},
  {line: 'find ^[ab]:', prints: lines('a:3306', 'b:3306')},
  {line: 'find --pattern ^q', prints: ''},
  {
    line: 'topology -i d',
    prints: lines(
      'a:3306     [0s,ok,8.4.5,rw,ROW,>>,GTID]',
      '+ b:3306   [0s,ok,8.4.5,ro,ROW,>>,GTID]',
      '  + d:3306 [0s,ok,8.4.5,ro,ROW,>>,GTID,downtimed]',
      '+ c:3306   [0s,ok,8.4.5,ro,ROW,>>,GTID,downtimed]',
    ),
  },
  {
    line: 'topology-tabulated -a shop',
    prints: lines(
      'a:3306    |0s|ok|8.4.5|rw|ROW|>>,GTID          ',
      '+ b:3306  |0s|ok|8.4.5|ro|ROW|>>,GTID          ',
      '  + d:3306|0s|ok|8.4.5|ro|ROW|>>,GTID,downtimed',
      '+ c:3306  |0s|ok|8.4.5|ro|ROW|>>,GTID,downtimed',
    ),
  },
  {
    line: 'topology x:3306',
    prints: lines(
      'x:3306   [unknown,invalid,8.4.5,rw,ROW,>>,GTID]',
      '- y:3306 [null,nonreplicating,8.4.5,ro,ROW,>>,GTID]',
      '- z:3306 [null,nonreplicating,8.4.5,ro,ROW,>>,GTID]',
    ),
  },
  {line: 'which-instance -i a', prints: lines('a:3306')},
  {line: 'which-instance a:3306', prints: lines('a:3306')},
  {line: 'which-cluster -i d', prints: lines('a:3306')},
  {line: 'which-cluster -a shop', prints: lines('a:3306')},
  {line: 'which-cluster --alias a:3306', prints: lines('a:3306')},
  {line: 'which-cluster shop', prints: lines('a:3306')},
  {line: 'which-cluster d:3306', prints: lines('a:3306')},
  {line: 'which-cluster-alias -i b', prints: lines('shop')},
  {line: 'which-cluster-master -i d', prints: lines('a:3306')},
  {line: 'which-cluster-instances -a shop', prints: lines('a:3306', 'b:3306', 'c:3306', 'd:3306')},
  {line: 'which-master -i d', prints: lines('b:3306')},
  {line: 'which-master -i a', prints: ''},
  {line: 'which-replicas -i a', prints: lines('b:3306', 'c:3306')},
  {line: 'which-replicas -i d', prints: ''},
  {line: 'which-downtimed-instances', prints: lines('c:3306', 'd:3306')},
  {line: 'which-downtimed-instances -a x:3306', prints: ''},
  {line: 'which-lost-in-recovery', prints: lines('d:3306')},
  {line: 'instance-status -i b', prints: lines('[0s,ok,8.4.5,ro,ROW,>>,GTID]')},
  {line: 'in-maintenance -i b', prints: ''},
  {line: 'check-global-recoveries', prints: lines('OK: Global recoveries disabled: false')},
  {
    line: 'replication-analysis',
    prints: lines(
      'x:3306 (cluster x:3306): DeadMaster',
      'y:3306 (cluster x:3306): FirstTierReplicaFailingToConnectToMaster',
      'z:3306 (cluster x:3306): FirstTierReplicaFailingToConnectToMaster',
    ),
  },
  {line: 'replication-analysis -a shop', prints: ''},
  {line: 'audit-recovery', prints: ''},
  {line: 'which-cluster-osc-replicas -a shop', prints: lines('b:3306', 'd:3306', 'c:3306')},
  {line: 'which-cluster-gh-ost-slaves -i d', prints: lines('c:3306', 'd:3306', 'b:3306')},
  {line: 'get-cluster-heuristic-lag -a shop', prints: lines('0')},
  {line: 'which-cluster-domain -a shop', prints: lines('')},
  {line: 'cluster-pool-instances', prints: ''},
  {line: 'bulk-instances', prints: lines('a:3306', 'b:3306', 'c:3306', 'd:3306', 'x:3306', 'y:3306', 'z:3306')},
  {line: 'bulk-promotion-rules', prints: ''},
  {line: 'show-unresolve-hosts', prints: ''},
])('$line: the same lines in both forms, and nothing beside them', async ({line, prints}) => {
  const said = words(line);
  expect(await it.run(said)).toEqual({status: 0, stdout: prints, stderr: ''});
  const [name = '', ...rest] = said;
  expect(await it.run(['-c', name, ...rest])).toEqual({status: 0, stdout: prints, stderr: ''});
});

test.each(['which-cluster-osc-replicas', 'which-cluster-gh-ost-replicas', 'which-heuristic-cluster-pool-instances'])(
  '%s of a cluster nobody knows: nothing in the old form, not found in the new',
  async (name) => {
    expect(await it.run(`-c ${name} -i nobody`)).toMatchObject({status: 0, stdout: ''});
    expect(await it.run(`${name} -i nobody`)).toMatchObject({status: 3, stdout: ''});
  },
);

test.each([
  {line: 'which-instance -i a,b', prints: lines('a:3306', 'b:3306')},
  {line: 'which-instance -i "a b\tc"', prints: lines('a:3306', 'b:3306', 'c:3306')},
])('$line runs once an instance', async ({line, prints}) => {
  expect(await it.run(words(line))).toEqual({status: 0, stdout: prints, stderr: ''});
});

test('a list with an unknown instance stops there', async () => {
  expect(await it.run('which-instance -i a,nobody,b')).toMatchObject({status: 3, stdout: 'a:3306\n'});
});

test('a list with a malformed instance does nothing at all', async () => {
  expect(await it.run(['which-instance', '-i', 'a,b:0'])).toMatchObject({status: 2, stdout: ''});
});

test('part of a host name is enough when one instance has it, on its port', async () => {
  const own = cli();
  const named = (host: string, port = 3306): But => ({key: {host, port}});
  await own.seed(given('a: b c', {a: named('db1.example'), b: named('db2.example'), c: named('db22.example')}));
  expect(await own.run('which-instance -i db1')).toMatchObject({status: 0, stdout: 'db1.example:3306\n'});
  expect(await own.run('which-instance -i db22')).toMatchObject({status: 0, stdout: 'db22.example:3306\n'});
  expect(await own.run('which-instance -i db2')).toMatchObject({status: 3, stdout: ''});
  expect(await own.run('which-instance -i db1:3307')).toMatchObject({status: 3, stdout: ''});
  await own.down();
});

test.each([
  {line: 'clusters --json', says: ['a:3306', 'x:3306']},
  {line: 'clusters --format json', says: ['a:3306', 'x:3306']},
  {
    line: 'clusters-alias --json',
    says: [
      {name: 'a:3306', alias: 'shop', domain: '', instances: 4},
      {name: 'x:3306', instances: 3},
    ],
  },
  {line: 'which-instance -i b --json', says: {key: {host: 'b', port: 3306}, cluster: {name: 'a:3306', depth: 1}}},
  {line: 'which-master -i a --json', says: null},
  {line: 'which-downtimed-instances --json', says: [{wishes: {downtime: {owner: 'ann', reason: 'new disk'}}}, {}]},
  {
    line: 'replication-analysis -i x --itself --json',
    says: [{instance: {host: 'x', port: 3306}, code: 'DeadMaster', replicas: 2, replicatingReplicas: 0}],
  },
  {line: 'instance-status -i b --json', says: {lag: '0s', status: 'ok', mode: 'ro'}},
])('$line is JSON', async ({line, says}) => {
  const {status, stdout, stderr} = await it.run(words(line));
  expect({status, stderr}).toEqual({status: 0, stderr: ''});
  expect(stdout.split('\n')).toHaveLength(2);
  expect(JSON.parse(stdout)).toMatchObject(says as object);
});

test('a table on demand, plain and without colours where it is no terminal', async () => {
  const {stdout} = await it.run('clusters-alias --format table');
  expect(stdout.split('\n').map((line) => line.split(/\s{2,}/))).toEqual([
    ['cluster', 'alias', 'domain', 'instances'],
    ['a:3306', 'shop', '4'],
    ['x:3306', 'x:3306', '3'],
    [''],
  ]);
});

test.each([
  {line: 'which-cluster -a nobody', prints: '\n', plain: 3},
  {line: 'topology -i nobody', prints: '\n', plain: 3},
  {line: 'topology-tabulated -a nobody', prints: '\n', plain: 3},
  {line: 'which-cluster-instances -a nobody', prints: '', plain: 3},
  {line: 'which-downtimed-instances -a nobody', prints: '', plain: 3},
  {line: 'ack-cluster-recoveries -a nobody -r x', prints: '0 recoveries acknowledged\n', plain: 3},
])('$line: an answer in the form of version 3, not found ($plain) otherwise', async ({line, prints, plain}) => {
  const sentence = /^orchestrator: nobody(:3306)? is not a known cluster, nor an instance of one.*\n$/;
  const now = await it.run(words(line));
  expect(now).toMatchObject({status: plain, stdout: ''});
  expect(now.stderr).toMatch(sentence);
  const [name = '', ...rest] = words(line);
  const then = await it.run(['-c', name, ...rest]);
  expect(then).toMatchObject({status: 0, stdout: prints});
  expect(then.stderr).toMatch(sentence);
});

test.each([
  'which-instance -i nobody',
  'which-master -i nobody',
  'instance-status -i nobody',
  'which-cluster-alias -a nobody',
  'which-cluster-master -a nobody',
])('%s: not found is 3, and 1 in the form of version 3', async (line) => {
  expect(await it.run(words(line))).toMatchObject({status: 3, stdout: ''});
  expect(await it.run(['-c', ...words(line)])).toMatchObject({status: 1, stdout: ''});
});

test('old names of commands work', async () => {
  expect(await it.run('-c which-slaves -i a')).toMatchObject({status: 0, stdout: 'b:3306\nc:3306\n'});
  expect(await it.run('which-slaves -i a')).toMatchObject({status: 0, stdout: 'b:3306\nc:3306\n'});
});
