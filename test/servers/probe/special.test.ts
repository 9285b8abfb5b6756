import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {say} from '../../../src/lib/flavor/statement.ts';
import {sandbox, waitFor, type Flavor, type Instance, type Sandbox} from '../../sandbox/index.ts';
import {backendHost, desk, site} from '../support/index.ts';
import {probing} from './probing.ts';

/** 5.6 comes without semi-sync here and has one channel only. */
describe.each<{flavor: Flavor}>([{flavor: 'mariadb'}, {flavor: 'mysql9'}])('what 5.6 has not, on $flavor', ({flavor}) => {
  let box: Sandbox;
  const words = flavor === 'mariadb' ? 'old' : 'new';
  beforeAll(async () => {
    box = await sandbox({flavor});
  });
  afterAll(() => box.down());

  test('semi-sync of a source and of its replica', async () => {
    const {a, b} = await box.topology('a: b', {semiSync: true});
    const {found} = probing();
    await waitFor('the source counts it', async () => (await probing().found(a.key)).reading.semiSync.sourceClients === 1);
    await waitFor('the replica acknowledges', async () => (await probing().found(b.key)).reading.semiSync.replicaStatus);
    for (const _ of ['first', 'over the same connection']) {
      expect((await found(a.key)).reading.semiSync).toEqual({
        // MySQL has a plugin for each role, and this one has none for replicas.
        available: flavor === 'mariadb',
        sourceEnabled: true,
        sourceStatus: true,
        sourceTimeout: 10_000,
        sourceWaitCount: 1,
        sourceClients: 1,
        waitPoint: flavor === 'mariadb' ? 'AFTER_COMMIT' : 'AFTER_SYNC',
        waitNoReplica: true,
        replicaEnabled: false,
        replicaStatus: false,
        priority: 0,
        words: {source: words, replica: words},
      });
      expect((await found(b.key)).reading.semiSync).toMatchObject({replicaEnabled: true, replicaStatus: true});
    }
    await b.kill9();
    await waitFor('the source counts it out', async () => (await found(a.key)).reading.semiSync.sourceClients === 0);
  });

  test('semi-sync switched off is seen over the same connection, and so is a plugin unloaded', async () => {
    const {a, b} = await box.topology('a: b', {semiSync: true});
    const {found, servers} = probing();
    expect((await found(a.key)).reading.semiSync.sourceEnabled).toBe(true);
    await a.query(`SET GLOBAL rpl_semi_sync_${words === 'old' ? 'master' : 'source'}_enabled = OFF`);
    expect((await found(a.key)).reading.semiSync.sourceEnabled).toBe(false);
    if (flavor === 'mariadb') return;
    await b.query(b.words.stop(''));
    const gone = 'UNINSTALL PLUGIN rpl_semi_sync_source';
    await waitFor('the plugin is idle', () => a.query(gone).then(() => true));
    const {reading, remarks} = await found(a.key);
    expect({semiSync: reading.semiSync, remarks}).toMatchObject({semiSync: {available: false, sourceWaitCount: 0}, remarks: []});
    await a.query("INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'");
    const {memory} = await servers.session(a.key);
    memory.semiSync = {variables: [], at: performance.now() - 61_000};
    expect((await found(a.key)).reading.semiSync.sourceWaitCount).toBe(1);
  });

  test('of several sources the default channel is managed and the others are named', async () => {
    const {b, c} = await box.topology('a: c; b: c');
    const {found} = probing();
    const {reading} = await found(c.key);
    expect(reading.otherChannels).toEqual(['b']);
    expect(reading.replication?.source).toEqual(box.get('a').key);
    expect((await found(b.key)).reading.replicas).toEqual([c.key]);
    await knownByTheBackend(c, box.get('a'));
    await c.query(c.words.stop(''));
    await c.query(c.words.forget(''));
    expect((await found(c.key)).reading).toMatchObject({replication: null, otherChannels: ['b']});
  });
});

/** What commands and clients read of it afterwards: all that is said of its channels came by way of the backend. */
async function knownByTheBackend(replica: Instance, source: Instance): Promise<void> {
  const at = await site({backend: await backendHost('sqlite'), servers: [source, replica]});
  try {
    const run = desk(at);
    const [sourceName, name] = [source, replica].map(({key}) => `${key.host}:${key.port}`) as [string, string];
    expect(await run('discover', '-i', `${sourceName},${name}`)).toMatchObject({status: 0});
    for (const command of ['topology', 'topology-tabulated', 'instance-status']) {
      const {stdout} = await run(command, '-i', name);
      const lines = stdout.split('\n').filter((line) => line.includes('unmanaged-channels'));
      expect({command, lines}).toEqual({command, lines: [expect.stringMatching(/[,|]unmanaged-channels:1 *\]?$/)]});
      expect(command === 'instance-status' || lines[0]!.includes(name)).toBe(true);
    }
    expect(JSON.parse((await run('instance-status', '-i', name, '--json')).stdout)).toMatchObject({otherChannels: ['b']});
    const {address} = await at.serve();
    const get = async (path: string): Promise<unknown> => (await fetch(`${address}/api/${path}`)).json();
    const sourceKey = {Hostname: source.key.host, Port: source.key.port};
    const known = {Key: {Hostname: replica.key.host, Port: replica.key.port}, MasterKey: sourceKey, UnmanagedChannels: ['b']};
    expect(await get(`instance/${name.replace(':', '/')}`)).toMatchObject(known);
    expect(await get(`v4/which-instance?instance=${name}`)).toMatchObject({otherChannels: ['b']});
    const cluster = await get(`cluster/${name}`);
    expect(cluster).toContainEqual(expect.objectContaining(known));
    expect(cluster).toContainEqual(expect.objectContaining({Key: sourceKey, UnmanagedChannels: []}));
  } finally {
    await at.down();
  }
}

describe('what only MySQL 9 has', () => {
  let box: Sandbox;
  beforeAll(async () => {
    box = await sandbox({flavor: 'mysql9'});
  });
  afterAll(() => box.down());

  test('a group of one, as its member sees it', async () => {
    const {a} = await box.topology('a');
    const name = 'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa';
    const {found} = probing();
    expect((await found(a.key)).reading.group).toBeNull();
    await a.query("INSTALL PLUGIN group_replication SONAME 'group_replication.so'");
    try {
      expect((await found(a.key)).reading.group).toBeNull();
      await a.query(`SET GLOBAL group_replication_group_name = '${name}'`);
      await a.query(`SET GLOBAL group_replication_local_address = '127.0.0.1:${a.key.port + 10_000}'`);
      await a.query('SET GLOBAL group_replication_bootstrap_group = ON');
      await a.query('START GROUP_REPLICATION', [], {timeout: 60_000});
      const {reading, remarks} = await waitFor('it is online', async () => {
        const outcome = await found(a.key);
        return outcome.reading.group?.state === 'ONLINE' ? outcome : null;
      });
      expect({group: reading.group, channels: reading.otherChannels, remarks}).toEqual({
        group: {name, singlePrimary: true, state: 'ONLINE', role: 'PRIMARY', members: [], primary: a.key},
        channels: [],
        remarks: [],
      });
    } finally {
      await a.query('STOP GROUP_REPLICATION', [], {timeout: 60_000});
      await a.query('SET GLOBAL super_read_only = OFF');
      await a.query('UNINSTALL PLUGIN group_replication');
    }
    expect((await found(a.key)).reading.group).toBeNull();
  });

  test('a server that wants TLS gets it, and from then on at once', async () => {
    const {a} = await box.topology('a');
    const before = await probing().servers.connect(a.key);
    await before.query(say('SET GLOBAL require_secure_transport = ON'));
    try {
      const ca = join(a.datadir, 'ca.pem');
      const {servers, found} = probing({MySQLTopologySSLCAFile: ca});
      await found(a.key);
      const session = await servers.session(a.key);
      const [row] = await session.query(say("SHOW STATUS LIKE 'Ssl_cipher'"));
      expect(row?.['Value']).not.toBe('');
      const distrusting = await probing().notFound(a.key);
      expect(distrusting.unreachable).toMatchObject({reach: 'alive', message: expect.stringMatching(/certificate/i)});
      await probing({MySQLTopologySSLSkipVerify: true}).found(a.key);
      expect((await probing({MySQLTopologyUseMixedTLS: false}).notFound(a.key)).unreachable).toMatchObject({reach: 'alive', errno: 3159});
      const wrong = await probing({MySQLTopologySSLCAFile: ca, MySQLTopologyPassword: 'wrong'}).notFound(a.key);
      expect(wrong.unreachable).toMatchObject({reach: 'alive', errno: 1045});
      const missing = await probing({MySQLTopologySSLCAFile: '/nowhere/ca.pem'}).notFound(a.key);
      expect(missing.unreachable).toMatchObject({reach: 'never-tried', message: expect.stringContaining('/nowhere/ca.pem')});
    } finally {
      await box.instances[0]
        ?.as('root')
        .query('SET GLOBAL require_secure_transport = OFF')
        .catch(() => undefined);
    }
  });
});
