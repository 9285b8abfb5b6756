import type {Milliseconds} from '../model/units.ts';
import {KnownInstances} from '../store/instances/known.ts';

/** From this age on it is read again, beside the answers. */
const FRESH_FOR: Milliseconds = 500;
/** What was written so long before a question is in its answer, whoever wrote it. */
const GOOD_FOR: Milliseconds = 1000;
/** What nobody has asked for in so long takes no room. */
const FORGET_AFTER: Milliseconds = 60_000;

export interface MemoryOptions {
  /** Default: performance.now. */
  readonly now?: () => Milliseconds;
}

/** Makes what takes the place of something as ready to be sent as that was. */
export type Ripen = (before: unknown, after: unknown) => Promise<void>;

/**
 * Remembers lists of everything for a moment, so that many who ask share one reading. An answer rests on a reading that began at most
 * a second before the question, and after every change that was made through this node.
 */
export class Memory {
  /** Rows that were read, so that only those that differ are read again. */
  readonly instances = new KnownInstances();
  readonly #now: () => Milliseconds;
  readonly #remembered = new Map<string, Remembered<unknown>>();
  #changes = 0;
  #ripen: Ripen = () => Promise.resolve();
  #idle: NodeJS.Timeout | null = null;

  constructor({now}: MemoryOptions = {}) {
    this.#now = now ?? (() => performance.now());
  }

  /** What `read` gives, or gave within the last second. */
  get<Value>(what: string, read: () => Promise<Value>): Promise<Value> {
    const known = this.#remembered.get(what) ?? this.#begin(what);
    this.#idle?.refresh();
    return known.get(read) as Promise<Value>;
  }

  /** Something was changed through this node, or may have been: what was read before is no answer any more. */
  changed(): void {
    this.#changes++;
  }

  /** What to do with a new value while the one before it still answers. */
  beforeReplacing(ripen: Ripen): void {
    this.#ripen = ripen;
  }

  #begin(what: string): Remembered<unknown> {
    const known = new Remembered({now: this.#now, changes: () => this.#changes, ripen: (before, after) => this.#ripen(before, after)});
    this.#remembered.set(what, known);
    this.#idle ??= setTimeout(() => this.#forget(), FORGET_AFTER).unref();
    return known;
  }

  #forget(): void {
    this.#idle = null;
    this.#remembered.clear();
    this.instances.forget();
  }
}

interface Circumstances {
  readonly now: () => Milliseconds;
  /** How many changes there were until now. */
  readonly changes: () => number;
  readonly ripen: Ripen;
}

interface Reading<Value> {
  /** When it began, and after which change. */
  readonly at: Milliseconds;
  readonly changes: number;
  readonly value: Promise<Value>;
}

class Remembered<Value> {
  readonly #circumstances: Circumstances;
  /** What is as ready to be sent as what was sent last. */
  #ripe: Reading<Value> | null = null;
  /** The last that began, under way or not. */
  #latest: Reading<Value> | null = null;
  /** One that begins when the last has ended. */
  #next: Promise<Value> | null = null;

  constructor(circumstances: Circumstances) {
    this.#circumstances = circumstances;
  }

  get(read: () => Promise<Value>): Promise<Value> {
    const ripe = this.#within(this.#ripe, GOOD_FOR);
    const latest = this.#within(this.#latest, ripe ? FRESH_FOR : GOOD_FOR);
    const fresh = latest?.value ?? this.#queue(read);
    if (!ripe) return fresh;
    fresh.catch(nothing); // those who come to need it are told
    return ripe.value;
  }

  #within(reading: Reading<Value> | null, age: Milliseconds): Reading<Value> | null {
    const {now, changes} = this.#circumstances;
    return reading?.changes === changes() && now() - reading.at < age ? reading : null;
  }

  /** One at a time; all who ask before it begins share it. */
  #queue(read: () => Promise<Value>): Promise<Value> {
    this.#next ??= this.#afterLast(read);
    return this.#next;
  }

  async #afterLast(read: () => Promise<Value>): Promise<Value> {
    await this.#latest?.value.then(nothing, nothing);
    this.#next = null;
    const {now, changes} = this.#circumstances;
    const reading: Reading<Value> = {at: now(), changes: changes(), value: read()};
    this.#latest = reading;
    reading.value.then(
      () => this.#ripen(reading),
      () => void (this.#latest === reading && (this.#latest = null)),
    );
    return reading.value;
  }

  async #ripen(reading: Reading<Value>): Promise<void> {
    const before = this.#ripe;
    // whoever is to send it finds out again what is wrong with it
    if (before) await this.#circumstances.ripen(await before.value, await reading.value).catch(nothing);
    if (reading.at >= (this.#ripe?.at ?? -Infinity)) this.#ripe = reading;
  }
}

function nothing(): void {}
