import {messageOf} from '../errors/errors.ts';
import type {Log} from '../coordination/keep-renewing.ts';
import type {Config} from '../config/keys.ts';
import type {Instance} from '../model/instance.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Milliseconds, Monotonic} from '../model/units.ts';
import type {Prober} from '../execute/eyes/prober.ts';
import type {LeftBehindWish} from '../execute/left-behind.ts';
import {decideLeftBehind} from '../plan/left-behind.ts';
import type {Demotion} from '../plan/returned-source.ts';

/** Doubled after each look that led to nothing, up to the last. */
const FIRST_PAUSE: Milliseconds = 2_000;
const LONGEST_PAUSE: Milliseconds = 60_000;

export interface LeftBehindOptions {
  readonly prober: Prober;
  readonly config: Config;
  readonly log: Log;
  /** Leading, by our own clock, now. */
  isLeader(): boolean;
  demotions(of: readonly InstanceKey[]): Promise<ReadonlyMap<string, Demotion>>;
  /** A downtime that a person began: what people took out of service is left to them. */
  isLeftToPeople(instance: Instance): boolean;
  /** Recoveries are switched on globally; unreadable counts as off. */
  mayRecover(): Promise<boolean | null>;
  fetch(wish: LeftBehindWish): Promise<string | null>;
}

interface Case {
  pause: Milliseconds;
  notBefore: Monotonic;
  said: string;
}

/** Retries, for a while, replicas that a recovery left behind: they were away then, or could not follow at once. One at a time. */
export class LeftBehind {
  readonly #options: LeftBehindOptions;
  readonly #cases = new Map<string, Case>();

  constructor(options: LeftBehindOptions) {
    this.#options = options;
  }

  /** Costs nothing while every replica that is up receives. */
  async round(): Promise<void> {
    const {prober, config, demotions} = this.#options;
    if (config.RetryLostReplicasSeconds === 0) return;
    const due = prober.model.topology().instances.filter((instance) => this.#isDue(instance));
    if (due.length === 0) return;
    const sources = due.flatMap(({replication}) => replication?.source ?? []);
    const known = await demotions(sources);
    for (const replica of due) {
      const source = replica.replication?.source;
      const demotion = source && known.get(keyText(source));
      await this.#look(replica, demotion ?? null);
    }
  }

  #isDue(instance: Instance): boolean {
    const {replication, check} = instance;
    if (!check.valid || !replication?.source || replication.receiver.state === 'running') return false;
    if (this.#options.prober.model.probedAt(instance.key) === null || this.#options.isLeftToPeople(instance)) return false;
    return performance.now() >= (this.#cases.get(keyText(instance.key))?.notBefore ?? 0);
  }

  async #look(found: Instance, demotion: Demotion | null): Promise<void> {
    const {prober, config, isLeader, mayRecover, fetch} = this.#options;
    const {model} = prober;
    if (!demotion) return this.#rest(found, null);
    // What was seen last may be from before the recovery that has just ended.
    const topology = await prober.look([found.key, ...demotion.successors.slice(-1)]);
    const replica = topology.get(found.key) ?? found;
    const isFresh = (key: InstanceKey): boolean => model.probedAt(key) !== null;
    const decision = decideLeftBehind(replica, demotion, {topology, isFresh, within: config.RetryLostReplicasSeconds});
    if (decision.do === 'leave') return this.#rest(replica, decision.because);
    if (!isLeader() || !(await mayRecover())) return this.#rest(replica, null);
    this.#options.log('warn', decision.because);
    try {
      const failure = await fetch({replica: replica.key, successor: decision.successor, demotion});
      await prober.look([replica.key]);
      if (failure === null) this.#cases.delete(keyText(replica.key));
      else this.#rest(replica, failure);
    } catch (error) {
      this.#rest(replica, `${keyText(replica.key)} could not be made to follow: ${messageOf(error)}`);
    }
  }

  #rest({key}: Instance, because: string | null): void {
    const known = this.#cases.get(keyText(key)) ?? {pause: FIRST_PAUSE, notBefore: 0, said: ''};
    if (because !== null && because !== known.said) this.#options.log('warn', because);
    this.#cases.set(keyText(key), {
      notBefore: performance.now() + known.pause,
      pause: Math.min(known.pause * 2, LONGEST_PAUSE),
      said: because ?? known.said,
    });
  }
}
