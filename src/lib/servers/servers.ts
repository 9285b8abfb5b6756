import type {Flavor, Row, Statement} from '../flavor/flavor.ts';
import type {Reach} from '../model/instance.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {Milliseconds, Monotonic, Seconds} from '../model/units.ts';

/** What was learnt over one connection and holds as long as it does: a server cannot restart under its connections. */
export interface SessionMemory {
  /** How long the server had been up, and when it said so. */
  uptime?: {readonly seconds: Seconds; readonly at: Monotonic};
  /** The semi-sync variables it has (none without plugins), and when it was asked. */
  semiSync?: {readonly variables: readonly string[]; readonly at: Monotonic};
  /** Texts of the statements it last answered with an error. */
  readonly refused: Set<string>;
  /** The replicas it last listed, and which receivers were connected then; kept only where the flavor `mayListLost`. */
  replicas?: {readonly receivers: string; readonly rows: readonly Row[]};
  flavor?: Flavor;
  /** Whether it is MaxScale, and which; absent: not asked. */
  maxscale?: {readonly version: string | null};
  /** Whether one of its semi-sync roles was in use when its status was last asked for. */
  semiSyncIsActive?: boolean;
}

export interface QueryOptions {
  /**
   * How long to wait for the answer; past it the connection is destroyed, because it stays blocked. Default:
   * MySQLDiscoveryReadTimeoutSeconds on persistent connections, MySQLTopologyReadTimeoutSeconds on others.
   */
  readonly timeout?: Milliseconds;
  /** Sent as a comment before the statement, for people who read the server's logs. */
  readonly comment?: string;
}

export interface ConnectOptions {
  /** For the whole handshake; default MySQLConnectTimeoutSeconds. */
  readonly timeout?: Milliseconds;
  /** For statements that do not say their own; default MySQLTopologyReadTimeoutSeconds. */
  readonly readTimeout?: Milliseconds;
  /** It will ask and change nothing: `queryTogether` works, as it does on persistent connections. */
  readonly asksOnly?: boolean;
}

/** One connection to one managed server. Statements run one after the other; several may be given at once. */
export interface Session {
  readonly key: InstanceKey;
  /** The server's id of this connection, for KILL by whoever takes over. */
  readonly connectionId: number;
  /** As the server greeted: its `@@version`, on MariaDB 10 with `5.5.5-` before it. */
  readonly serverVersion: string;
  /** The address that was connected to, whatever name the key has. */
  readonly address: string;
  readonly memory: SessionMemory;
  /** False once it ended, whoever ended it. */
  readonly open: boolean;
  /**
   * @throws OrchestratorError SERVER_TIMEOUT, SERVER_UNREACHABLE (connection lost), SERVER_ACCESS_DENIED (1044, 1142, 1227),
   *   SERVER_STATEMENT_FAILED with the server's own number and sentence; `errnoOf` says the number
   */
  query(statement: Statement, options?: QueryOptions): Promise<readonly Row[]>;
  /**
   * Several statements in one message, one result each. The first that fails fails them all, and those behind it are not run; so
   * only for statements that change nothing, on connections that are for asking. Values are quoted into them as by `query`.
   */
  queryTogether(statements: readonly Statement[], options?: QueryOptions): Promise<readonly (readonly Row[])[]>;
  /** Ends it now, without goodbye. */
  destroy(): void;
}

/**
 * Why a server could not be talked to. `errno` is the server's number when it sent one (then `reach` is `alive`). `never-tried`:
 * the attempt failed on our side (out of file descriptors, connection closed by ourselves), which says nothing about the server.
 */
export interface Unreachable {
  readonly reach: Exclude<Reach, 'answered'>;
  readonly errno: number;
  readonly message: string;
}

/** Connections to managed servers: one persistent one each for probing, others as asked for. */
export interface Servers {
  /** The persistent connection, made when there is none; callers at the same time share it. Rejects with the error of `connect`. */
  session(key: InstanceKey): Promise<Session>;
  /**
   * A connection of one's own, for confirming a death or for changing a server. The caller destroys it.
   *
   * @throws OrchestratorError SERVER_UNREACHABLE, SERVER_TIMEOUT, SERVER_ACCESS_DENIED; see `classifyFailure`
   */
  connect(key: InstanceKey, options?: ConnectOptions): Promise<Session>;
  /** Called once for each persistent connection the server's side ended: an event, milliseconds after a kill -9. */
  onLost(listener: (key: InstanceKey) => void): void;
  /** Drops the persistent connection to one server, or to all. */
  forget(key?: InstanceKey): void;
  /** Drops all persistent connections; `session` makes no other from now on, whoever still asks for one. */
  close(): void;
}
