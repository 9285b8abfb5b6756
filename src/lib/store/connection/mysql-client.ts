import type {Knex} from 'knex';
import type {Connection, ConnectionOptions} from 'mysql2';
import type {Milliseconds} from '../../model/units.ts';
import {errnoOf, isLostConnection, READ_ONLY_ERRNOS} from './errors.ts';
import {Wakefulness} from './keep-awake.ts';
import {isOutside, outsideItsGroup} from './membership.ts';
import type {WayIn} from './way-in.ts';
import {sever} from './sever.ts';

export interface MysqlClientOptions {
  readonly queryTimeout: Milliseconds;
  /** Asked before each connection. */
  readonly way: WayIn;
  /** Run on every new connection before its first use. */
  readonly session: readonly string[];
  /** Refuse a server that was set up for a replication group and takes no part in it; the address for people. Null: it is no such server. */
  readonly memberOf: string | null;
  /** Nodes that certify each other's writes refuse by themselves; any other server is asked whether it is read-only, on every new connection. */
  readonly mayBeReadOnly: boolean;
  /** The server ends our sessions when they are idle for `IDLE_S`. */
  readonly endsIdle: boolean;
  /** A connection that is there already: the first that is handed out. Null: none is. */
  readonly first: Connection | null;
}

interface Query {
  sql: string;
  bindings?: readonly unknown[];
  options?: object;
  response?: unknown;
}

/** knex marks a connection with this; the pool then makes a new one. */
type Marked = Connection & {__knex__disposed?: unknown; wakefulness?: Wakefulness};

/**
 * A knex client over mysql2 whose statements end in time: one that does not is failed and its connection destroyed, because
 * mysql2 leaves the connection blocked behind it.
 */
export async function mysqlClient(options: MysqlClientOptions): Promise<typeof Knex.Client> {
  const [{default: MysqlBase}, mysql] = await Promise.all([import('knex/lib/dialects/mysql2/index.js'), import('mysql2')]);

  let {first} = options;

  class TimedMysqlClient extends MysqlBase {
    _driver(): object {
      return mysql;
    }

    override async acquireRawConnection(): Promise<Marked> {
      const connection: Marked = first ?? mysql.createConnection(await this.#settingsNow());
      first = null;
      // without a listener a lost idle connection would end the process
      connection.on('error', (error) => {
        connection.__knex__disposed = error;
      });
      try {
        await begin(connection, options);
      } catch (error) {
        options.way.forget();
        sever(connection);
        throw error;
      }
      if (options.endsIdle) connection.wakefulness = keepAwake(connection, options.queryTimeout);
      return connection;
    }

    override validateConnection(connection: Marked): boolean {
      return super.validateConnection(connection) && connection.wakefulness?.awake !== false;
    }

    override async destroy(callback?: () => void): Promise<void> {
      if (first) sever(first);
      await super.destroy(callback);
    }

    /** knex hides the password from a spread. */
    async #settingsNow(): Promise<ConnectionOptions> {
      const {password, ...settings} = this.connectionSettings as ConnectionOptions;
      return {...settings, ...(password === undefined ? {} : {password}), ...(await options.way.next())};
    }

    override async destroyRawConnection(connection: Marked): Promise<void> {
      connection.wakefulness?.end();
      if (connection.__knex__disposed === undefined) await sayGoodbye(connection);
      sever(connection);
    }

    async _query(connection: Marked, asked: Query): Promise<Query> {
      try {
        const say = (): Promise<unknown> => query(connection, asked, options.queryTimeout);
        asked.response = await (connection.wakefulness?.during(asked.sql, say) ?? say());
        return asked;
      } catch (error) {
        // a server that turns out read-only is left, so that the next connection may reach the writable one
        if (isLostConnection(error) || READ_ONLY_ERRNOS.has(errnoOf(error))) {
          options.way.forget();
          connection.__knex__disposed = error;
          sever(connection);
        }
        throw error;
      }
    }
  }
  // knex's own types say neither `_driver` nor `_query`
  return TimedMysqlClient as unknown as typeof Knex.Client;
}

/** @throws the driver's error, or OrchestratorError where the server takes no part in the group it was set up for */
async function begin(connection: Connection, {session, memberOf, mayBeReadOnly, queryTimeout}: MysqlClientOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => connection.connect((error) => (error ? reject(error) : resolve())));
  for (const sql of session) await query(connection, {sql}, queryTimeout);
  // read_only stops no account with SUPER or READ_ONLY ADMIN: what it wrote on a replica would be lost, and break it. This stops everybody.
  if (mayBeReadOnly && (await isReadOnly(connection, queryTimeout))) {
    await query(connection, {sql: 'set session transaction read only'}, queryTimeout);
  }
  if (memberOf !== null && (await isOutside((sql) => query(connection, {sql}, queryTimeout)))) throw outsideItsGroup(memberOf);
}

async function isReadOnly(connection: Connection, queryTimeout: Milliseconds): Promise<boolean> {
  const [rows] = (await query(connection, {sql: 'select @@global.read_only as readOnly'}, queryTimeout)) as [{readOnly: number | string}[]];
  // newer MariaDB has several kinds of it, in words
  return !['0', 'OFF'].includes(String(rows[0]?.readOnly));
}

function keepAwake(connection: Marked, queryTimeout: Milliseconds): Wakefulness {
  return new Wakefulness(async () => {
    if (connection.__knex__disposed !== undefined) return;
    try {
      await query(connection, {sql: 'do 0'}, queryTimeout);
    } catch (error) {
      connection.__knex__disposed = error;
      sever(connection);
    }
  });
}

/** Milliseconds a server is given to answer the goodbye of a connection. */
const GOODBYE_TIMEOUT = 300;

function sayGoodbye(connection: Connection): Promise<void> {
  return new Promise((resolve) => {
    const impatient = setTimeout(() => resolve(), GOODBYE_TIMEOUT);
    connection.end(() => {
      clearTimeout(impatient);
      resolve();
    });
  });
}

function query(connection: Connection, asked: Query, timeout: Milliseconds): Promise<unknown> {
  return new Promise((resolve, reject) => {
    connection.query({...asked.options, sql: asked.sql, timeout, values: [...(asked.bindings ?? [])]}, (error, rows, fields) =>
      error ? reject(error) : resolve([rows, fields]),
    );
  });
}
