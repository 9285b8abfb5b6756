import type {BinaryLog, FlavorName, GtidFacts, Replication, SemiSyncWords} from '../model/instance.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {BinlogCoordinates} from '../model/binlog-coordinates.ts';
import type {Seconds} from '../model/units.ts';
import type {CommandWords} from './commands/words.ts';

/** A statement for a managed server; values are quoted by the client, since replication statements cannot be prepared. */
export interface Statement {
  readonly text: string;
  readonly values: readonly (string | number)[];
  /** Those of the values that no message may repeat. */
  readonly secrets?: readonly string[];
}

/** A row as mysql2 returns it, with column names as the server spells them. */
export type Row = Readonly<Record<string, unknown>>;

/** What a replica logs in with. The paths are files on the replica, for a source that asks for client certificates. */
export interface ReplicationCredentials {
  readonly user: string;
  readonly password: string;
  readonly sslCa?: string;
  readonly sslCert?: string;
  readonly sslKey?: string;
}

export interface PointAt {
  readonly source: InstanceKey;
  /** Use GTIDs (auto position / slave_pos); false keeps file and position, which must then be given. */
  readonly gtid: boolean;
  readonly at?: BinlogCoordinates;
  readonly credentials?: ReplicationCredentials;
  readonly tls?: boolean;
  /**
   * It was a source until now. MariaDB has to be told, since what it wrote itself is not in gtid_slave_pos; and a server never
   * set up as a replica gets sane retries.
   */
  readonly formerSource?: boolean;
  /**
   * How often the receiver tries to reach its source again. Left as it is on the server unless given; with `credentials` or
   * `formerSource` each second for a day, because MySQL 9 gives up after ten times by itself.
   */
  readonly retry?: {readonly every: Seconds; readonly attempts: number};
}

/** What the global variables of a server say; one row of `showFacts`. */
export interface Facts {
  readonly hostname: string;
  readonly reportHost: string;
  readonly serverId: number;
  /** '' on MariaDB. */
  readonly serverUuid: string;
  readonly version: string;
  readonly versionComment: string;
  readonly readOnly: boolean;
  readonly superReadOnly: boolean | null;
  readonly binlog: Omit<BinaryLog, 'at'>;
  readonly gtid: GtidFacts;
  readonly relayLogRecovery: boolean | null;
  readonly netTimeout: Seconds | null;
}

/** Every replication channel a server said it has. */
export interface ReplicaStatus {
  /** The default channel, which is the managed one; null when there is none. */
  readonly replication: Replication | null;
  /** Names of all others. A server that has only these is a replica all the same, of sources that are not managed. */
  readonly otherChannels: readonly string[];
}

/** What a server family says and understands. Statements out, rows in; holds no connection. */
export interface Flavor {
  readonly name: FlavorName;
  /** `new`: SHOW REPLICA STATUS and friends (MySQL 8.0.26+); `old`: the words of before, and of MariaDB. */
  readonly words: 'old' | 'new';
  readonly gtid: 'uuid-set' | 'domain-list' | 'none';
  /** super_read_only exists (MySQL 5.7.8+). */
  readonly hasSuperReadOnly: boolean;
  /** The receiver can be pointed elsewhere with the applier running, which keeps the relay log (MySQL 5.7+). */
  readonly repointsWhileApplying: boolean;
  /** With both threads stopped the relay log is dropped at the next start (MariaDB with GTID). */
  readonly dropsRelayLogWhenStopped: boolean;
  /** The last GTID of what it says it received may be of a transaction that came in half (MySQL 5.6). */
  readonly lastReceivedMayBeHalf: boolean;

  /** A comment may stand before a statement. */
  readonly takesComments: boolean;

  /** All channels. */
  readonly showReplicaStatus: Statement;
  readonly showBinlogStatus: Statement;
  readonly showReplicas: Statement;
  /**
   * The list goes on naming a replica whose connection was lost between its registration and its asking for the log, and is read from
   * freed memory then: garbage, and now and then signal 11 (5.6.24, measured; neither 9.7 nor MariaDB 10.11 does that).
   */
  readonly mayListLost: boolean;
  /** Where the receivers of its replicas connect from: column `host`, with the port they connect *from*. */
  readonly showDumps: Statement;
  /** One row of global variables, see `parseFacts`. Fails with 1193 where the server lacks one that its version should have. */
  readonly showFacts: Statement;
  /** Whether the server holds credentials of replication, and the period of its heartbeats; null where no table says so. */
  readonly showReplicationAccount: Statement | null;
  /** User and password it replicates with, for setting up its former source; null where no table has them. */
  readonly showReplicationCredentials: Statement | null;
  /** Members of its replication group; null where the family has no groups. */
  readonly showGroupMembers: Statement | null;
  /** Name and mode of the group it is in; fails with 1193 where it is in none. */
  readonly showGroup: Statement | null;
  /** These and the next four act on the managed channel alone. */
  readonly startReplication: Statement;
  readonly stopReplication: Statement;
  readonly startReceiver: Statement;
  readonly stopReceiver: Statement;
  readonly startApplier: Statement;
  readonly stopApplier: Statement;
  /** Starts the applier, which ends by itself at a position in the source's binary log; for replication by file and position. */
  startApplierUntil(at: BinlogCoordinates): Statement;
  /** Forget the source altogether; both threads must be stopped. Other channels stay. */
  readonly forgetSource: Statement;
  /** Both threads must be stopped, and what was received and not applied is dropped. */
  pointAt(to: PointAt): Statement;
  /**
   * Another source for the receiver alone, which must be stopped; the applier may run on, and keeps what was received. GTID mode
   * and credentials stay as they are.
   *
   * @throws OrchestratorError NOT_SUPPORTED unless `repointsWhileApplying`
   */
  pointReceiverAt(source: InstanceKey): Statement;
  /** read_only on or off; with `superToo` also super_read_only where it exists. Off always ends both. */
  setReadOnly(on: boolean, superToo: boolean): readonly Statement[];
  /** Blocks on the server until the set is applied; row decides, see `waited`. */
  waitForGtid(set: string, timeout: Seconds): Statement;
  /**
   * True when the wait ended because everything was applied, false on timeout.
   *
   * @throws OrchestratorError REPLICATION_BROKEN when the server could not wait at all (5.6 with a stopped applier)
   */
  waited(rows: readonly Row[]): boolean;
  /**
   * Switches one role of semi-sync. A replica's switch counts from its receiver's next start.
   *
   * @param known the semi-sync facts of the server; without them the names its version would load today are used
   */
  setSemiSync(role: 'source' | 'replica', on: boolean, known?: {readonly words?: SemiSyncWords}): Statement;
  kill(connectionId: number): Statement;
  /** What commands of people need beside all this. */
  readonly commands: CommandWords;
  /** @throws OrchestratorError SERVER_UNKNOWN naming a missing column */
  parseFacts(rows: readonly Row[]): Facts;
  /** Rows of `showReplicaStatus`. @throws OrchestratorError SERVER_UNKNOWN naming a missing column */
  parseReplicaStatus(rows: readonly Row[]): ReplicaStatus;
}
