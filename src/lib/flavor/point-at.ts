import {OrchestratorError} from '../errors/errors.ts';
import type {BinlogCoordinates} from '../model/binlog-coordinates.ts';
import {keyText} from '../model/instance-key.ts';
import type {PointAt, Statement} from './flavor.ts';

/** How one family and version says CHANGE. */
export interface ChangeDialect {
  readonly change: 'CHANGE REPLICATION SOURCE TO' | 'CHANGE MASTER TO';
  readonly prefix: 'SOURCE' | 'MASTER';
  /** Names the managed channel, without which a server with several refuses the statement (MySQL 5.7.6+); '' elsewhere. */
  readonly channel: string;
  /** SOURCE_RETRY_COUNT is an option of this statement (MySQL); MariaDB has it as a server option. */
  readonly hasRetryCount: boolean;
  /** GET_SOURCE_PUBLIC_KEY, without which caching_sha2_password needs TLS (MySQL 8.0.4+). */
  readonly hasPublicKey: boolean;
  /** Following by GTID, and by position, in this family's words. */
  byGtid(to: PointAt): readonly Assignment[];
  readonly byPosition: readonly Assignment[];
}

/** An option and its value; a bare one is a word of the server's, written as it is. */
export type Assignment = readonly [name: string, value: string | number] | readonly [name: string, value: string, bare: true];

/** Ten attempts and no more is what MySQL 9 does when it was never told; a replica of ours goes on for a day. */
const PATIENT = {every: 1, attempts: 86_400};

/** The whole CHANGE statement; options that `to` says nothing about stay as they are on the server. */
export function changeSource(to: PointAt, dialect: ChangeDialect): Statement {
  return statementOf(dialect, [
    ...address(to, dialect),
    ...(to.gtid ? dialect.byGtid(to) : position(to, dialect)),
    ...login(to, dialect),
    ...retries(to, dialect),
  ]);
}

/** Host and port alone. */
export function changeReceiver(source: PointAt['source'], dialect: ChangeDialect): Statement {
  return statementOf(dialect, address({source}, dialect));
}

/** Another host name, port and all else as they are; without GTID the position is told again. */
export function renameSource(host: string, at: BinlogCoordinates | null, dialect: ChangeDialect): Statement {
  return statementOf(dialect, [[`${dialect.prefix}_HOST`, host], ...(at ? fileAndPosition(at, dialect) : [])]);
}

/** The same source, by file and position from now on. */
export function followFrom(at: BinlogCoordinates, dialect: ChangeDialect): Statement {
  return statementOf(dialect, [...dialect.byPosition, ...fileAndPosition(at, dialect)]);
}

function address({source}: Pick<PointAt, 'source'>, {prefix}: ChangeDialect): readonly Assignment[] {
  return [
    [`${prefix}_HOST`, source.host],
    [`${prefix}_PORT`, source.port],
  ];
}

function position(to: PointAt, {prefix, byPosition}: ChangeDialect): readonly Assignment[] {
  if (!to.at) {
    throw new OrchestratorError('INPUT_INVALID', `cannot follow ${keyText(to.source)} without GTID and without a position`, {
      hint: 'give file and position, or use GTID',
    });
  }
  return [...byPosition, ...fileAndPosition(to.at, {prefix})];
}

function fileAndPosition({file, position: at}: BinlogCoordinates, {prefix}: Pick<ChangeDialect, 'prefix'>): readonly Assignment[] {
  return [
    [`${prefix}_LOG_FILE`, file],
    [`${prefix}_LOG_POS`, at],
  ];
}

function login({credentials, tls}: PointAt, {prefix, hasPublicKey}: ChangeDialect): readonly Assignment[] {
  const options: Assignment[] = [];
  if (credentials) options.push([`${prefix}_USER`, credentials.user], [`${prefix}_PASSWORD`, credentials.password]);
  if (tls !== undefined) options.push([`${prefix}_SSL`, tls ? 1 : 0]);
  if (credentials?.sslCa) options.push([`${prefix}_SSL_CA`, credentials.sslCa]);
  if (credentials?.sslCert) options.push([`${prefix}_SSL_CERT`, credentials.sslCert]);
  if (credentials?.sslKey) options.push([`${prefix}_SSL_KEY`, credentials.sslKey]);
  if (hasPublicKey && tls !== true) options.push([`GET_${prefix}_PUBLIC_KEY`, 1]);
  return options;
}

function retries(to: PointAt, {prefix, hasRetryCount}: ChangeDialect): readonly Assignment[] {
  const retry = to.retry ?? (to.credentials || to.formerSource ? PATIENT : undefined);
  if (!retry) return [];
  const every: Assignment = [`${prefix}_CONNECT_RETRY`, retry.every];
  return hasRetryCount ? [every, [`${prefix}_RETRY_COUNT`, retry.attempts]] : [every];
}

function statementOf({change, channel}: ChangeDialect, options: readonly Assignment[]): Statement {
  const secrets = options.flatMap(([name, value]) => (name.endsWith('_PASSWORD') && value !== '' ? [String(value)] : []));
  return {
    text: `${change} ${options.map(([name, value, bare]) => `${name} = ${bare ? value : '?'}`).join(', ')}${channel}`,
    values: options.flatMap(([, value, bare]) => (bare ? [] : [value])),
    ...(secrets.length > 0 ? {secrets} : {}),
  };
}
