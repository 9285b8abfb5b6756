import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, test} from 'vitest';
import {binlogPosition, replicaStatus, sandbox, type Flavor, type Instance, type Sandbox} from '../sandbox/index.ts';
import {
  backendHost,
  breakApplier,
  busy,
  desk,
  idsOn,
  insert,
  insertErrant,
  rows,
  site,
  standingOf,
  stopThread,
  topologyNow,
  witness,
  type BackendHost,
  type Site,
} from './support/index.ts';

/** As AutoPseudoGTID sets them, without a service that writes entries by itself. */
const PSEUDO = {
  PseudoGTIDPattern: 'drop view if exists `_pseudo_gtid_`',
  PseudoGTIDPatternIsFixedSubstring: true,
  PseudoGTIDMonotonicHint: 'asc:',
  DetectPseudoGTIDQuery: 'select 1',
};

/** Commands for one instance, on every family, with the words of each. */
describe.each<{flavor: Flavor}>([{flavor: 'mariadb'}, {flavor: 'mysql9'}, {flavor: 'mysql56'}])('commands on $flavor', ({flavor}) => {
  let box: Sandbox;
  let host: BackendHost;
  let at: Site;
  let run: ReturnType<typeof desk>;
  let a: Instance;
  let b: Instance;
  let c: Instance;

  beforeAll(async () => {
    [box, host] = await Promise.all([sandbox({flavor}), backendHost('sqlite')]);
  });
  beforeEach(async () => {
    ({a, b, c} = await box.topology('a: b c', {semiSync: flavor !== 'mysql56'}));
    await insert(a, 1, 3);
    await box.caughtUp();
    at = await site({backend: host, servers: [a, b, c], settings: {AuditToBackendDB: true, ...PSEUDO}});
    run = desk(at);
    expect(await run('discover', '-i', name(a))).toMatchObject({status: 0});
  });
  afterEach(() => at?.down());
  afterAll(async () => {
    await box?.down();
    await host?.down();
  });

  const name = ({key}: Instance): string => `${key.host}:${key.port}`;
  const done = (on: Instance) => ({status: 0, stdout: `${name(on)}\n`, stderr: ''});
  const threadsOf = async (on: Instance): Promise<string> => {
    const {receiver, applier} = await standingOf(on);
    return `${receiver} ${applier}`;
  };
  const sourceOf = async (on: Instance): Promise<string> => {
    const [status] = await replicaStatus(on);
    return status ? `${status.source.host}:${status.source.port}` : '';
  };
  const audited = async (): Promise<readonly string[]> => {
    const all = await rows<{audit_id: number; audit_type: string; message: string}>(at, 'audit');
    return [...all].sort((x, y) => x.audit_id - y.audit_id).map(({audit_type: type, message}) => `${type}: ${message}`);
  };

  /** 5.6 comes without the plugins, which is said. */
  const expectSemiSync = async (): Promise<void> => {
    const [source, replica] = flavor === 'mysql9' ? ['source', 'replica'] : ['master', 'slave'];
    const switches = [
      {on: a, role: 'master', variable: `rpl_semi_sync_${source}_enabled`},
      {on: b, role: 'replica', variable: `rpl_semi_sync_${replica}_enabled`},
    ];
    const missing = {status: 1, stdout: '', stderr: expect.stringMatching(/has no semi-sync plugin loaded/) as string};
    for (const {on, role, variable} of switches) {
      for (const [verb, value] of [
        ['disable', 0],
        ['enable', 1],
      ] as const) {
        expect(await run(`${verb}-semi-sync-${role}`, '-i', name(on))).toEqual(flavor === 'mysql56' ? missing : done(on));
        const seen = flavor === 'mysql56' ? value : Number(await on.value(`SELECT @@global.${variable}`));
        expect(seen).toBe(value);
      }
    }
  };

  test('threads are stopped, started and restarted, under old names and new ones, and nothing is lost on the way', async () => {
    expect(await run('is-replicating', '-i', name(b))).toEqual(done(b));
    for (const [stop, start] of [
      ['stop-replica', 'start-replica'],
      ['stop-slave', 'start-slave'],
      ['stop-replica-nice', 'restart-replica'],
    ] as const) {
      await insert(a, 100, 100).then(() => a.query('DELETE FROM test.t WHERE id = 100'));
      expect(await run(stop, '-i', name(b))).toEqual(done(b));
      expect(await threadsOf(b)).toBe('No No');
      expect(await run('-c', start, '-i', name(b))).toEqual(done(b));
      expect(await threadsOf(b)).toBe('Yes Yes');
    }
    expect(await run('restart-slave', '-i', name(b))).toEqual(done(b));
    expect(await run('is-replication-stopped', '-i', name(b))).toMatchObject({status: 0, stdout: ''});
    const statements = await run('restart-replica-statements', '-i', name(b), '--statement', 'SET GLOBAL x = 1');
    const word = flavor === 'mysql9' ? 'REPLICA' : 'SLAVE';
    const channel = flavor === 'mysql9' ? " FOR CHANNEL ''" : '';
    expect(statements.stdout.trimEnd().split('\n')).toEqual([
      ...['IO_THREAD', 'SQL_THREAD'].map((thread) => `STOP ${word} ${thread}${channel};`),
      'SET GLOBAL x = 1;',
      ...['SQL_THREAD', 'IO_THREAD'].map((thread) => `START ${word} ${thread}${channel};`),
    ]);
    await topologyNow([a, b, c]);
    expect((await audited()).map((line) => line.replace(/: .*/, ''))).toEqual([
      'stop-replica',
      'start-replica',
      'stop-replica',
      'start-replica',
      'stop-replica-nice',
      'restart-replica',
      'restart-replica',
    ]);
  });

  test('a replica is detached and comes back, by GTID and by position, late or not, and has every row', async () => {
    /** Detached and attached again, while its source writes these rows. */
    const thereAndBack = async (from: number, to: number): Promise<void> => {
      expect(await run('detach-replica', '-i', name(b))).toEqual(done(b));
      expect(await sourceOf(b)).toBe(`//${name(a)}`);
      expect(await run('detach-replica-master-host', '-i', name(b))).toMatchObject({status: 4, stdout: ''});
      expect(await run('start-replica', '-i', name(b))).toMatchObject({status: 4, stderr: expect.stringMatching(/is detached/) as string});
      await insert(a, from, to);
      expect(await run('reattach-slave', '-i', name(b))).toEqual(done(b));
      expect(await sourceOf(b)).toBe(name(a));
    };
    await thereAndBack(10, 11);
    expect(await run('disable-gtid', '-i', name(b))).toEqual(done(b));
    await thereAndBack(20, 21);
    expect(await run('enable-gtid', '-i', name(b), '--noop')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^would stop/) as string,
    });
    expect(await run('enable-gtid', '-i', name(b))).toEqual(done(b));
    expect(await run('enable-gtid', '-i', name(b))).toMatchObject({status: 4, stderr: expect.stringMatching(/already/) as string});
    expect(await run('delay-replication', '-i', name(b), '-S', '7')).toEqual(done(b));
    expect(Number((await replicaStatus(b))[0]?.row['SQL_Delay'])).toBe(7);
    expect(await run('delay-replication', '-i', name(b), '--seconds', '0')).toEqual(done(b));
    await topologyNow([a, b, c]);

    const {file, position} = await binlogPosition(a);
    expect(await run('master-pos-wait', '-i', name(b), '--binlog', `${file}:${position}`)).toEqual(done(b));
    expect(await run('master-pos-wait', '-i', name(b), '--binlog', `${file}:${position + 900}`, '--timeout', '1s')).toMatchObject({
      status: 1,
      stdout: '',
    });
    const entry = await box.waitFor('an event of its relay log is applied', async () => {
      const {status, stdout} = await run('last-executed-relay-entry', '-i', name(b));
      return status === 0 ? stdout : null;
    });
    expect(entry).toMatch(/^\{Coordinates:relay\.\d+:\d+ NextEventPos:\d+ EventType:\w+ Info:.*\}:\d+\n$/);

    expect(await run('reset-replica', '-i', name(b))).toEqual(done(b));
    expect(await sourceOf(b)).toBe('');
    expect(await idsOn(b)).toEqual(await idsOn(a));
    expect(await run('reset-slave', '-i', name(b))).toMatchObject({status: 4, stderr: `orchestrator: ${name(b)} is not a replica\n`});
  });

  test('errant transactions are found, located, given to all, or forgotten', async () => {
    const none = {status: 0, stdout: '\n', stderr: ''};
    expect(await run('which-gtid-errant', '-i', name(b))).toEqual(none);
    expect(await run('locate-gtid-errant', '-i', name(b))).toMatchObject({status: 3, stdout: ''});
    await b.query('FLUSH BINARY LOGS');
    const {file} = await binlogPosition(b);
    await insertErrant(b);
    const first = flavor === 'mariadb' ? `7-${b.serverId}-1` : `${String(await b.value('SELECT @@server_uuid'))}:1`;
    expect(await run('-c', 'which-gtid-errant', '-i', name(b))).toEqual({...none, stdout: `${first}\n`});
    await b.query('FLUSH BINARY LOGS');
    expect(await run('locate-gtid-errant', '-i', name(b))).toEqual({...none, stdout: `${file}\n`});

    expect(await run('gtid-errant-reset-master', '-i', name(b))).toEqual(done(b));
    expect(await run('which-gtid-errant', '-i', name(b))).toEqual(none);
    expect(await run('gtid-errant-reset-master', '-i', name(b))).toMatchObject({
      status: 4,
      stderr: expect.stringMatching(/no errant/) as string,
    });

    await insertErrant(c);
    expect(await run('gtid-errant-inject-empty', '-i', name(c))).toEqual(done(c));
    expect(await run('which-gtid-errant', '-i', name(c))).toEqual(none);
    await insert(a, 4, 5);
    await box.caughtUp();
    expect(await run('which-gtid-errant', '-i', name(b))).toEqual(none);
    expect([await idsOn(b), await idsOn(c)]).toEqual([await idsOn(a), await idsOn(a)]);
    expect((await audited()).filter((line) => line.includes('errant'))).toEqual([
      expect.stringMatching(/^gtid-errant-reset-master: its binary log is emptied; .+, say: SET GLOBAL gtid_\w+ = '.+', by tester$/),
      expect.stringMatching(/^gtid-errant-reset-master: forgotten: .+, by tester$/),
      expect.stringMatching(/^gtid-errant-inject-empty: on .+, by tester$/),
    ]);
  });

  test('what an applier fails at is skipped, and only that', async () => {
    expect(await run('skip-query', '-i', name(b))).toMatchObject({
      status: 4,
      stdout: '',
      stderr: expect.stringMatching(/nothing to skip/) as string,
    });
    await breakApplier(b, 4);
    await insert(a, 4, 6);
    await box.waitFor('the applier has failed', async () => (await replicaStatus(b))[0]?.applier.running === 'No');
    const started = await run('start-replica', '-i', name(b));
    expect(started).toMatchObject({status: 1, stdout: '', stderr: expect.stringMatching(/applier does not run \(error \d+/) as string});
    expect(await run('skip-query', '-i', name(b), '--noop')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^would skip/) as string,
    });
    expect(await run('skip-query', '-i', name(b))).toMatchObject({status: 0, stdout: `${name(b)}\n`});
    await box.caughtUp();
    expect(await b.query('SELECT id, note FROM test.t WHERE id > 3 ORDER BY id')).toEqual([
      {id: 4, note: 'here before'},
      ...[5, 6].map((id) => ({id, note: null})),
    ]);
  });

  test('read_only, semi-sync and binary logs are changed, and seen to be', async () => {
    expect(await run('set-read-only', '-i', name(a))).toEqual(done(a));
    expect(Number(await a.value('SELECT @@global.read_only'))).toBe(1);
    expect(await run('set-writeable', '-i', name(a))).toEqual(done(a));
    expect(Number(await a.value('SELECT @@global.read_only'))).toBe(0);
    await expectSemiSync();

    const {file: first} = await binlogPosition(a);
    const third = first.replace(/\d+$/, (digits) => String(Number(digits) + 2).padStart(digits.length, '0'));
    await stopThread(c, 'IO_THREAD');
    expect(await run('flush-binary-logs', '-i', name(a), '--binlog', third)).toEqual(done(a));
    expect((await binlogPosition(a)).file).toBe(third);
    expect(await run('flush-binary-logs', '-i', name(a), '--binlog', first)).toMatchObject({status: 4});
    expect(await run('purge-binary-logs', '-i', name(a), '--binlog', 'latest')).toMatchObject({
      status: 4,
      stderr: expect.stringMatching(/replica \S+ has applied only up to /) as string,
    });
    expect(await run('purge-binary-logs', '-i', name(a), '--binlog', 'nonsense')).toMatchObject({status: 3});
    expect(await run('start-replica', '-i', name(c))).toEqual(done(c));
    await insert(a, 4, 4);
    await box.caughtUp();
    await box.waitFor(
      'no replica needs the first two',
      async () => (await run('purge-binary-logs', '-i', name(a), '--binlog', third)).status === 0,
    );
    expect(await a.query('SHOW BINARY LOGS')).toHaveLength(1);
  });

  test('a query is ended, and only that of a client', async () => {
    const client = b.connect();
    const [{id} = {id: 0}] = await client.query<{id: number}>('SELECT CONNECTION_ID() AS id');
    const sleeping = client.query('SELECT SLEEP(300) AS slept').then(
      (answer) => Number(answer[0]?.['slept']),
      (error: {errno?: number}) => error.errno,
    );
    await box.waitFor(
      'it runs',
      async () => (await b.query('SELECT 1 FROM information_schema.processlist WHERE id = ? AND info IS NOT NULL', [id])).length === 1,
      {within: 60_000},
    );
    const kill = (session: number) => run('kill-query', '-i', name(b), '--process', String(session));
    expect(await kill(id)).toEqual(done(b));
    // Interrupted, it answers 1 or fails with 1317.
    expect([1317, 1]).toContain(await sleeping);
    expect(await kill(id)).toMatchObject({status: 4, stderr: expect.stringMatching(/runs nothing/) as string});
    client.close();
    expect(await kill(999_999)).toMatchObject({status: 3});
    const [{id: applier} = {id: 0}] = await b.query<{id: number}>(
      "SELECT id AS id FROM information_schema.processlist WHERE user = 'system user' LIMIT 1",
    );
    expect(await kill(applier)).toMatchObject({status: 4});
    expect(await audited()).toEqual([`kill-query: of session ${id}, by tester`]);
  });

  test('entries of Pseudo-GTID and places in logs are found; who could follow whom is told', async () => {
    const entry = 'drop view if exists `_pseudo_gtid_`.`_asc:00000002:00000001:0`';
    await a.query(entry);
    await insert(a, 4, 5);
    await box.caughtUp();
    const found = await run('find-binlog-entry', '-i', name(a), '--pattern', entry);
    expect(found).toMatchObject({status: 0, stdout: expect.stringMatching(/^\S+\.\d+:\d+\n$/) as string});
    expect(await run('last-pseudo-gtid', '-i', name(a))).toEqual({status: 0, stdout: `${found.stdout.trim()}:${entry}\n`, stderr: ''});
    expect(await run('find-binlog-entry', '-i', name(a), '--pattern', 'nobody wrote this')).toMatchObject({status: 3, stdout: ''});
    const {file, position} = await binlogPosition(a);
    expect(await run('correlate-binlog-pos', '-i', name(b), '-d', name(a))).toMatchObject({status: 0, stdout: `${file}:${position}\n`});
    // MySQL 9 says only from time to time how far it has come in its relay log.
    await box.waitFor(
      'the place in the relay log of the other is told',
      async () => {
        const {stdout, stderr} = await run('correlate-relaylog-pos', '-i', name(b), '-d', name(c));
        const [status] = await replicaStatus(c);
        const place = `${String(status?.row['Relay_Log_File'])}:${String(status?.row['Relay_Log_Pos'])}`;
        if (stdout.trim().split(';').slice(2).join() === place) return true;
        throw new Error(`expected ${place}, found ${stdout}${stderr}`);
      },
      {within: 60_000},
    );

    expect(await run('can-replicate-from', '-i', name(b), '-d', name(c))).toEqual(done(c));
    expect(await run('can-replicate-from-gtid', '-i', name(b), '-d', name(c))).toEqual(done(c));
    expect(await run('can-replicate-from', '-i', name(b), '-d', name(b))).toMatchObject({stdout: ''});
  });

  test('nothing is done by --noop, to what is no replica, to what is locked, and where nobody answers', async () => {
    const log = await witness([a, b, c]);
    const commands =
      'stop-replica restart-replica reset-replica detach-replica disable-gtid set-writeable stop-replica-nice flush-binary-logs';
    for (const command of commands.split(' ')) {
      expect(await run(command, '-i', name(b), '--noop')).toMatchObject({status: 0, stdout: expect.stringMatching(/^would /) as string});
    }
    for (const command of ['stop-replica', 'start-replica', 'skip-query', 'detach-replica', 'enable-gtid', 'gtid-errant-reset-master']) {
      expect(await run(command, '-i', name(a))).toMatchObject({
        status: 4,
        stdout: '',
        stderr: expect.stringMatching(/is not a replica/) as string,
      });
      expect(await run(command, '-i', '127.0.0.1:1')).toMatchObject({
        status: 1,
        stdout: '',
        stderr: expect.stringMatching(/cannot be reached/) as string,
      });
      expect(await run('-c', command, '-i', name(a))).toMatchObject({status: 1, stdout: ''});
    }
    const lock = await busy(at, [a, b, c], 'relocation of b');
    const contended = await run('stop-replica', '-i', name(b));
    await lock.release();
    expect(contended).toMatchObject({status: 7, stdout: ''});
    expect(contended.stderr).toMatch(/is being changed by ann\.example \(relocation of b\) since \d{4}-/);
    expect(await log.changes()).toEqual([]);
    expect(await run('begin-maintenance', '-i', name(b), '--reason', 'disk', '--owner', 'ann')).toMatchObject({status: 0});
    expect(await run('stop-replica', '-i', name(b))).toMatchObject({
      status: 7,
      stderr: expect.stringMatching(/maintenance by ann: disk/) as string,
    });
    expect(await threadsOf(b)).toBe('Yes Yes');
    expect(await audited()).toEqual([expect.stringMatching(/^begin-maintenance: /)]);
    expect(await rows(at, 'cluster_lock')).toEqual([]);
  });
});
