import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import {isCode} from '../../src/lib/errors/errors.ts';
import {flavorOf} from '../../src/lib/flavor/flavors.ts';
import type {Flavor as Words, Statement} from '../../src/lib/flavor/flavor.ts';
import type {Session} from '../../src/lib/servers/servers.ts';
import {readReplicaStatus} from '../../src/lib/probe/replica-status.ts';
import {readReplicationCredentials} from '../../src/lib/probe/credentials.ts';
import {sandbox, waitFor, type Flavor, type Instance, type Sandbox} from '../sandbox/index.ts';
import {probing} from './probe/probing.ts';

const REPL = {user: 'repl', password: 'replpw'};

describe.each<{flavor: Flavor}>([{flavor: 'mariadb'}, {flavor: 'mysql9'}, {flavor: 'mysql56'}])('statements of $flavor', ({flavor}) => {
  let box: Sandbox;
  const sessions: Session[] = [];
  beforeAll(async () => {
    box = await sandbox({flavor});
  });
  afterEach(() => {
    for (const session of sessions.splice(0)) session.destroy();
  });
  afterAll(() => box.down());

  /** A server, the words it understands, and a way to say them. */
  async function at(instance: Instance) {
    const {servers, config} = probing();
    const session = await servers.connect(instance.key);
    sessions.push(session);
    const words: Words = flavorOf({version: session.serverVersion, versionComment: ''});
    return {
      words,
      config,
      session,
      say: (statement: Statement) => session.query(statement),
      status: async () => (await readReplicaStatus(session, words)).replication,
      follows: (source: Instance) =>
        waitFor('it follows', async () => {
          const {replication} = await readReplicaStatus(session, words);
          return (
            replication?.source?.port === source.key.port &&
            replication.receiver.state === 'running' &&
            replication.applier.state === 'running'
          );
        }),
    };
  }

  test('each half of replication stops and starts by itself', async () => {
    const {b} = await box.topology('a: b');
    const {say, status, words} = await at(b);
    const states = async () => {
      const now = await status();
      return [now?.receiver.state === 'stopped', now?.applier.state === 'stopped'];
    };
    await say(words.stopReceiver);
    expect(await states()).toEqual([true, false]);
    await say(words.startReceiver);
    await say(words.stopApplier);
    expect(await states()).toEqual([false, true]);
    await say(words.startApplier);
    expect(await states()).toEqual([false, false]);
    await say(words.stopReplication);
    expect(await states()).toEqual([true, true]);
    await say(words.startReplication);
    expect(await states()).toEqual([false, false]);
  });

  test('a replica is pointed elsewhere, by GTID and by position', async () => {
    const {a, b, c} = await box.topology('a: b c');
    const {say, words, follows} = await at(c);
    await say(words.stopReplication);
    await say(words.pointAt({source: b.key, gtid: true}));
    await say(words.startReplication);
    await follows(b);
    await a.query('CREATE TABLE test.t (i INT PRIMARY KEY)');
    await box.caughtUp();
    const source = await probing().found(b.key);
    await say(words.stopReplication);
    await say(words.pointAt({source: b.key, gtid: false, at: source.reading.binlog.at!}));
    await say(words.startReplication);
    await follows(b);
    await a.query('INSERT INTO test.t VALUES (1)');
    await waitFor('the row arrives', async () => (await c.value('SELECT COUNT(*) FROM test.t')) === 1);
    expect((await probing().found(c.key)).reading.replication).toMatchObject({usingOracleGtid: false, usingMariadbGtid: false});
  });

  test('a former source becomes a replica, with credentials and with patience', async () => {
    const {a, b} = await box.topology('a: b', {readOnlyReplicas: false});
    await a.query('CREATE TABLE test.t (i INT PRIMARY KEY)');
    await box.caughtUp();
    const promoted = await at(b);
    const credentials = await readReplicationCredentials(promoted.session, promoted.words, promoted.config);
    expect(credentials).toEqual(flavor === 'mariadb' ? null : REPL);
    await promoted.say(promoted.words.stopReplication);
    await promoted.say(promoted.words.forgetSource);
    expect(await promoted.status()).toBeNull();
    await b.query('INSERT INTO test.t VALUES (1)');
    const demoted = await at(a);
    await demoted.say(demoted.words.pointAt({source: b.key, gtid: true, credentials: REPL, formerSource: true}));
    // What it wrote itself has to count as applied, or it would be fetched again.
    expect(flavor === 'mariadb' ? await a.value('SELECT @@gtid_slave_pos') : '0-1-1').toBe('0-1-1');
    await demoted.say(demoted.words.startReplication);
    await demoted.follows(b);
    await waitFor('the row arrives', async () => (await a.value('SELECT COUNT(*) FROM test.t')) === 1);
    const [row] = await demoted.say(demoted.words.showReplicaStatus);
    const attempts = row?.['Source_Retry_Count'] ?? row?.['Master_Retry_Count'];
    // MariaDB has it as an option of the server.
    expect([row?.['Connect_Retry'], attempts === undefined ? null : Number(attempts)]).toEqual([1, flavor === 'mariadb' ? null : 86_400]);
  });

  test('detached, it keeps the name of its source', async () => {
    const {a, b} = await box.topology('a: b');
    const {say, words, status} = await at(b);
    await say(words.stopReplication);
    await say(words.pointAt({source: {host: `//${a.key.host}`, port: a.key.port}, gtid: true}));
    expect(await status()).toMatchObject({source: null, sourceHostAsWritten: `//${a.key.host}`});
  });

  test('waiting for transactions: those applied, those to come, those of nobody', async () => {
    const {a, b} = await box.topology('a: b');
    await a.query('CREATE TABLE test.t (i INT PRIMARY KEY)');
    await box.caughtUp();
    const {say, words, status} = await at(b);
    const set = (await status())!.retrievedGtid;
    const never = set.replace(/\d+$/, '999');
    const wait = async (gtid: string, timeout: number) => words.waited(await say(words.waitForGtid(gtid, timeout)));
    expect([await wait(set, 1), await wait('', 1), await wait(never, 0.1)]).toEqual([true, true, false]);
    const coming = wait(set.replace(/\d+$/, '2'), 60);
    await a.query('INSERT INTO test.t VALUES (1)');
    expect(await coming).toBe(true);
    await say(words.stopApplier);
    const waited = await wait(never, 1).catch((error: unknown) => isCode(error, 'REPLICATION_BROKEN') && error.code);
    expect(waited).toBe(flavor === 'mysql56' ? 'REPLICATION_BROKEN' : false);
  });

  test('read_only goes on and off as a whole', async () => {
    const {a} = await box.topology('a');
    const {say, words} = await at(a);
    const now = async () => {
      const {readOnly, superReadOnly} = (await probing().found(a.key)).reading;
      return [readOnly, superReadOnly];
    };
    const has = flavor === 'mysql9';
    for (const statement of words.setReadOnly(true, false)) await say(statement);
    expect(await now()).toEqual([true, has ? false : null]);
    for (const statement of words.setReadOnly(true, true)) await say(statement);
    expect(await now()).toEqual([true, has ? true : null]);
    for (const statement of words.setReadOnly(false, false)) await say(statement);
    expect(await now()).toEqual([false, has ? false : null]);
  });

  test('a session is killed', async () => {
    const {a} = await box.topology('a');
    const {say, words} = await at(a);
    const victim = await at(a);
    await say(words.kill(victim.session.connectionId));
    await waitFor('it ends', () => !victim.session.open);
    await expect(victim.say(words.showFacts)).rejects.toMatchObject({code: 'SERVER_UNREACHABLE'});
  });

  if (flavor === 'mysql56') return;

  test('starting, stopping and forgetting one source leaves the other alone', async () => {
    const {c} = await box.topology('a: c; b: c');
    const {say, words, session} = await at(c);
    await say(words.stopReplication);
    await say(words.forgetSource);
    expect(await readReplicaStatus(session, words)).toEqual({replication: null, otherChannels: ['b']});
    expect((await c.query(c.words.showReplicas)).map((row) => row['Replica_IO_Running'] ?? row['Slave_IO_Running'])).toEqual(['Yes']);
  });

  test('semi-sync is switched under the names the server has', async () => {
    const {a, b} = await box.topology('a: b', {semiSync: true});
    const source = await at(a);
    const replica = await at(b);
    await source.say(source.words.setSemiSync('source', false, (await probing().found(a.key)).reading.semiSync));
    await replica.say(replica.words.setSemiSync('replica', false));
    expect((await probing().found(a.key)).reading.semiSync.sourceEnabled).toBe(false);
    expect((await probing().found(b.key)).reading.semiSync.replicaEnabled).toBe(false);
  });

  if (flavor !== 'mysql9') return;

  test('the receiver alone is pointed elsewhere while the applier runs, and nothing received is lost', async () => {
    const {a, b, c} = await box.topology('a: b c');
    await a.query('CREATE TABLE test.t (i INT PRIMARY KEY)');
    await box.caughtUp();
    const {say, words, status, follows} = await at(c);
    const lock = c.connect();
    // The applier waits for this lock with an event it received.
    await lock.query('LOCK TABLES test.t READ');
    await a.query('INSERT INTO test.t VALUES (1)');
    await waitFor('it is received', async () => (await status())?.retrievedGtid.endsWith('-2'));
    await say(words.stopReceiver);
    await say(words.pointReceiverAt(b.key));
    expect((await status())?.applier.state).toBe('running');
    await a.kill9();
    lock.close();
    await waitFor('what was received is applied', async () => (await c.value('SELECT COUNT(*) FROM test.t')) === 1);
    await say(words.startReceiver);
    await follows(b);
  });
});
