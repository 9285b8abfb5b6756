import type {Instance} from '../../model/instance.ts';
import type {InstanceKey} from '../../model/instance-key.ts';
import type {ProbeOutcome} from '../../probe/outcome.ts';
import type {Backend} from '../../store/backend.ts';
import {markUnreachable, upsertInstances, type SeenInstance, type UnreachableInstance} from '../../store/instances.ts';

/** Writes what was probed to the backend, many rows at once. */
export class Publisher {
  readonly #backend: Backend;
  #seen: SeenInstance[] = [];
  #failed: UnreachableInstance[] = [];

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  note(instance: Instance, outcome: ProbeOutcome): void {
    if (outcome.ok) this.#seen.push({instance, startedAt: outcome.startedAt});
    else this.noteFailure(instance.key, outcome);
  }

  noteFailure(key: InstanceKey, outcome: ProbeOutcome): void {
    if (outcome.ok || outcome.unreachable.reach === 'never-tried') return;
    const {reach, errno} = outcome.unreachable;
    this.#failed.push({key, reach, errno, partial: outcome.partial, startedAt: outcome.startedAt});
  }

  /** Writes all that was noted; what could not be written is dropped, since the next probe says it again. */
  async flush(): Promise<void> {
    const [seen, failed] = [this.#seen, this.#failed];
    if (seen.length + failed.length === 0) return;
    this.#seen = [];
    this.#failed = [];
    await upsertInstances(this.#backend, seen);
    await markUnreachable(this.#backend, failed);
  }
}
