import {messageOf} from '../errors/errors.ts';
import type {Backend} from '../store/backend.ts';
import {keepRenewing, pause, pauseUntil, type EndOfHold, type Log} from './keep-renewing.ts';
import {grabElection, observeLease, releaseLease, renewLease, settleHere, takeLease, type GrabbedLease} from './lease.ts';
import {sameNode, withTerm, type Observation} from './observation.ts';
import type {Timing} from './timing.ts';
import type {Lease, NodeId} from './types.ts';

export interface LeadershipOptions {
  /** Used by nobody else: one connection, one second for connecting and for a statement. */
  readonly backend: Backend;
  readonly me: NodeId;
  readonly timing: Timing;
  /** Called once `current()` answers the lease. */
  readonly onElected: (lease: Lease) => void;
  /** Called once a term, after `current()` has become null, with a sentence for the log. */
  readonly onDeposed: (reason: string) => void;
  readonly log: Log;
}

export interface Leadership {
  /** The lease, if our own clock says now that it is valid. Ask before every act, never keep the answer. */
  current(): Lease | null;
  /** The row of the leader as last read by this process; undefined before the first answer. */
  observed(): Observation | undefined;
  /** Takes the row whoever holds it; leads once its holder must have noticed. Does nothing when we lead. */
  grab(): Promise<void>;
  /** Ends the loop; `release` gives the row back, so that another node takes over at once. Stop acting as leader before. */
  stop(options?: {readonly release?: boolean}): Promise<void>;
}

/** Follows the election until stopped: observes, takes the lease when it is free or its holder is gone, and keeps it renewed. */
export function startLeadership(options: LeadershipOptions): Leadership {
  return new Election(options);
}

class Election implements Leadership {
  readonly #options: LeadershipOptions;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;
  #known: Observation | undefined;
  #held: Lease | null = null;
  /** Whether what is held counts: a grabbed lease does not at once. */
  #announced = false;
  #grabbed: GrabbedLease | null = null;
  /** What was last complained about, so that a long outage is one line. */
  #complaint = '';

  constructor(options: LeadershipOptions) {
    this.#options = options;
    this.#ended = this.#run();
  }

  current(): Lease | null {
    if (!this.#announced || this.#held === null || this.#stopping.signal.aborted) return null;
    return performance.now() < this.#held.validUntil ? this.#held : null;
  }

  observed(): Observation | undefined {
    return this.#known;
  }

  async grab(): Promise<void> {
    if (this.#held !== null) return;
    const {backend, me, timing} = this.#options;
    this.#grabbed = await grabElection(backend, me, {seen: this.#known, timing});
  }

  async stop({release = false}: {readonly release?: boolean} = {}): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
    const held = this.#held;
    this.#held = null;
    if (held === null || !release) return;
    const {backend, timing, log} = this.#options;
    try {
      await releaseLease(backend, held, timing);
    } catch (error) {
      log('warn', `leadership could not be given back, another node takes over after a whole lease: ${messageOf(error)}`);
    }
  }

  async #run(): Promise<void> {
    const {signal} = this.#stopping;
    while (!signal.aborted) {
      const taken = await this.#tryToTake();
      if (taken === null) await pause(this.#options.timing.observeEach, signal);
      else await this.#lead(taken);
    }
  }

  async #tryToTake(): Promise<GrabbedLease | null> {
    const {backend, me, timing} = this.#options;
    if (this.#grabbed !== null) {
      const grabbed = this.#grabbed;
      this.#grabbed = null;
      return grabbed;
    }
    try {
      this.#known = await observeLease(backend, this.#known, timing);
      const lease = await takeLease(backend, me, {seen: this.#known, timing});
      this.#complain('');
      return lease && {lease, validFrom: performance.now()};
    } catch (error) {
      this.#complain(`the election cannot be followed: ${messageOf(error)}`);
      return null;
    }
  }

  async #lead(taken: GrabbedLease): Promise<void> {
    const {timing, log, onDeposed} = this.#options;
    const over = new AbortController();
    const signal = AbortSignal.any([this.#stopping.signal, over.signal]);
    this.#held = taken.lease;
    if (this.#known !== undefined) this.#known = withTerm(this.#known, taken.lease.term);
    const begun = taken.validFrom <= performance.now();
    if (begun) this.#announce();
    const announced = begun ? undefined : pauseUntil(taken.validFrom, signal).then((begins) => begins && this.#announce());
    const settled = announced?.then((leads) => (leads ? this.#settle() : undefined));
    const end = await keepRenewing({
      first: taken.lease,
      renew: (lease) => this.#renew(lease),
      onRenewed: (lease) => (this.#held = lease),
      timing,
      signal: this.#stopping.signal,
      log,
    });
    over.abort();
    await announced;
    const known = this.#announced;
    this.#announced = false;
    if (end !== 'stopped') this.#held = null; // stop() releases what is still held
    if (known) onDeposed(REASONS[end]);
    await settled;
  }

  #announce(): boolean {
    if (this.#stopping.signal.aborted || this.#held === null || performance.now() >= this.#held.validUntil) return false;
    this.#announced = true;
    this.#options.onElected(this.#held);
    return true;
  }

  /** A grabbed lease begins: where the backend is another server than before, nothing of the former one is relied on any more. */
  async #settle(): Promise<void> {
    const {backend, timing} = this.#options;
    await settleHere(backend, timing).catch((error: unknown) => this.#complain(`where it was elected is not written: ${messageOf(error)}`));
  }

  /** A renewal counts only if what is read after it is our own row, of our own term, on a backend that did not go back in time. */
  async #renew(lease: Lease): Promise<Lease | null> {
    const {backend, timing, log} = this.#options;
    const renewed = await renewLease(backend, lease, timing);
    if (renewed === null) return null;
    const before = this.#known;
    const known = await observeLease(backend, before, timing);
    this.#known = known;
    if (known.regressedAt !== (before?.regressedAt ?? null)) {
      log('error', `the backend ${backend.where} went back in time or is another server than before: leadership is dropped`);
      return null;
    }
    return sameNode(known.row, lease) && known.term === lease.term ? renewed : null;
  }

  #complain(sentence: string): void {
    if (sentence !== '' && sentence !== this.#complaint) this.#options.log('warn', sentence);
    this.#complaint = sentence;
  }
}

const REASONS: Record<EndOfHold, string> = {
  lost: 'the lease is not ours any more',
  late: 'the lease could not be renewed in time',
  stopped: 'the service stops',
};
