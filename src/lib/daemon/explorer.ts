import {instanceFilter} from '../config/filters.ts';
import type {Config} from '../config/keys.ts';
import type {Log} from '../coordination/keep-renewing.ts';
import {messageOf} from '../errors/errors.ts';
import type {Instance} from '../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../model/instance-key.ts';
import {neighbours} from '../probe/live-model.ts';
import type {Backend, Work} from '../store/backend.ts';
import {LOST_IN_RECOVERY} from '../model/lost.ts';
import {allKeys, dropPlaceholder, keptOut, readInstances, writeClusterFacts} from '../store/instances.ts';
import type {Prober} from '../execute/eyes/prober.ts';
import type {Measures} from '../operations/service/measures.ts';
import {Schedule} from './schedule.ts';
import type {Troubles} from './troubles.ts';

export interface ExplorerOptions {
  readonly backend: Backend;
  readonly config: Config;
  readonly prober: Prober;
  readonly log: Log;
  readonly measures?: Measures;
  readonly troubles: Troubles;
  /** A server that answered before did not answer now. */
  onUnreachable(key: InstanceKey): void;
}

/** Keeps probing what is known, finds what it leads to, and follows what others put into the backend or take out of it. */
export class Explorer {
  readonly #options: ExplorerOptions;
  readonly #schedule: Schedule;
  /** Keys the backend had when it was last read: one that is gone since was forgotten by somebody. */
  #published: ReadonlySet<string> = new Set();
  /** What was forgotten a moment ago: nothing leads to it. */
  #keptOut: ReadonlySet<string> = new Set();
  /** Keys that the backend has, of servers that call themselves otherwise. */
  readonly #otherNames = new Map<string, InstanceKey>();
  /** Known at the start of the term and not probed in it yet; null: not begun. */
  #notYetProbed: Set<string> | null = null;
  readonly #isIgnored: (key: InstanceKey) => boolean;
  readonly #isIgnoredSource: (key: InstanceKey) => boolean;

  constructor(options: ExplorerOptions) {
    const {config} = options;
    this.#options = options;
    this.#isIgnored = instanceFilter(config.DiscoveryIgnoreHostnameFilters);
    this.#isIgnoredSource = instanceFilter(config.DiscoveryIgnoreMasterHostnameFilters);
    this.#schedule = new Schedule({
      poll: config.InstancePollSeconds * 1000,
      concurrency: config.DiscoveryMaxConcurrency,
      slowConcurrency: Math.max(4, Math.floor(config.DiscoveryMaxConcurrency / 10)),
    });
  }

  /** Starts a term: all that the backend knows is due now, and counts as not probed. */
  async begin(): Promise<void> {
    const {backend, config, prober} = this.#options;
    const rows = await readInstances(backend, config);
    prober.model.begin(rows);
    this.#keptOut = new Set((await keptOut(backend)).map(keyText));
    this.#published = new Set(rows.map(({key}) => keyText(key)));
    for (const {key} of rows) this.#add(key);
    this.#notYetProbed = new Set(rows.filter(({key}) => this.#schedule.has(key)).map(({key}) => keyText(key)));
  }

  /** Whether all that was known when the term began was probed in it, with whatever outcome. */
  hasLookedAround(): boolean {
    return this.#notYetProbed?.size === 0;
  }

  /** Notes how busy it is. */
  measure(): void {
    this.#options.measures?.queued(this.#schedule.load(performance.now()));
  }

  /** Starts the probes that are due. Does not wait for them. */
  tick(): void {
    for (const key of this.#schedule.take(performance.now())) void this.#visit(key);
  }

  /** Follows the backend: learns what was discovered elsewhere, drops what was forgotten. */
  async follow(): Promise<void> {
    const {backend, config, prober} = this.#options;
    const keys = await allKeys(backend);
    const forgotten = await keptOut(backend);
    this.#keptOut = new Set(forgotten.map(keyText));
    const now = new Set(keys.map(keyText));
    const unknown = keys.filter((key) => !this.#schedule.has(key) && !this.#isIgnored(key));
    if (unknown.length > 0) {
      for (const instance of await readInstances(backend, config, {keys: unknown})) prober.model.learn(instance);
      for (const key of unknown) this.#add(key);
    }
    for (const key of prober.model.keys()) if (this.#published.has(keyText(key)) && !now.has(keyText(key))) this.forget(key);
    for (const key of forgotten) this.forget(key); // what was found of it by probes that were under way, too
    for (const [name, key] of this.#otherNames) {
      if (now.has(name)) continue;
      this.#otherNames.delete(name);
      this.#schedule.remove(key);
    }
    this.#published = now;
    this.#awaitTheLost();
  }

  /** Publishes where instances stand that cannot be probed: the cluster above them may have moved. */
  async placeUnreachable(mayWrite: (work: Work) => Promise<boolean>): Promise<void> {
    const {backend, prober} = this.#options;
    await writeClusterFacts(
      backend,
      prober.model.topology().instances.filter(({check}) => !check.valid && check.reach !== 'never-tried'),
      mayWrite,
    );
  }

  /** Stops looking at a server. */
  forget(key: InstanceKey): void {
    this.#options.prober.model.forget(key);
    this.#options.prober.disconnect(key);
    this.#options.troubles.forget(key);
    this.#schedule.remove(key);
    this.#notYetProbed?.delete(keyText(key));
  }

  /** One that was replaced is to be closed as soon as it is back. */
  #awaitTheLost(): void {
    const lost = this.#options.prober.model.topology().instances.filter(({wishes}) => wishes.downtime?.reason === LOST_IN_RECOVERY);
    const gone = lost.filter(({check}) => !check.valid);
    this.#schedule.await(
      gone.map(({key}) => key),
      performance.now(),
    );
  }

  #add(key: InstanceKey): void {
    if (!this.#isIgnored(key) && !this.#keptOut.has(keyText(key))) this.#schedule.add(key, performance.now());
  }

  /** A source that was found dead before its replicas were probed in this term waits for nothing but the last of them. */
  #askAboutSource({replication}: Instance): void {
    const {model} = this.#options.prober;
    const source = replication?.source && model.get(replication.source);
    if (source && !source.check.valid && model.probedAt(source.key) !== null) this.#options.onUnreachable(source.key);
  }

  /** People are to know before it matters. */
  #tellNamesakes(key: InstanceKey): void {
    const [other] = this.#options.prober.model.namesakesOf(key);
    if (!other) return;
    const names = [key, other.key].map(keyText).sort().join(' and ');
    this.#options.log('warn', `${names} are one server: where replicas follow it under both names it is not recovered automatically`);
  }

  #tellOtherChannels({key, otherChannels, replication}: Instance): void {
    if (otherChannels.length === 0) return;
    const managed = replication ? 'only its default channel is managed' : 'it counts as a source, and is never opened by itself';
    this.#options.log('warn', `${keyText(key)} replicates through channels that are not managed (${otherChannels.join(', ')}): ${managed}`);
  }

  /** Its other name stays on the list while the backend has a row of it, and is looked at no more often than any. */
  async #isNamed(own: InstanceKey, asked: InstanceKey): Promise<void> {
    this.#otherNames.set(keyText(asked), asked);
    this.#add(own);
    try {
      await dropPlaceholder(this.#options.backend, asked);
    } catch (error) {
      this.#options.log('warn', `the row of ${keyText(asked)}, which is ${keyText(own)}, could not be removed: ${messageOf(error)}`);
    }
  }

  #tellTrouble(key: InstanceKey): void {
    const {message, hint} = this.#options.prober.failureOf(key);
    this.#options.troubles.note(key, [`${message}${hint ? ` (${hint})` : ''}`]);
  }

  async #visit(key: InstanceKey): Promise<void> {
    const {prober, log, measures} = this.#options;
    let instance: Instance | null = null;
    const began = performance.now();
    const isFirst = prober.model.probedAt(key) === null;
    try {
      instance = await prober.probe(key);
    } catch (error) {
      log('error', `${keyText(key)} could not be probed: ${messageOf(error)}`);
    }
    const ok = instance?.check.valid === true;
    if (!ok) this.#tellTrouble(key);
    const took = (performance.now() - began) / 1000;
    measures?.probed({key, instance: took, error: ok ? null : prober.failureOf(key).message});
    this.#notYetProbed?.delete(keyText(key));
    const matters = prober.model.topology().replicasOf(key).length > 0;
    this.#schedule.ended(key, {ok, matters, now: performance.now()});
    if (instance && this.#keptOut.has(keyText(instance.key))) return this.forget(instance.key);
    if (instance && !ok) this.#options.onUnreachable(instance.key);
    if (!instance || !ok) return;
    if (isFirst) {
      this.#askAboutSource(instance);
      this.#tellNamesakes(instance.key);
      this.#tellOtherChannels(instance);
    }
    if (sameKey(instance.key, key)) this.#otherNames.delete(keyText(key));
    else await this.#isNamed(instance.key, key);
    for (const other of neighbours(instance)) {
      const isSourceOf = sameKey(other, instance.replication?.source);
      if (!this.#schedule.has(other) && !(isSourceOf && this.#isIgnoredSource(other))) this.#add(other);
    }
  }
}
