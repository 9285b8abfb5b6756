import {once} from 'node:events';
import {connect, createServer, type AddressInfo, type Socket} from 'node:net';
import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import {
  ACCOUNTS,
  binlogPosition,
  replicaStatus,
  sandbox,
  startReplication,
  stopReplication,
  type Flavor,
  type Instance,
  type Sandbox,
} from '../../sandbox/index.ts';
import {backendHost, idsOn, insert, receivedAll, rows, site, stopThread, type BackendHost, type Site} from '../support/index.ts';
import {bench, following, nameOf, sameRows} from './moving.ts';

/** As AutoPseudoGTID sets them, without a service that writes entries by itself. */
const PSEUDO = {
  PseudoGTIDPattern: 'drop view if exists `_pseudo_gtid_`',
  PseudoGTIDPatternIsFixedSubstring: true,
  PseudoGTIDMonotonicHint: 'asc:',
  DetectPseudoGTIDQuery: 'select 1',
  // So small that every search reads several pages.
  BinlogEventsChunkSize: 7,
  RecoveryDrainTimeoutSeconds: 60,
};

/** d does not log what it replicates. */
const optionsOf = (name: string): readonly string[] => (name === 'd' ? ['--skip-log-slave-updates'] : []);

const markText = (number: number): string => `drop view if exists \`_pseudo_gtid_\`.\`_asc:${String(number).padStart(8, '0')}:00000001:0\``;
const mark = (on: Instance, number: number): Promise<unknown> => on.query(markText(number));

/** A transaction whose statement is logged as it was said. */
async function insertByStatement(into: Instance, id: number): Promise<void> {
  const client = into.connect();
  try {
    await client.query("SET SESSION binlog_format = 'STATEMENT'");
    await client.query('INSERT INTO test.t (id) VALUES (?)', [id]);
  } finally {
    client.close();
  }
}

async function rotate(server: Instance): Promise<void> {
  await server.query('FLUSH BINARY LOGS');
}

describe.each<{flavor: Flavor}>([{flavor: 'mariadb'}, {flavor: 'mysql9'}, {flavor: 'mysql56'}])('by Pseudo-GTID on $flavor', ({flavor}) => {
  let box: Sandbox;
  let host: BackendHost;
  let at: Site;
  beforeAll(async () => {
    [box, host] = await Promise.all([sandbox({flavor, optionsOf}), backendHost('sqlite')]);
  });
  afterEach(() => at?.down());
  afterAll(() => Promise.all([box?.down(), host?.down()]));

  test('replicas of a dead source that stopped at different places follow the one that received most; nothing is lost or applied twice', async () => {
    const servers = await box.topology('a: b c d', {gtid: false});
    const {a, b, c, d} = servers;
    await mark(a, 1);
    await insert(a, 1, 3);
    await box.caughtUp();
    at = await bench(host, [a, b, c, d], PSEUDO);
    await stopReplication(c);
    await rotate(b);
    await mark(a, 2);
    await insert(a, 4, 5);
    await receivedAll(d, a);
    await stopThread(d, 'IO_THREAD');
    await insertByStatement(a, 6);
    await mark(a, 3);
    await insert(a, 7, 7);
    await box.waitFor('b has all', async () => (await idsOn(b)).length === 7);
    await a.kill9();
    await box.waitFor('b has noticed', async () => (await replicaStatus(b))[0]?.receiver.running !== 'Yes');

    const {status, stdout, stderr} = await at.run('regroup-replicas', '-i', nameOf(a));
    expect({status, stdout, lost: stderr.match(/Pseudo-GTID could find/)}).toEqual({
      lost: null,
      status: 0,
      stdout: `${nameOf(b)}\n${nameOf(b)} lost: 0, trivial: 0, pseudo-gtid: 2\n`,
    });
    expect(await following({b, c, d})).toMatchObject({c: 'b', d: 'b'});
    expect(await at.run('make-master', '-i', nameOf(b))).toMatchObject({status: 0, stdout: `${nameOf(b)}\n`});
    await insert(b, 8, 9);
    await sameRows(box, [b, c, d]);
    expect([await rows(at, 'cluster_lock'), await rows(at, 'recovery_plan', {state: 'open'})]).toEqual([[], []]);
  });
});

/** A way to a server that breaks, for good, once so many bytes have come from there. */
async function frail(to: Instance) {
  let left = Number.POSITIVE_INFINITY;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const behind = connect(to.key);
    const end = (): void => {
      client.destroy();
      behind.destroy();
    };
    for (const one of [client, behind]) {
      sockets.add(one);
      one.on('error', end).on('close', end);
    }
    client.pipe(behind);
    behind.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left > 0) client.write(chunk);
      else end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get broken() {
      return left <= 0;
    },
    breakAfter: (bytes: number) => void (left = bytes),
    async down() {
      for (const one of sockets) one.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('by Pseudo-GTID', () => {
  let box: Sandbox;
  let host: BackendHost;
  let at: Site;
  beforeAll(async () => {
    [box, host] = await Promise.all([sandbox({flavor: 'mariadb', optionsOf}), backendHost('sqlite')]);
  });
  afterEach(() => at?.down());
  afterAll(() => Promise.all([box?.down(), host?.down()]));

  test('one that received the beginning of a transaction and no more has applied all there is', async () => {
    const {a, b} = await box.topology('a: b', {gtid: false});
    await a.query('CREATE TABLE test.big (id INT PRIMARY KEY AUTO_INCREMENT, text LONGTEXT)');
    await box.caughtUp();
    const way = await frail(a);
    try {
      await stopReplication(b);
      const position = await binlogPosition(a);
      await b.query(b.words.point({port: way.port, channel: '', account: ACCOUNTS.repl, heartbeat: 1, at: position}));
      await startReplication(b);
      await insert(a, 1, 1);
      await receivedAll(b, a);
      way.breakAfter(500_000);
      await a.query("INSERT INTO test.big (text) SELECT REPEAT('x', 30000) FROM mysql.help_topic LIMIT 60");
      await box.waitFor('it is cut off', async () => way.broken && (await replicaStatus(b))[0]?.receiver.running !== 'Yes');
      at = await bench(host, [b], PSEUDO);
      const {status, stderr} = await at.run('detach-replica-master-host', '-i', nameOf(b));
      expect({status, stderr}).toEqual({status: 0, stderr: ''});
      expect(await idsOn(b)).toEqual([1]);
    } finally {
      await way.down();
    }
  });

  test('below a sibling, up again and to its own source anew, while somebody writes', async () => {
    const servers = await box.topology('a: b c; c: e', {gtid: false});
    const {a, b, c, e} = servers;
    await mark(a, 1);
    await insert(a, 1, 5);
    await box.caughtUp();
    at = await bench(host, [a, b, c, e], {...PSEUDO, BinlogEventsChunkSize: 500});
    const writer = await box.writer(a);
    const told = (one: Instance, below: Instance): object => ({status: 0, stdout: `${nameOf(one)}<${nameOf(below)}\n`});

    expect(await at.run('match', '-i', nameOf(c), '-d', nameOf(b))).toMatchObject(told(c, b));
    expect(await following(servers)).toEqual({a: '-', b: 'a', c: 'b', e: 'c'});
    await mark(a, 2);
    // What was noted of logs is a guess: here it is within an event.
    await noteFormer(at, [a, b, c], 5);
    expect(await at.run('match-up', '-i', nameOf(c))).toMatchObject(told(c, a));
    expect(await at.run('rematch', '-i', nameOf(c))).toMatchObject(told(c, a));
    expect(await at.run('match-up-replicas', '-i', nameOf(c))).toMatchObject({status: 0, stdout: `${nameOf(e)}\n`});
    expect(await following(servers)).toEqual({a: '-', b: 'a', c: 'a', e: 'a'});
    const moved = [c, e].map(nameOf).toSorted();
    const {status, stdout} = await at.run('match-replicas', '-i', nameOf(a), '-d', nameOf(b));
    expect({status, moved: stdout.trim().split('\n').toSorted()}).toEqual({status: 0, moved});
    expect(await following(servers)).toEqual({a: '-', b: 'a', c: 'b', e: 'b'});

    await writer.stop();
    await sameRows(box, [a, b, c, e]);
    expect([await rows(at, 'cluster_lock'), await rows(at, 'recovery_plan', {state: 'open'})]).toEqual([[], []]);
  });

  test('where an entry stands, and where the same is elsewhere', async () => {
    const {a, b, d} = await box.topology('a: b d', {gtid: false});
    await mark(a, 1);
    await insert(a, 1, 2);
    await mark(a, 2);
    await insert(a, 3, 3);
    await box.caughtUp();
    at = await bench(host, [a, b, d], PSEUDO);
    const position = await at.run('find-binlog-entry', '-i', nameOf(a), '--pattern', markText(2));
    expect(await at.run('last-pseudo-gtid', '-i', nameOf(a))).toEqual({
      status: 0,
      stdout: `${position.stdout.trim()}:${markText(2)}\n`,
      stderr: '',
    });
    // d has no binary logs of what it replicates.
    expect(await at.run('last-pseudo-gtid', '-i', nameOf(d))).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^relay\.\d+:\d+:drop view/) as unknown,
    });
    const end = await binlogPosition(a);
    expect(await at.run('correlate-binlog-pos', '-i', nameOf(b), '-d', nameOf(a))).toMatchObject({
      status: 0,
      stdout: `${end.file}:${end.position}\n`,
    });
    const places = (await at.run('correlate-relaylog-pos', '-i', nameOf(b), '-d', nameOf(d))).stdout.trim().split(';');
    expect(places).toHaveLength(3);
    const [status] = await replicaStatus(d);
    expect(places[2]).toBe(`${String(status?.row['Relay_Log_File'])}:${String(status?.row['Relay_Log_Pos'])}`);
    expect(await at.run('find-binlog-entry', '-i', nameOf(a), '--pattern', markText(9))).toMatchObject({status: 3, stdout: ''});
  });

  async function three(): Promise<Readonly<Record<'a' | 'b' | 'c', Instance>>> {
    const servers = await box.topology('a: b c', {gtid: false});
    await mark(servers.a, 1);
    await insert(servers.a, 1, 3);
    await box.caughtUp();
    at = await bench(host, Object.values(servers), PSEUDO);
    return servers;
  }

  test('one that has what the other lacks, or something else than the other, goes on where it was', async () => {
    const servers = await three();
    const {a, b, c} = servers;
    await stopReplication(b);
    await insert(a, 4, 4);
    await box.waitFor('c has more', async () => (await idsOn(c)).length === 4);
    const ahead = await at.run('match', '-i', nameOf(c), '-d', nameOf(b));
    expect({status: ahead.status, stderr: ahead.stderr}).toEqual({
      status: 1,
      stderr: expect.stringMatching(/the binary logs of \S+ end before .*; it is back at 127/) as unknown,
    });
    expect(await following(servers)).toEqual({a: '-', b: 'a (stopped)', c: 'a'});

    await b.query('CREATE TABLE test.own (id INT PRIMARY KEY)');
    await startReplication(b);
    const other = await at.run('match-replicas', '-i', nameOf(a), '-d', nameOf(b));
    expect({status: other.status, stderr: other.stderr}).toEqual({
      status: 1,
      stderr: expect.stringMatching(/ in the binary logs of \S+ is "GTID 0-\d+-6" .*; it is back at 127/) as unknown,
    });
    await insert(a, 5, 6);
    await sameRows(box, [a, b, c]);
    expect(await following(servers)).toEqual({a: '-', b: 'a', c: 'a'});
  });

  test.each(['before:0', 'after:0'])('killed %s: resumed to its end', async (fault) => {
    const servers = await three();
    const {a, b, c} = servers;
    expect(await at.runWith({ORCHESTRATOR_FAULT: fault}, 'match', '-i', nameOf(c), '-d', nameOf(b))).toMatchObject({status: null});
    const [plan] = await rows<{uid: string}>(at, 'recovery_plan', {state: 'open'});
    expect(await at.run('recovery', 'resume', plan?.uid ?? '')).toMatchObject({status: 0, stdout: `${nameOf(c)}\n`});
    expect(await following(servers)).toEqual({a: '-', b: 'a', c: 'b'});
    await insert(a, 4, 6);
    await sameRows(box, [a, b, c]);
    expect([await rows(at, 'cluster_lock'), await rows(at, 'recovery_plan', {state: 'open'})]).toEqual([[], []]);
  });
});

describe('AutoPseudoGTID', () => {
  let box: Sandbox;
  let host: BackendHost;
  let at: Site;
  beforeAll(async () => {
    [box, host] = await Promise.all([sandbox({flavor: 'mysql9'}), backendHost('sqlite')]);
  });
  afterAll(async () => {
    await at?.down();
    await Promise.all([box?.down(), host?.down()]);
  });

  test('the leader writes entries to open sources that somebody follows, and by them a replica finds its place', async () => {
    const {a, b, c, alone} = await box.topology('a: b c; alone', {gtid: false});
    at = await site({backend: host, servers: [a, b, c, alone], settings: {AutoPseudoGTID: true}});
    await at.serve();
    await box.waitFor('all of the cluster use Pseudo-GTID', async () => (await usingPseudoGtid(at)).length === 3, {within: 60_000});
    expect(await usingPseudoGtid(at)).toEqual([a, b, c].map(({key}) => key.port).toSorted((one, other) => one - other));
    await insert(a, 1, 3);
    await box.caughtUp();
    const last = await at.run('last-pseudo-gtid', '-i', nameOf(b));
    expect(last.stdout).toMatch(/^binlog\.\d+:\d+:drop view if exists `_pseudo_gtid_`\.`_asc:[0-9a-f]{8}:[0-9a-f]{8}:[0-9a-f]{16}`\n$/);
    expect(await at.run('last-pseudo-gtid', '-i', nameOf(alone))).toMatchObject({status: 3, stdout: ''});
    expect(await at.run('match', '-i', nameOf(c), '-d', nameOf(b))).toMatchObject({status: 0, stdout: `${nameOf(c)}<${nameOf(b)}\n`});
    await insert(a, 4, 5);
    await sameRows(box, [a, b, c]);
  });
});

/** As if it had been noted some minutes ago that the logs of all of them ended there. */
async function noteFormer(at: Site, servers: readonly Instance[], position: number): Promise<void> {
  const backend = await at.backend();
  const place = {binary_log_file: 'binlog.000001', binary_log_pos: position, relay_log_file: 'relay.000002', relay_log_pos: position};
  const rowsOf = servers.map(({key: {host: hostname, port}}) => ({hostname, port, ...place}));
  await backend.run(async ({db, dialect}) => {
    const times = {last_seen: dialect.ago(180), recorded_timestamp: dialect.ago(180)};
    await db('database_instance_coordinates_history').insert(rowsOf.map((row) => ({...row, ...times})));
  });
}

async function usingPseudoGtid(at: Site): Promise<readonly number[]> {
  const found = await rows<{port: number | string}>(at, 'database_instance', {pseudo_gtid: 1});
  return found.map(({port}) => Number(port)).toSorted((one, other) => one - other);
}
