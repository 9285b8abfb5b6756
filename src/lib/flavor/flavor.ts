import type {FlavorName} from '../model/instance.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {BinlogCoordinates} from '../model/binlog-coordinates.ts';
import type {Replication} from '../model/instance.ts';
import type {Seconds} from '../model/units.ts';

/** A statement for a managed server; values are quoted by the client, since replication statements cannot be prepared. */
export interface Statement {
  readonly text: string;
  readonly values: readonly (string | number)[];
}

/** A row as mysql2 returns it, with column names as the server spells them. */
export type Row = Readonly<Record<string, unknown>>;

export interface PointAt {
  readonly source: InstanceKey;
  /** Use GTIDs (auto position / slave_pos); false keeps file and position, which must then be given. */
  readonly gtid: boolean;
  readonly at?: BinlogCoordinates;
  readonly credentials?: {readonly user: string; readonly password: string};
  readonly tls?: boolean;
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
  /** A transaction counts as retrieved from its first event on, so the last one may never be complete (MySQL 5.6). */
  readonly lastReceivedMayBeHalf: boolean;

  readonly showReplicaStatus: Statement;
  readonly showBinlogStatus: Statement;
  readonly showReplicas: Statement;
  readonly startReplication: Statement;
  readonly stopReplication: Statement;
  readonly startReceiver: Statement;
  readonly stopReceiver: Statement;
  readonly startApplier: Statement;
  readonly stopApplier: Statement;
  /** Forget the source altogether; both threads must be stopped. */
  readonly forgetSource: Statement;
  pointAt(to: PointAt): Statement;
  /** Only host and port, keeping auto position: all that may change while the applier runs (`repointsWhileApplying`). */
  pointReceiverAt(source: InstanceKey): Statement;
  /** read_only on or off; with `superToo` also super_read_only where it exists. */
  setReadOnly(on: boolean, superToo: boolean): readonly Statement[];
  /** Blocks on the server until the set is applied; row decides, see `waited`. */
  waitForGtid(set: string, timeout: Seconds): Statement;
  /** True when the wait ended because everything was applied, false on timeout. */
  waited(rows: readonly Row[]): boolean;
  /** Sets both semi-sync switches under the names this server knows. */
  setSemiSync(role: 'source' | 'replica', on: boolean): Statement;
  kill(connectionId: number): Statement;
  /** Rows of `showReplicaStatus`; null when not a replica. Throws SERVER_UNKNOWN naming a missing column. */
  parseReplicaStatus(rows: readonly Row[]): {readonly replication: Replication | null; readonly otherChannels: readonly string[]};
}
