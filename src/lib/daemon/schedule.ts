import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Milliseconds, Monotonic} from '../model/units.ts';

/** A dead server is asked ever more rarely, up to this. */
export const SLOWEST: Milliseconds = 60_000;
/** A dead server that others replicate from keeps being asked often: its return matters. */
const DOUBLINGS_OF_A_SOURCE = 1;
/** One that was replaced is closed as soon as it is back, so it is asked so often while it does not answer. */
const WHILE_AWAITED: Milliseconds = 1000;

/** Each kind has its own: a server that does not answer takes a whole timeout, and keeps nobody of another kind waiting. */
type Room = 'live' | 'dead' | 'awaited';

interface Entry {
  readonly key: InstanceKey;
  dueAt: Monotonic;
  failures: number;
  /** It was replaced and does not answer. */
  awaited: boolean;
  /** Where it is being probed. */
  busyIn: Room | null;
}

export interface ScheduleOptions {
  readonly poll: Milliseconds;
  /** How many live servers may be probed at once. */
  readonly concurrency: number;
  /**
   * How many servers that failed last time may be probed at once, and as many again of those that are awaited: they cost a whole
   * timeout each, and never delay live ones.
   */
  readonly slowConcurrency: number;
}

/** Decides which servers are due. Holds no timer: the caller says what time it is. */
export class Schedule {
  readonly #entries = new Map<string, Entry>();
  readonly #options: ScheduleOptions;
  readonly #busy: Record<Room, number> = {live: 0, dead: 0, awaited: 0};

  constructor(options: ScheduleOptions) {
    this.#options = options;
  }

  /** Makes a server due now; one that is known already keeps its turn. */
  add(key: InstanceKey, now: Monotonic): void {
    const name = keyText(key);
    if (!this.#entries.has(name)) this.#entries.set(name, {key, dueAt: now, failures: 0, awaited: false, busyIn: null});
  }

  remove(key: InstanceKey): void {
    const busyIn = this.#entries.get(keyText(key))?.busyIn;
    if (busyIn) this.#busy[busyIn] -= 1;
    this.#entries.delete(keyText(key));
  }

  /** Says which servers were replaced and do not answer: they, and no others, are asked each second until they do. */
  await(keys: readonly InstanceKey[], now: Monotonic): void {
    const names = new Set(keys.map(keyText));
    for (const entry of this.#entries.values()) if (!names.has(keyText(entry.key))) entry.awaited = false;
    for (const name of names) {
      const entry = this.#entries.get(name);
      if (!entry) continue;
      entry.awaited = true;
      entry.dueAt = Math.min(entry.dueAt, now + WHILE_AWAITED);
    }
  }

  has(key: InstanceKey): boolean {
    return this.#entries.has(keyText(key));
  }

  /** Servers to probe now; each counts as busy until `ended`. */
  take(now: Monotonic): readonly InstanceKey[] {
    const taken: InstanceKey[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.busyIn || entry.dueAt > now) continue;
      const room = roomOf(entry);
      if (this.#busy[room] >= this.#sizeOf(room)) continue;
      entry.busyIn = room;
      this.#busy[room] += 1;
      taken.push(entry.key);
    }
    return taken;
  }

  /** A probe has ended; `matters` = others replicate from that server. */
  ended(key: InstanceKey, {ok, matters, now}: {readonly ok: boolean; readonly matters: boolean; readonly now: Monotonic}): void {
    const entry = this.#entries.get(keyText(key));
    if (!entry?.busyIn) return;
    this.#busy[entry.busyIn] -= 1;
    entry.busyIn = null;
    entry.failures = ok ? 0 : entry.failures + 1;
    if (ok) entry.awaited = false;
    entry.dueAt = now + (entry.awaited ? WHILE_AWAITED : this.#pauseAfter(entry.failures, matters));
  }

  /** Servers being probed now, and those that are due and have to wait. */
  load(now: Monotonic): {readonly active: number; readonly queued: number} {
    const waiting = [...this.#entries.values()].filter((entry) => !entry.busyIn && entry.dueAt <= now);
    return {active: this.#busy.live + this.#busy.dead + this.#busy.awaited, queued: waiting.length};
  }

  get size(): number {
    return this.#entries.size;
  }

  #pauseAfter(failures: number, matters: boolean): Milliseconds {
    const {poll} = this.#options;
    const doublings = matters ? Math.min(failures, DOUBLINGS_OF_A_SOURCE) : failures;
    return Math.min(Math.max(SLOWEST, poll), poll * 2 ** doublings);
  }

  #sizeOf(room: Room): number {
    return room === 'live' ? this.#options.concurrency : this.#options.slowConcurrency;
  }
}

function roomOf({awaited, failures}: Entry): Room {
  if (awaited) return 'awaited';
  return failures > 0 ? 'dead' : 'live';
}
