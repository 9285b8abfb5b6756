import type {Row, Statement} from '../flavor/flavor.ts';
import type {Reach} from '../model/instance.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {Milliseconds} from '../model/units.ts';

/** One connection to one managed server. Statements run one after the other. */
export interface Session {
  readonly key: InstanceKey;
  /** The server's id of this connection, for KILL by whoever takes over. */
  readonly connectionId: number;
  /**
   * @param options.timeout how long to wait for the answer; past it the connection is destroyed, because it stays blocked
   * @throws OrchestratorError SERVER_TIMEOUT, SERVER_UNREACHABLE (connection lost), SERVER_ACCESS_DENIED (1044, 1142, 1227),
   *   SERVER_STATEMENT_FAILED with the server's own number and sentence; `errno` of the cause says the number
   */
  query(statement: Statement, options?: {readonly timeout?: Milliseconds}): Promise<readonly Row[]>;
  /** Ends it now, without goodbye. */
  destroy(): void;
}

/** Why a server could not be talked to. `errno` is the server's number when it sent one (then `reach` is `alive`). */
export interface Unreachable {
  readonly reach: Exclude<Reach, 'answered' | 'never-tried'>;
  readonly errno: number;
  readonly message: string;
}

/** Connections to managed servers: one persistent one each for probing, others as asked for. */
export interface Servers {
  /** The persistent connection, made when there is none. Rejects with the error of `connect`. */
  session(key: InstanceKey): Promise<Session>;
  /** A connection of one's own, for confirming a death or for changing a server. The caller destroys it. */
  connect(key: InstanceKey, options?: {readonly timeout?: Milliseconds}): Promise<Session>;
  /** Called once for each persistent connection the server's side ended: an event, milliseconds after a kill -9. */
  onLost(listener: (key: InstanceKey) => void): void;
  /** Drops the persistent connection to one server, or to all. */
  forget(key?: InstanceKey): void;
}
