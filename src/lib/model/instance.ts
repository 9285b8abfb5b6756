/**
 * Glossary. *Instance*: one database server process, named by its key. *Source*: the instance another replicates from.
 * *Replica*: an instance that replicates. *Receiver* and *applier*: the two halves of replication on a replica (IO and SQL
 * thread). *Cluster*: a source that replicates from nobody and everything below it. *Co-source*: two sources replicating from
 * each other. *Intermediate source*: a replica with replicas. *Reading*: what one probe of one server said.
 * *Finding*: what analysis concludes about one instance. *Errant transaction*: one a replica has and its source has not.
 */
import type {BinlogCoordinates} from './binlog-coordinates.ts';
import type {InstanceKey} from './instance-key.ts';
import type {BackendTime, Nanoseconds, Seconds} from './units.ts';

export type FlavorName = 'MySQL' | 'MariaDB' | 'Percona' | 'MaxScale' | 'unknown';

/** As configuration and candidates speak it, best first. */
export const PROMOTION_RULES = ['must', 'prefer', 'neutral', 'prefer_not', 'must_not'] as const;
export type PromotionRule = (typeof PROMOTION_RULES)[number];

/** A replication thread: `none` = not a replica; `other` = for example Connecting. */
export type ThreadState = 'none' | 'stopped' | 'running' | 'other';

export interface Thread {
  readonly state: ThreadState;
  /** 0 when the server reports no error. */
  readonly errno: number;
  readonly error: string;
}

export interface Replication {
  /** Null where it was detached or names nobody. */
  readonly source: InstanceKey | null;
  /** The host as configured on the server, before resolving; `//host` when detached. */
  readonly sourceHostAsWritten: string;
  readonly sourceUuid: string;
  /** Numeric server id of the source as the replica knows it; null where the server does not say. */
  readonly sourceServerId: number | null;
  readonly receiver: Thread;
  readonly applier: Thread;
  /** Received up to here, in the source's binary log. */
  readonly read: BinlogCoordinates | null;
  /** Applied up to here, in the source's binary log. */
  readonly executed: BinlogCoordinates | null;
  readonly relay: BinlogCoordinates | null;
  /** GTIDs received: MySQL Retrieved_Gtid_Set, MariaDB Gtid_IO_Pos. */
  readonly retrievedGtid: string;
  readonly usingOracleGtid: boolean;
  readonly usingMariadbGtid: boolean;
  readonly usesTls: boolean;
  readonly hasFilters: boolean;
  readonly hasCredentials: boolean;
  readonly user: string;
  /** Configured delay of the applier. */
  readonly delay: Seconds;
  /** Seconds_Behind as reported; null when not replicating. */
  readonly secondsBehind: Seconds | null;
  /** By ReplicationLagQuery where configured, else `secondsBehind`. */
  readonly lag: Seconds | null;
  /** Seconds between heartbeats from the source, and how long silence is borne; null where the server does not say. */
  readonly heartbeatPeriod: Seconds | null;
  readonly netTimeout: Seconds | null;
}

export interface BinaryLog {
  readonly enabled: boolean;
  readonly logsReplicaUpdates: boolean;
  readonly format: string;
  readonly rowImage: string;
  readonly at: BinlogCoordinates | null;
}

export interface GtidFacts {
  /** @@gtid_mode; '' where the server has none. */
  readonly mode: string;
  /** Mode is neither '' nor OFF. */
  readonly supported: boolean;
  /** MySQL @@gtid_executed; '' on MariaDB. */
  readonly executed: string;
  readonly purged: string;
  /** Errant transactions against the source as known at the probe; '' = none seen. */
  readonly errant: string;
  /** MariaDB @@gtid_current_pos, @@gtid_slave_pos, @@gtid_binlog_state, @@gtid_binlog_pos; '' elsewhere. */
  readonly currentPos: string;
  readonly replicaPos: string;
  readonly binlogState: string;
  readonly binlogPos: string;
  readonly strict: boolean;
}

/** Which names the semi-sync variables of a server go by; a server may have loaded one plugin of each. */
export interface SemiSyncWords {
  readonly source: 'old' | 'new';
  readonly replica: 'old' | 'new';
}

export interface SemiSync {
  /** Both plugins' variables are present (always on MariaDB). */
  readonly available: boolean;
  readonly sourceEnabled: boolean;
  readonly sourceStatus: boolean;
  readonly sourceTimeout: number;
  readonly sourceWaitCount: number;
  readonly sourceClients: number;
  /** AFTER_SYNC or AFTER_COMMIT; '' unknown. */
  readonly waitPoint: string;
  /** Null where the server does not have the variable (MariaDB). */
  readonly waitNoReplica: boolean | null;
  readonly replicaEnabled: boolean;
  readonly replicaStatus: boolean;
  /** DetectSemiSyncEnforcedQuery: 0 = asynchronous, higher = preferred. */
  readonly priority: number;
  /** As seen by the probe; absent where it was not (rows of the backend). */
  readonly words?: SemiSyncWords;
  /** Commits wait for an acknowledgement and none gets through, as seen by the probe. */
  readonly held?: true;
}

export interface GroupMembership {
  readonly name: string;
  readonly singlePrimary: boolean;
  readonly state: string;
  readonly role: string;
  readonly members: readonly InstanceKey[];
  readonly primary: InstanceKey | null;
}

export interface Place {
  readonly dataCenter: string;
  readonly region: string;
  readonly environment: string;
}

/** What one probe of one server said; nothing in it comes from the backend. */
export interface Reading {
  readonly key: InstanceKey;
  readonly alias: string;
  readonly uptime: Seconds;
  readonly serverId: number;
  /** '' on MariaDB. */
  readonly serverUuid: string;
  readonly version: string;
  readonly versionComment: string;
  readonly flavor: FlavorName;
  readonly readOnly: boolean;
  /** Null where the server has no such thing. */
  readonly superReadOnly: boolean | null;
  readonly binlog: BinaryLog;
  readonly gtid: GtidFacts;
  /** Null: not a replica. */
  readonly replication: Replication | null;
  /** Names of further replication channels, which orchestrator shows but does not manage. */
  readonly otherChannels: readonly string[];
  readonly replicas: readonly InstanceKey[];
  readonly semiSync: SemiSync;
  readonly group: GroupMembership | null;
  readonly place: Place;
  /** Can replication credentials be read from this server (to set up its former source as a replica)? */
  readonly replicationCredentialsAvailable: boolean;
  /** What the server's own Detect*Query said; null = not asked or no answer. */
  readonly detected: {
    readonly clusterAlias: string | null;
    readonly clusterDomain: string | null;
    readonly promotionRule: PromotionRule | null;
    readonly pseudoGtid: boolean;
  };
  /** relay_log_recovery is on: a restart drops what was received and not applied. Null unknown. */
  readonly relayLogRecovery: boolean | null;
}

/** Where an instance stands in its cluster; derived from its source's row or reading. */
export interface ClusterFacts {
  /** `host:port` of the cluster's source. */
  readonly name: string;
  readonly suggestedAlias: string;
  /** 0 for the source. */
  readonly depth: number;
  readonly isCoSource: boolean;
  /** Comma separated server UUIDs (and group name) from the top down to this instance. */
  readonly ancestry: string;
}

/**
 * How the last attempt to reach the server ended. `alive` = it sent a packet of its own (handshake, 1040, 1045, 1129, 1130,
 * 3159 ...), so it is not dead whatever else failed; `silent` = connection or answer timed out; `refused`, `lost`,
 * `unroutable`, `unresolved` as the operating system said.
 */
export type Reach = 'answered' | 'alive' | 'refused' | 'lost' | 'silent' | 'unroutable' | 'unresolved' | 'never-tried';

export interface Check {
  readonly lastChecked: BackendTime;
  readonly lastAttempted: BackendTime;
  /** '' = never. */
  readonly lastSeen: BackendTime;
  readonly secondsSinceSeen: Seconds | null;
  /** The last check succeeded and no later attempt hangs. */
  readonly valid: boolean;
  /** The last check got an answer to its first statement at least. */
  readonly partial: boolean;
  readonly upToDate: boolean;
  readonly recent: boolean;
  readonly latency: Nanoseconds;
  readonly reach: Reach;
  /** Server error number behind `alive`; 0 when none. */
  readonly errno: number;
}

export interface Downtime {
  readonly owner: string;
  readonly reason: string;
  readonly endsAt: BackendTime;
  readonly elapsed: Seconds;
  readonly remaining: Seconds;
}

/** What people or commands said about an instance; re-read before every decision. */
export interface Wishes {
  readonly promotionRule: PromotionRule;
  /** A row in candidate_database_instance with rule must or prefer. */
  readonly isCandidate: boolean;
  /** In force now. */
  readonly downtime: Downtime | null;
  /** An active maintenance row that is not a lock of ours: excluded from analysis. */
  readonly inMaintenance: boolean;
  /** Being changed by an operation that holds our cluster lock: recorded, never acted on. */
  readonly lockedBy: string | null;
  readonly unresolvedHost: string;
}

/** No attempt to reach the instance is known of. */
export const NEVER_CHECKED: Check = {
  lastChecked: '',
  lastAttempted: '',
  lastSeen: '',
  secondsSinceSeen: null,
  valid: false,
  partial: false,
  upToDate: false,
  recent: false,
  latency: 0,
  reach: 'never-tried',
  errno: 0,
};

/** Nobody said anything about the instance. */
export const NO_WISHES: Wishes = {
  promotionRule: 'neutral',
  isCandidate: false,
  downtime: null,
  inMaintenance: false,
  lockedBy: null,
  unresolvedHost: '',
};

export interface Instance extends Reading {
  readonly cluster: ClusterFacts;
  readonly check: Check;
  readonly wishes: Wishes;
}

/** Replicates from nobody, as far as it says itself (a group secondary is not a source either). */
export function isSource(instance: Reading): boolean {
  const follows = instance.replication?.source ?? null;
  return follows === null && (instance.group === null || instance.group.state === 'OFFLINE' || instance.group.role === 'PRIMARY');
}

export function isReplica(instance: Reading): boolean {
  return (instance.replication?.source ?? null) !== null;
}

/** Both threads run. */
export function isReplicating(instance: Reading): boolean {
  return instance.replication?.receiver.state === 'running' && instance.replication.applier.state === 'running';
}

/** A replica that asks its source for what comes after a place in its log, and not after a set of GTIDs. */
export function followsByPosition({replication}: Pick<Reading, 'replication'>): boolean {
  return replication !== null && !replication.usingOracleGtid && !replication.usingMariadbGtid;
}

/** What it receives it writes to its own binary log, so that others can follow it. */
export function logsReplicaUpdates(instance: Reading): boolean {
  return instance.binlog.enabled && instance.binlog.logsReplicaUpdates;
}

/** Passes the binary logs of its source on, and applies nothing. */
export function isBinlogServer(instance: Reading): boolean {
  return instance.flavor === 'MaxScale';
}

export function isMariadb(instance: Reading): boolean {
  return instance.flavor === 'MariaDB';
}

/** First two parts of the version: `9.7`. */
export function majorVersion(instance: Reading): string {
  return instance.version.split('.').slice(0, 2).join('.');
}
