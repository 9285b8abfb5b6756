import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import type {Config} from '../../../src/lib/config/keys.ts';
import {sandbox, waitFor, type Flavor, type Instance, type Sandbox} from '../../sandbox/index.ts';
import {probing} from './probing.ts';

const GTID: Record<Flavor, object> = {
  mariadb: {
    mode: '',
    supported: false,
    executed: '',
    purged: '',
    strict: true,
    currentPos: '0-1-1',
    binlogState: '0-1-1',
    binlogPos: '0-1-1',
  },
  mysql9: {mode: 'ON', supported: true, executed: expect.stringMatching(/^[0-9a-f-]{36}:1$/), currentPos: '', binlogState: ''},
  mysql56: {mode: 'ON', supported: true, executed: expect.stringMatching(/^[0-9a-f-]{36}:1$/), currentPos: '', binlogState: ''},
};

const VERSIONS: Record<Flavor, {name: string; version: RegExp}> = {
  mariadb: {name: 'MariaDB', version: /^10\.11\..*MariaDB/},
  mysql9: {name: 'MySQL', version: /^9\./},
  mysql56: {name: 'MySQL', version: /^5\.6\.24/},
};

/** Nothing is said about these by a server that nobody told. */
const UNTOLD = {
  alias: '',
  place: {dataCenter: '', region: '', environment: ''},
  detected: {clusterAlias: null, clusterDomain: null, promotionRule: null, pseudoGtid: false},
  group: null,
  otherChannels: [],
};

/** Keeps a stopped replica from applying one schema. */
const FILTERED: Record<Flavor, (replica: Instance) => Promise<unknown>> = {
  mariadb: (replica) => replica.query("SET GLOBAL replicate_ignore_db = 'elsewhere'"),
  mysql9: (replica) => replica.query('CHANGE REPLICATION FILTER REPLICATE_IGNORE_DB = (elsewhere)'),
  // It has no statement for that.
  mysql56: async (replica) => {
    await replica.kill9();
    await replica.start(['--replicate-ignore-db=elsewhere', '--skip-slave-start']);
  },
};

const byPort = (a: {port: number}, b: {port: number}) => a.port - b.port;

describe.each<{flavor: Flavor}>([{flavor: 'mariadb'}, {flavor: 'mysql9'}, {flavor: 'mysql56'}])('a probe of $flavor', ({flavor}) => {
  let box: Sandbox;
  beforeAll(async () => {
    box = await sandbox({flavor});
  });
  afterAll(() => box.down());

  test('reads every field of a source and of its replica', async () => {
    const {a, b, c} = await box.topology('a: b c');
    await a.query('CREATE TABLE test.t (i INT PRIMARY KEY)');
    await box.caughtUp();
    const {found} = probing();
    const {name, version} = VERSIONS[flavor];
    const common = {
      ...UNTOLD,
      flavor: name,
      version: expect.stringMatching(version),
      gtid: {...GTID[flavor], errant: ''},
      binlog: {
        enabled: true,
        logsReplicaUpdates: true,
        format: 'ROW',
        rowImage: 'FULL',
        at: {file: 'binlog.000001', position: expect.any(Number)},
      },
      relayLogRecovery: false,
    };
    const source = await found(a.key);
    const replica = await found(b.key);
    expect(source).toMatchObject({ok: true, asked: a.key, remarks: []});
    expect(source.took).toBeGreaterThan(0);
    expect(source.reading).toMatchObject({
      ...common,
      key: a.key,
      serverId: a.serverId,
      readOnly: false,
      superReadOnly: flavor === 'mysql9' ? false : null,
      replication: null,
      replicationCredentialsAvailable: false,
    });
    expect(source.reading.replicas.toSorted(byPort)).toEqual([b.key, c.key].toSorted(byPort));
    expect(source.reading.uptime).toBeGreaterThanOrEqual(0);
    expect(source.reading.versionComment).not.toBe('');
    expect(replica.remarks).toEqual([]);
    expect(replica.reading).toMatchObject({
      ...common,
      key: b.key,
      serverId: b.serverId,
      readOnly: true,
      superReadOnly: flavor === 'mysql9' ? true : null,
      replicas: [],
      replicationCredentialsAvailable: flavor !== 'mariadb',
      replication: {
        source: a.key,
        sourceHostAsWritten: '127.0.0.1',
        sourceServerId: a.serverId,
        sourceUuid: source.reading.serverUuid,
        receiver: {state: 'running', errno: 0, error: ''},
        applier: {state: 'running', errno: 0, error: ''},
        read: {file: 'binlog.000001', position: source.reading.binlog.at?.position},
        relay: {file: expect.stringMatching(/^relay\.\d+$/)},
        usingOracleGtid: flavor !== 'mariadb',
        usingMariadbGtid: flavor === 'mariadb',
        retrievedGtid: flavor === 'mariadb' ? '0-1-1' : `${source.reading.serverUuid}:1`,
        user: 'repl',
        hasCredentials: true,
        hasFilters: false,
        delay: 0,
        secondsBehind: 0,
        lag: 0,
        heartbeatPeriod: 1,
        netTimeout: 60,
      },
    });
    expect(replica.reading.serverUuid).toMatch(flavor === 'mariadb' ? /^$/ : /^[0-9a-f-]{36}$/);
    expect(replica.reading.serverUuid === source.reading.serverUuid).toBe(flavor === 'mariadb');
  });

  test('reads the uptime once a connection, and counts on', async () => {
    const {a} = await box.topology('a');
    const {found, servers} = probing();
    const first = await found(a.key);
    const session = await servers.session(a.key);
    session.memory.uptime = {seconds: 1000, at: performance.now() - 2500};
    expect((await found(a.key)).reading.uptime).toBe(1002);
    expect(first.reading.uptime).toBeLessThan(1000);
  });

  test('a replica that cannot go on: duplicate key, delay, stopped threads, a filter', async () => {
    const {a, b} = await box.topology('a: b', {readOnlyReplicas: false});
    await a.query('CREATE TABLE test.t (i INT PRIMARY KEY)');
    await box.caughtUp();
    const unlogged = b.connect();
    await unlogged.query('SET SESSION sql_log_bin = 0');
    await unlogged.query('INSERT INTO test.t VALUES (1)');
    unlogged.close();
    await a.query('INSERT INTO test.t VALUES (1)');
    const {found} = probing();
    const broken = await waitFor('the applier fails', async () => {
      const {reading} = await found(b.key);
      const {applier} = reading.replication ?? {};
      // The error is there a moment before the thread has ended.
      return applier?.errno && applier.state === 'stopped' ? reading.replication : null;
    });
    expect(broken).toMatchObject({
      applier: {state: 'stopped', errno: 1062},
      receiver: {state: 'running', errno: 0},
      secondsBehind: null,
      lag: null,
    });
    expect(broken.applier.error).not.toBe('');
    await b.query(b.words.stop(''));
    await b.query(`${changeWord(b)}_DELAY = 7`);
    expect((await found(b.key)).reading.replication).toMatchObject({
      receiver: {state: 'stopped'},
      applier: {state: 'stopped'},
      delay: 7,
      hasFilters: false,
    });
    await FILTERED[flavor](b);
    expect((await found(b.key)).reading.replication).toMatchObject({source: a.key, hasFilters: true});
    // How it was started is no setting that the next test would find reset.
    if (flavor === 'mysql56') await b.kill9();
    else await b.query(flavor === 'mysql9' ? 'CHANGE REPLICATION FILTER REPLICATE_IGNORE_DB = ()' : "SET GLOBAL replicate_ignore_db = ''");
  });

  test('a source that is gone: the receiver says so by number', async () => {
    const {a, b} = await box.topology('a: b');
    const {found} = probing();
    await found(b.key);
    await a.kill9();
    const {receiver} = await waitFor('the receiver notices', async () => {
      const {replication} = (await found(b.key)).reading;
      return replication && replication.receiver.errno !== 0 ? replication : null;
    });
    expect(receiver.state).not.toBe('running');
    expect([2003, 2013]).toContain(receiver.errno);
  });

  test('asks what the configuration says should be asked', async () => {
    const {a, b} = await box.topology('a: b');
    const {found} = probing({
      DetectDataCenterQuery: "select 'dc2'",
      DetectRegionQuery: "select 'north' as r;",
      PhysicalEnvironmentPattern: '^(127)[.]',
      DataCenterPattern: '([0-9]+)$',
      DetectInstanceAliasQuery: "select concat('host-', @@server_id)",
      DetectPromotionRuleQuery: "select 'prefer_not'",
      DetectClusterAliasQuery: "select 'main'",
      DetectClusterDomainQuery: "select 'main.example.com' from dual where 1 = 0",
      DetectSemiSyncEnforcedQuery: 'select 2',
      DetectPseudoGTIDQuery: 'select 1',
      ReplicationLagQuery: 'select 42.5',
      ReplicationCredentialsQuery: "select 'u', 'p'",
    });
    const {reading, remarks} = await found(b.key);
    expect(remarks).toEqual([]);
    expect(reading).toMatchObject({
      alias: `host-${b.serverId}`,
      place: {dataCenter: 'dc2', region: 'north', environment: '127'},
      detected: {clusterAlias: 'main', clusterDomain: null, promotionRule: 'prefer_not', pseudoGtid: true},
      replicationCredentialsAvailable: true,
      semiSync: {priority: 2},
      replication: {lag: 42.5, secondsBehind: 0},
    });
    expect((await found(a.key)).reading).toMatchObject({replication: null, place: {dataCenter: 'dc2'}});
  });

  test('a query that fails leaves its field empty and says so, each time', async () => {
    const {b} = await box.topology('a: b');
    const {found} = probing({
      DetectDataCenterQuery: 'select dc from meta.nowhere',
      DetectPromotionRuleQuery: "select 'sometimes'",
      ReplicationLagQuery: 'select nonsense',
      DataCenterPattern: '^(127)',
    });
    for (const _ of ['first', 'again']) {
      const {reading, remarks} = await found(b.key);
      expect(reading).toMatchObject({place: {dataCenter: '127'}, detected: {promotionRule: null}, replication: {lag: 0}});
      expect(remarks.toSorted()).toEqual([
        expect.stringMatching(/^DetectDataCenterQuery: .*1146|1049/),
        expect.stringMatching(/^DetectPromotionRuleQuery: "sometimes"/),
        expect.stringMatching(/^ReplicationLagQuery: .*1054/),
      ]);
    }
  });

  test.each<{method: string; name: (instance: Instance) => Promise<unknown>}>([
    {method: '@@hostname', name: (instance) => instance.value('select @@hostname')},
    {method: 'default', name: (instance) => instance.value('select @@hostname')},
    {method: 'report_host', name: async () => '127.0.0.1'},
    {method: 'none', name: async () => 'localhost'},
  ])('is called by $method, with the port it was connected at', async ({method, name}) => {
    const {a} = await box.topology('a');
    const {found} = probing({MySQLHostnameResolveMethod: method});
    const asked = {host: 'localhost', port: a.key.port};
    expect(await found(asked)).toMatchObject({asked, reading: {key: {host: await name(a), port: a.key.port}}});
  });

  test('replicas that report no host are looked for where they connect from', async () => {
    const {a, b, c} = await box.topology('a: b c');
    const {found} = probing();
    await b.stop();
    await b.start(['--report-host=']);
    try {
      const seen = await waitFor('the replica is back', async () => {
        const outcome = await found(a.key);
        return outcome.reading.replicas.length + outcome.remarks.length === 2 ? outcome : null;
      });
      // MariaDB notes the address and port itself. On MySQL the guess is the source's own port on the address they share: itself.
      const known = flavor === 'mariadb' ? [b.key, c.key].toSorted(byPort) : [c.key];
      expect(seen.reading.replicas.toSorted(byPort)).toEqual(known);
      expect(seen.remarks.map((remark) => remark.includes('report_host'))).toEqual(flavor === 'mariadb' ? [] : [true]);
      const byReport = probing({MySQLHostnameResolveMethod: 'report_host'});
      expect(await byReport.notFound(b.key)).toMatchObject({
        partial: true,
        unreachable: {reach: 'alive', message: expect.stringContaining('report_host')},
      });
    } finally {
      await b.stop();
      await b.start();
    }
  });

  test('an account that may not list replicas finds them where they connect from', async () => {
    const {a, b} = await box.topology('a: b');
    await a.query("CREATE USER 'looker'@'%' IDENTIFIED BY 'pw'");
    await a.query(`GRANT PROCESS, ${flavor === 'mariadb' ? 'SLAVE MONITOR, BINLOG MONITOR' : 'REPLICATION CLIENT'} ON *.* TO 'looker'@'%'`);
    const account = {MySQLTopologyUser: 'looker', MySQLTopologyPassword: 'pw'};
    // Asked by another name, the address of its replica is not its own.
    const {found} = probing(account);
    expect((await found({host: 'localhost', port: a.key.port})).reading.replicas).toEqual([{host: '127.0.0.1', port: a.key.port}]);
    const byList = await probing({...account, DiscoverByShowSlaveHosts: true}).found(a.key);
    expect(byList.remarks).toContainEqual(expect.stringMatching(/^DiscoverByShowSlaveHosts: .*1227/));
    expect((await probing({DiscoverByShowSlaveHosts: true}).found(a.key)).reading.replicas).toEqual([b.key]);
  });

  test.each<{filters: readonly string[]; left: number}>([
    {filters: ['127.0.0.1'], left: 0},
    {filters: [':[0-9]+$'], left: 0},
    {filters: ['^db'], left: 1},
  ])('DiscoveryIgnoreReplicaHostnameFilters $filters', async ({filters, left}) => {
    const {a} = await box.topology('a: b');
    const {found} = probing({DiscoveryIgnoreReplicaHostnameFilters: filters} satisfies Partial<Config>);
    expect((await found(a.key)).reading.replicas).toHaveLength(left);
  });
});

function changeWord(instance: Instance): string {
  return instance.flavor === 'mysql9' ? 'CHANGE REPLICATION SOURCE TO SOURCE' : 'CHANGE MASTER TO MASTER';
}
