import {messageOf} from './lib/errors/errors.ts';
import type {Measures} from './lib/operations/service/measures.ts';
import type {Backend} from './lib/store/backend.ts';

/** The same backend, each piece of whose work is measured, repeated attempts included. */
export function measured(backend: Backend, measures: Measures): Backend {
  const timed = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    const began = performance.now();
    const note = (error: string | null): void => measures.asked({wait: 0, execute: (performance.now() - began) / 1000, error});
    try {
      const result = await work();
      note(null);
      return result;
    } catch (error) {
      note(messageOf(error));
      throw error;
    }
  };
  return {
    ...backend,
    run: (work, options) => timed(() => backend.run(work, options)),
    transaction: (work, options) => timed(() => backend.transaction(work, options)),
  };
}
