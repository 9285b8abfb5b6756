import type {DatabaseSync, SQLInputValue} from 'node:sqlite';
import type {Knex} from 'knex';

/** One statement on its way through knex. */
interface Query {
  sql: string;
  bindings?: readonly unknown[];
  method?: string;
  response?: unknown;
  context?: {readonly lastID: number | bigint; readonly changes: number | bigint};
}

/**
 * A knex client over the runtime's own SQLite. A statement never waits for another process's lock for long: what is busy is
 * an error at once, and the caller's retry waits by timer, so the event loop is never blocked.
 *
 * @param filename path of the file, or `:memory:`
 */
export async function sqliteClient(filename: string): Promise<typeof Knex.Client> {
  const [{default: SqliteBase}, {DatabaseSync}] = await Promise.all([import('knex/lib/dialects/sqlite3/index.js'), import('node:sqlite')]);

  class NodeSqliteClient extends SqliteBase {
    /** knex asks for a driver; there is none to load. */
    _driver(): object {
      return {};
    }

    override async acquireRawConnection(): Promise<DatabaseSync> {
      const database = new DatabaseSync(filename, {timeout: BUSY_TIMEOUT, enableForeignKeyConstraints: false});
      try {
        if (filename !== ':memory:') database.exec('PRAGMA journal_mode = WAL');
        database.exec('PRAGMA synchronous = NORMAL');
      } catch (error) {
        database.close();
        throw error;
      }
      return database;
    }

    override async destroyRawConnection(connection: DatabaseSync): Promise<void> {
      connection.close();
    }

    async _query(connection: DatabaseSync, query: Query): Promise<Query> {
      try {
        return execute(connection, query);
      } catch (error) {
        // a COMMIT that failed leaves the transaction open, and the connection goes back to the pool
        if (/^COMMIT\b/i.test(query.sql) && connection.isTransaction) connection.exec('ROLLBACK');
        throw error;
      }
    }
  }
  // knex's own types say neither `_driver` nor `_query`
  return NodeSqliteClient as unknown as typeof Knex.Client;
}

/** Milliseconds; only bridges the moment in which another process commits. */
const BUSY_TIMEOUT = 5;

function execute(connection: DatabaseSync, query: Query): Query {
  // a transaction that starts as a reader can fail when it turns writer, whatever the timeout: take the write lock at once
  const statement = connection.prepare(/^BEGIN\b/i.test(query.sql) ? 'BEGIN IMMEDIATE' : query.sql);
  const bindings = (query.bindings ?? []).map(toSqlite);
  if (statement.columns().length > 0) {
    query.response = statement.all(...bindings).map((row) => ({...row}));
    return query;
  }
  const {lastInsertRowid, changes} = statement.run(...bindings);
  query.response = {changes: Number(changes), lastID: Number(lastInsertRowid)};
  query.context = {lastID: lastInsertRowid, changes};
  return query;
}

function toSqlite(value: unknown): SQLInputValue {
  if (typeof value === 'boolean') return Number(value);
  return (value ?? null) as SQLInputValue;
}
