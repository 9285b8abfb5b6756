import {instanceFilter} from '../config/filters.ts';
import type {Config} from '../config/keys.ts';
import {isCode, messageOf} from '../errors/errors.ts';
import type {Flavor} from '../flavor/flavor.ts';
import {flavorOf} from '../flavor/flavors.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {Place, Reading} from '../model/instance.ts';
import type {Milliseconds, Monotonic} from '../model/units.ts';
import {classifyFailure} from '../servers/failure.ts';
import type {Servers, Session, Unreachable} from '../servers/servers.ts';
import {Asking, Remarks, mustAnswer} from './answers.ts';
import {askServer, type Answers} from './ask-server.ts';
import {askBinlogServer, askMaxscaleVersion} from './binlog-server.ts';
import {placeByName} from './classification.ts';
import type {ProbeOutcome} from './outcome.ts';
import {nameOf, readingOf} from './reading.ts';

export type {Found, NotFound, ProbeOutcome} from './outcome.ts';

export interface ProbeOptions {
  readonly servers: Servers;
  readonly config: Config;
  /** The name a host is known by (HostnameResolveMethod); default: as it is. A failure leaves it as it is. */
  readonly resolve?: (host: string) => Promise<string>;
  /** Told when a server calls itself otherwise than it was asked as, before anything else it says is resolved. */
  readonly learn?: (host: string, itself: string) => Promise<void>;
  /** Default: `performance.now`. */
  readonly now?: () => Monotonic;
}

export interface Haste {
  /** Over a connection of its own, which ends with it: what a death is confirmed by. */
  readonly fresh?: boolean;
  /** For the handshake of a fresh connection, and for its statements; default as configured. */
  readonly timeout?: Milliseconds;
}

/** Probes servers, one at a time or many. */
export interface Prober {
  /** Never rejects: what went wrong is the outcome. */
  probe(key: InstanceKey, haste?: Haste): Promise<ProbeOutcome>;
}

/** For many probes: patterns and filters of the configuration are compiled once. */
export function createProber(options: ProbeOptions): Prober {
  const context = {
    ...options,
    now: options.now ?? (() => performance.now()),
    resolve: options.resolve ?? (async (host) => host),
    learn: options.learn ?? (async () => undefined),
    isIgnoredReplica: instanceFilter(options.config.DiscoveryIgnoreReplicaHostnameFilters),
    placeOf: placeByName(options.config),
  };
  return {probe: (key, haste = {}) => probe(key, {...context, haste})};
}

interface Context extends Required<ProbeOptions> {
  readonly isIgnoredReplica: (key: InstanceKey) => boolean;
  readonly placeOf: (host: string) => Place;
  readonly haste: Haste;
}

async function probe(asked: InstanceKey, context: Context): Promise<ProbeOutcome> {
  const startedAt = context.now();
  const attempt = new Attempt(asked, context);
  try {
    const reading = await attempt.read();
    const {hostname, remarks} = attempt;
    return {ok: true, asked, reading, hostname, remarks: remarks.list, startedAt, took: context.now() - startedAt};
  } catch (error) {
    const {key, partial, greeted} = attempt;
    const unreachable = unreachableOf(error, partial || greeted);
    return {ok: false, asked, key, unreachable, partial, message: unreachable.message, startedAt, took: context.now() - startedAt};
  }
}

/** A server that just let us in, or said what it is, lives, even if it does not say the rest; unless its connection broke since. */
function unreachableOf(error: unknown, spoke: boolean): Unreachable {
  const found = classifyFailure(error);
  return spoke && (found.reach === 'silent' || found.reach === 'never-tried') ? {...found, reach: 'alive'} : found;
}

/** One probe while it goes on. */
class Attempt {
  /** What the server is called, once it is known. */
  key: InstanceKey;
  /** What the server calls its host; null: it does not say. */
  hostname: string | null = null;
  partial = false;
  /** It let us in during this probe. */
  greeted = false;
  remarks = new Remarks();
  readonly #asked: InstanceKey;
  readonly #context: Context;

  constructor(asked: InstanceKey, context: Context) {
    this.key = asked;
    this.#asked = asked;
    this.#context = context;
  }

  async read(): Promise<Reading> {
    if (!this.#context.haste.fresh) return this.#readPersistent();
    const {servers, config, haste} = this.#context;
    const readTimeout = haste.timeout ?? config.MySQLDiscoveryReadTimeoutSeconds * 1000;
    const session = await servers.connect(this.#asked, {asksOnly: true, readTimeout, ...(haste.timeout ? {timeout: haste.timeout} : {})});
    this.greeted = true;
    try {
      return await this.#readOver(session);
    } finally {
      session.destroy();
    }
  }

  /** A connection that broke while it rested says little about now: then once more, over a new one. */
  async #readPersistent(): Promise<Reading> {
    const session = await this.#context.servers.session(this.#asked);
    try {
      return await this.#readOver(session);
    } catch (error) {
      if (session.open || classifyFailure(error).reach !== 'lost') throw error;
      this.remarks = new Remarks();
      return this.#readOver(await this.#context.servers.session(this.#asked));
    }
  }

  async #readOver(session: Session): Promise<Reading> {
    const {flavor, answers} = await this.#ask(session);
    const facts = flavor.parseFacts(mustAnswer(answers.facts));
    this.partial = true;
    if (flavor.name !== 'MaxScale') {
      this.hostname = facts.hostname;
      this.key = nameOf(this.#asked, facts, this.#context.config);
    }
    mustHaveLasted(answers);
    if (this.key.host !== this.#asked.host) await this.#context.learn(this.#asked.host, this.key.host);
    return readingOf(answers, {
      ...this.#context,
      session,
      flavor,
      facts,
      key: this.key,
      remarks: this.remarks,
      resolve: (key) => this.#resolve(key),
    });
  }

  async #ask(session: Session): Promise<{readonly flavor: Flavor; readonly answers: Answers}> {
    const {config, now} = this.#context;
    const {memory, serverVersion} = session;
    const maxscale = config.SkipMaxScaleCheck ? null : (memory.maxscale ??= {version: await askMaxscaleVersion(session)}).version;
    const flavor = (memory.flavor ??= flavorOf({version: maxscale === null ? serverVersion : `${maxscale}-maxscale`, versionComment: ''}));
    const answers =
      maxscale === null
        ? await askServer(new Asking(session), {session, flavor, config, now})
        : await askBinlogServer(session, {flavor, version: maxscale});
    return {flavor, answers};
  }

  async #resolve(key: InstanceKey): Promise<InstanceKey> {
    try {
      return {host: await this.#context.resolve(key.host), port: key.port};
    } catch (error) {
      this.remarks.add(`${key.host} cannot be resolved: ${messageOf(error)}`);
      return key;
    }
  }
}

/** A connection that broke half-way leaves answers out that were no refusals. */
function mustHaveLasted({detections, ...answers}: Answers): void {
  for (const answer of [...Object.values(answers), ...detections.values()]) {
    if ('error' in answer && isCode(answer.error, 'SERVER_UNREACHABLE', 'SERVER_TIMEOUT')) throw answer.error;
  }
}
