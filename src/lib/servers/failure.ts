import {OrchestratorError, messageOf} from '../errors/errors.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Unreachable} from './servers.ts';

/**
 * What remains of a driver's error: its code, the server's number and sentence. The driver's own object carries the whole
 * statement, passwords included, so it is never kept as a cause.
 */
export class ServerError extends Error {
  /** The driver's or the operating system's code: ECONNREFUSED, PROTOCOL_CONNECTION_LOST, ER_ACCESS_DENIED_ERROR. */
  readonly code: string;
  /** The server's error number; 0 when the server did not say one. */
  readonly errno: number;
  /** Bytes had come from the server before this attempt to connect failed: something there speaks, even if not with us. */
  readonly heard: boolean;

  constructor(message: string, more: {readonly code: string; readonly errno?: number; readonly heard?: boolean}) {
    super(message);
    this.name = 'ServerError';
    this.code = more.code;
    this.errno = more.errno ?? 0;
    this.heard = more.heard ?? false;
  }
}

/** We ended the connection ourselves. */
export const CLOSED_BY_US = 'CLOSED_BY_US';

/** Access denied, to the server (1045, 1698, 3159: no TLS), to a schema, table, or statement. */
const DENIED: ReadonlySet<number> = new Set([1044, 1045, 1142, 1143, 1227, 1370, 1698, 3118, 3159, 3955, 4151]);

/** Too many connections, of all or of this account. */
const FULL: ReadonlySet<number> = new Set([1040, 1203, 1226]);
const HOST_BLOCKED = 1129;

const REACH_OF_CODE: Readonly<Record<string, Unreachable['reach']>> = {
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'silent',
  ECONNRESET: 'lost',
  EPIPE: 'lost',
  ECONNABORTED: 'lost',
  PROTOCOL_CONNECTION_LOST: 'lost',
  EHOSTUNREACH: 'unroutable',
  ENETUNREACH: 'unroutable',
  EHOSTDOWN: 'unroutable',
  ENETDOWN: 'unroutable',
  ENOTFOUND: 'unresolved',
  EAI_AGAIN: 'unresolved',
  EAI_FAIL: 'unresolved',
  EAI_NODATA: 'unresolved',
  EAI_NONAME: 'unresolved',
};

/** A name with several addresses fails with all of their errors; the one that leaves most open decides. */
const LEAST_CERTAIN = ['silent', 'unroutable', 'lost', 'refused'] as const;

/** The server's error number behind an error of `Session.query` or `Servers.connect`; 0 when the server did not say one. */
export function errnoOf(error: unknown): number {
  return serverErrorIn(error)?.errno ?? 0;
}

/**
 * What a failed connection or statement says about the server.
 *
 * A numbered packet, or any byte at all in reply to this attempt to connect, means *alive*, whatever went wrong afterwards: a
 * server that greets and then hangs up or falls silent is a server in trouble, not a dead one. If it is in fact dying, the next
 * attempt is refused. Closed before the first byte is *lost*: that is what a killed server's backlog and a proxy without a
 * server behind it look like.
 */
export function classifyFailure(error: unknown): Unreachable {
  const found = serverErrorIn(error);
  const message = messageOf(error);
  if (!found) return {reach: 'never-tried', errno: 0, message};
  if (found.errno > 0 || found.heard) return {reach: 'alive', errno: found.errno, message};
  return {reach: REACH_OF_CODE[found.code] ?? 'never-tried', errno: 0, message};
}

function serverErrorIn(error: unknown): ServerError | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) if (at instanceof ServerError) return at;
  return undefined;
}

/** What mysql2, Node and the operating system throw. */
export interface DriverError extends Error {
  readonly code?: string | undefined;
  readonly errno?: number | undefined;
  readonly errors?: readonly DriverError[];
}

/** @param heard whether the server had sent anything in this attempt */
export function reduce(error: DriverError, heard: boolean): ServerError {
  // The operating system's numbers are negative in Node.
  const errno = typeof error.errno === 'number' && error.errno > 0 ? error.errno : 0;
  return new ServerError(error.message || codeOf(error), {code: codeOf(error), errno, heard});
}

function codeOf(error: DriverError): string {
  const codes = (error.errors ?? []).map((one) => one.code ?? '');
  const decisive = LEAST_CERTAIN.map((reach) => codes.find((code) => REACH_OF_CODE[code] === reach)).find((code) => code !== undefined);
  return decisive ?? error.code ?? error.name;
}

/** An error of ours for a connection that could not be made. */
export function connectFailed(key: InstanceKey, cause: ServerError): OrchestratorError {
  const name = keyText(key);
  if (DENIED.has(cause.errno)) {
    return new OrchestratorError('SERVER_ACCESS_DENIED', `${name} does not let us in: error ${cause.errno}: ${cause.message}`, {
      hint: 'check MySQLTopologyUser and MySQLTopologyPassword, and that this host may connect with them',
      cause,
    });
  }
  if (cause.errno > 0) {
    return new OrchestratorError('SERVER_UNREACHABLE', `${name} refused the connection with error ${cause.errno}: ${cause.message}`, {
      hint: hintOfErrno(cause.errno),
      cause,
    });
  }
  if (REACH_OF_CODE[cause.code] === 'silent') {
    return new OrchestratorError('SERVER_TIMEOUT', `${name} did not answer in time`, {
      hint: 'look whether the server hangs or a firewall drops packets; MySQLConnectTimeoutSeconds is how long we wait',
      cause,
    });
  }
  return new OrchestratorError('SERVER_UNREACHABLE', `${name} cannot be reached: ${cause.message}`, {...hintOf(cause), cause});
}

/** What to do about a server that answers, but with this error instead of a login. */
export function hintOfErrno(errno: number): string {
  if (FULL.has(errno)) return 'raise max_connections there, or end connections that nobody needs';
  if (errno === HOST_BLOCKED)
    return 'after FLUSH HOSTS there (mysqladmin flush-hosts) it lets this host in again; raise max_connect_errors';
  return 'the server runs: its error log may say more';
}

function hintOf({code}: ServerError): {readonly hint: string} {
  if (code === 'HANDSHAKE_SSL_ERROR') {
    return {hint: 'give MySQLTopologySSLCAFile the certificate that signed the server’s, or set MySQLTopologySSLSkipVerify'};
  }
  if (code === 'HANDSHAKE_NO_SSL_SUPPORT') return {hint: 'switch TLS on at the server, or MySQLTopologyUseMutualTLS off'};
  if (REACH_OF_CODE[code] === 'unresolved') return {hint: 'check the host name'};
  return {hint: 'check that the server runs and that this host can reach its port'};
}

/** An error of ours for a statement that was not answered with rows. */
export function statementFailed(key: InstanceKey, cause: ServerError): OrchestratorError {
  const name = keyText(key);
  if (DENIED.has(cause.errno)) {
    return new OrchestratorError('SERVER_ACCESS_DENIED', `${name} does not allow it: error ${cause.errno}: ${cause.message}`, {
      hint: 'grant MySQLTopologyUser what docs/privileges.md lists',
      cause,
    });
  }
  if (cause.errno > 0)
    return new OrchestratorError('SERVER_STATEMENT_FAILED', `${name} answered with error ${cause.errno}: ${cause.message}`, {cause});
  if (REACH_OF_CODE[cause.code] === 'silent') return new OrchestratorError('SERVER_TIMEOUT', `${name}: ${cause.message}`, {cause});
  return new OrchestratorError('SERVER_UNREACHABLE', `the connection to ${name} ended: ${cause.message}`, {cause});
}

/** The same sentence without the values that nobody may read: a server repeats a part of what it does not understand. */
export function withoutSecrets(error: ServerError, secrets: readonly string[]): ServerError {
  const message = secrets.reduce((text, secret) => text.replaceAll(secret, '********'), error.message);
  return message === error.message ? error : new ServerError(message, error);
}
