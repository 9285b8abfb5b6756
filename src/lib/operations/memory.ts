import {setTimeout as sleep} from 'node:timers/promises';
import type {Milliseconds} from '../model/units.ts';

/** Some of what is remembered grows older by itself ("seconds since"): it is read again, beside the answers, from this age on. */
const FRESH_FOR: Milliseconds = 1000;
/** Older than this it is no answer. */
const GOOD_FOR: Milliseconds = 2000;
/** Looks at the version begin no closer than this, however many ask. */
const BETWEEN_LOOKS: Milliseconds = 10;

export interface MemoryOptions {
  /** What stays the same for as long as nothing that is remembered has changed; null: not known, so nothing is remembered. */
  version(): Promise<string | null>;
  /** Default: performance.now. */
  readonly now?: () => Milliseconds;
}

interface Kept {
  readonly version: string;
  readonly at: Milliseconds;
  readonly value: Promise<unknown>;
}

/**
 * Remembers what was read from the backend for as long as it is what would be read again: each answer rests on a look at the
 * version that began after it was asked for, one look for all who ask meanwhile. So whoever has written, wherever, sees it.
 */
export class Memory {
  readonly #options: MemoryOptions;
  readonly #now: () => Milliseconds;
  readonly #kept = new Map<string, Kept>();
  readonly #reading = new Map<string, Kept>();
  /** A look that has not begun yet. */
  #next: Promise<string | null> | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #began = -Infinity;

  constructor(options: MemoryOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** What `read` would give, the same object for as long as it would be equal but for its age. */
  async get<Value>(what: string, read: () => Promise<Value>): Promise<Value> {
    const version = await this.#version();
    if (version === null) return read();
    const kept = this.#kept.get(what);
    const age = kept?.version === version ? this.#now() - kept.at : Infinity;
    if (kept && age < FRESH_FOR) return kept.value as Promise<Value>;
    const fresh = this.#read(what, version, read);
    return kept && age < GOOD_FOR ? (kept.value as Promise<Value>) : fresh;
  }

  /** Whoever wants the same of the same version meanwhile joins in. */
  #read<Value>(what: string, version: string, read: () => Promise<Value>): Promise<Value> {
    const other = this.#reading.get(what);
    if (other?.version === version) return other.value as Promise<Value>;
    const mine: Kept = {version, at: this.#now(), value: read()};
    this.#reading.set(what, mine);
    const over = (): void => void (this.#reading.get(what) === mine && this.#reading.delete(what));
    mine.value.then(
      () => {
        if ((this.#kept.get(what)?.at ?? -Infinity) <= mine.at) this.#kept.set(what, mine);
        over();
      },
      over, // those who wait for it are told
    );
    return mine.value as Promise<Value>;
  }

  #version(): Promise<string | null> {
    this.#next ??= this.#look(this.#last);
    return this.#next;
  }

  async #look(last: Promise<unknown>): Promise<string | null> {
    await last;
    const early = this.#began + BETWEEN_LOOKS - this.#now();
    if (early > 0) await sleep(early);
    this.#next = null;
    this.#began = this.#now();
    const looking = this.#options.version();
    this.#last = looking.then(nothing, nothing);
    return looking;
  }
}

function nothing(): void {}
