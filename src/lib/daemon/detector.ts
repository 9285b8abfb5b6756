import {analyze, type Analysis} from '../analysis/analyze.ts';
import {emergentWishes} from '../analysis/emergent.ts';
import {NOTHING_OBSERVED} from '../analysis/evidence.ts';
import {matchesCluster} from '../config/filters.ts';
import type {Config} from '../config/keys.ts';
import {messageOf} from '../errors/errors.ts';
import type {Log} from '../coordination/keep-renewing.ts';
import {confirmDead} from '../execute/eyes/confirm.ts';
import {findingOf} from '../execute/finding.ts';
import type {RecoveryOutcome, RecoveryWish} from '../execute/recover.ts';
import {isSource, type Instance} from '../model/instance.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Milliseconds, Monotonic} from '../model/units.ts';
import type {Prober} from '../execute/eyes/prober.ts';

/** After a refusal the same source is not planned for again before this; doubled each time, up to the last. */
const FIRST_PAUSE: Milliseconds = 2_000;
const LONGEST_PAUSE: Milliseconds = 60_000;
/** After a death that was not confirmed it is looked at again no sooner than this. */
const UNCONFIRMED_PAUSE: Milliseconds = 1_000;

export interface DetectorOptions {
  readonly prober: Prober;
  readonly config: Config;
  readonly log: Log;
  /** Leading, by our own clock, now. */
  isLeader(): boolean;
  /** Reads again what people said; before every decision. */
  refreshWishes(): Promise<void>;
  /** Registers a finding and runs its hooks where it is new. False: a hook failed, this attempt is over. */
  register(analysis: Analysis): Promise<boolean>;
  /** Automatic recovery is switched on globally; unreadable counts as off. */
  mayRecover(): Promise<boolean>;
  recover(wish: RecoveryWish): Promise<RecoveryOutcome>;
  /** Notes where these sources' binary logs stand, to see later whether they stood still. */
  watchPositions(sources: readonly Instance[]): Promise<void>;
  /** Sources whose binary log has stood still for ReasonableLockedSemiSyncMasterSeconds, as `host:port`. */
  standingStill(): Promise<ReadonlySet<string>>;
  /** Writes what changed among findings. */
  note(analyses: readonly Analysis[]): Promise<void>;
}

interface Case {
  running: Promise<void> | null;
  pause: Milliseconds;
  notBefore: Monotonic;
  /** The last death was not confirmed: rounds look again no sooner than this, events at once. */
  unconfirmedUntil: Monotonic;
  /** Last refusal, so that the same one is said once. */
  said: string;
}

/** Turns what was probed into findings, and confirmed findings into recoveries: one at a time for each source. */
export class Detector {
  readonly #options: DetectorOptions;
  readonly #cases = new Map<string, Case>();
  #codes: ReadonlyMap<string, string> = new Map();
  #recovering = 0;

  constructor(options: DetectorOptions) {
    this.#options = options;
  }

  /** One round over everything: each second, and whenever something was probed out of turn. */
  async round(): Promise<void> {
    const {prober, config} = this.#options;
    await this.#options.refreshWishes();
    const observations = {...NOTHING_OBSERVED, standingStill: await this.#options.standingStill()};
    const analyses = analyze(prober.model.topology(), {...config, withDowntimed: true, withHealthy: true}, observations);
    await this.#options.note(analyses);
    for (const analysis of analyses) this.#consider(analysis);
    await this.#nudge(analyses);
    await this.#registerStanding(analyses);
  }

  /** A server's end of the connection was closed: look at it and at those that replicate from it, now. */
  suspect(key: InstanceKey): void {
    const topology = this.#options.prober.model.topology();
    const instance = topology.get(key);
    if (instance && isSource(instance) && topology.replicasOf(key).length > 0) this.#investigate(key, {news: true});
  }

  /** Resolves when nothing is being investigated or recovered any more. */
  async idle(): Promise<void> {
    await Promise.all([...this.#cases.values()].flatMap(({running}) => running ?? []));
  }

  /** What findings call for at once, instead of at the next poll. Silent sources are `confirmDead`'s business. */
  async #nudge(analyses: readonly Analysis[]): Promise<void> {
    const {prober, isLeader, watchPositions} = this.#options;
    const {model} = prober;
    const wishes = emergentWishes(analyses, model.topology());
    const failing = (error: unknown): void => this.#options.log('warn', messageOf(error));
    for (const key of wishes.reprobe) void prober.probe(key).catch(failing);
    for (const key of wishes.restartReceivers) {
      const replica = model.get(key);
      if (replica && isLeader()) void prober.restartReceiver(replica).catch(failing);
    }
    await watchPositions(wishes.watchPosition.flatMap((key) => model.get(key) ?? []));
  }

  #consider(analysis: Analysis): void {
    const unreachable = analysis.code === 'UnreachableMaster' || analysis.code === 'UnreachableMasterWithLaggingReplicas';
    if (analysis.recovery === 'dead-source' || (unreachable && !analysis.facts.answers))
      this.#investigate(analysis.instance.key, {news: false});
  }

  #investigate(key: InstanceKey, {news}: {readonly news: boolean}): void {
    const name = keyText(key);
    const known = this.#cases.get(name) ?? {running: null, pause: FIRST_PAUSE, notBefore: 0, unconfirmedUntil: 0, said: ''};
    this.#cases.set(name, known);
    const now = performance.now();
    if (known.running || now < known.notBefore || (!news && now < known.unconfirmedUntil)) return;
    if (!this.#options.isLeader() || !this.#isFresh(key)) return;
    known.running = this.#pursue(key, known)
      .catch((error: unknown) => this.#postpone(known, `${name} could not be recovered: ${messageOf(error)}`))
      .finally(() => (known.running = null));
  }

  /** Acts only on what was probed in this term: the source, and every replica of it. */
  #isFresh(key: InstanceKey): boolean {
    const {model} = this.#options.prober;
    return [
      key,
      ...model
        .topology()
        .replicasOf(key)
        .map((replica) => replica.key),
    ].every((one) => model.probedAt(one) !== null);
  }

  async #pursue(key: InstanceKey, known: Case): Promise<void> {
    const {prober, config} = this.#options;
    const topology = prober.model.topology();
    const verdict = await confirmDead(prober, {source: key, topology}, {grace: config.FailureDetectionGraceMilliseconds});
    if (!verdict.dead) {
      known.unconfirmedUntil = performance.now() + UNCONFIRMED_PAUSE;
      return;
    }
    const analysis = findingOf({config}, verdict.topology, {key, overdue: verdict.handshakeOverdue});
    if (analysis?.recovery !== 'dead-source') return;
    this.#options.log('warn', `${analysis.code} ${keyText(key)}: ${verdict.because.join(' | ')}`);
    await this.#act(analysis, verdict.handshakeOverdue, known);
  }

  async #act(analysis: Analysis, overdue: ReadonlySet<string>, known: Case): Promise<void> {
    if (!this.#options.isLeader()) return;
    const hooksPassed = await this.#options.register(analysis);
    if (!hooksPassed) return this.#postpone(known, `${keyText(analysis.instance.key)}: an OnFailureDetection hook failed`);
    const veto = await this.#veto(analysis);
    if (veto !== null) return this.#postpone(known, veto);
    this.#recovering += 1;
    try {
      const outcome = await this.#options.recover(wishOf(analysis, overdue));
      if (outcome.outcome === 'promoted') {
        known.pause = FIRST_PAUSE;
        await this.#options.prober.look([analysis.instance.key, outcome.successor, ...topologyKeys(analysis)]);
      }
      if (outcome.outcome !== 'promoted') this.#postpone(known, sentenceOf(analysis, outcome));
    } finally {
      this.#recovering -= 1;
    }
  }

  /** Every reason not to act that needs no look at servers. Null: none. */
  async #veto(analysis: Analysis): Promise<string | null> {
    const {config} = this.#options;
    const {instance} = analysis;
    const name = keyText(instance.key);
    const names = {name: instance.cluster.name, alias: instance.cluster.suggestedAlias || instance.cluster.name};
    if (!matchesCluster(config.RecoverMasterClusterFilters, names)) {
      return `${name} is not recovered: no filter of RecoverMasterClusterFilters matches cluster ${names.name}`;
    }
    await this.#options.refreshWishes();
    const now = this.#options.prober.model.get(instance.key) ?? instance;
    if (now.wishes.downtime) return `${name} is not recovered: it is downtimed (${now.wishes.downtime.reason})`;
    if (now.wishes.inMaintenance) return `${name} is not recovered: it is in maintenance`;
    if (!(await this.#options.mayRecover())) return `${name} is not recovered: recoveries are disabled globally`;
    if (this.#recovering >= config.MaxConcurrentRecoveries) return `${name} waits: ${this.#recovering} recoveries are under way`;
    return null;
  }

  /** Findings that nothing is done about are registered too, once they have stood for two rounds. */
  async #registerStanding(analyses: readonly Analysis[]): Promise<void> {
    const codes = new Map(analyses.map((analysis) => [keyText(analysis.instance.key), analysis.code]));
    for (const analysis of analyses) {
      const name = keyText(analysis.instance.key);
      const stood = this.#codes.get(name) === analysis.code;
      if (stood && analysis.recovery === 'detect-only' && !analysis.skippable && this.#isFresh(analysis.instance.key)) {
        await this.#options.register(analysis);
      }
    }
    this.#codes = codes;
  }

  #postpone(known: Case, because: string): void {
    known.notBefore = performance.now() + known.pause;
    known.pause = Math.min(known.pause * 2, LONGEST_PAUSE);
    if (known.said !== because) this.#options.log('warn', because);
    known.said = because;
  }
}

/** Everybody who had a say about the source: all its direct replicas. */
function topologyKeys({facts}: Analysis): readonly InstanceKey[] {
  const {agrees, abstains, contradicts, unreachable} = facts.evidence;
  return [...agrees, ...abstains, ...contradicts, ...unreachable].map(({key}) => key);
}

function wishOf(analysis: Analysis, overdue: ReadonlySet<string>): RecoveryWish {
  return {analysis, by: 'leader', candidate: null, skipHooks: false, allowDataLoss: false, noop: false, wait: 0, overdue};
}

function sentenceOf(analysis: Analysis, outcome: Exclude<RecoveryOutcome, {outcome: 'promoted'}>): string {
  const name = keyText(analysis.instance.key);
  switch (outcome.outcome) {
    case 'failed':
      return `recovery ${outcome.uid} of ${name} failed: ${outcome.because}`;
    case 'refused':
      return `${name} is not recovered (${outcome.why.code}): ${outcome.why.because}`;
    case 'planned':
      return `${name} would be replaced by ${keyText(outcome.plan.successor)}`;
  }
}
