import {once} from 'node:events';
import {unlink} from 'node:fs/promises';
import {connect, createServer} from 'node:net';
import {join} from 'node:path';
import {pipeline} from 'node:stream/promises';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {say} from '../../../src/lib/flavor/statement.ts';
import {sandbox, waitFor, type Flavor, type Instance, type Sandbox} from '../../sandbox/index.ts';
import {probing, tryToEnter, withSession} from './probing.ts';

describe.each<{flavor: Flavor}>([{flavor: 'mariadb'}, {flavor: 'mysql9'}, {flavor: 'mysql56'}])('reaching $flavor', ({flavor}) => {
  let box: Sandbox;
  let a: Instance;
  let b: Instance;
  beforeAll(async () => {
    box = await sandbox({flavor});
  });
  afterAll(() => box.down());

  test('kill -9 is an event, without anybody asking; then it is refused', async () => {
    ({a} = await box.topology('a'));
    const {found, notFound, lost} = probing();
    await found(a.key);
    await a.kill9();
    await waitFor('the event', () => lost.length > 0);
    expect(await notFound(a.key)).toMatchObject({partial: false, key: a.key, unreachable: {reach: 'refused', errno: 0}});
    await a.start();
    expect(await found(a.key)).toMatchObject({ok: true});
  });

  test('a connection ended from the other side while resting is an event, and the next probe makes another', async () => {
    ({a} = await box.topology('a'));
    const {servers, found, lost} = probing();
    await found(a.key);
    const before = await servers.session(a.key);
    await a.query(`KILL ${before.connectionId}`);
    await waitFor('the event', () => lost.length > 0);
    expect(lost).toEqual([a.key]);
    await found(a.key);
    expect((await servers.session(a.key)).connectionId).not.toBe(before.connectionId);
    expect(before.open).toBe(false);
  });

  test('a probe whose connection breaks under it asks again over a new one', async () => {
    ({a} = await box.topology('a'));
    // As long as the server is told, so that the second one need not sleep.
    const DetectDataCenterQuery = 'select sleep(@@global.max_error_count)';
    const {servers, prober, lost} = probing({DetectDataCenterQuery, MySQLDiscoveryReadTimeoutSeconds: 90});
    const session = await servers.session(a.key);
    await a.query('SET GLOBAL max_error_count = 60');
    const outcome = prober.probe(a.key);
    await waitFor('it sleeps', async () => (await a.query('SHOW FULL PROCESSLIST')).some((row) => row['Info'] === DetectDataCenterQuery));
    await a.query('SET GLOBAL max_error_count = 0');
    await a.query(`KILL ${session.connectionId}`);
    expect(await outcome).toMatchObject({ok: true});
    expect(lost).toEqual([a.key]);
  });

  test('closing a connection ourselves is no event', async () => {
    ({a} = await box.topology('a'));
    const {servers, found, lost} = probing();
    await found(a.key);
    const session = await servers.session(a.key);
    servers.forget(a.key);
    await expect(session.query(say('SELECT 1'))).rejects.toMatchObject({code: 'SERVER_UNREACHABLE'});
    const {connectionId} = await servers.session(a.key);
    expect(connectionId).not.toBe(session.connectionId);
    await waitFor('the server has ended it', async () =>
      (await a.query('SHOW PROCESSLIST')).every((row) => row['Id'] !== session.connectionId),
    );
    expect(lost).toEqual([]);
  });

  test('those who ask at the same time share one connection', async () => {
    ({a} = await box.topology('a'));
    const {servers} = probing();
    const ids = await Promise.all([1, 2, 3].map(async () => (await servers.session(a.key)).connectionId));
    expect(new Set(ids).size).toBe(1);
    const own = await servers.connect(a.key);
    expect(own.connectionId).not.toBe(ids[0]);
    own.destroy();
  });

  test('a stopped server is silent after the timeout, without an event, and holds up nobody', async () => {
    ({a, b} = await box.topology('a: b'));
    const {servers, found, notFound, lost} = probing({MySQLDiscoveryReadTimeoutSeconds: 1, MySQLConnectTimeoutSeconds: 1});
    await Promise.all([found(a.key), found(b.key)]);
    a.pause();
    const stopped = notFound(a.key);
    const others: number[] = [];
    const alive = (): Promise<unknown> =>
      found(b.key).then(
        ({took}) => others.push(took),
        () => undefined,
      );
    for (const until = performance.now() + 800; performance.now() < until;) await alive();
    // Held up, each would take as long as the silence lasts.
    expect(Math.min(...others)).toBeLessThan(900);
    expect(await stopped).toMatchObject({
      partial: false,
      unreachable: {reach: 'silent', errno: 0},
      took: expect.toSatisfy((took) => took > 900),
    });
    expect(await tryToEnter(servers, a.key, {timeout: 300})).toMatchObject({
      reach: 'silent',
      took: expect.toSatisfy((took) => took > 250),
    });
    expect(lost).toEqual([]);
    a.resume();
    expect(await tryToEnter(servers, a.key)).toMatchObject({reach: 'answered'});
    await found(a.key);
  });

  test('an answer that waited for us, not for the server, is an answer', async () => {
    ({a} = await box.topology('a'));
    const {servers} = probing();
    // Through this process, so that the handshake is half done when we stall.
    const relay = createServer((from) => void pipeline(from, connect(a.key.port, a.key.host), from).catch(() => undefined));
    relay.listen(0, '127.0.0.1');
    await once(relay, 'listening');
    const attempt = tryToEnter(servers, {host: '127.0.0.1', port: (relay.address() as {port: number}).port}, {timeout: 1000});
    await once(relay, 'connection');
    for (const until = performance.now() + 1300; performance.now() < until;);
    expect(await attempt).toMatchObject({reach: 'answered'});
    relay.close();
  });

  test('no connection left: alive, and the number says why', async () => {
    ({a} = await box.topology('a'));
    const {found, notFound, servers} = probing();
    await a.query('SET GLOBAL max_connections = 10');
    const guests = [];
    try {
      for (const account of ['app', 'orc'] as const) {
        for (let more = true; more;) {
          const guest = a.connect(account);
          guests.push(guest);
          more = await guest.query('SELECT 1').then(
            () => true,
            () => false,
          );
        }
      }
      expect(await notFound(a.key)).toMatchObject({partial: false, unreachable: {reach: 'alive', errno: 1040}});
      expect(await tryToEnter(servers, a.key)).toMatchObject({reach: 'alive', errno: 1040});
    } finally {
      for (const guest of guests) guest.close();
    }
    await waitFor('there is room again', async () => (await found(a.key)).ok);
  });

  test('a wrong password: alive', async () => {
    ({a} = await box.topology('a'));
    const {notFound} = probing({MySQLTopologyPassword: 'hunter2'});
    const outcome = await notFound(a.key);
    expect(outcome.unreachable).toMatchObject({reach: 'alive', errno: 1045});
    expect(JSON.stringify(outcome)).not.toContain('hunter2');
  });

  test('an account that may see nothing: found is not said, alive is', async () => {
    ({b} = await box.topology('a: b'));
    const {notFound} = probing({MySQLTopologyUser: 'app', MySQLTopologyPassword: 'apppw'});
    expect(await notFound(b.key)).toMatchObject({
      partial: true,
      unreachable: {reach: 'alive', errno: 1227},
      message: expect.stringContaining('1227'),
    });
  });

  test('an account that may see replication and no tables: found, and what is missing is said', async () => {
    ({a, b} = await box.topology('a: b'));
    await a.query("CREATE USER 'looker'@'%' IDENTIFIED BY 'pw'");
    await a.query(`GRANT ${flavor === 'mariadb' ? 'SLAVE MONITOR' : 'REPLICATION CLIENT'} ON *.* TO 'looker'@'%'`);
    await box.caughtUp();
    const {found} = probing({MySQLTopologyUser: 'looker', MySQLTopologyPassword: 'pw'});
    for (const _ of ['first', 'again']) {
      const {reading, remarks} = await found(b.key);
      expect(reading.replication).toMatchObject({receiver: {state: 'running'}, heartbeatPeriod: flavor === 'mariadb' ? 1 : null});
      const expected = flavor === 'mariadb' ? /^binary log status: .*1227/ : /^mysql.slave_master_info: .*1142/;
      expect(remarks).toContainEqual(expect.stringMatching(expected));
    }
  });

  test('another server on the same port is noticed', async () => {
    ({a} = await box.topology('a'));
    const {found, lost} = probing();
    const first = (await found(a.key)).reading;
    await a.stop();
    await waitFor('the event', () => lost.length > 0);
    // MariaDB has no identity but its id; MySQL makes itself a new one.
    if (flavor !== 'mariadb') await unlink(join(a.datadir, 'auto.cnf'));
    const started = performance.now();
    await a.start(flavor === 'mariadb' ? ['--server-id=99'] : []);
    const second = (await found(a.key)).reading;
    const identity = flavor === 'mariadb' ? 'serverId' : 'serverUuid';
    expect(second[identity]).not.toBe(first[identity]);
    expect(second.uptime).toBeLessThanOrEqual(1 + (performance.now() - started) / 1000);
    expect(lost).toEqual([a.key]);
  });

  test('by IPv6, by address and by name it is the same server', async () => {
    ({a} = await box.topology('a'));
    await a.stop();
    await a.start(['--bind-address=*']);
    const {found} = probing();
    const {port} = a.key;
    const readings = await Promise.all(['::1', '127.0.0.1', 'localhost'].map(async (host) => (await found({host, port})).reading));
    expect(readings.map(({key}) => key)).toEqual([
      {host: '::1', port},
      {host: '127.0.0.1', port},
      {host: 'localhost', port},
    ]);
    expect(new Set(readings.map(({serverUuid, serverId}) => `${serverUuid}${serverId}`)).size).toBe(1);
    const named = probing({MySQLHostnameResolveMethod: '@@hostname'});
    expect((await named.found({host: '::1', port})).reading.key).toEqual((await named.found({host: 'localhost', port})).reading.key);
  });

  test('a side query that never ends: alive, since it said what it is, and the connection is given up', async () => {
    ({a} = await box.topology('a'));
    const {servers, notFound, lost} = probing({DetectDataCenterQuery: 'select sleep(60)', MySQLDiscoveryReadTimeoutSeconds: 1});
    const session = await servers.session(a.key);
    expect(await notFound(a.key)).toMatchObject({partial: true, unreachable: {reach: 'alive', errno: 0}});
    expect(session.open).toBe(false);
    expect(lost).toEqual([]);
  });

  test('a fresh probe uses a connection of its own, and ends it', async () => {
    ({a, b} = await box.topology('a: b'));
    const {prober, servers} = probing();
    const {connectionId} = await servers.session(b.key);
    const outcome = await prober.probe(b.key, {fresh: true, timeout: 30_000});
    expect(outcome).toMatchObject({ok: true, reading: {replication: {source: a.key}}});
    expect((await servers.session(b.key)).connectionId).toBe(connectionId);
    await waitFor('it is gone', async () => (await b.query('SHOW PROCESSLIST')).filter((row) => row['User'] === 'orc').length === 1);
  });

  test('a connection older than MySQLConnectionLifetimeSeconds is replaced, and that is no event', async () => {
    ({a} = await box.topology('a'));
    const {servers, lost} = probing({MySQLConnectionLifetimeSeconds: 1});
    const {connectionId} = await servers.session(a.key);
    const later = await waitFor('another connection', async () => {
      const now = await servers.session(a.key);
      return now.connectionId === connectionId ? null : now;
    });
    expect(later.open).toBe(true);
    expect(lost).toEqual([]);
  });

  test('what the server repeats of a statement never shows a secret', async () => {
    ({a} = await box.topology('a'));
    const {servers} = probing();
    await withSession(servers, a.key, async (session) => {
      const failed = await session
        .query({text: "CHANGE WHAT TO PASSWORD = 'hunter2'", values: [], secrets: ['hunter2']})
        .catch((error: unknown) => error);
      expect(failed).toMatchObject({code: 'SERVER_STATEMENT_FAILED', message: expect.stringContaining('1064')});
      expect(
        `${String(failed)}${JSON.stringify(failed)}${String((failed as Error).cause)}${JSON.stringify((failed as Error).cause)}`,
      ).not.toContain('hunter2');
    });
  });
});
