import {setTimeout as sleep} from 'node:timers/promises';
import type {Milliseconds} from '../../model/units.ts';
import {verdictOf} from './errors.ts';

/** Longest pause between two attempts, by what the last one died of. */
const PAUSES = {conflict: 20, 'not-now': 250, lost: 100} as const;

/**
 * Repeats `attempt` until it succeeds, fails for good, or the deadline is over; then the last error is thrown as it came.
 * Pauses grow and are random, so that those who collided do not collide again. At least one attempt is made.
 */
export async function withRetries<Result>(deadline: Milliseconds, attempt: () => Promise<Result>): Promise<Result> {
  const end = performance.now() + deadline;
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      const verdict = verdictOf(error);
      if (verdict === 'final') throw error;
      const pause = Math.random() * Math.min(PAUSES[verdict], 2 ** (tries + 1));
      if (performance.now() + pause >= end) throw error;
      await sleep(pause);
    }
  }
}
