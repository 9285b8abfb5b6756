import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Milliseconds, Monotonic} from '../model/units.ts';

/** A dead server is asked ever more rarely, up to this. */
export const SLOWEST: Milliseconds = 60_000;
/** A dead server that others replicate from keeps being asked often: its return matters. */
const DOUBLINGS_OF_A_SOURCE = 1;

interface Entry {
  readonly key: InstanceKey;
  dueAt: Monotonic;
  failures: number;
  busy: boolean;
}

export interface ScheduleOptions {
  readonly poll: Milliseconds;
  /** How many live servers may be probed at once. */
  readonly concurrency: number;
  /** How many servers that failed last time may be probed at once: they cost a whole timeout each, and never delay live ones. */
  readonly slowConcurrency: number;
}

/** Decides which servers are due. Holds no timer: the caller says what time it is. */
export class Schedule {
  readonly #entries = new Map<string, Entry>();
  readonly #options: ScheduleOptions;
  #busy = 0;
  #slowBusy = 0;

  constructor(options: ScheduleOptions) {
    this.#options = options;
  }

  /** Makes a server due now; one that is known already keeps its turn. */
  add(key: InstanceKey, now: Monotonic): void {
    const name = keyText(key);
    if (!this.#entries.has(name)) this.#entries.set(name, {key, dueAt: now, failures: 0, busy: false});
  }

  remove(key: InstanceKey): void {
    this.#entries.delete(keyText(key));
  }

  /** Empties it, for a new term. */
  clear(): void {
    this.#entries.clear();
    this.#busy = 0;
    this.#slowBusy = 0;
  }

  has(key: InstanceKey): boolean {
    return this.#entries.has(keyText(key));
  }

  /** Servers to probe now; each counts as busy until `ended`. */
  take(now: Monotonic): readonly InstanceKey[] {
    const taken: InstanceKey[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.busy || entry.dueAt > now || !this.#hasRoom(entry)) continue;
      entry.busy = true;
      if (entry.failures > 0) this.#slowBusy += 1;
      else this.#busy += 1;
      taken.push(entry.key);
    }
    return taken;
  }

  /** A probe has ended; `matters` = others replicate from that server. */
  ended(key: InstanceKey, {ok, matters, now}: {readonly ok: boolean; readonly matters: boolean; readonly now: Monotonic}): void {
    const entry = this.#entries.get(keyText(key));
    if (!entry?.busy) return;
    if (entry.failures > 0) this.#slowBusy = Math.max(0, this.#slowBusy - 1);
    else this.#busy = Math.max(0, this.#busy - 1);
    entry.busy = false;
    entry.failures = ok ? 0 : entry.failures + 1;
    const doublings = matters ? Math.min(entry.failures, DOUBLINGS_OF_A_SOURCE) : entry.failures;
    entry.dueAt = now + Math.min(Math.max(SLOWEST, this.#options.poll), this.#options.poll * 2 ** doublings);
  }

  /** Servers being probed now, and those that are due and have to wait. */
  load(now: Monotonic): {readonly active: number; readonly queued: number} {
    const waiting = [...this.#entries.values()].filter((entry) => !entry.busy && entry.dueAt <= now);
    return {active: this.#busy + this.#slowBusy, queued: waiting.length};
  }

  get size(): number {
    return this.#entries.size;
  }

  #hasRoom(entry: Entry): boolean {
    return entry.failures > 0 ? this.#slowBusy < this.#options.slowConcurrency : this.#busy < this.#options.concurrency;
  }
}
