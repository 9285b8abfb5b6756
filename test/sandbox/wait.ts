import {setTimeout as sleep} from 'node:timers/promises';

const STEP = 20;

export interface Waiting {
  /** Milliseconds, 60,000 unless given: far more than anything takes, on a machine that tests much at once. */
  readonly within?: number;
}

/**
 * Asks again and again until the condition holds. A condition that throws counts as not yet, so it may ask a server that is still down.
 * @returns the first true-like answer
 * @throws Error that says what was awaited, for how long, and the last answer or error
 */
export async function waitFor<T>(
  description: string,
  condition: () => Promise<T> | T,
  {within = 60_000}: Waiting = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + within;
  let last = '';
  for (;;) {
    const left = deadline - performance.now();
    if (left <= 0) throw new Error(`Not within ${within} ms: ${description}${last && ` (${last})`}`);
    try {
      const answer = await bounded(condition, left);
      if (answer) return answer;
      last = `last answer: ${JSON.stringify(answer)}`;
    } catch (error) {
      last = `last error: ${error instanceof Error ? error.message : String(error)}`;
    }
    await sleep(STEP);
  }
}

/** A condition that hangs must not outlast the wait. */
async function bounded<T>(condition: () => Promise<T> | T, milliseconds: number): Promise<T> {
  const stop = new AbortController();
  const late = sleep(milliseconds, undefined, {signal: stop.signal}).then(
    () => {
      throw new Error('the condition itself did not answer');
    },
    () => undefined as never,
  );
  try {
    return await Promise.race([Promise.resolve(condition()), late]);
  } finally {
    stop.abort();
  }
}
