import type {Milliseconds, Monotonic} from '../../model/units.ts';

/** After so long a server ends a session of ours that says nothing: between two statements of a transaction by then a leader has lost its lease. */
export const IDLE_S = 5;
/** A session that has said nothing for so long is not used any more: the server may be about to end it. */
const STALE_AFTER: Milliseconds = IDLE_S * 1000 - 1000;
/** How often a session that has nothing to say says something. */
const SAY_EACH: Milliseconds = 1500;

/**
 * Keeps one connection to a server that ends idle sessions, and can do so within transactions only by doing it everywhere. It speaks
 * between transactions, never within one; in a process that stands still nothing speaks at all.
 */
export class Wakefulness {
  readonly #timer: NodeJS.Timeout;
  #heardAt: Monotonic = performance.now();
  #running = 0;
  #asking = false;
  #inTransaction = false;

  /** @param ask says something to the server, and gives the connection up where it fails */
  constructor(ask: () => Promise<void>) {
    this.#timer = setInterval(() => {
      if (this.#running > 0 || this.#inTransaction || performance.now() - this.#heardAt < SAY_EACH) return;
      this.#asking = true;
      void this.during('', ask).finally(() => (this.#asking = false));
    }, SAY_EACH / 2).unref();
  }

  /** Whether it may be used now. */
  get awake(): boolean {
    return !this.#asking && performance.now() - this.#heardAt < STALE_AFTER;
  }

  /** Everything that the connection is asked goes through here. */
  async during<Result>(sql: string, work: () => Promise<Result>): Promise<Result> {
    if (/^BEGIN\b/i.test(sql)) this.#inTransaction = true;
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#heardAt = performance.now();
      if (/^(COMMIT|ROLLBACK)\b(?! TO)/i.test(sql)) this.#inTransaction = false;
    }
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
