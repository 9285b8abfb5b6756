import {lookup as systemLookup} from 'node:dns';
import {connect as connectSocket, type LookupFunction, type Socket} from 'node:net';
import type {Connection, ConnectionOptions} from 'mysql2';
import type {Row, Statement} from '../flavor/flavor.ts';
import {withComment} from '../flavor/statement.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {Milliseconds} from '../model/units.ts';
import {CLOSED_BY_US, ServerError, connectFailed, reduce, statementFailed, withoutSecrets, type DriverError} from './failure.ts';
import {alarm} from './alarm.ts';
import type {QueryOptions, Session, SessionMemory} from './servers.ts';
import type {TlsOptions} from './tls.ts';

export interface Target {
  readonly key: InstanceKey;
  readonly user: string;
  readonly password: string;
  readonly connectTimeout: Milliseconds;
  /** For statements that do not say their own. */
  readonly readTimeout: Milliseconds;
  readonly tls: TlsOptions | null;
  /** Whether several statements may travel in one message. */
  readonly manyAtOnce: boolean;
  /** Finds addresses of hosts; undefined: the system. */
  readonly lookup: LookupFunction | undefined;
}

/** What the server says when it greets. */
interface Greeting {
  readonly serverVersion: string;
  readonly connectionId: number;
}

/**
 * Connects and logs in.
 *
 * @throws OrchestratorError SERVER_UNREACHABLE, SERVER_TIMEOUT or SERVER_ACCESS_DENIED; `classifyFailure` says what it means
 */
export async function openSession(target: Target): Promise<MysqlSession> {
  const {createConnection} = await import('mysql2');
  const {lookup, unanswered} = watched(target.lookup ?? systemLookup);
  const socket = connectSocket({host: target.key.host, port: target.key.port, noDelay: true, keepAlive: true, lookup});
  const connection = createConnection(optionsFor(target, socket));
  return new Promise((resolve, reject) => {
    let settled = false;
    const fail = (error: DriverError) => {
      if (settled) return;
      settled = true;
      callOff();
      connection.destroy();
      socket.destroy();
      reject(connectFailed(target.key, reduce(error, socket.bytesRead > 0)));
    };
    const callOff = alarm(target.connectTimeout, () => fail(lateAnswer(unanswered() ? 'name server' : 'server')));
    // Stays for the connection's life: an error without a listener would end the process.
    connection.on('error', fail);
    connection.once('connect', (greeting: Greeting) => {
      settled = true;
      callOff();
      resolve(new MysqlSession({target, connection, socket, greeting}));
    });
  });
}

/** Only a server whose address is known can be silent: of one whose name is not answered nothing is known. */
function lateAnswer(of: 'server' | 'name server'): ServerError {
  return of === 'server'
    ? new ServerError('no answer in time', {code: 'ETIMEDOUT'})
    : new ServerError('no name server told its address in time', {code: 'EAI_AGAIN'});
}

/** The same, and whether an answer is still awaited. */
function watched(lookup: LookupFunction): {readonly lookup: LookupFunction; unanswered(): boolean} {
  let awaited = 0;
  return {
    unanswered: () => awaited > 0,
    lookup(host, options, callback) {
      awaited++;
      lookup(host, options, (...answer) => {
        awaited--;
        callback(...answer);
      });
    },
  };
}

function optionsFor(target: Target, socket: Socket): ConnectionOptions {
  return {
    // Ours, so that it can be truly destroyed: the driver's destroy() only half-closes, and a stopped server never answers that.
    stream: () => socket,
    host: target.key.host,
    port: target.key.port,
    user: target.user,
    password: target.password,
    // Ours is more patient with ourselves.
    connectTimeout: 0,
    // The default takes half a megabyte a connection, for statements we never prepare.
    maxPreparedStatements: 16,
    // No server may ask us for files.
    flags: ['-LOCAL_FILES'],
    // For `queryTogether`; texts are this program's own, and values are quoted by the driver.
    multipleStatements: target.manyAtOnce,
    supportBigNumbers: true,
    dateStrings: true,
    connectAttributes: {program_name: 'orchestrator'},
    ...(target.tls ? {ssl: {...target.tls} as NonNullable<ConnectionOptions['ssl']>} : {}),
  };
}

/** A connection of mysql2, with statements that are bounded and errors that are ours. */
export class MysqlSession implements Session {
  readonly key: InstanceKey;
  readonly connectionId: number;
  readonly serverVersion: string;
  readonly address: string;
  readonly memory: SessionMemory = {refused: new Set()};
  readonly #connection: Connection;
  readonly #socket: Socket;
  readonly #readTimeout: Milliseconds;
  readonly #waiting = new Set<(error: ServerError) => void>();
  readonly #onEnd = new Set<(lost: boolean) => void>();
  /** Why it ended; undefined while it lasts. */
  #ended: ServerError | undefined;

  constructor({target, connection, socket, greeting}: {target: Target; connection: Connection; socket: Socket; greeting: Greeting}) {
    this.key = target.key;
    this.connectionId = greeting.connectionId;
    this.serverVersion = greeting.serverVersion;
    this.address = socket.remoteAddress ?? '';
    this.#connection = connection;
    this.#socket = socket;
    this.#readTimeout = target.readTimeout;
    socket.once('end', () => this.#lost());
    socket.once('close', () => this.#lost());
  }

  get open(): boolean {
    return this.#ended === undefined;
  }

  async query(statement: Statement, options: QueryOptions = {}): Promise<readonly Row[]> {
    const result = await this.#send(options.comment === undefined ? statement : withComment(statement, options.comment), options);
    return Array.isArray(result) ? (result as Row[]) : [];
  }

  async queryTogether(statements: readonly Statement[], options: QueryOptions = {}): Promise<readonly (readonly Row[])[]> {
    const [only] = statements;
    if (only && statements.length === 1) return [await this.query(only, options)];
    const joined = {text: statements.map(({text}) => text).join(';\n'), values: statements.flatMap(({values}) => values)};
    return (await this.#send(joined, options)) as Row[][];
  }

  /** What mysql2 answers: rows; a header for a statement without; several of these for several statements. */
  #send({text, values, secrets = []}: Statement, options: QueryOptions): Promise<unknown> {
    const timeout = options.timeout ?? this.#readTimeout;
    return new Promise((resolve, reject) => {
      const fail = (error: ServerError) => {
        callOff();
        this.#waiting.delete(fail);
        reject(statementFailed(this.key, withoutSecrets(error, secrets)));
      };
      if (this.#ended) return reject(statementFailed(this.key, this.#ended));
      const callOff = alarm(timeout, () => this.#giveUp(fail, timeout));
      this.#waiting.add(fail);
      this.#connection.query({sql: text, values: [...values]}, (error, result) => {
        if (error) return fail(reduce(error, false));
        callOff();
        this.#waiting.delete(fail);
        resolve(result);
      });
    });
  }

  destroy(): void {
    this.#end(new ServerError('it was closed by orchestrator', {code: CLOSED_BY_US}));
  }

  /** Called once when the connection ends; `lost`: the server's side ended it, not `destroy` or a timeout. */
  onceEnded(listener: (lost: boolean) => void): void {
    this.#onEnd.add(listener);
  }

  /** An unanswered statement leaves the connection blocked, and everything queued behind it. */
  #giveUp(fail: (error: ServerError) => void, timeout: Milliseconds): void {
    fail(new ServerError(`no answer within ${timeout / 1000} s`, {code: 'ETIMEDOUT'}));
    this.#end(new ServerError('an earlier statement was not answered in time', {code: 'ETIMEDOUT'}));
  }

  #lost(): void {
    this.#end(new ServerError('the server closed it', {code: 'PROTOCOL_CONNECTION_LOST'}), {lost: true});
  }

  #end(why: ServerError, {lost} = {lost: false}): void {
    if (this.#ended) return;
    this.#ended = why;
    this.#connection.destroy();
    this.#socket.destroy();
    for (const fail of this.#waiting) fail(why);
    for (const listener of this.#onEnd) listener(lost);
  }
}
