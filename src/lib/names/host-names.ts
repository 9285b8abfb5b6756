import {isIP} from 'node:net';
import {compilePattern} from '../config/pattern.ts';
import type {Config} from '../config/keys.ts';
import {messageOf, OrchestratorError} from '../errors/errors.ts';
import {DETACHED_PREFIX} from '../model/instance-key.ts';
import type {Milliseconds, Monotonic} from '../model/units.ts';
import {spelled, type Addresses, type Dns} from './dns.ts';

/** What the backend remembers of names: `hostname_resolve` and `hostname_ips`. */
export interface NameMemory {
  /** What every host was resolved to last. */
  allResolved(): Promise<ReadonlyMap<string, string>>;
  /** What one host was resolved to last; null when nobody remembers. */
  resolved(host: string): Promise<string | null>;
  saveResolved(host: string, resolved: string): Promise<void>;
  saveAddresses(host: string, addresses: Addresses): Promise<void>;
}

export interface HostNamesOptions {
  readonly config: Pick<Config, 'HostnameResolveMethod' | 'RejectHostnameResolvePattern' | 'ExpiryHostnameResolvesMinutes'>;
  readonly dns: Dns;
  readonly memory: NameMemory;
  /** A name that could not be resolved, or not be remembered: one sentence, for the log. */
  readonly onProblem?: (sentence: string) => void;
  /** Default: `performance.now`. */
  readonly now?: () => Monotonic;
}

/** One line of `hostname-resolve-cache`. */
export interface Remembered {
  readonly host: string;
  readonly resolved: string;
  readonly expiresIn: Milliseconds;
}

interface Entry {
  readonly resolved: string;
  readonly expires: Monotonic;
}

const MINUTE: Milliseconds = 60_000;
/** How long a host that could not be resolved is taken as it is before it is tried again. */
const FAILED: Milliseconds = MINUTE;
const ADDRESSES: Milliseconds = 10 * MINUTE;
const NO_ADDRESSES: Addresses = {ipv4: '', ipv6: ''};
/** Anybody may ask for any name over HTTP; memory must not grow with that. */
const MOST_REMEMBERED = 50_000;

/**
 * Names of hosts, resolved by HostnameResolveMethod and remembered for ExpiryHostnameResolvesMinutes; longer in the backend,
 * for the other nodes. One for a process.
 */
export class HostNames {
  readonly #options: HostNamesOptions;
  readonly #method: 'none' | 'default' | 'cname' | 'ip';
  readonly #rejected: RegExp | null;
  readonly #lifetime: Milliseconds;
  readonly #now: () => Monotonic;
  readonly #cache = new Map<string, Entry>();
  readonly #addresses = new Map<string, {readonly found: Addresses; readonly expires: Monotonic}>();
  /** One question at a time about a host: whoever asks meanwhile waits for the same answer. */
  readonly #asked = new Map<string, Promise<string>>();
  #loaded = false;

  constructor(options: HostNamesOptions) {
    const {config} = options;
    this.#options = options;
    this.#method = methodOf(config.HostnameResolveMethod);
    this.#rejected = config.RejectHostnameResolvePattern === '' ? null : compilePattern(config.RejectHostnameResolvePattern);
    this.#lifetime = config.ExpiryHostnameResolvesMinutes * MINUTE;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Takes over what the backend remembers. For services; a command reads single rows as it needs them. */
  async load(): Promise<void> {
    if (this.#method !== 'none') {
      for (const [host, resolved] of await this.#options.memory.allResolved()) this.#keep(host, resolved, this.#lifetime);
    }
    this.#loaded = true;
  }

  /**
   * The name a host is known by. A host that cannot be resolved stays as it is, and is tried again after a minute; so does one
   * whose resolved name matches RejectHostnameResolvePattern, and `//host`, which names no reachable server.
   *
   * @throws OrchestratorError INPUT_INVALID for an empty name and for a list of names
   */
  async resolve(host: string): Promise<string> {
    const name = spelled(host.trim());
    if (name === '' || name.includes(',')) {
      throw new OrchestratorError('INPUT_INVALID', `${JSON.stringify(host)} is not the name of one host`, {
        hint: 'give one host name or address',
      });
    }
    if (name.startsWith(DETACHED_PREFIX)) return name;
    const known = this.#fresh(name);
    if (known !== null) return known;
    const asked = this.#asked.get(name) ?? this.#ask(name).finally(() => this.#asked.delete(name));
    this.#asked.set(name, asked);
    return await asked;
  }

  /** A server we connected to as `host` calls itself `resolved` (MySQLHostnameResolveMethod): from now on so do we. */
  async learn(host: string, resolved: string): Promise<void> {
    const name = spelled(host);
    if (resolved === '' || this.#fresh(name) === resolved) return;
    this.#keep(name, resolved, this.#lifetime);
    if (this.#method !== 'none') await this.#quietly(`${name} is ${resolved}`, this.#options.memory.saveResolved(name, resolved));
  }

  /**
   * Addresses of a host, looked up at most every ten minutes and then written to the backend; both '' for `//host` and for one
   * that cannot be resolved, which is tried again after a minute.
   */
  async addresses(host: string): Promise<Addresses> {
    const known = this.#addresses.get(host);
    if (known !== undefined && known.expires > this.#now()) return known.found;
    if (host === '' || host.startsWith(DETACHED_PREFIX)) return NO_ADDRESSES;
    let found = NO_ADDRESSES;
    try {
      found = await this.#options.dns.addresses(host);
    } catch (error) {
      this.#options.onProblem?.(messageOf(error));
    }
    remember(this.#addresses, host, {found, expires: this.#now() + (found === NO_ADDRESSES ? FAILED : ADDRESSES)});
    if (found !== NO_ADDRESSES) await this.#quietly(`addresses of ${host}`, this.#options.memory.saveAddresses(host, found));
    return found;
  }

  /** What is remembered in memory now, by host. */
  remembered(): readonly Remembered[] {
    const now = this.#now();
    const alive = [...this.#cache].filter(([, entry]) => entry.expires > now);
    return alive
      .map(([host, entry]) => ({host, resolved: entry.resolved, expiresIn: entry.expires - now}))
      .sort((a, b) => (a.host < b.host ? -1 : 1));
  }

  /** Forgets what is in memory; the backend keeps its rows until they are loaded, replaced or expire. */
  reset(): void {
    this.#cache.clear();
    this.#addresses.clear();
    this.#loaded = false;
  }

  async #ask(name: string): Promise<string> {
    const stored = await this.#stored(name);
    if (stored !== null) return this.#keep(name, stored, this.#lifetime);
    let resolved: string;
    try {
      resolved = await this.#byMethod(name);
    } catch (error) {
      this.#options.onProblem?.(messageOf(error));
      return this.#keep(name, name, FAILED);
    }
    if (this.#rejected?.test(resolved) === true) return name;
    await this.learn(name, resolved);
    return resolved;
  }

  /**
   * What the backend says; null where it is not to be asked. Where names are kept as they are, a row says what a server calls
   * itself, which is better than what was typed; DNS on the other hand is asked anew rather than believed for ever.
   */
  async #stored(name: string): Promise<string | null> {
    if (this.#method === 'none' || (this.#loaded && this.#method !== 'default')) return null;
    const found = await this.#quietly(`resolved name of ${name}`, this.#options.memory.resolved(name));
    return found === undefined || found === '' ? null : found;
  }

  async #byMethod(name: string): Promise<string> {
    if (isIP(name) !== 0 || this.#method === 'none' || this.#method === 'default') return name;
    if (this.#method === 'cname') return await this.#options.dns.canonicalName(name);
    const {ipv4, ipv6} = await this.#options.dns.addresses(name);
    return ipv4 || ipv6 || name;
  }

  #fresh(name: string): string | null {
    const entry = this.#cache.get(name);
    if (entry === undefined) return null;
    if (entry.expires > this.#now()) return entry.resolved;
    this.#cache.delete(name);
    return null;
  }

  #keep(name: string, resolved: string, lifetime: Milliseconds): string {
    remember(this.#cache, name, {resolved, expires: this.#now() + lifetime});
    return resolved;
  }

  /** A backend that cannot be asked or written must not keep names from being resolved. */
  async #quietly<Answer>(about: string, work: Promise<Answer>): Promise<Answer | undefined> {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof OrchestratorError)) throw error;
      this.#options.onProblem?.(`the backend did not take part in names (${about}): ${error.message}`);
      return undefined;
    }
  }
}

/** Sets an entry, and drops the one that was set longest ago when there are too many. */
function remember<Item>(cache: Map<string, Item>, name: string, item: Item): void {
  cache.delete(name);
  cache.set(name, item);
  const [oldest] = cache.keys();
  if (cache.size > MOST_REMEMBERED && oldest !== undefined) cache.delete(oldest);
}

/** As 3.2.6: any letter case, and what is none of these keeps names as they are. */
function methodOf(text: string): 'none' | 'default' | 'cname' | 'ip' {
  const method = text.toLowerCase();
  return method === 'none' || method === 'cname' || method === 'ip' ? method : 'default';
}
