import {messageOf} from '../errors/errors.ts';
import type {Log} from '../coordination/keep-renewing.ts';
import type {Config} from '../config/keys.ts';
import {isReplica, type Instance} from '../model/instance.ts';
import {keyText} from '../model/instance-key.ts';
import type {Milliseconds, Monotonic} from '../model/units.ts';
import type {Prober} from '../execute/eyes/prober.ts';
import type {ReturnAnswer, ReturnWish} from '../execute/returned-source.ts';
import {decideReturned, type Demotion, type ReturnMode} from '../plan/returned-source.ts';

/** One that is still open and calls for nothing yet is looked at again no sooner than this, one that is closed no sooner than that. */
const WHILE_OPEN: Milliseconds = 1_000;
const WHILE_CLOSED: Milliseconds = 10_000;
/** After a failure it is left alone for so long, doubled each time up to the last. */
const FIRST_PAUSE: Milliseconds = 2_000;
const LONGEST_PAUSE: Milliseconds = 60_000;

export interface ReturnedOptions {
  readonly prober: Prober;
  readonly config: Config;
  readonly log: Log;
  /** Leading, by our own clock, now. */
  isLeader(): boolean;
  demotions(of: readonly Instance[]): Promise<ReadonlyMap<string, Demotion>>;
  /** Its lost-in-recovery downtime is in force; asked of the backend. */
  isLost(instance: Instance): boolean;
  refreshWishes(): Promise<void>;
  /** Recoveries are switched on globally; unreadable counts as off. */
  mayRecover(): Promise<boolean | null>;
  deal(wish: ReturnWish): Promise<ReturnAnswer>;
}

interface Case {
  running: Promise<void> | null;
  pause: Milliseconds;
  notBefore: Monotonic;
  said: string;
}

/** Watches for sources that a recovery replaced and that come back, and has them dealt with at once. */
export class ReturnedSources {
  readonly #options: ReturnedOptions;
  readonly #cases = new Map<string, Case>();

  constructor(options: ReturnedOptions) {
    this.#options = options;
  }

  /** Costs nothing while no lost instance is back. */
  async round(): Promise<void> {
    const {prober, demotions} = this.#options;
    const mode = modeOf(this.#options.config);
    if (mode === 'off') return;
    const due = prober.model.topology().instances.filter((instance) => this.#isDue(instance, mode));
    if (due.length === 0) return;
    const known = await demotions(due);
    for (const instance of due) {
      const demotion = known.get(keyText(instance.key));
      if (demotion) this.#begin(instance, {demotion, mode});
      else this.#rest(instance, `${keyText(instance.key)} was lost in a recovery and is back; no recovery of ours replaced it`);
    }
  }

  /** Resolves when nothing is being dealt with any more. */
  async idle(): Promise<void> {
    await Promise.all([...this.#cases.values()].flatMap(({running}) => running ?? []));
  }

  #isDue(instance: Instance, mode: ReturnMode): boolean {
    const {prober, isLost} = this.#options;
    // Asked of every instance ten times a second: what is cheap and rules out nearly all comes first.
    if (!isLost(instance) || !instance.check.valid || prober.model.probedAt(instance.key) === null) return false;
    if (instance.readOnly && (mode !== 'rejoin' || isReplica(instance))) return false;
    const known = this.#caseOf(instance);
    return known.running === null && performance.now() >= known.notBefore;
  }

  #begin(instance: Instance, {demotion, mode}: {demotion: Demotion; mode: ReturnMode}): void {
    const known = this.#caseOf(instance);
    known.running = this.#deal(instance, known, {demotion, mode})
      .catch((error: unknown) => this.#failed(known, `${keyText(instance.key)}, back, could not be dealt with: ${messageOf(error)}`))
      .finally(() => (known.running = null));
  }

  async #deal(instance: Instance, known: Case, {demotion, mode}: {demotion: Demotion; mode: ReturnMode}): Promise<void> {
    const {prober, isLeader, isLost, refreshWishes, mayRecover, deal} = this.#options;
    const {model} = prober;
    const at = {topology: model.topology(), mode, downtimeStands: true, isFresh: (key: Instance['key']) => model.probedAt(key) !== null};
    const decision = decideReturned(model.get(instance.key) ?? instance, demotion, at);
    if (decision.do === 'leave' || decision.do === 'report') return this.#rest(instance, decision.because);
    if (!isLeader()) return;
    if (!(await mayRecover())) return this.#rest(instance, `${decision.because}; recoveries are disabled globally, so it is left alone`);
    const answer = await deal({
      demotion,
      mode,
      downtimeStands: async () => {
        await refreshWishes();
        return isLost(model.get(instance.key) ?? instance);
      },
    });
    await prober.look([instance.key]);
    if ('failed' in answer) return this.#failed(known, `${decision.because}; ${answer.failed}`);
    known.pause = FIRST_PAUSE;
    this.#rest(model.get(instance.key) ?? instance, null);
  }

  #caseOf({key}: Instance): Case {
    const name = keyText(key);
    const known = this.#cases.get(name) ?? {running: null, pause: FIRST_PAUSE, notBefore: 0, said: ''};
    this.#cases.set(name, known);
    return known;
  }

  #failed(known: Case, because: string): void {
    known.notBefore = performance.now() + known.pause;
    known.pause = Math.min(known.pause * 2, LONGEST_PAUSE);
    this.#say(known, because);
  }

  #rest(instance: Instance, because: string | null): void {
    const known = this.#caseOf(instance);
    known.notBefore = performance.now() + (instance.readOnly ? WHILE_CLOSED : WHILE_OPEN);
    if (because !== null) this.#say(known, because);
  }

  /** The same thing is said once. */
  #say(known: Case, because: string): void {
    if (known.said !== because) this.#options.log('warn', because);
    known.said = because;
  }
}

/** A word that is none of the three closes: the safe side. */
function modeOf({RecoverReturnedSource: word}: Config): ReturnMode {
  const said = word.toLowerCase();
  return said === 'off' || said === 'rejoin' ? said : 'fence';
}
