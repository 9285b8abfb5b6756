import type {Choice} from './choose.ts';
import type {Result} from './run.ts';

export interface Each {
  /** Somebody wants this to end, and what is played on may already be going. */
  readonly ended: AbortSignal;
  play(choice: Choice): Promise<Result>;
  /** A scenario that was played to its end, and for how long, milliseconds. */
  keep(result: Result, took: number): Promise<void>;
}

/**
 * Plays one after the other. One that is interrupted has no result: nodes and servers were taken from under it, and what it
 * then finds violated is no fault of theirs.
 */
export async function playEach(choices: readonly Choice[], {ended, play, keep}: Each): Promise<{good: number; played: number}> {
  const counts = {good: 0, played: 0};
  for (const choice of choices) {
    const began = performance.now();
    const result = await play(choice).catch((error: unknown) => {
      if (ended.aborted) return null;
      throw error;
    });
    if (result === null || ended.aborted) return counts;
    await keep(result, performance.now() - began);
    counts.played += 1;
    if (result.violations.length === 0) counts.good += 1;
  }
  return counts;
}
