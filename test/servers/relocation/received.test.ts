import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import {replicaStatus, sandbox, type Flavor, type Sandbox} from '../../sandbox/index.ts';
import {
  backendHost,
  delay,
  holdApplier,
  idsOn,
  insert,
  receivedAll,
  rows,
  stopThread,
  type BackendHost,
  type Site,
} from '../support/index.ts';
import {bench, following, nameOf, sameRows} from './moving.ts';

/** What a replica has received is not lost by moving it: on servers that drop their relay log, and on those that do not. */
describe.each<{flavor: Flavor}>([{flavor: 'mariadb'}, {flavor: 'mysql9'}, {flavor: 'mysql56'}])('received on $flavor', ({flavor}) => {
  let box: Sandbox;
  let host: BackendHost;
  let at: Site;
  beforeAll(async () => {
    [box, host] = await Promise.all([sandbox({flavor}), backendHost('sqlite')]);
  });
  afterEach(() => at?.down());
  afterAll(() => Promise.all([box?.down(), host?.down()]));

  test('and not applied, and the source is gone: the new source, which lags too, has to have it first', async () => {
    const {a, b, c} = await box.topology('a: b c');
    await insert(a, 1, 10);
    await box.caughtUp();
    at = await bench(host, [a, b, c]);
    // Both have received 20 more; c has applied them, b has not yet.
    const release = await holdApplier(b);
    await insert(a, 11, 30);
    await receivedAll(b, a);
    await box.waitFor('c has applied all', async () => (await idsOn(c)).length === 30);
    await a.kill9();
    const moving = at.run('relocate', '-i', nameOf(c), '-d', nameOf(b));
    await box.waitFor('it is at work', async () => (await rows(at, 'recovery_plan', {state: 'open'})).length === 1);
    await release();
    expect(await moving).toMatchObject({status: 0, stdout: `${nameOf(c)}<${nameOf(b)}\n`});
    expect(await following({b, c})).toMatchObject({c: 'b'});
    await box.waitFor('b has applied what it received', async () => (await idsOn(b)).length === 30);
    expect(await idsOn(c)).toHaveLength(30);
  });

  test('by a delayed replica, and not due yet: it is fetched again from a source that has it, and stays delayed', async () => {
    const servers = await box.topology('a: b c');
    const {a, b, c} = servers;
    await insert(a, 1, 10);
    await box.caughtUp();
    await delay(c, 600);
    await insert(a, 11, 20);
    await receivedAll(c, a);
    at = await bench(host, [a, b, c]);
    expect(await at.run('relocate', '-i', nameOf(c), '-d', nameOf(b))).toMatchObject({status: 0});
    expect(await following(servers)).toEqual({a: '-', b: 'a', c: 'b'});
    expect(await idsOn(c)).toHaveLength(10);
    await receivedAll(c, b);
    await delay(c, 0);
    await sameRows(box, [a, b, c]);
  });
});

test('one that the new source turns away is put back', async () => {
  const box = await sandbox({flavor: 'mysql9'});
  const host = await backendHost('sqlite');
  const servers = await box.topology('a: b c');
  const {a, b, c} = servers;
  await insert(a, 1, 10);
  await box.caughtUp();
  const at = await bench(host, [a, b, c]);
  try {
    await b.query('SET GLOBAL super_read_only = OFF');
    await b.query('SET SESSION sql_log_bin = 0');
    await b.query("DROP USER 'repl'@'%'");
    const {status, stderr} = await at.run('relocate', '-i', nameOf(c), '-d', nameOf(b));
    expect({status, stderr}).toEqual({status: 1, stderr: expect.stringMatching(/it is back at \S+/) as unknown});
    expect(await following(servers)).toEqual({a: '-', b: 'a', c: 'a'});
    await insert(a, 11, 12);
    await sameRows(box, [a, c]);
  } finally {
    await at.down();
    await box.down();
    await host.down();
  }
});

test('on MariaDB, with several domains under strict mode, a replica goes where all of them are', async () => {
  const box = await sandbox({flavor: 'mariadb'});
  const host = await backendHost('sqlite');
  const servers = await box.topology('a: b c; c: d');
  const {a, b, c, d} = servers;
  const at = await bench(host, [a, b, c, d]);
  try {
    for (const server of [a, b, c, d]) await server.query('SET GLOBAL gtid_strict_mode = 1');
    await insert(a, 1, 3);
    await a.query('SET SESSION gtid_domain_id = 5');
    await insert(a, 4, 6);
    await box.caughtUp();
    await stopThread(c, 'SQL_THREAD');
    await insert(a, 7, 9);
    await box.waitFor('b has all', async () => (await idsOn(b)).length === 9);
    // c lags, and d below it: b is ahead of both, and neither may ask c for what only b has.
    const refused = at.run('relocate', '-i', nameOf(b), '-d', nameOf(c), '--wait', '1s');
    await box.waitFor('it is at work', async () => (await rows(at, 'recovery_plan', {state: 'open'})).length === 1);
    await c.query('START SLAVE SQL_THREAD');
    expect(await refused).toMatchObject({status: 0, stdout: `${nameOf(b)}<${nameOf(c)}\n`});
    expect(await at.run('relocate', '-i', nameOf(b), '-d', nameOf(d))).toMatchObject({status: 0});
    expect(await following(servers)).toEqual({a: '-', b: 'd', c: 'a', d: 'c'});
    await insert(a, 10, 12);
    await sameRows(box, [a, b, c, d]);
    const [status] = await replicaStatus(b);
    expect(String(status?.row['Gtid_IO_Pos']).split(',')).toHaveLength(2);
  } finally {
    await at.down();
    await box.down();
    await host.down();
  }
});
