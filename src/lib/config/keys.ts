import type {Json} from './json.ts';

/** How a key is written in the file. `uint` = whole number from 0 up; `list` = array of strings; `map` = object of strings; `objects` = array of objects. */
export type KeyType = 'bool' | 'int' | 'uint' | 'text' | 'list' | 'map' | 'objects';

/** Headings of the reference, in reading order. */
export const GROUPS = {
  backend: 'Backend database',
  'backend-tls': 'TLS to the backend database',
  'topology-conn': 'Connecting to managed servers',
  'topology-tls': 'TLS to managed servers',
  discovery: 'Discovery',
  resolve: 'Host names',
  classification: 'Naming and placing clusters and instances',
  detection: 'Detection of failures',
  recovery: 'Recovery',
  promotion: 'Promotion and moving replicas',
  'semi-sync': 'Semi-synchronous replication',
  'pseudo-gtid': 'Pseudo-GTID',
  hooks: 'Hooks',
  kv: 'Key-value stores',
  web: 'Listening and TLS of the service',
  auth: 'Authentication and permissions',
  'web-ui': 'Web pages',
  audit: 'Audit',
  log: 'Log',
  metrics: 'Metrics',
  graphite: 'Graphite',
  pools: 'Pools',
  osc: 'Schema change tools',
  raft: 'Raft (not supported)',
  agents: 'Agents (not supported)',
} as const;

export type Group = keyof typeof GROUPS;

type JsonRecord = Readonly<Record<string, Json>>;

export interface KeyDeclaration {
  readonly type: KeyType;
  /** A list that was never set is null, as `dump-config` prints it. */
  readonly default: boolean | number | string | readonly string[] | readonly JsonRecord[] | Readonly<Record<string, string>> | null;
  readonly group: Group;
  readonly about: string;
  /** Printed as ******** unless --show-secrets. */
  readonly secret?: true;
  /** Kept so that old files load; nothing reads it. */
  readonly unused?: true;
  /** Version that brought it; absent: known to 3.2.6. */
  readonly since?: string;
}

type More = Pick<KeyDeclaration, 'secret' | 'unused' | 'since'>;

const declare =
  <Type extends KeyType, Default extends KeyDeclaration['default']>(type: Type) =>
  (value: Default, group: Group, about: string, more: More = {}) => ({type, default: value, group, about, ...more});

const bool = declare<'bool', boolean>('bool');
const int = declare<'int', number>('int');
const uint = declare<'uint', number>('uint');
const text = declare<'text', string>('text');
const list = declare<'list', readonly string[] | null>('list');
const map = declare<'map', Readonly<Record<string, string>>>('map');
const objects = declare<'objects', readonly JsonRecord[]>('objects');

const secret = {secret: true} as const;
const unused = {unused: true} as const;
const since4 = {since: '4.0.0'} as const;

/** Every configuration key, in the order `dump-config` prints them: the 190 of 3.2.6, then ours. */
export const KEYS = {
  Debug: bool(false, 'log', 'Log at level DEBUG, as `--debug` does; `--quiet` still wins'),
  EnableSyslog: bool(false, 'log', 'Send log lines to syslog too, tagged `orchestrator`'),
  ListenAddress: text(':3000', 'web', 'Where the service answers HTTP: `host:port`, or `:port` for every interface'),
  ListenSocket: text('', 'web', 'Path of a Unix socket to answer on instead; then there is no TCP listener and no TLS'),
  HTTPAdvertise: text('', 'raft', 'URL that raft peers were told to use: scheme, host and port, no path'),
  AgentsServerPort: text(':3001', 'agents', 'Address of the listener for agents', unused),
  MySQLTopologyUser: text('', 'topology-conn', 'User to log in as on managed servers'),
  MySQLTopologyPassword: text('', 'topology-conn', 'Password of that user; `${NAME}` takes it from the environment', secret),
  MySQLTopologyCredentialsConfigFile: text('', 'topology-conn', 'Ini file whose `[client]` user and password replace the two keys above'),
  MySQLTopologySSLPrivateKeyFile: text('', 'topology-tls', 'Private key of our client certificate (PEM)'),
  MySQLTopologySSLCertFile: text('', 'topology-tls', 'Our client certificate (PEM)'),
  MySQLTopologySSLCAFile: text('', 'topology-tls', 'Certificate authorities that managed servers are checked against (PEM)'),
  MySQLTopologySSLSkipVerify: bool(false, 'topology-tls', 'Accept any certificate of a managed server'),
  MySQLTopologyUseMutualTLS: bool(false, 'topology-tls', 'Use TLS for every connection to managed servers, with our client certificate'),
  MySQLTopologyUseMixedTLS: bool(
    true,
    'topology-tls',
    'Connect without TLS first; a server that answers 3159 or 1045 is remembered as needing TLS and asked again with it',
  ),
  TLSCacheTTLFactor: uint(100, 'topology-tls', 'How long that memory lasts, in multiples of InstancePollSeconds'),
  BackendDB: text('mysql', 'backend', '`mysql` (also MariaDB), or `sqlite` for a file of this machine'),
  SQLite3DataFile: text('', 'backend', 'Path of the SQLite file; needed when BackendDB is `sqlite`'),
  SkipOrchestratorDatabaseUpdate: bool(
    false,
    'backend',
    'Leave the tables of the backend as they are; `--enable-database-update` overrides it',
  ),
  PanicIfDifferentDatabaseDeploy: bool(false, 'backend', 'Refuse to start on tables that another version deployed'),
  RaftEnabled: bool(false, 'raft', 'An error when true: nodes coordinate through a shared backend database instead'),
  RaftBind: text('127.0.0.1:10008', 'raft', 'Address of the raft listener'),
  RaftAdvertise: text('', 'raft', 'Address told to raft peers; RaftBind when empty'),
  RaftDataDir: text('', 'raft', 'Directory of the raft log'),
  DefaultRaftPort: int(10008, 'raft', 'Port of raft addresses written without one', unused),
  RaftNodes: list([], 'raft', 'All raft peers', unused),
  ExpectFailureAnalysisConcensus: bool(true, 'raft', 'Never had an effect', unused),
  MySQLOrchestratorHost: text(
    '',
    'backend',
    'Host of the backend database; of a replication group with one primary all members, separated by commas',
  ),
  MySQLOrchestratorMaxPoolConnections: int(128, 'backend', 'Most connections this process opens to the backend'),
  MySQLOrchestratorPort: uint(3306, 'backend', 'Port of the backend database'),
  MySQLOrchestratorDatabase: text('', 'backend', 'Schema that holds our tables; created when missing'),
  MySQLOrchestratorUser: text('', 'backend', 'User to log in as on the backend'),
  MySQLOrchestratorPassword: text('', 'backend', 'Password of that user; `${NAME}` takes it from the environment', secret),
  MySQLOrchestratorCredentialsConfigFile: text('', 'backend', 'Ini file whose `[client]` user and password replace the two keys above'),
  MySQLOrchestratorSSLPrivateKeyFile: text('', 'backend-tls', 'Private key of our client certificate (PEM)'),
  MySQLOrchestratorSSLCertFile: text('', 'backend-tls', 'Our client certificate (PEM)'),
  MySQLOrchestratorSSLCAFile: text('', 'backend-tls', 'Certificate authorities that the backend is checked against (PEM)'),
  MySQLOrchestratorSSLSkipVerify: bool(false, 'backend-tls', 'Accept any certificate of the backend'),
  MySQLOrchestratorUseMutualTLS: bool(false, 'backend-tls', 'Use TLS to the backend, with our client certificate'),
  MySQLOrchestratorReadTimeoutSeconds: int(30, 'backend', 'How long to wait for an answer of the backend'),
  MySQLOrchestratorRejectReadOnly: bool(
    false,
    'backend',
    'A backend connection that turns out read-only is always dropped, whatever this says',
    unused,
  ),
  MySQLConnectTimeoutSeconds: int(2, 'topology-conn', 'How long a connection may take, to managed servers and to the backend'),
  MySQLDiscoveryReadTimeoutSeconds: int(10, 'topology-conn', 'How long to wait for an answer while probing a managed server'),
  MySQLTopologyReadTimeoutSeconds: int(600, 'topology-conn', 'How long to wait for an answer to anything else asked of a managed server'),
  MySQLConnectionLifetimeSeconds: int(0, 'topology-conn', 'Age at which a connection is replaced; 0 keeps it for as long as it works'),
  DefaultInstancePort: int(3306, 'topology-conn', 'Port of an instance that is named without one'),
  SlaveLagQuery: text('', 'discovery', 'Former name of ReplicationLagQuery'),
  ReplicationLagQuery: text(
    '',
    'discovery',
    'Query for one number, the lag in seconds, asked of every server; replaces the lag that the server itself reports',
  ),
  ReplicationCredentialsQuery: text(
    '',
    'topology-conn',
    'Query for one row: replication user, password, and if need be ssl_ca, ssl_cert, ssl_key; used to let a demoted source replicate',
    secret,
  ),
  DiscoverByShowSlaveHosts: bool(
    false,
    'discovery',
    'Ask a source for its registered replicas first; its process list only when there are none',
  ),
  UseSuperReadOnly: bool(false, 'promotion', 'Set super_read_only whenever read_only is set, and clear it likewise'),
  InstancePollSeconds: uint(5, 'discovery', 'Time between two probes of an instance; many other periods derive from it'),
  ReasonableInstanceCheckSeconds: uint(1, 'detection', 'Slack on top of InstancePollSeconds before the last probe counts as failed'),
  InstanceWriteBufferSize: int(100, 'discovery', 'Most instances written to the backend by one statement'),
  BufferInstanceWrites: bool(false, 'discovery', 'Write probed instances in batches instead of one by one'),
  InstanceFlushIntervalMilliseconds: int(100, 'discovery', 'Longest time a probed instance waits for its batch'),
  SkipMaxScaleCheck: bool(true, 'discovery', 'Do not look whether a server is MaxScale'),
  UnseenInstanceForgetHours: uint(240, 'discovery', 'Instances not reached for so long are forgotten, with what was remembered about them'),
  SnapshotTopologiesIntervalHours: uint(0, 'discovery', 'Time between two snapshots of all topologies; 0 takes none'),
  DiscoveryMaxConcurrency: uint(300, 'discovery', 'How many instances are probed at the same time'),
  DiscoveryQueueCapacity: uint(100000, 'discovery', 'How many instances may wait to be probed'),
  DiscoveryQueueMaxStatisticsSize: int(120, 'metrics', 'How many one-second samples of the discovery queue are kept'),
  DiscoveryCollectionRetentionSeconds: uint(120, 'metrics', 'How long the timings of single probes are kept'),
  DiscoverySeeds: list([], 'discovery', 'Instances (`host` or `host:port`) that a new leader starts from'),
  InstanceBulkOperationsWaitTimeoutSeconds: uint(10, 'recovery', 'How long each replica may take to stop when many are stopped together'),
  HostnameResolveMethod: text('default', 'resolve', 'How host names are resolved: `default` or `none` (kept as they are), `cname`, `ip`'),
  MySQLHostnameResolveMethod: text(
    '@@hostname',
    'resolve',
    'What a server is called: `@@hostname`, `@@report_host`, or `none` (as we connected)',
  ),
  SkipBinlogServerUnresolveCheck: bool(true, 'resolve', 'Do not check that the virtual name of a binlog server leads back to it'),
  ExpiryHostnameResolvesMinutes: int(60, 'resolve', 'How long a resolved name is remembered in memory; in the backend, twice as long'),
  RejectHostnameResolvePattern: text(
    '',
    'resolve',
    'Regular expression; a resolved name that matches is thrown away and the original kept',
  ),
  ReasonableReplicationLagSeconds: int(10, 'detection', 'Lag above this is a problem'),
  ProblemIgnoreHostnameFilters: list([], 'web-ui', 'Instances left out of the list of problems: expressions on `host:port`, or addresses'),
  VerifyReplicationFilters: bool(false, 'promotion', 'Never let an unfiltered replica follow a source that has replication filters'),
  ReasonableMaintenanceReplicationLagSeconds: int(
    20,
    'promotion',
    'Lag above this forbids moving a replica; also how long a graceful takeover waits',
  ),
  CandidateInstanceExpireMinutes: uint(60, 'promotion', 'How long a registered promotion rule holds'),
  AuditLogFile: text('', 'audit', 'File that audit lines are appended to, tab separated'),
  AuditToSyslog: bool(false, 'audit', 'Send audit lines to syslog'),
  AuditToBackendDB: bool(false, 'audit', 'Write audit lines to the backend, where the web page and the API show them'),
  AuditPurgeDays: uint(7, 'audit', 'How long audit lines, detections and recoveries are kept'),
  RemoveTextFromHostnameDisplay: text('', 'web-ui', 'Text left out of host names when they are shown'),
  ReadOnly: bool(false, 'auth', 'Refuse every change asked for over HTTP'),
  AuthenticationMethod: text('', 'auth', 'Empty (everybody may do everything), `basic`, `multi`, `proxy`, or `token`'),
  OAuthClientId: text('', 'auth', 'Never had an effect', unused),
  OAuthClientSecret: text('', 'auth', 'Never had an effect', {secret: true, unused: true}),
  OAuthScopes: list(null, 'auth', 'Never had an effect', unused),
  HTTPAuthUser: text('', 'auth', 'User for `basic` and `multi`'),
  HTTPAuthPassword: text('', 'auth', 'Password of that user', secret),
  AuthUserHeader: text('X-Forwarded-User', 'auth', 'Header in which a trusted proxy says who asks, for `proxy`'),
  PowerAuthUsers: list(['*'], 'auth', 'Users who may change things under `proxy`; `*` is everybody, even without that header'),
  PowerAuthGroups: list([], 'auth', 'Unix groups whose members may change things under `proxy`'),
  AccessTokenUseExpirySeconds: uint(60, 'auth', 'How soon a new access token has to be picked up'),
  AccessTokenExpiryMinutes: uint(1440, 'auth', 'How long an access token is valid, from its making'),
  ClusterNameToAlias: map({}, 'classification', 'Aliases by regular expression on the cluster name; the first that matches'),
  DetectClusterAliasQuery: text(
    '',
    'classification',
    "Query for the alias of an instance's cluster, where none is inherited from its source",
  ),
  DetectClusterDomainQuery: text('', 'classification', 'Query for the domain of a cluster, asked of its source'),
  DetectInstanceAliasQuery: text('', 'classification', 'Query for the alias of an instance'),
  DetectPromotionRuleQuery: text('', 'classification', 'Query for a promotion rule: `prefer`, `neutral`, `prefer_not` or `must_not`'),
  DataCenterPattern: text('', 'classification', 'Regular expression on the host name; its first group is the data center'),
  RegionPattern: text('', 'classification', 'Regular expression on the host name; its first group is the region'),
  PhysicalEnvironmentPattern: text(
    '',
    'classification',
    'Regular expression on the host name; its first group is the physical environment',
  ),
  DetectDataCenterQuery: text('', 'classification', 'Query for the data center; overrides DataCenterPattern'),
  DetectRegionQuery: text('', 'classification', 'Query for the region; overrides RegionPattern'),
  DetectPhysicalEnvironmentQuery: text('', 'classification', 'Query for the physical environment; overrides PhysicalEnvironmentPattern'),
  DetectSemiSyncEnforcedQuery: text(
    '',
    'semi-sync',
    'Query for the semi-sync priority of a replica: 0 is asynchronous, higher is preferred',
  ),
  SupportFuzzyPoolHostnames: bool(true, 'pools', 'Let `submit-pool-instances` name hosts by a part of their name'),
  InstancePoolExpiryMinutes: uint(60, 'pools', 'How long a submitted pool is remembered'),
  PromotionIgnoreHostnameFilters: list([], 'promotion', 'Instances that are never promoted: expressions on `host:port`, or addresses'),
  ServeAgentsHttp: bool(false, 'agents', 'Listen for agents', unused),
  AgentsUseSSL: bool(false, 'agents', 'TLS with agents', unused),
  AgentsUseMutualTLS: bool(false, 'agents', 'Client certificates with agents', unused),
  AgentSSLSkipVerify: bool(false, 'agents', 'Accept any certificate of an agent', unused),
  AgentSSLPrivateKeyFile: text('', 'agents', 'Private key for agents', unused),
  AgentSSLCertFile: text('', 'agents', 'Certificate for agents', unused),
  AgentSSLCAFile: text('', 'agents', 'Certificate authorities for agents', unused),
  AgentSSLValidOUs: list([], 'agents', 'Organizational units accepted from agents', unused),
  UseSSL: bool(false, 'web', 'Answer HTTPS'),
  UseMutualTLS: bool(false, 'web', 'Ask callers for a certificate of one of SSLValidOUs'),
  SSLSkipVerify: bool(false, 'web', 'Accept any certificate of a caller'),
  SSLPrivateKeyFile: text('', 'web', 'Private key of the service (PEM); when it is encrypted, its password is asked for at start'),
  SSLCertFile: text('', 'web', 'Certificate of the service (PEM)'),
  SSLCAFile: text('', 'web', 'Certificate authorities that callers are checked against (PEM)'),
  SSLValidOUs: list([], 'web', 'Organizational units whose certificates are accepted'),
  StatusEndpoint: text('/api/status', 'web', 'Path of the status check; any other than `/api/status` does not get URLPrefix'),
  StatusOUVerify: bool(false, 'web', 'Ask for a valid certificate on the status check too'),
  AgentPollMinutes: uint(60, 'agents', 'Time between two polls of an agent', unused),
  UnseenAgentForgetHours: uint(6, 'agents', 'When a silent agent is forgotten', unused),
  StaleSeedFailMinutes: uint(60, 'agents', 'When a seed without progress has failed', unused),
  SeedAcceptableBytesDiff: int(8192, 'agents', 'Difference in bytes that a good seed may have', unused),
  SeedWaitSecondsBeforeSend: int(2, 'agents', 'Pause between receiving and sending a seed', unused),
  AutoPseudoGTID: bool(false, 'pseudo-gtid', 'Inject Pseudo-GTID on writable sources every 5 s; sets the four keys below'),
  PseudoGTIDPattern: text('', 'pseudo-gtid', 'Marks Pseudo-GTID events of the binary log; empty switches Pseudo-GTID off'),
  PseudoGTIDPatternIsFixedSubstring: bool(false, 'pseudo-gtid', 'Take PseudoGTIDPattern as plain text, not as a regular expression'),
  PseudoGTIDMonotonicHint: text('', 'pseudo-gtid', 'Text that says an event ascends, so that whole binary logs can be skipped'),
  DetectPseudoGTIDQuery: text('', 'pseudo-gtid', 'Query that answers 1 on an instance that uses Pseudo-GTID'),
  BinlogEventsChunkSize: int(10000, 'pseudo-gtid', 'How many binary log events are read at once'),
  SkipBinlogEventsContaining: list([], 'pseudo-gtid', 'Texts; events that contain one are left out of comparisons'),
  ReduceReplicationAnalysisCount: bool(true, 'detection', 'Analyse only instances that have replicas or look unwell'),
  FailureDetectionPeriodBlockMinutes: int(
    60,
    'detection',
    'How long a registered detection keeps the same one from being registered again',
  ),
  RecoveryPeriodBlockMinutes: int(60, 'recovery', 'Former unit of the next key; counts only when that is 0'),
  RecoveryPeriodBlockSeconds: int(3600, 'recovery', 'How long after a recovery the same cluster is not recovered automatically again'),
  RecoveryIgnoreHostnameFilters: list([], 'recovery', 'Instances that are never analysed: regular expressions on the host name'),
  RecoverMasterClusterFilters: list(
    [],
    'recovery',
    'Clusters whose dead source is replaced automatically: `*`, a name, an alias, `alias=NAME`, `alias~=EXPRESSION`, or an expression on the name',
  ),
  RecoverIntermediateMasterClusterFilters: list(
    [],
    'recovery',
    'Clusters whose dead intermediate sources are recovered automatically; written likewise',
  ),
  ProcessesShellCommand: text('bash', 'hooks', 'Program that runs a hook; it is given the path of a file that holds the command'),
  OnFailureDetectionProcesses: list(
    [],
    'hooks',
    'Run when a failure is detected, whether or not it is recovered; a failing one stops this attempt',
  ),
  PreGracefulTakeoverProcesses: list([], 'hooks', 'Run before the old source of a graceful takeover is closed; a failing one stops it'),
  PreFailoverProcesses: list([], 'hooks', 'Run before a recovery changes anything; a failing one stops it'),
  PostFailoverProcesses: list([], 'hooks', 'Run after a recovery that has a successor'),
  PostUnsuccessfulFailoverProcesses: list([], 'hooks', 'Run after a recovery that has none'),
  PostMasterFailoverProcesses: list([], 'hooks', 'Run after the source of a cluster was replaced, before PostFailoverProcesses'),
  PostIntermediateMasterFailoverProcesses: list([], 'hooks', 'Run after an intermediate source was replaced, before PostFailoverProcesses'),
  PostGracefulTakeoverProcesses: list([], 'hooks', 'Run at the end of a graceful takeover'),
  PostTakeMasterProcesses: list([], 'hooks', 'Run after take-master; the arguments are the new and the demoted source as `host:port`'),
  RecoverNonWriteableMaster: bool(false, 'recovery', 'Make a source writable that is reachable and read-only'),
  CoMasterRecoveryMustPromoteOtherCoMaster: bool(true, 'promotion', 'Replace a dead co-source by its partner or not at all'),
  DetachLostSlavesAfterMasterFailover: bool(
    true,
    'promotion',
    'Former name of the next key; true here makes that true, so set both to false',
  ),
  DetachLostReplicasAfterMasterFailover: bool(false, 'promotion', 'Detach replicas that cannot follow the promoted server'),
  ApplyMySQLPromotionAfterMasterFailover: bool(
    true,
    'promotion',
    'Make the promoted server forget its source and accept writes, and close the old source',
  ),
  PreventCrossDataCenterMasterFailover: bool(false, 'promotion', 'Never promote in another data center'),
  PreventCrossRegionMasterFailover: bool(false, 'promotion', 'Never promote in another region'),
  MasterFailoverLostInstancesDowntimeMinutes: uint(0, 'promotion', 'Never had an effect: lost instances are downtimed for a year', unused),
  MasterFailoverDetachSlaveMasterHost: bool(false, 'promotion', 'Former name of the next key'),
  MasterFailoverDetachReplicaMasterHost: bool(false, 'promotion', 'Detach the promoted server from its old source'),
  FailMasterPromotionOnLagMinutes: uint(
    0,
    'promotion',
    'Refuse to promote a replica that lags so much; needs ReplicationLagQuery; 0 is never',
  ),
  FailMasterPromotionIfSQLThreadNotUpToDate: bool(false, 'promotion', 'Refuse to promote a replica that has not applied all it received'),
  DelayMasterPromotionIfSQLThreadNotUpToDate: bool(false, 'promotion', 'Wait up to 24 hours for the replica to apply all it received'),
  PostponeSlaveRecoveryOnLagMinutes: uint(0, 'promotion', 'Former name of the next key'),
  PostponeReplicaRecoveryOnLagMinutes: uint(0, 'promotion', 'Move replicas with a longer configured delay last; 0 is never'),
  OSCIgnoreHostnameFilters: list([], 'osc', 'Replicas hidden from schema change tools: expressions on `host:port`, or addresses'),
  GraphiteAddr: text('', 'graphite', 'Where metrics are sent: `host:port`; empty sends none'),
  GraphitePath: text('', 'graphite', 'Prefix of metric names; `{hostname}` is replaced'),
  GraphiteConvertHostnameDotsToUnderscores: bool(true, 'graphite', 'Write dots of `{hostname}` as underscores'),
  GraphitePollSeconds: int(60, 'graphite', 'Below 1 sends none; otherwise metrics are sent each 60 s, whatever it says'),
  URLPrefix: text('', 'web', 'Path below which all pages and routes live'),
  DiscoveryIgnoreReplicaHostnameFilters: list([], 'discovery', 'Replicas that are not followed: expressions on `host:port`, or addresses'),
  DiscoveryIgnoreMasterHostnameFilters: list(null, 'discovery', 'Sources that are not followed: expressions on `host:port`, or addresses'),
  DiscoveryIgnoreHostnameFilters: list(null, 'discovery', 'Instances that are never probed: expressions on `host:port`, or addresses'),
  ConsulAddress: text('', 'kv', 'Consul, as `host:port`; empty uses none'),
  ConsulScheme: text('http', 'kv', '`http` or `https`; with `https` any certificate is accepted unless ConsulCAFile is set'),
  ConsulAclToken: text('', 'kv', 'Token that Consul asks for', secret),
  ConsulCrossDataCenterDistribution: bool(false, 'kv', 'Write to every data center that Consul knows'),
  ConsulKVStoreProvider: text('consul', 'kv', '`consul` or `consul-txn`: either way all keys of a cluster are written in one transaction'),
  ConsulMaxKVsPerTransaction: int(5, 'kv', 'Most keys in one transaction of Consul, from 5 to 64'),
  ZkAddress: text('', 'kv', 'ZooKeeper servers, comma separated `host` or `host:port`; empty uses none'),
  KVClusterMasterPrefix: text('mysql/master', 'kv', 'Prefix of the key under which the source of a cluster is published'),
  WebMessage: text('', 'web-ui', 'Banner on every page'),
  MaxConcurrentReplicaOperations: int(5, 'recovery', 'How many replicas of one cluster are changed at the same time'),
  EnforceExactSemiSyncReplicas: bool(false, 'semi-sync', 'Keep exactly as many semi-sync replicas as the source waits for'),
  RecoverLockedSemiSyncMaster: bool(false, 'semi-sync', 'Switch semi-sync on for enough replicas when a source waits for more than it has'),
  ReasonableLockedSemiSyncMasterSeconds: uint(
    0,
    'semi-sync',
    'How long a source stands still before it counts as locked; 0 is ReasonableReplicationLagSeconds',
  ),
  // Ours.
  FailureDetectionGraceMilliseconds: uint(
    0,
    'detection',
    'How much longer than its two confirmations a dead source is waited for, for servers that restart quickly',
    since4,
  ),
  AuthTrustedProxies: list(
    [],
    'auth',
    'Addresses or networks (`10.0.0.0/8`) whose AuthUserHeader and X-Forwarded-For are believed; empty: the header of anybody is, and X-Forwarded-For of nobody',
    since4,
  ),
  ChangesByGet: bool(
    true,
    'web',
    'Answer GET, as scripts and `orchestrator-client` send it, on routes of 3.2.6 that change something; false: POST alone',
    since4,
  ),
  RecoveryDrainTimeoutSeconds: uint(
    60,
    'promotion',
    'How long a promotion waits for received transactions to be applied before it is refused',
    since4,
  ),
  TakeoverTransactionLimitSeconds: uint(
    5,
    'promotion',
    'A takeover that is planned is refused while a transaction or statement on the source has lasted longer than this, unless it is told to end it',
    since4,
  ),
  PromoteErrantIfMostAdvanced: bool(
    false,
    'promotion',
    'Promote a replica with errant transactions when only it has the latest received ones, instead of refusing',
    since4,
  ),
  HookTimeoutSeconds: uint(600, 'hooks', 'How long a hook may take before it, and all that it started, is killed', since4),
  MaxConcurrentRecoveries: uint(5, 'recovery', 'How many clusters may be recovered automatically at the same time', since4),
  RecoverReturnedSource: text(
    'fence',
    'recovery',
    'What is done with a source that comes back after it was replaced: `off`, `fence` closes it for writes, `rejoin` also makes it a replica if it has nothing of its own',
    since4,
  ),
  PostReturnedSourceProcesses: list(
    [],
    'hooks',
    'Run after a source that came back was closed, made a replica, or found to have errant transactions',
    since4,
  ),
  KVTimeoutMilliseconds: uint(
    2000,
    'kv',
    'How long each of Consul, ZooKeeper and ProxySQL may take to take a source out or in; a recovery goes on meanwhile',
    since4,
  ),
  KVRepairSeconds: uint(
    60,
    'kv',
    'How often the leader looks whether every writable source is where clients look for it, and writes what is missing or stale; 0 is never',
    since4,
  ),
  ConsulCAFile: text('', 'kv', 'Certificate authorities that Consul is checked against (PEM); empty accepts any certificate', since4),
  ProxySQLAdminAddresses: list([], 'kv', 'Admin interfaces of ProxySQL, as `host` or `host:port` (6032)', since4),
  ProxySQLAdminUser: text('', 'kv', 'User to log in as there', since4),
  ProxySQLAdminPassword: text('', 'kv', 'Password of that user; `${NAME}` takes it from the environment', {...secret, ...since4}),
  ProxySQLAdminCredentialsConfigFile: text('', 'kv', 'Ini file whose `[client]` user and password replace the two keys above', since4),
  ProxySQLHostgroups: map(
    {},
    'kv',
    'Hostgroups of a cluster, as `WRITER` or `WRITER,READER`, by `*`, its name, its alias, `alias=NAME`, `alias~=EXPRESSION`, or an expression on its name; the first that fits counts',
    since4,
  ),
  ProxySQLWriterIsAlsoReader: bool(true, 'kv', 'Leave a source in the READER hostgroup too, where it is there', since4),
  ProxySQLSaveToDisk: bool(true, 'kv', 'Follow each change by `SAVE MYSQL SERVERS TO DISK`', since4),
  HTTPHooks: objects(
    [],
    'hooks',
    'Requests sent after the commands of a list: `Lists`, `URL`, `Method`, `Headers`, `Template`, `TimeoutSeconds`, `Retries`, `Background`',
    since4,
  ),
  HookRawPlaceholders: bool(
    false,
    'hooks',
    'Put values into commands as they are, as 3.2.6 did; otherwise what could break out of a word of the shell is quoted',
    since4,
  ),
  RetryLostReplicasSeconds: uint(
    3600,
    'recovery',
    'How long after a recovery a replica that could not follow then is made to follow once it can be reached; 0 is never',
    since4,
  ),
} as const satisfies Record<string, KeyDeclaration>;

export type KeyName = keyof typeof KEYS;

type ValueOf<Type extends KeyType> = Type extends 'bool'
  ? boolean
  : Type extends 'int' | 'uint'
    ? number
    : Type extends 'text'
      ? string
      : Type extends 'list'
        ? readonly string[]
        : Type extends 'objects'
          ? readonly JsonRecord[]
          : Readonly<Record<string, string>>;

/** The configuration, parsed once and never changed; lists never set read as empty. */
export type Config = {readonly [Key in KeyName]: ValueOf<(typeof KEYS)[Key]['type']>};

export const KEY_NAMES = Object.keys(KEYS) as readonly KeyName[];
