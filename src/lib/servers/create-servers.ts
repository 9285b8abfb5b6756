import type {LookupFunction} from 'node:net';
import type {Config} from '../config/keys.ts';
import {isCode, OrchestratorError} from '../errors/errors.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Milliseconds} from '../model/units.ts';
import {say} from '../flavor/statement.ts';
import {errnoOf} from './failure.ts';
import {openSession, type MysqlSession} from './mysql-session.ts';
import type {ConnectOptions, Servers, Session} from './servers.ts';
import {TlsPolicy} from './tls.ts';

/** A server's own wait_timeout must not end a connection that rests between two polls: that would look like a death. */
const IDLE_ALLOWED_S = 3600;

/**
 * Connections to managed servers as the configuration says: account, timeouts, TLS. Opens nothing by itself.
 *
 * @param lookup finds addresses of hosts; default: the system, which may keep a connection waiting for other hosts' names
 */
export function createServers(config: Config, {lookup}: {readonly lookup?: LookupFunction | undefined} = {}): Servers {
  return new MysqlServers(config, lookup);
}

/** One persistent connection. */
interface Kept {
  readonly session: Promise<MysqlSession>;
  readonly since: Milliseconds;
}

class MysqlServers implements Servers {
  readonly #config: Config;
  readonly #tls: TlsPolicy;
  readonly #lookup: LookupFunction | undefined;
  readonly #kept = new Map<string, Kept>();
  readonly #listeners: ((key: InstanceKey) => void)[] = [];
  #closed = false;

  constructor(config: Config, lookup: LookupFunction | undefined) {
    this.#config = config;
    this.#lookup = lookup;
    this.#tls = new TlsPolicy(config);
  }

  session(key: InstanceKey): Promise<Session> {
    if (this.#closed) return Promise.reject(new OrchestratorError('SERVER_UNREACHABLE', `${keyText(key)} is not connected to any more`));
    const name = keyText(key);
    const kept = this.#kept.get(name);
    if (kept && !this.#isTooOld(kept)) return kept.session;
    if (kept) this.forget(key);
    const session = this.#openPersistent(key);
    this.#kept.set(name, {session, since: performance.now()});
    session.then(
      (opened) => opened.onceEnded((lost) => this.#ended(key, {session, lost})),
      () => this.#drop(name, session),
    );
    return session;
  }

  connect(key: InstanceKey, options: ConnectOptions = {}): Promise<Session> {
    return this.#connect(key, options);
  }

  onLost(listener: (key: InstanceKey) => void): void {
    this.#listeners.push(listener);
  }

  forget(key?: InstanceKey): void {
    for (const name of key ? [keyText(key)] : [...this.#kept.keys()]) {
      const kept = this.#kept.get(name);
      this.#kept.delete(name);
      kept?.session.then(
        (session) => session.destroy(),
        // Whoever asked for it was told.
        () => undefined,
      );
    }
  }

  close(): void {
    this.#closed = true;
    this.forget();
  }

  async #openPersistent(key: InstanceKey): Promise<MysqlSession> {
    const session = await this.#connect(key, {readTimeout: atLeastOne(this.#config.MySQLDiscoveryReadTimeoutSeconds), asksOnly: true});
    try {
      await stayOpen(session);
      return session;
    } catch (error) {
      session.destroy();
      throw error;
    }
  }

  #ended(key: InstanceKey, {session, lost}: {session: Promise<MysqlSession>; lost: boolean}): void {
    this.#drop(keyText(key), session);
    if (lost) for (const listener of this.#listeners) listener(key);
  }

  #drop(name: string, session: Promise<MysqlSession>): void {
    if (this.#kept.get(name)?.session === session) this.#kept.delete(name);
  }

  #isTooOld({since}: Kept): boolean {
    const lifetime = this.#config.MySQLConnectionLifetimeSeconds;
    return lifetime > 0 && performance.now() - since > lifetime * 1000;
  }

  async #connect(key: InstanceKey, options: ConnectOptions): Promise<MysqlSession> {
    const target = {
      key,
      user: this.#config.MySQLTopologyUser,
      password: this.#config.MySQLTopologyPassword,
      connectTimeout: options.timeout ?? atLeastOne(this.#config.MySQLConnectTimeoutSeconds),
      readTimeout: options.readTimeout ?? atLeastOne(this.#config.MySQLTopologyReadTimeoutSeconds),
      manyAtOnce: options.asksOnly ?? false,
      lookup: this.#lookup,
    };
    if (this.#tls.begins(key)) return openSession({...target, tls: await this.#tls.options(key)});
    try {
      return await openSession({...target, tls: null});
    } catch (refused) {
      if (!this.#tls.mayHelp(errnoOf(refused))) throw refused;
      return this.#openWithTls(target, refused);
    }
  }

  /** @throws what the server said first when TLS is of no help either: a wrong password is just that */
  async #openWithTls(target: Omit<Parameters<typeof openSession>[0], 'tls'>, refused: unknown): Promise<MysqlSession> {
    try {
      const session = await openSession({...target, tls: await this.#tls.options(target.key)});
      this.#tls.remember(target.key);
      return session;
    } catch (error) {
      throw errnoOf(refused) === 1045 ? refused : error;
    }
  }
}

/** A binlog server knows no such variable, and ends nobody for resting. */
async function stayOpen(session: MysqlSession): Promise<void> {
  try {
    await session.query(say('SET SESSION wait_timeout = ?', IDLE_ALLOWED_S));
  } catch (error) {
    if (!isCode(error, 'SERVER_STATEMENT_FAILED')) throw error;
  }
}

function atLeastOne(seconds: number): Milliseconds {
  return Math.max(seconds, 1) * 1000;
}
