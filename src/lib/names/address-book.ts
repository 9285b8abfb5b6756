import {lookup as systemLookup} from 'node:dns/promises';
import type {LookupFunction} from 'node:net';
import {callbackify} from 'node:util';
import type {Milliseconds} from '../model/units.ts';
import {codeOf, nameServers, type Address} from './name-servers.ts';

/** Asks for all addresses of a host. */
type Ask = (host: string) => Promise<readonly Address[]>;

export interface AddressBookOptions {
  /** The system's own way: /etc/hosts, name servers and whatever else nsswitch.conf(5) names. Default: getaddrinfo(3). */
  readonly system?: Ask;
  /** The way that takes no thread; answers none where nobody knows the host. Default: `nameServers`. */
  readonly direct?: Ask;
  /** How long the system is waited for before an address from before, or the direct way, counts. */
  readonly patience?: Milliseconds;
}

/** A name server of ours that is well answers within a few milliseconds. */
const PATIENCE: Milliseconds = 50;
/** Said by the system: the name servers did not answer, which says nothing about the name. */
const NO_ANSWER: ReadonlySet<string> = new Set(['EAI_AGAIN', 'ETIMEDOUT', 'ETIMEOUT', 'ENOMEM', 'EAI_SYSTEM']);

/**
 * Addresses for connections, so that name servers that are slow or dead delay no connection to a host whose address is known, and names
 * that nobody answers delay no others. Each connection asks anew: an answer in time counts, also one that the host is unknown. Where
 * there is none in time, the last answer counts; the next one is awaited beside, for the next connection. One for a process.
 */
export class AddressBook {
  readonly #system: Ask;
  readonly #direct: Ask;
  readonly #patience: Milliseconds;
  readonly #known = new Map<string, readonly Address[]>();
  readonly #asked = new Map<string, Promise<readonly Address[]>>();
  readonly #askedDirectly = new Map<string, Promise<readonly Address[]>>();
  /** The system is asked for one host at a time: each question that is not answered holds a thread. */
  #queue: Promise<unknown> = Promise.resolve();
  readonly #call = callbackify((host: string) => this.find(host));

  constructor(options: AddressBookOptions = {}) {
    this.#system = options.system ?? bySystem;
    this.#direct = options.direct ?? nameServers();
    this.#patience = options.patience ?? PATIENCE;
  }

  /** As `net.connect` takes it. */
  readonly lookup: LookupFunction = (host, options, callback) => {
    this.#call(host, (error, all) => {
      if (error) return callback(error, '');
      const family = Number(String(options.family ?? 0).replace('IPv', ''));
      const found = all.filter((one) => family === 0 || one.family === family);
      const [first] = found;
      if (!first) return callback(unknown(host), '');
      if (options.all === true) callback(null, found);
      else callback(null, first.address, first.family);
    });
  };

  /** @throws the system's error: ENOTFOUND for a host nobody knows, EAI_AGAIN where no name server answers and nothing is known */
  async find(host: string): Promise<readonly Address[]> {
    const asked = this.#askSystem(host);
    const early = await within(this.#patience, asked);
    if (early.as === 'answer') return early.value;
    if (early.as === 'error' && !NO_ANSWER.has(codeOf(early.error))) throw early.error;
    const direct = this.#askDirectly(host);
    return this.#known.get(host) ?? (await Promise.any([asked, direct]).catch(() => asked));
  }

  #askSystem(host: string): Promise<readonly Address[]> {
    return once(this.#asked, host, () => {
      const asked = this.#queue.then(() => this.#noted(host, this.#system));
      this.#queue = asked.catch(() => undefined); // whoever asked is told
      return asked;
    });
  }

  #askDirectly(host: string): Promise<readonly Address[]> {
    return once(this.#askedDirectly, host, () => this.#noted(host, this.#direct));
  }

  async #noted(host: string, ask: Ask): Promise<readonly Address[]> {
    try {
      const found = await ask(host);
      if (found.length === 0) throw unknown(host);
      this.#known.set(host, found);
      return found;
    } catch (error) {
      // The system knows more sources of names than the direct way does: only its word counts for a host that is gone.
      if (ask === this.#system && !NO_ANSWER.has(codeOf(error))) this.#known.delete(host);
      throw error;
    }
  }
}

/** One question at a time about a host: whoever asks meanwhile waits for the same answer. */
function once(running: Map<string, Promise<readonly Address[]>>, host: string, ask: () => Promise<readonly Address[]>) {
  const known = running.get(host);
  if (known) return known;
  const asked = ask().finally(() => running.delete(host));
  asked.catch(() => undefined); // it may be that nobody waits for it any more
  running.set(host, asked);
  return asked;
}

type Early<Value> =
  {readonly as: 'answer'; readonly value: Value} | {readonly as: 'error'; readonly error: unknown} | {readonly as: 'late'};

function within<Value>(patience: Milliseconds, asked: Promise<Value>): Promise<Early<Value>> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve({as: 'late'}), patience);
    const settle = (early: Early<Value>): void => {
      clearTimeout(timer);
      resolve(early);
    };
    asked.then(
      (value) => settle({as: 'answer', value}),
      (error: unknown) => settle({as: 'error', error}),
    );
  });
}

async function bySystem(host: string): Promise<readonly Address[]> {
  return (await systemLookup(host, {all: true, order: 'verbatim'})).map(({address, family}) => ({address, family: family === 6 ? 6 : 4}));
}

function unknown(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`no address of ${host} is known`), {code: 'ENOTFOUND'});
}
