import type {Knex} from 'knex';
import type {Milliseconds, Seconds} from '../model/units.ts';

/** What one transaction may use; every statement of it goes through `db`. */
export interface Work {
  readonly db: Knex | Knex.Transaction;
  readonly dialect: Dialect;
}

/** What the two kinds of backend say differently, chosen once when the backend is opened. Times are the backend's own clock. */
export interface Dialect {
  readonly kind: 'sqlite' | 'mysql';
  /** The present time, as SQL: now() / datetime('now'). */
  now(): Knex.Raw;
  /** The present time minus so many seconds. */
  ago(seconds: Seconds): Knex.Raw;
  /** The present time plus so many seconds. */
  ahead(seconds: Seconds): Knex.Raw;
  /** Seconds since 1970 as SQL, of a column or of now. */
  unix(column?: string): Knex.Raw;
  /** Microseconds since 1970 as SQL, of now; SQLite counts in milliseconds. */
  micros(): Knex.Raw;
}

/** The shared database. Reads go through `run`; every write that rests on a read goes through `transaction`. */
export interface Backend extends Work {
  readonly db: Knex;
  /** `host:port` or the SQLite path, as node_health.db_backend says it; never credentials. */
  readonly where: string;
  /** Several database nodes certify writes between them (Galera, Group Replication): reads of another node's rows may be stale. */
  readonly multiWriter: boolean;
  /**
   * Reads what one database node has, without asking the others whether they know better, and writes nothing: for showing what was known
   * when a node was cut off. Nothing may be decided from it.
   */
  readonly stale: boolean;
  /**
   * Runs one short transaction: at most ten statements and no other I/O. Any error inside ends in ROLLBACK, also one that `work`
   * caught: after a 1213 the server has rolled back by itself and would answer COMMIT with OK. Errors that mean "somebody else
   * was faster" (1213, 1205, SQLITE_BUSY) or "not now" (1047, 1180, 3101, 3100, 1290, connection lost) start it anew with jitter
   * until the deadline [5 s], so `work` must bear repetition, also when a COMMIT whose answer was lost has taken effect.
   * Statements inside go through `work.db`, never through the backend's own `db`: SQLite has one connection, and would wait for itself.
   *
   * @throws OrchestratorError BACKEND_CONFLICT after the deadline, BACKEND_UNREACHABLE, BACKEND_READ_ONLY, BACKEND_ACCESS_DENIED,
   *   SCHEMA_MISSING
   */
  transaction<Result>(work: (work: Work) => Promise<Result>, options?: {readonly deadline?: Milliseconds}): Promise<Result>;
  /** Same as `transaction` for a single statement or read: translated errors, retries. */
  run<Result>(work: (work: Work) => PromiseLike<Result>, options?: {readonly deadline?: Milliseconds}): Promise<Result>;
  close(): Promise<void>;
}
