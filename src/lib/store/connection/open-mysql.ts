import {readFileSync} from 'node:fs';
import type {Knex} from 'knex';
import type {Connection, ConnectionOptions, SslOptions} from 'mysql2';
import type {Config} from '../../config/keys.ts';
import {OrchestratorError} from '../../errors/errors.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Milliseconds} from '../../model/units.ts';
import type {Backend} from '../backend.ts';
import {backendOverKnex} from './backend-over-knex.ts';
import {isWatchful, staleSessionOf, whyCutOff, withoutOthers, type Kind} from './cut-off.ts';
import {mysqlDialect} from './dialect.ts';
import {errnoOf, translateError} from './errors.ts';
import {IDLE_S} from './keep-awake.ts';
import {mysqlClient, type MysqlClientOptions} from './mysql-client.ts';
import {quiet} from './quiet.ts';
import {backendAddresses, wayIn} from './way-in.ts';
import {sever} from './sever.ts';

export interface OpenOptions {
  /** Most connections at a time; MySQLOrchestratorMaxPoolConnections when absent. SQLite always has one. */
  readonly pool?: number;
  /** How long one statement may take; MySQLOrchestratorReadTimeoutSeconds when absent. */
  readonly queryTimeout?: Milliseconds;
  /** MySQLConnectTimeoutSeconds when absent. */
  readonly connectTimeout?: Milliseconds;
  /** What these connections are for, as the server's connection attributes show it. */
  readonly purpose?: string;
  /**
   * Where the database node is cut off from the others: `never` refuses it, `if-cut-off` reads what it has (`Backend.stale`). `always` reads
   * so without looking whether it is. Absent: nobody looks.
   */
  readonly stale?: 'never' | 'if-cut-off' | 'always';
}

const UNKNOWN_DATABASE = 1049;
const IDLE_TIMEOUT = 60_000;
/** For asking a member of a group who its primary is. */
const LOOK_TIMEOUT: Milliseconds = 1000;

/** The shared backend: MySQL, MariaDB, Galera, or a group; its database is made when it is missing. */
export async function openMysql(config: Config, options: OpenOptions): Promise<Backend> {
  const addresses = backendAddresses(config);
  const where = addresses.map(keyText).join(',');
  const queryTimeout = options.queryTimeout ?? Math.max(1, config.MySQLOrchestratorReadTimeoutSeconds) * 1000;
  const settings = connectionSettings(config, options);
  const way = wayIn(addresses, settings, Math.min(queryTimeout, LOOK_TIMEOUT));
  try {
    const {kind, endsTransactions, connection} = await ask({...settings, ...(await way.next())}, config, queryTimeout);
    const causal = sessionOf(queryTimeout, {kind, endsTransactions});
    const cutOff = kind !== 'single' && isWatchful(options) ? await whyCutOff(connection, causal, {...options, kind}) : null;
    if (cutOff && options.stale === 'never') throw withoutOthers(where, cutOff.error);
    const stale = options.stale === 'always' || cutOff !== null;
    const session = stale ? staleSessionOf(kind) : causal;
    const memberOf = kind === 'group' && !stale ? where : null;
    const client = {
      queryTimeout,
      session,
      memberOf,
      mayBeReadOnly: kind === 'single',
      endsIdle: !endsTransactions && !stale,
      first: cutOff ? null : connection,
      way,
    };
    const db = await connect({settings, config, options, client});
    return backendOverKnex({db, dialect: mysqlDialect(db), where, multiWriter: kind !== 'single', stale});
  } catch (error) {
    throw translateError(error, where);
  }
}

interface Nature {
  readonly kind: Kind;
  /** It can end transactions that are idle, as MariaDB does, and leave other idle sessions alone. */
  readonly endsTransactions: boolean;
}

interface First extends Nature {
  readonly connection: Connection;
}

/** Connects once, making the database when it is missing, and sees what kind of backend this is. The pool begins with that connection. */
async function ask(settings: ConnectionOptions, config: Config, queryTimeout: Milliseconds): Promise<First> {
  const mysql = await import('mysql2');
  const session = async <Result>(database: string | undefined, use: (query: Query, connection: Connection) => Promise<Result>) => {
    const connection = mysql.createConnection({...settings, ...(database === undefined ? {} : {database})});
    connection.on('error', () => undefined); // the statement that fails reports it
    const query: Query = (sql) =>
      new Promise((resolve, reject) =>
        connection.query({sql, timeout: queryTimeout}, (error, rows) => (error ? reject(error) : resolve(rows as Row[]))),
      );
    try {
      return await use(query, connection);
    } catch (error) {
      sever(connection);
      throw error;
    }
  };
  const first = (): Promise<First> =>
    session(config.MySQLOrchestratorDatabase, async (query, connection) => ({...(await natureOf(query)), connection}));
  try {
    return await first();
  } catch (error) {
    if (errnoOf(error) !== UNKNOWN_DATABASE || config.SkipOrchestratorDatabaseUpdate) throw error;
    const name = config.MySQLOrchestratorDatabase.replaceAll('`', '``');
    await session(undefined, async (query, connection) => {
      await query(`create database if not exists \`${name}\``);
      sever(connection);
    });
    return first();
  }
}

type Query = (sql: string) => Promise<readonly Row[]>;

async function natureOf(query: Query): Promise<Nature> {
  const names = "'wsrep_on', 'group_replication_group_name', 'idle_transaction_timeout'";
  const rows = await query(`show global variables where variable_name in (${names})`);
  const values = new Map(rows.map((row) => [row.Variable_name, row.Value]));
  const notGalera = (values.get('group_replication_group_name') ?? '') === '' ? 'single' : 'group';
  return {kind: values.get('wsrep_on') === 'ON' ? 'galera' : notGalera, endsTransactions: values.has('idle_transaction_timeout')};
}

interface Row {
  readonly Variable_name: string;
  readonly Value: string;
}

/**
 * What every session sets. UTC, because in a zone with summer time an hour repeats and rows of the future would block expiry;
 * a strict mode of our own, so that nothing is cut off silently whatever the server's default; short lock waits; and reads
 * that see what other nodes committed before; inserts too, or one meets the duplicate of a row that another node just deleted.
 */
function sessionOf(queryTimeout: Milliseconds, {kind, endsTransactions}: Nature): readonly string[] {
  // The server gives up before we do, where whole seconds allow it: then it is known that nothing was done.
  const lockWait = Math.min(5, Math.max(1, Math.ceil(queryTimeout / 1000) - 1));
  const READS_CHANGES_AND_INSERTS = 7;
  const causal = {
    single: '',
    galera: `, wsrep_sync_wait = ${READS_CHANGES_AND_INSERTS}`,
    group: ", group_replication_consistency = 'BEFORE'",
  }[kind];
  // A process that is stopped in the middle of a transaction keeps what it has locked, the row that names the leader too. MariaDB ends
  // such a transaction; MySQL ends idle sessions only, within a transaction as elsewhere.
  const idle = `, ${endsTransactions ? 'idle_transaction_timeout' : 'wait_timeout'} = ${IDLE_S}`;
  return [
    `set session time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', innodb_lock_wait_timeout = ${lockWait}${causal}${idle}`,
  ];
}

interface Connecting {
  readonly settings: ConnectionOptions;
  readonly config: Config;
  readonly options: OpenOptions;
  readonly client: MysqlClientOptions;
}

async function connect({settings, config, options, client}: Connecting): Promise<Knex> {
  const [{default: knex}, made] = await Promise.all([import('knex'), mysqlClient(client)]);
  return knex({
    client: made,
    // handed to mysql2 as it is; knex declares only some of its options
    connection: {...settings, database: config.MySQLOrchestratorDatabase} as unknown as Knex.MySql2ConnectionConfig,
    pool: {
      min: 0,
      max: Math.max(1, options.pool ?? config.MySQLOrchestratorMaxPoolConnections),
      idleTimeoutMillis: IDLE_TIMEOUT,
      ...(config.MySQLConnectionLifetimeSeconds > 0 ? {maxConnectionLifetimeMillis: config.MySQLConnectionLifetimeSeconds * 1000} : {}),
    },
    acquireConnectionTimeout: (settings.connectTimeout ?? 0) + client.queryTimeout,
    log: quiet,
  });
}

function connectionSettings(config: Config, options: OpenOptions): ConnectionOptions {
  if (config.MySQLOrchestratorDatabase === '') {
    throw new OrchestratorError('CONFIG_INVALID', 'MySQLOrchestratorDatabase is empty', {
      hint: 'name the database that holds the tables of orchestrator, or set BackendDB to sqlite',
    });
  }
  return {
    user: config.MySQLOrchestratorUser,
    password: config.MySQLOrchestratorPassword,
    connectTimeout: options.connectTimeout ?? Math.max(1, config.MySQLConnectTimeoutSeconds) * 1000,
    dateStrings: true,
    supportBigNumbers: true,
    maxPreparedStatements: 16,
    charset: 'utf8mb4',
    connectAttributes: {program_name: `orchestrator${options.purpose === undefined ? '' : ` ${options.purpose}`}`},
    ...(config.MySQLOrchestratorUseMutualTLS ? {ssl: tlsOf(config)} : {}),
  };
}

function tlsOf(config: Config): SslOptions {
  const verify = !config.MySQLOrchestratorSSLSkipVerify;
  return {
    ...readPem('ca', 'MySQLOrchestratorSSLCAFile', config),
    ...readPem('cert', 'MySQLOrchestratorSSLCertFile', config),
    ...readPem('key', 'MySQLOrchestratorSSLPrivateKeyFile', config),
    rejectUnauthorized: verify,
    verifyIdentity: verify,
  };
}

function readPem(
  as: 'ca' | 'cert' | 'key',
  key: 'MySQLOrchestratorSSLCAFile' | 'MySQLOrchestratorSSLCertFile' | 'MySQLOrchestratorSSLPrivateKeyFile',
  config: Config,
): SslOptions {
  const path = config[key];
  if (path === '') return {};
  try {
    return {[as]: readFileSync(path)};
  } catch (cause) {
    throw new OrchestratorError('CONFIG_UNREADABLE', `${key} names ${path}, which cannot be read`, {
      cause,
      hint: 'check the path and the permissions of the file',
    });
  }
}
