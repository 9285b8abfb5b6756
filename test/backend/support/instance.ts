import type {Instance, Replication} from '../../../src/lib/model/instance.ts';
import type {InstanceKey} from '../../../src/lib/model/instance-key.ts';

export function key(text: string): InstanceKey {
  const [host = '', port = '3306'] = text.split(':');
  return {host, port: Number(port)};
}

/** A MariaDB source that has everything; change what a test is about. */
export function instance(name: string, but: Partial<Instance> = {}): Instance {
  const at = key(name);
  return {
    key: at,
    alias: `alias-${at.host}`,
    uptime: 1234,
    serverId: 7,
    serverUuid: '',
    version: '10.11.18-MariaDB-log',
    versionComment: 'Debian 12',
    flavor: 'MariaDB',
    readOnly: false,
    superReadOnly: null,
    binlog: {enabled: true, logsReplicaUpdates: true, format: 'ROW', rowImage: 'FULL', at: {file: 'binlog.000003', position: 4711}},
    gtid: {
      mode: '',
      supported: false,
      executed: '',
      purged: '',
      errant: '',
      currentPos: '0-1-100',
      replicaPos: '0-1-99',
      binlogState: '0-1-100,0-2-3',
      binlogPos: '0-1-100',
      strict: true,
    },
    replication: null,
    otherChannels: [],
    replicas: [key('b'), key('c:3307')],
    semiSync: {
      available: true,
      sourceEnabled: true,
      sourceStatus: true,
      sourceTimeout: 10_000,
      sourceWaitCount: 1,
      sourceClients: 2,
      waitPoint: 'AFTER_SYNC',
      waitNoReplica: null,
      replicaEnabled: false,
      replicaStatus: false,
      priority: 1,
    },
    group: null,
    place: {dataCenter: 'dc1', region: 'eu', environment: 'prod'},
    replicationCredentialsAvailable: true,
    detected: {clusterAlias: 'shop', clusterDomain: 'shop.example', promotionRule: 'prefer', pseudoGtid: false},
    relayLogRecovery: true,
    cluster: {name: `${at.host}:${at.port}`, suggestedAlias: 'shop', depth: 0, isCoSource: false, ancestry: 'u1,u2'},
    check: {
      lastChecked: '',
      lastAttempted: '',
      lastSeen: '',
      secondsSinceSeen: null,
      valid: true,
      partial: true,
      upToDate: true,
      recent: true,
      latency: 1_500_000,
      reach: 'answered',
      errno: 0,
    },
    wishes: {promotionRule: 'neutral', isCandidate: false, downtime: null, inMaintenance: false, lockedBy: null, unresolvedHost: ''},
    ...but,
  };
}

/** What a replica of `source` says about its replication. */
export function replicating(source: string, but: Partial<Replication> = {}): Replication {
  return {
    source: key(source),
    sourceHostAsWritten: key(source).host,
    sourceUuid: 'aaaa',
    sourceServerId: 1,
    receiver: {state: 'other', errno: 2003, error: 'error connecting to master \'repl@a:3306\' - retry-time: 1 "né"\n'},
    applier: {state: 'running', errno: 0, error: ''},
    read: {file: 'binlog.000003', position: 100},
    executed: {file: 'binlog.000003', position: 90},
    relay: {file: 'relay.000001', position: 4},
    retrievedGtid: '0-1-100',
    usingOracleGtid: false,
    usingMariadbGtid: true,
    usesTls: true,
    hasFilters: false,
    hasCredentials: true,
    user: 'repl',
    delay: 0,
    secondsBehind: null,
    lag: 0.25,
    heartbeatPeriod: 0.5,
    netTimeout: 60,
    ...but,
  };
}
