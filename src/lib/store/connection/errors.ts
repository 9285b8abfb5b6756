import {OrchestratorError} from '../../errors/errors.ts';

/** What the drivers put on an error. mysql2: `errno` (a number for server errors), `code`. node:sqlite: `errcode`, `errstr`. */
interface DriverError {
  readonly errno?: number;
  readonly code?: string;
  readonly sqlMessage?: string;
  readonly errcode?: number;
  readonly errstr?: string;
  readonly fatal?: boolean;
  readonly syscall?: string;
}

/** What a failed attempt means for the next one. */
export type Verdict = 'conflict' | 'not-now' | 'lost' | 'final';

/** Somebody else was faster: lock deadlock, lock wait timeout, record changed since last read. */
const CONFLICT_ERRNOS: ReadonlySet<number> = new Set([1213, 1205, 1020]);
/**
 * The node cannot serve now: Galera out of its primary component (1047, 1180), group replication (3100, 3101; 3796 to 3799: a member that
 * joins, or has left, or has waited in vain, keeps no reads consistent), too many connections (1040, 1203, 1226), shutting down (1053) or
 * closed to all but administrators (3032), statement or connection killed (1317, 1927).
 */
const NOT_NOW_ERRNOS: ReadonlySet<number> = new Set([
  1047, 1180, 3100, 3101, 3796, 3797, 3798, 3799, 1040, 1203, 1226, 1053, 3032, 1317, 1927,
]);
/** Started read-only, read-only transaction, read-only mode. */
export const READ_ONLY_ERRNOS: ReadonlySet<number> = new Set([1290, 1792, 1836]);
const ACCESS_ERRNOS: ReadonlySet<number> = new Set([1044, 1045, 1142, 1143, 1227, 1251, 1698, 1820, 1862, 3118, 3159, 4151]);
/** Unknown database, no such table, unknown column. */
const SCHEMA_ERRNOS: ReadonlySet<number> = new Set([1049, 1146, 1054]);
/**
 * A value that its column cannot hold or be compared with: letters of another alphabet (1267, 1270, 1271, 1366, 3988), bytes that are no
 * letters (1300), too long (1406), out of range (1264).
 */
const VALUE_ERRNOS: ReadonlySet<number> = new Set([1264, 1267, 1270, 1271, 1300, 1366, 1406, 3988]);
const LOST_CODES: ReadonlySet<string> = new Set([
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR',
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** The client was disconnected by the server because of inactivity: said in the last moment, in place of an answer to whatever comes then. */
const INACTIVE = 4031;

/** Our side did not accept the server's certificate, or the server speaks no TLS; trying again changes nothing. */
const TLS_CODES = /^(HANDSHAKE_(NO_)?SSL|ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/;

/** Primary SQLite result codes (the low byte of what the driver says). */
const SQLITE = {
  READONLY: 8,
  BUSY: 5,
  LOCKED: 6,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  NOTADB: 26,
  PERM: 3,
  AUTH: 23,
  ERROR: 1,
} as const;

/** The server's own error number, through any of our wrapping; 0 when there is none. */
export function errnoOf(error: unknown): number {
  const driver = driverError(error);
  return typeof driver.errno === 'number' && driver.errno > 0 ? driver.errno : 0;
}

/** The primary SQLite result code; 0 when this is no error of SQLite. */
export function sqliteCodeOf(error: unknown): number {
  return (driverError(error).errcode ?? 0) & 0xff;
}

/** A row with this primary or unique key exists already. */
export function isDuplicateKey(error: unknown): boolean {
  const extended = driverError(error).errcode;
  return errnoOf(error) === 1062 || extended === 1555 || extended === 2067;
}

export function isLostConnection(error: unknown): boolean {
  const {code, fatal} = driverError(error);
  if (isTlsError(error)) return false;
  // a server that answered with an error packet while shaking hands is not a lost connection
  return (code !== undefined && LOST_CODES.has(code)) || (fatal === true && errnoOf(error) === 0) || errnoOf(error) === INACTIVE;
}

function isTlsError(error: unknown): boolean {
  const {code = '', syscall} = driverError(error);
  // mysql2 calls a connection lost during the TLS handshake the same; the system's part of it stays
  return TLS_CODES.test(code) && syscall === undefined;
}

/** Whether, and why, the same work may succeed when it is started anew. */
export function verdictOf(error: unknown): Verdict {
  // ours, before any driver was asked: no member of a group takes writes yet
  if (error instanceof OrchestratorError && error.cause === undefined) return error.code === 'BACKEND_UNREACHABLE' ? 'not-now' : 'final';
  const sqlite = sqliteCodeOf(error);
  if (sqlite === SQLITE.BUSY || sqlite === SQLITE.LOCKED) return 'conflict';
  const errno = errnoOf(error);
  if (CONFLICT_ERRNOS.has(errno)) return 'conflict';
  if (NOT_NOW_ERRNOS.has(errno) || READ_ONLY_ERRNOS.has(errno)) return 'not-now';
  return isLostConnection(error) ? 'lost' : 'final';
}

/**
 * The error as the rest of the program knows it, with the driver's as cause; what is a bug of ours comes back as it was.
 * Says neither statement nor password: a driver's message may hold the values of the statement.
 *
 * @param where the backend, as it is shown to people
 * @param schemaMissing SQLite has no error number for a missing table, so the caller looks and says
 */
export function translateError(error: unknown, where: string, schemaMissing = false): unknown {
  if (error instanceof OrchestratorError) return error;
  return schemaMissing ? missingSchema(error, where) : (sqliteError(error, where) ?? mysqlError(error, where) ?? error);
}

function missingSchema(cause: unknown, where: string): OrchestratorError {
  return new OrchestratorError('SCHEMA_MISSING', `the backend ${where} does not have the tables this version needs`, {
    cause,
    hint: 'run `orchestrator redeploy-internal-db`, or unset SkipOrchestratorDatabaseUpdate and start again',
  });
}

function sqliteError(cause: unknown, where: string): OrchestratorError | undefined {
  switch (sqliteCodeOf(cause)) {
    case SQLITE.BUSY:
    case SQLITE.LOCKED:
      return new OrchestratorError('BACKEND_CONFLICT', `the backend ${where} is being written by other processes without a pause`, {
        cause,
        hint: 'see which processes have the file open; SQLite is meant for one node, use a MySQL backend for several',
      });
    case SQLITE.READONLY:
      return new OrchestratorError('BACKEND_READ_ONLY', `the backend ${where} cannot be written`, {
        cause,
        hint: 'check the permissions of the file and of its folder, and who you run as',
      });
    case SQLITE.CANTOPEN:
    case SQLITE.PERM:
    case SQLITE.AUTH:
      return new OrchestratorError('BACKEND_UNREACHABLE', `the backend ${where} cannot be opened`, {
        cause,
        hint: 'check SQLite3DataFile, the permissions of the file and of its folder, and who you run as',
      });
    case SQLITE.CORRUPT:
    case SQLITE.NOTADB:
      return new OrchestratorError('BACKEND_UNREACHABLE', `the backend ${where} is not a sound SQLite file`, {
        cause,
        hint: 'move the file away and start again: the topology is discovered anew, downtimes and history are lost',
      });
    case SQLITE.FULL:
    case SQLITE.IOERR:
      return new OrchestratorError('BACKEND_UNREACHABLE', `the backend ${where} cannot be written: disk full or failing`, {
        cause,
        hint: 'check the free space and the health of the disk that holds the file',
      });
    default:
      return undefined;
  }
}

function mysqlError(cause: unknown, where: string): OrchestratorError | undefined {
  const errno = errnoOf(cause);
  if (READ_ONLY_ERRNOS.has(errno)) {
    return new OrchestratorError('BACKEND_READ_ONLY', `the backend ${where} is read-only (error ${errno})`, {
      cause,
      hint: 'point MySQLOrchestratorHost, or the proxy in front of it, at the writable server',
    });
  }
  if (ACCESS_ERRNOS.has(errno)) {
    return new OrchestratorError('BACKEND_ACCESS_DENIED', `the backend ${where} refused us (error ${errno}: ${saidBy(cause)})`, {
      cause,
      hint: 'check MySQLOrchestratorUser, MySQLOrchestratorPassword and the grants of that user on MySQLOrchestratorDatabase',
    });
  }
  if (SCHEMA_ERRNOS.has(errno)) return missingSchema(cause, where);
  if (VALUE_ERRNOS.has(errno)) {
    return new OrchestratorError('INPUT_INVALID', `a value does not fit the backend ${where} (error ${errno})`, {
      cause,
      hint: 'names of servers, clusters, pools and tags have no letters beyond ASCII, and no more than 128',
    });
  }
  switch (verdictOf(cause)) {
    case 'conflict':
      return new OrchestratorError('BACKEND_CONFLICT', `others kept changing the same rows of the backend ${where} (error ${errno})`, {
        cause,
        hint: 'try again; if it stays so, look for a long transaction on the backend',
      });
    case 'not-now':
      return new OrchestratorError('BACKEND_UNREACHABLE', `the backend ${where} does not serve now (error ${errno}: ${saidBy(cause)})`, {
        cause,
        hint: 'check that the database node is up, synced and part of a majority, and has connections to spare',
      });
    case 'lost':
      return unreachable(cause, where);
    case 'final':
      if (isTlsError(cause)) return untrusted(cause, where);
      if (isStatementTimeout(cause)) return silent(cause, where);
      return isPoolTimeout(cause) ? unreachable(cause, where) : undefined;
  }
}

function untrusted(cause: unknown, where: string): OrchestratorError {
  return new OrchestratorError(
    'BACKEND_UNREACHABLE',
    `the backend ${where} and we do not come to terms about TLS (${driverError(cause).code})`,
    {
      cause,
      hint: 'check that MySQLOrchestratorSSLCAFile signed the certificate of the server, that it is for MySQLOrchestratorHost, and that the server has TLS enabled',
    },
  );
}

function unreachable(cause: unknown, where: string): OrchestratorError {
  const code = driverError(cause).code;
  return new OrchestratorError('BACKEND_UNREACHABLE', `the backend ${where} cannot be reached${code === undefined ? '' : ` (${code})`}`, {
    cause,
    hint: 'check that the database is up and that MySQLOrchestratorHost and MySQLOrchestratorPort are right',
  });
}

function silent(cause: {readonly timeout: number}, where: string): OrchestratorError {
  return new OrchestratorError('BACKEND_UNREACHABLE', `the backend ${where} gave no answer within ${cause.timeout / 1000} s`, {
    cause,
    hint: 'look in its process list for who holds a lock on the table, and whether its disk answers',
  });
}

/** knex gives up a statement that has a time of its own. */
function isStatementTimeout(error: unknown): error is Error & {readonly timeout: number} {
  return isPoolTimeout(error) && 'timeout' in (error as object) && 'sql' in (error as object);
}

/** knex gives up waiting for a free connection: all of them are stuck. */
function isPoolTimeout(error: unknown): boolean {
  return error instanceof Error && (error.name === 'KnexTimeoutError' || error.name === 'TimeoutError');
}

/** The server's sentence; it names users and tables, never passwords. */
function saidBy(error: unknown): string {
  return driverError(error).sqlMessage ?? '';
}

function driverError(error: unknown): DriverError {
  const inner = error instanceof OrchestratorError ? error.cause : error;
  return typeof inner === 'object' && inner !== null ? inner : {};
}
