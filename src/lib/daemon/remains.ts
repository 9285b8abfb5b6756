import type {Config} from '../config/keys.ts';
import type {Milliseconds, Monotonic} from '../model/units.ts';
import type {Backend} from '../store/backend.ts';
import {openBackend} from '../store/open.ts';

/** A time in which this node cannot write to the backend. */
export interface Outage {
  /** Since the last write that went through. */
  readonly lasts: Milliseconds;
  /** What can be read meanwhile, as it was; the same each time. Throws as `openBackend` where nothing can be read either. */
  backend(): Promise<Backend>;
}

/** Who asks waits for the answer, and nobody knows how the database node is. */
const BRIEFLY = {pool: 4, queryTimeout: 5000, connectTimeout: 1000, purpose: 'reads without a majority'};

/** What a database node still has to tell while nothing can be written to it. Opened when it is first needed. */
export class Remains {
  readonly #config: Config;
  #opened: Promise<Backend> | null = null;

  constructor(config: Config) {
    this.#config = config;
  }

  /** @param since when the last write went through; null: they go through */
  outage(since: Monotonic | null): Outage | null {
    return since === null ? null : {lasts: performance.now() - since, backend: () => this.#backend()};
  }

  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => null); // who asked has been told
    await opened?.close();
  }

  #backend(): Promise<Backend> {
    if (this.#opened) return this.#opened;
    const opening = openBackend(this.#config, {...BRIEFLY, stale: 'always'});
    this.#opened = opening;
    opening.catch(() => (this.#opened = null));
    return opening;
  }
}
