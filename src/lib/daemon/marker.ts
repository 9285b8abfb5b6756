import type {Config} from '../config/keys.ts';
import type {Log} from '../coordination/keep-renewing.ts';
import {isCode, messageOf} from '../errors/errors.ts';
import type {Prober} from '../execute/eyes/prober.ts';
import type {Instance} from '../model/instance.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Milliseconds, Monotonic} from '../model/units.ts';
import {sourcesToMark} from '../plan/pseudo-gtid/sources.ts';

/** Between two entries of one source, and how long a source is left alone after a failure, and without the privilege. */
export const MARK_EACH: Milliseconds = 5_000;
const PAUSE: Milliseconds = 20_000;
const PAUSE_IF_DENIED: Milliseconds = 60_000;
/** How often it is written down that entries are written to a cluster. */
const NOTE_EACH: Milliseconds = 60_000;

export interface MarkerOptions {
  readonly config: Pick<Config, 'AutoPseudoGTID'>;
  readonly prober: Prober;
  readonly log: Log;
  /** Leading, by our own clock, now. */
  isLeader(): boolean;
  isLost(instance: Instance): boolean;
  /** Of these, whom somebody is changing just now: their names, and those of the clusters that are being changed. */
  locked(keys: readonly InstanceKey[]): Promise<ReadonlySet<string>>;
  inject(key: InstanceKey, mayStill: () => boolean): Promise<boolean>;
  note(clusters: readonly string[]): Promise<void>;
  /** Clusters to which entries were written of late. */
  marked(): Promise<ReadonlySet<string>>;
}

/** Writes a Pseudo-GTID entry to every open source that somebody replicates from, over and over (AutoPseudoGTID). */
export class Marker {
  readonly #options: MarkerOptions;
  readonly #notBefore = new Map<string, Monotonic>();
  readonly #said = new Map<string, string>();
  readonly #noted = new Map<string, Monotonic>();

  constructor(options: MarkerOptions) {
    this.#options = options;
  }

  /** Instances use Pseudo-GTID where entries were written to their cluster; nobody else can tell. */
  async begin(): Promise<void> {
    const {config, prober, marked} = this.#options;
    if (config.AutoPseudoGTID) prober.model.markedBy(await marked());
  }

  async round(): Promise<void> {
    const {config, prober, isLost, locked} = this.#options;
    if (!config.AutoPseudoGTID) return;
    const {model} = prober;
    const due = sourcesToMark(model.topology(), {isFresh: ({key}) => model.probedAt(key) !== null, isLost}).filter((one) =>
      this.#isDue(one),
    );
    if (due.length > 0) {
      const busy = await locked(due.map(({key}) => key));
      const written = await Promise.all(
        due.filter(({key, cluster}) => !busy.has(keyText(key)) && !busy.has(cluster.name)).map((one) => this.#mark(one)),
      );
      await this.#note(written.flatMap((cluster) => cluster ?? []));
    }
    await this.begin();
  }

  #isDue({key}: Instance): boolean {
    return performance.now() >= (this.#notBefore.get(keyText(key)) ?? 0);
  }

  /** @returns the cluster, where an entry was written */
  async #mark({key, cluster}: Instance): Promise<string | null> {
    const {inject, isLeader, log} = this.#options;
    const name = keyText(key);
    try {
      const written = await inject(key, isLeader);
      this.#said.delete(name);
      return written ? cluster.name : null;
    } catch (error) {
      const denied = isCode(error, 'SERVER_ACCESS_DENIED');
      this.#notBefore.set(name, performance.now() + (denied ? PAUSE_IF_DENIED : PAUSE));
      const because = `no Pseudo-GTID entry can be written to ${name}: ${messageOf(error)}${denied ? ' (GRANT DROP ON `_pseudo_gtid_`.*)' : ''}`;
      if (this.#said.get(name) !== because) log('warn', because);
      this.#said.set(name, because);
      return null;
    }
  }

  async #note(clusters: readonly string[]): Promise<void> {
    const now = performance.now();
    const due = [...new Set(clusters)].filter((cluster) => now - (this.#noted.get(cluster) ?? -Infinity) >= NOTE_EACH);
    await this.#options.note(due);
    for (const cluster of due) this.#noted.set(cluster, now);
  }
}
