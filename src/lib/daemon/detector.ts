import {analyze, type Analysis} from '../analysis/analyze.ts';
import {emergentWishes} from '../analysis/emergent.ts';
import {NOTHING_OBSERVED} from '../analysis/evidence.ts';
import type {Config} from '../config/keys.ts';
import {messageOf} from '../errors/errors.ts';
import type {Log} from '../coordination/keep-renewing.ts';
import {confirmDead} from '../execute/eyes/confirm.ts';
import {findingOf, isMendable, isToBeMended, RECOVERABLE} from '../execute/finding.ts';
import type {RecoveryOutcome, RecoveryWish} from '../execute/recover.ts';
import type {Instance} from '../model/instance.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Milliseconds, Monotonic} from '../model/units.ts';
import {checksBeforePlanning, type VetoCode} from '../plan/vetoes.ts';
import type {Candidate} from '../plan/plan.ts';
import {planText} from '../plan/text.ts';
import {LOST_IN_RECOVERY} from '../model/lost.ts';
import {circumstancesOf, Patience, type Moment} from './patience.ts';
import type {NewStandingRefusal} from '../store/recovery/refusals.ts';
import type {Permit} from '../execute/eyes/permit.ts';
import type {Prober} from '../execute/eyes/prober.ts';

/** After a death that was not confirmed it is looked at again no sooner than this. */
const UNCONFIRMED_PAUSE: Milliseconds = 1_000;

/** Found on what does not answer, where its replicas have not proved that it is gone. */
const UNREACHABLE: ReadonlySet<string> = new Set([
  'UnreachableMaster',
  'UnreachableMasterWithLaggingReplicas',
  'UnreachableCoMaster',
  'UnreachableIntermediateMaster',
  'UnreachableIntermediateMasterWithLaggingReplicas',
]);

export interface DetectorOptions {
  readonly prober: Prober;
  readonly config: Config;
  readonly log: Log;
  /** Leading, by our own clock, now. */
  isLeader(): boolean;
  /** For restarting receivers. */
  readonly permit: Permit;
  /** Reads again what people said; before every decision. */
  refreshWishes(): Promise<void>;
  /** Registers a finding and runs its hooks where it is new. False: a hook failed, this attempt is over. */
  register(analysis: Analysis): Promise<boolean>;
  /** Automatic recovery is switched on globally. Null: that cannot be read, and counts as off. */
  mayRecover(): Promise<boolean | null>;
  recover(wish: RecoveryWish): Promise<RecoveryOutcome>;
  /** How many recoveries that others had begun are being resumed. */
  resuming(): number;
  /** Notes where binary logs stand, to see later whether they stood still, and which of them have for long, as `host:port`. */
  readonly standstill: {note(sources: readonly Instance[]): Promise<void>; now(): Promise<ReadonlySet<string>>};
  /** Where other nodes learn why nothing is done. */
  readonly refusals: {say(refusal: NewStandingRefusal): void; keepOnly(cases: ReadonlySet<string>): void};
  /** Writes what changed among findings. */
  note(analyses: readonly Analysis[]): Promise<void>;
}

interface Case {
  running: Promise<void> | null;
  readonly patience: Patience;
  /** The last death was not confirmed: rounds look again no sooner than this, events at once. */
  unconfirmedUntil: Monotonic;
  /** Last refusal, so that the same one is said once. */
  said: string;
  /** As it was found last. */
  analysis: Analysis | null;
}

/** Why nothing is done, in the log's words. */
interface Told {
  readonly code: VetoCode;
  readonly because: string;
  readonly candidates?: readonly Candidate[];
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
    this.#lookAgain();
    const observations = {...NOTHING_OBSERVED, standingStill: await this.#options.standstill.now()};
    const analyses = analyze(prober.model.topology(), {...config, withDowntimed: true, withHealthy: true}, observations);
    await this.#options.note(analyses);
    const cases = analyses.filter((one) => callsForAction(one) || isToBeMended(one, config));
    this.#options.refusals.keepOnly(new Set(cases.map(({instance}) => keyText(instance.key))));
    for (const analysis of analyses) this.#consider(analysis);
    await this.#nudge(analyses);
    this.#registerStanding(analyses);
  }

  /** A server's end of the connection was closed: look at it and at those that replicate from it, now. */
  suspect(key: InstanceKey): void {
    const topology = this.#options.prober.model.topology();
    const instance = topology.get(key);
    if (instance && topology.replicasOf(key).length > 0) this.#investigate(key, {news: true});
  }

  /** Resolves when nothing is being investigated or recovered any more. */
  async idle(): Promise<void> {
    await Promise.all([...this.#cases.values()].flatMap(({running}) => running ?? []));
  }

  /** What was known of instances that others have changed is void: they are probed at once. */
  #lookAgain(): void {
    const {prober, log} = this.#options;
    for (const key of prober.model.voided()) void prober.probe(key).catch((error: unknown) => log('warn', messageOf(error)));
  }

  /** What findings call for at once, instead of at the next poll. Silent sources are `confirmDead`'s business. */
  async #nudge(analyses: readonly Analysis[]): Promise<void> {
    const {prober, isLeader, standstill, permit} = this.#options;
    const {model} = prober;
    const wishes = emergentWishes(analyses, model.topology());
    const failing = (error: unknown): void => this.#options.log('warn', messageOf(error));
    for (const key of wishes.reprobe) void prober.probe(key).catch(failing);
    for (const key of wishes.restartReceivers) {
      const replica = model.get(key);
      const source = replica?.replication?.source;
      if (replica && source && isLeader() && this.#isFresh(source)) void prober.restartReceiver(replica, permit).catch(failing);
    }
    await standstill.note(wishes.watchPosition.flatMap((key) => model.get(key) ?? []));
  }

  #consider(analysis: Analysis): void {
    if (callsForAction(analysis)) this.#investigate(analysis.instance.key, {news: false});
    else if (isToBeMended(analysis, this.#options.config) && !analysis.skippable) this.#mend(analysis);
  }

  /** A case of its own: what holds up the mending of a source must not hold up its replacement. */
  #mend(analysis: Analysis): void {
    const {key} = analysis.instance;
    this.#work(key, {name: `mending ${keyText(key)}`, news: false, pursue: (known) => this.#pursueLiving(analysis, known)});
  }

  /** Found once more, on what was just read. The third look is under the lock. */
  async #pursueLiving(found: Analysis, known: Case): Promise<void> {
    const {prober, config} = this.#options;
    const {key} = found.instance;
    const topology = await prober.look([key, ...topologyKeys(found)]);
    const analysis = findingOf({config}, topology, {key, overdue: new Set(), standingStill: await this.#options.standstill.now()});
    if (analysis?.code !== found.code || !analysis.actionable) return;
    known.analysis = analysis;
    await this.#act(analysis, new Set(), known);
  }

  #investigate(key: InstanceKey, {news}: {readonly news: boolean}): void {
    this.#work(key, {name: keyText(key), news, pursue: (known) => this.#pursue(key, known)});
  }

  /** One at a time for each case, not while a refusal is fresh, and only about what was probed in this term. */
  #work(key: InstanceKey, {name, news, pursue}: {name: string; news: boolean; pursue: (known: Case) => Promise<void>}): void {
    const known = this.#cases.get(name) ?? newCase();
    this.#cases.set(name, known);
    const now = performance.now();
    if (known.running || (!news && now < known.unconfirmedUntil) || !known.patience.isOver(this.#moment(key, now))) return;
    if (!this.#options.isLeader() || !this.#isFresh(key)) return;
    known.running = pursue(known)
      .catch((error: unknown) =>
        this.#postpone(known, key, {code: 'failed', because: `${keyText(key)} could not be recovered: ${messageOf(error)}`}),
      )
      .finally(() => (known.running = null));
  }

  /** Acts only on what was probed in this term, and since others changed it: the source, and every replica of it. */
  #isFresh(key: InstanceKey): boolean {
    const {model} = this.#options.prober;
    return [
      key,
      ...model
        .topology()
        .replicasOf(key)
        .map((replica) => replica.key),
    ].every((one) => model.isFresh(one));
  }

  async #pursue(key: InstanceKey, known: Case): Promise<void> {
    const {prober, config, permit} = this.#options;
    const topology = prober.model.topology();
    const verdict = await confirmDead(prober, {source: key, topology}, {permit, grace: config.FailureDetectionGraceMilliseconds});
    const analysis = findingOf({config}, verdict.topology, {key, overdue: verdict.handshakeOverdue});
    if (!verdict.dead) {
      known.unconfirmedUntil = performance.now() + UNCONFIRMED_PAUSE;
      const because = `${keyText(key)} is not confirmed dead: ${verdict.because.at(-1) ?? ''}`;
      if (analysis && callsForAction(analysis)) this.#tell(analysis, {code: 'not-confirmed', because});
      return;
    }
    if (!analysis || !RECOVERABLE.has(analysis.recovery)) return;
    known.analysis = analysis;
    this.#options.log('warn', `${analysis.code} ${keyText(key)}: ${verdict.because.join(' | ')}`);
    await this.#act(analysis, verdict.handshakeOverdue, known);
  }

  async #act(analysis: Analysis, overdue: ReadonlySet<string>, known: Case): Promise<void> {
    const {key} = analysis.instance;
    if (!this.#options.isLeader()) return;
    const hooksPassed = await this.#options.register(analysis);
    if (!hooksPassed)
      return this.#postpone(known, key, {
        code: 'pre-hook-failed',
        because: `${keyText(key)}: an OnFailureDetection hook failed`,
      });
    const enabled = await this.#readAnew();
    const veto = this.#veto(analysis, enabled);
    if (veto !== null) return this.#postpone(known, key, veto);
    this.#recovering += 1; // nothing was waited for since it was found that there is room
    try {
      const outcome = await this.#options.recover(wishOf(analysis, overdue));
      if (outcome.outcome !== 'promoted') return this.#postpone(known, key, whyNot(analysis, outcome));
      known.patience.end();
      // What is read now is not void for having been changed by us.
      await this.#options.refreshWishes().catch((error: unknown) => this.#options.log('warn', messageOf(error)));
      await this.#options.prober.look([key, outcome.successor, ...topologyKeys(analysis)]);
    } finally {
      this.#recovering -= 1;
    }
  }

  /** What people said, and whether recoveries are switched on; just before it is decided. */
  async #readAnew(): Promise<boolean | null> {
    await this.#options.refreshWishes();
    return this.#options.mayRecover();
  }

  /** The first reason not to act that needs no look at servers. Null: none. */
  #veto({instance, recovery}: Analysis, enabled: boolean | null): Told | null {
    const {config, prober} = this.#options;
    const now = prober.model.get(instance.key) ?? instance;
    const {model} = prober;
    const namesakes = model
      .namesakesOf(instance.key)
      .filter(({key, wishes}) => model.topology().replicasOf(key).length > 0 || wishes.downtime?.reason === LOST_IN_RECOVERY)
      .map(({key}) => key);
    const underWay = this.#recovering + this.#options.resuming();
    const circumstances = {instance: {...now, cluster: instance.cluster}, recovery, enabled, underWay, namesakes};
    const veto = checksBeforePlanning(circumstances, config).find(({holdsBack}) => holdsBack);
    return veto ? {code: veto.code, because: veto.says} : null;
  }

  /**
   * Findings that nothing is done about are registered too, once they have stood for two rounds. Nobody waits for their hooks, which may
   * take minutes, while other sources die.
   */
  #registerStanding(analyses: readonly Analysis[]): void {
    const codes = new Map(analyses.map((analysis) => [keyText(analysis.instance.key), analysis.code]));
    const failing = (error: unknown): void => this.#options.log('error', `a finding could not be registered: ${messageOf(error)}`);
    for (const analysis of analyses) {
      const name = keyText(analysis.instance.key);
      const stood = this.#codes.get(name) === analysis.code;
      const isToldOnly = analysis.recovery === 'detect-only' || (isMendable(analysis) && !isToBeMended(analysis, this.#options.config));
      if (stood && isToldOnly && !analysis.skippable && analysis.beingChangedBy === null && this.#isFresh(analysis.instance.key)) {
        const pursue = async (): Promise<void> => void (await this.#options.register(analysis).catch(failing));
        this.#work(analysis.instance.key, {name: `telling of ${name}`, news: false, pursue});
      }
    }
    this.#codes = codes;
  }

  #moment(key: InstanceKey, now: Monotonic): Moment {
    return {now, circumstances: () => circumstancesOf(this.#options.prober.model.topology(), key)};
  }

  #postpone(known: Case, key: InstanceKey, told: Told): void {
    const pause = known.patience.begin(told.code, this.#moment(key, performance.now()));
    // Hooks have run for it, and would run again.
    const because = told.code === 'failed' ? `${told.because}; it is tried again in ${pause / 1000} s at the earliest` : told.because;
    if (known.said !== because) this.#options.log('warn', because);
    known.said = because;
    if (known.analysis) this.#tell(known.analysis, {...told, because});
  }

  #tell({instance, code: analysis}: Analysis, {code, because, candidates = []}: Told): void {
    this.#options.refusals.say({key: instance.key, cluster: instance.cluster.name, analysis, code, because, candidates});
  }
}

function newCase(): Case {
  return {running: null, patience: new Patience(), unconfirmedUntil: 0, said: '', analysis: null};
}

/** Dead, or so silent that it may be. */
function callsForAction({code, recovery, facts}: Analysis): boolean {
  return RECOVERABLE.has(recovery) || (UNREACHABLE.has(code) && !facts.answers);
}

/** Everybody who had a say about the source: all its direct replicas. */
function topologyKeys({facts}: Analysis): readonly InstanceKey[] {
  const {agrees, abstains, contradicts, unreachable} = facts.evidence;
  return [...agrees, ...abstains, ...contradicts, ...unreachable].map(({key}) => key);
}

function wishOf(analysis: Analysis, overdue: ReadonlySet<string>): RecoveryWish {
  return {analysis, by: 'leader', candidate: null, skipHooks: false, allowDataLoss: false, noop: false, wait: 0, overdue};
}

function whyNot(analysis: Analysis, outcome: Exclude<RecoveryOutcome, {outcome: 'promoted'}>): Told {
  const name = keyText(analysis.instance.key);
  switch (outcome.outcome) {
    case 'failed':
      return {code: 'failed', because: `recovery ${outcome.uid} of ${name} failed: ${outcome.because}`};
    case 'refused': {
      const {code, because, candidates} = outcome.why;
      return {code, because: `${name} is not recovered (${code}): ${because}`, candidates};
    }
    case 'planned':
      return {code: 'failed', because: `${name}: ${planText(outcome.plan)}`};
  }
}
