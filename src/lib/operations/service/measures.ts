import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Milliseconds, Seconds} from '../../model/units.ts';
import {Metrics} from './metrics/metrics.ts';

/** One probe of one server, as it went. */
export interface ProbeMeasure {
  /** When it ended, as Date.now() says. */
  readonly at: Milliseconds;
  readonly key: InstanceKey;
  /** How long the batch took to write that what was found was written in; 0 until it was. */
  readonly backend: Seconds;
  readonly instance: Seconds;
  readonly total: Seconds;
  /** Null: it answered. */
  readonly error: string | null;
}

/** How many servers were being probed, and how many were due and had to wait, at one moment. */
export interface QueueMeasure {
  readonly at: Milliseconds;
  readonly active: number;
  readonly queued: number;
}

/** One piece of work with the backend. */
export interface QueryMeasure {
  readonly at: Milliseconds;
  readonly wait: Seconds;
  readonly execute: Seconds;
  readonly error: string | null;
}

/** One batch of probed instances written to the backend. */
export interface WriteMeasure {
  readonly at: Milliseconds;
  readonly instances: number;
  readonly wait: Seconds;
  readonly write: Seconds;
}

export interface MeasuresOptions {
  /** DiscoveryCollectionRetentionSeconds. */
  readonly retention: Seconds;
  /** DiscoveryQueueMaxStatisticsSize: samples, one a second. */
  readonly samples: number;
  /** Default: Date.now. */
  readonly now?: () => Milliseconds;
  /** Counts too, for as long as the process lives. */
  readonly metrics?: Metrics;
  /** InstancePollSeconds: a probe that takes longer counts as slow. */
  readonly poll?: Seconds;
}

/** No list grows beyond this, however busy a second was. */
const MOST = 100_000;

/** What was measured of late, in memory alone. One for a service; every list is oldest first. */
export class Measures {
  readonly #probes: Recent<ProbeMeasure>;
  readonly #queue: Recent<QueueMeasure>;
  readonly #queries: Recent<QueryMeasure>;
  readonly #writes: Recent<WriteMeasure>;
  /** The latest probe of each server, until what it found is written. */
  readonly #unwritten = new Map<string, {-readonly [Name in keyof ProbeMeasure]: ProbeMeasure[Name]}>();
  readonly #now: () => Milliseconds;
  readonly #metrics: Metrics;
  readonly #poll: Seconds;

  constructor({retention, samples, now = Date.now, metrics, poll = Infinity}: MeasuresOptions) {
    this.#metrics = metrics ?? new Metrics();
    this.#poll = poll;
    const [kept, most] = [retention * 1000, Math.max(1, samples)];
    this.#now = now;
    this.#probes = new Recent(kept, MOST);
    this.#queue = new Recent(most * 1000, most);
    this.#queries = new Recent(kept, MOST);
    this.#writes = new Recent(kept, MOST);
  }

  probed(measure: Omit<ProbeMeasure, 'at' | 'backend' | 'total'>): void {
    const probe = {at: this.#now(), ...measure, backend: 0, total: measure.instance};
    this.#probes.add(probe);
    this.#unwritten.set(keyText(probe.key), probe);
    this.#metrics.count('orchestrator_discoveries_total');
    if (measure.error !== null) this.#metrics.count('orchestrator_discovery_errors_total');
    if (probe.total > this.#poll) this.#metrics.count('orchestrator_discovery_slow_total');
    this.#metrics.observe('orchestrator_discovery_seconds', probe.total);
  }

  queued(measure: Omit<QueueMeasure, 'at'>): void {
    this.#queue.add({at: this.#now(), ...measure});
    this.#metrics.set('orchestrator_discovery_active', measure.active);
    this.#metrics.set('orchestrator_discovery_queued', measure.queued);
  }

  asked(measure: Omit<QueryMeasure, 'at'>): void {
    this.#queries.add({at: this.#now(), ...measure});
    this.#metrics.observe('orchestrator_backend_query_seconds', measure.execute);
    if (measure.error !== null) this.#metrics.count('orchestrator_backend_errors_total');
  }

  /** @param keys whose probes were in it */
  wrote({keys = [], ...measure}: Omit<WriteMeasure, 'at'> & {readonly keys?: readonly InstanceKey[]}): void {
    this.#writes.add({at: this.#now(), ...measure});
    for (const name of keys.map(keyText)) {
      const probe = this.#unwritten.get(name);
      if (probe) Object.assign(probe, {backend: measure.write, total: probe.instance + measure.write});
      this.#unwritten.delete(name);
    }
    this.#metrics.count('orchestrator_instances_written_total', {}, measure.instances);
    this.#metrics.observe('orchestrator_write_seconds', measure.write);
  }

  probes(within: Seconds): readonly ProbeMeasure[] {
    return this.#probes.since(this.#now() - within * 1000);
  }

  queue(within: Seconds): readonly QueueMeasure[] {
    return this.#queue.since(this.#now() - within * 1000);
  }

  queries(within: Seconds): readonly QueryMeasure[] {
    return this.#queries.since(this.#now() - within * 1000);
  }

  writes(within: Seconds): readonly WriteMeasure[] {
    return this.#writes.since(this.#now() - within * 1000);
  }
}

/** Items in the order of their times; old ones and those beyond a number are dropped. */
class Recent<Item extends {readonly at: Milliseconds}> {
  readonly #kept: Milliseconds;
  readonly #most: number;
  #items: Item[] = [];
  #first = 0;

  constructor(kept: Milliseconds, most: number) {
    this.#kept = kept;
    this.#most = most;
  }

  add(item: Item): void {
    this.#items.push(item);
    while (this.#items.length - this.#first > this.#most || (this.#items[this.#first]?.at ?? item.at) < item.at - this.#kept) this.#first++;
    // Moved rarely, so that adding costs the same however many there are.
    if (this.#first > 1000 && this.#first > this.#items.length / 2) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
  }

  since(time: Milliseconds): readonly Item[] {
    return this.#items.slice(this.#first).filter((item) => item.at >= time);
  }
}

/** Of a list of numbers; all 0 of an empty one. */
export interface Summary {
  readonly min: number;
  readonly mean: number;
  readonly median: number;
  /** As many as 95 of 100 are not above it. */
  readonly p95: number;
  readonly max: number;
}

export function summary(values: readonly number[]): Summary {
  if (values.length === 0) return {min: 0, mean: 0, median: 0, p95: 0, max: 0};
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? 0;
  const middle = sorted.length / 2;
  return {
    min: at(0),
    mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
    median: sorted.length % 2 === 1 ? at(Math.floor(middle)) : (at(middle - 1) + at(middle)) / 2,
    p95: at(Math.ceil(sorted.length * 0.95) - 1),
    max: at(sorted.length - 1),
  };
}

/** How many different servers these probes were of. */
export function countServers(probes: readonly ProbeMeasure[]): number {
  return new Set(probes.map(({key}) => keyText(key))).size;
}
