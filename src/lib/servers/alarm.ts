import type {Milliseconds} from '../model/units.ts';

/** Later than this, and it was this process that did not run, not the server that did not answer. */
const OURS: Milliseconds = 50;

/**
 * Calls `act` when the time is up. Answers that came in while this process could not run are read first: after a stall of ours
 * the time lost is given back, once, so that a busy moment here is not taken for a dead server there.
 *
 * @returns a function that calls it off
 */
export function alarm(timeout: Milliseconds, act: () => void): () => void {
  const due = performance.now() + timeout;
  let immediate: NodeJS.Immediate | undefined;
  let timer = setTimeout(ring, timeout);
  function ring(): void {
    const late = performance.now() - due;
    if (late < OURS) immediate = setImmediate(act);
    else timer = setTimeout(() => (immediate = setImmediate(act)), Math.min(late, timeout));
  }
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}
