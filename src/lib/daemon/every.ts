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

/** Repeats a round; the next begins a period after the last began, never while one is under way. */
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
        if (!stopped) timer = setTimeout(next, Math.max(0, period - (performance.now() - began)));
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
