import type {Milliseconds} from '../model/units.ts';

/** Something that goes on until it is stopped. */
export interface Running {
  /** Resolves when the round under way has ended; no other begins. */
  stop(): Promise<void>;
}

export interface EveryOptions {
  readonly period: Milliseconds;
  /** A round that throws does not end the loop; this hears of it. */
  onError(error: unknown): void;
}

/** A timer may fire that much early; it must not fire for the same turn again. */
const EARLY: Milliseconds = 2;

/**
 * Repeats a round: at once, then whenever this process's clock is at a multiple of the period, never while one is under way. So the
 * loops of a service wake the processor together instead of each by itself.
 */
export function every(round: () => Promise<void> | void, {period, onError}: EveryOptions): Running {
  let timer: NodeJS.Timeout | null = null;
  let stopped = false;
  let current: Promise<void> = Promise.resolve();
  const next = () => {
    const began = performance.now();
    current = Promise.resolve()
      .then(round)
      .catch(onError)
      .then(() => {
        const due = (Math.floor((began + EARLY) / period) + 1) * period;
        if (!stopped) timer = setTimeout(next, Math.max(0, due - performance.now()));
      });
  };
  next();
  return {
    async stop() {
      stopped = true;
      if (timer) clearTimeout(timer);
      await current;
    },
  };
}
