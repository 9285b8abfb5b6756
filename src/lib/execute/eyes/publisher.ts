import type {Instance} from '../../model/instance.ts';
import type {InstanceKey} from '../../model/instance-key.ts';
import type {Monotonic, Seconds} from '../../model/units.ts';
import type {ProbeOutcome} from '../../probe/outcome.ts';
import type {Backend} from '../../store/backend.ts';
import {LastWritten, markUnreachable, upsertInstances, type SeenInstance, type UnreachableInstance} from '../../store/instances.ts';

/** One batch that was written: how long the first of it had waited, and how long writing took. */
export interface Flushed {
  readonly instances: number;
  readonly keys: readonly InstanceKey[];
  readonly wait: Seconds;
  readonly write: Seconds;
}

export interface PublisherOptions {
  readonly backend: Backend;
  /** What the model says now. */
  now(key: InstanceKey): Instance | undefined;
  readonly onFlushed?: (flushed: Flushed) => void;
}

/**
 * Writes what was probed to the backend, many rows at once. An instance's place in its cluster is written as it is known by then: one
 * that was probed before what it replicates from was not placed yet.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #last = new LastWritten();
  #since: Monotonic | null = null;
  #seen: SeenInstance[] = [];
  #failed: UnreachableInstance[] = [];

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  note(instance: Instance, outcome: ProbeOutcome): void {
    this.#since ??= performance.now();
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
    const {backend, now, onFlushed} = this.#options;
    const placed = ({instance, startedAt}: SeenInstance): SeenInstance => ({
      instance: {...instance, cluster: now(instance.key)?.cluster ?? instance.cluster},
      startedAt,
    });
    const [seen, failed] = [this.#seen.map(placed), this.#failed];
    if (seen.length + failed.length === 0) return;
    this.#seen = [];
    this.#failed = [];
    const [began, since] = [performance.now(), this.#since];
    this.#since = null;
    await upsertInstances(backend, seen, this.#last);
    await markUnreachable(backend, failed);
    const wait = (began - (since ?? began)) / 1000;
    const keys = [...seen.map(({instance}) => instance.key), ...failed.map(({key}) => key)];
    onFlushed?.({instances: keys.length, keys, wait, write: (performance.now() - began) / 1000});
  }
}
