import type {Milliseconds} from '../../model/units.ts';
import type {Io} from './program.ts';

/** A command that is over sooner needs no word. */
const WORTH_SAYING: Milliseconds = 1000;
const EACH: Milliseconds = 1000;

/**
 * Tells a person at a terminal that a command is still at work, and for how long, in one line that goes away again.
 *
 * @returns what ends it
 */
export function startProgress({status}: Pick<Io, 'status'>, name: string, every: Milliseconds = EACH): () => void {
  if (!status) return () => undefined;
  const began = performance.now();
  let timer = setTimeout(tell, Math.min(WORTH_SAYING, every)).unref();
  function tell(): void {
    status?.(`${name}: ${Math.round((performance.now() - began) / 1000)} s`);
    timer = setTimeout(tell, every).unref();
  }
  return () => {
    clearTimeout(timer);
    status('');
  };
}
