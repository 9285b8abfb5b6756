import {observeLocks, type LockObservations} from '../coordination/lock/rows.ts';
import type {Timing} from '../coordination/timing.ts';
import type {Backend} from '../store/backend.ts';

/**
 * Watches all locks, whoever leads: a node that is elected knows already which of them stand still, and need not begin to look then.
 * Only the leader acts on it.
 */
export class LockWatch {
  readonly #backend: Backend;
  readonly #timing: Timing;
  #seen: LockObservations = new Map();

  constructor(backend: Backend, timing: Timing) {
    this.#backend = backend;
    this.#timing = timing;
  }

  /** @throws OrchestratorError BACKEND_*; what was seen before still counts then */
  async look(): Promise<LockObservations> {
    this.#seen = await observeLocks(this.#backend, this.#seen, this.#timing);
    return this.#seen;
  }
}
