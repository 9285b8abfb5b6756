import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {galera, groupReplication, haproxy, type Galera, type Group} from '../sandbox/index.ts';

/** The error number a statement ends with; null when it is carried out. */
async function refusal(statement: Promise<unknown>): Promise<unknown> {
  return statement.then(
    () => null,
    (error: {errno?: number}) => error.errno,
  );
}

describe('a Galera sandbox', () => {
  let cluster: Galera;
  beforeAll(async () => {
    cluster = await galera({nodes: 3});
  });
  afterAll(() => cluster.down());

  test('writes everywhere, outlives a killed node, and takes it back', async () => {
    const [a, b, c] = cluster.nodes as [Galera['nodes'][0], Galera['nodes'][0], Galera['nodes'][0]];
    await a.query('CREATE TABLE test.t (id INT PRIMARY KEY)');
    await b.as('app').query('INSERT INTO test.t VALUES (1)');
    await a.kill9();
    await cluster.size(b, 2);
    await b.as('app').query('INSERT INTO test.t VALUES (2)');
    await cluster.join(a);
    await cluster.size(c, 3);
    expect(await a.query('SELECT id FROM test.t ORDER BY id')).toEqual([{id: 1}, {id: 2}]);
  });

  test('refuses reads and writes on a node without a majority', async () => {
    const [, b, c] = cluster.nodes as [unknown, Galera['nodes'][0], Galera['nodes'][0]];
    await cluster.isolate(c);
    await cluster.size(b, 2);
    // Each side notices for itself that it has lost the other.
    await expect.poll(() => refusal(c.query('SELECT * FROM test.t')), {timeout: 30_000}).toBe(1047);
    expect(await refusal(c.query('INSERT INTO test.t VALUES (3)'))).toBe(1047);
    await cluster.heal(c);
    await cluster.size(b, 3);
    await cluster.synced(c);
  });
});

describe.each([
  {multiPrimary: true, roles: ['PRIMARY', 'PRIMARY', 'PRIMARY']},
  {multiPrimary: false, roles: ['PRIMARY', 'SECONDARY', 'SECONDARY']},
])('a replication group, multi-primary: $multiPrimary', ({multiPrimary, roles}) => {
  let group: Group;
  beforeAll(async () => {
    group = await groupReplication({nodes: 3, multiPrimary});
  });
  afterAll(() => group.down());

  test('has its members ONLINE and expels a killed one', async () => {
    const [a, b] = group.nodes as [Group['nodes'][0], Group['nodes'][0]];
    expect((await group.members(a)).map((member) => member.role).toSorted()).toEqual(roles);
    await a.query('CREATE TABLE test.t (id INT PRIMARY KEY)');
    await a.query('INSERT INTO test.t VALUES (1)');
    await expect.poll(() => b.query('SELECT id FROM test.t').catch(() => []), {timeout: 60_000}).toEqual([{id: 1}]);
    await a.kill9();
    await group.online(b, 2);
    expect((await group.members(b)).some((member) => member.port === a.key.port && member.state === 'ONLINE')).toBe(false);
  });
});

test('HAProxy sends traffic to the backend whose check answers 200, and follows a change', async () => {
  let leader = 'one';
  const backends = await Promise.all(
    ['one', 'two'].map(async (name) => {
      const server = createServer((request, response) => {
        response.statusCode = request.url === '/api/leader-check' && name !== leader ? 404 : 200;
        response.end(name);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return {server, port: (server.address() as AddressInfo).port};
    }),
  );
  const proxy = await haproxy({mode: 'http', backends, check: '/api/leader-check'});
  try {
    const answer = async (): Promise<string> =>
      (await fetch(`http://127.0.0.1:${proxy.port}/`, {signal: AbortSignal.timeout(2_000)})).text();
    await expect.poll(answer, {timeout: 60_000}).toBe('one');
    leader = 'two';
    await expect.poll(answer, {timeout: 60_000}).toBe('two');
  } finally {
    await proxy.down();
    for (const {server} of backends) {
      server.closeAllConnections();
      server.close();
    }
  }
});
