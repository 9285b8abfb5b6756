import {acquireLock} from '../coordination/lock/acquire.ts';
import {contentionError, isContention} from '../coordination/lock/contention.ts';
import {keepLock} from '../coordination/lock/keep.ts';
import {isAbandoned, type LockRow} from '../coordination/lock/rows.ts';
import {releaseLock} from '../coordination/lock/hold.ts';
import {takeOverLock} from '../coordination/lock/takeover.ts';
import type {Observed} from '../coordination/timing.ts';
import type {LockHold} from '../coordination/types.ts';
import {messageOf} from '../errors/errors.ts';
import {abortPlan, abortUnlocked, serversOf, type PlanDocument} from '../execute/abort.ts';
import type {Environment} from '../execute/environment.ts';
import {killFormer} from '../execute/kill-sessions.ts';
import {resume} from '../execute/resume.ts';
import type {Monotonic} from '../model/units.ts';
import {readOpenPlans, readPlan, readPlansWithoutLock, type OpenPlan} from '../store/recovery/plans.ts';
import type {LockWatch} from './lock-watch.ts';

const LOST = 'its lock is gone, and with it the right to go on';

/** Kinds of plans that a leader begins because of a finding; the others are a person's, or about what has been replaced. */
const RECOVERIES: ReadonlySet<string> = new Set(['promote', 'adopt', 'mend']);

/**
 * Takes over locks whose holder is gone, whoever it was, from the first second of a term: an open plan is resumed or given up, a lock
 * without one is removed, since it would keep findings from being acted on. An open plan whose lock is gone is given up too.
 */
export class StaleLocks {
  readonly #env: Environment;
  readonly #watch: LockWatch;
  /** Open plans without a lock, by UID, and since when each is seen so. */
  #lost: ReadonlyMap<string, Monotonic> = new Map();
  readonly #busy = new Map<string, Promise<void>>();
  #resuming = 0;

  constructor(env: Environment, watch: LockWatch) {
    this.#env = env;
    this.#watch = watch;
  }

  async round(): Promise<void> {
    const {timing} = this.#env;
    for (const [lockId, seen] of await this.#watch.look()) {
      if (isAbandoned(seen, timing, performance.now())) this.#begin(lockId, `lock "${seen.row.purpose}"`, () => this.#takeOver(seen));
    }
    const lost = await readPlansWithoutLock(this.#env.backend);
    this.#lost = new Map(lost.map((uid) => [uid, this.#lost.get(uid) ?? performance.now()]));
    for (const [uid, since] of this.#lost) {
      if (performance.now() - since >= timing.lease) this.#begin(uid, `recovery ${uid}`, () => this.#giveUp(uid, since));
    }
  }

  /** One at a time for each. */
  #begin(id: string, what: string, work: () => Promise<void>): void {
    if (this.#busy.has(id)) return;
    const failed = (error: unknown): void => this.#env.log('error', `${what} could not be taken over: ${messageOf(error)}`);
    this.#busy.set(
      id,
      work()
        .catch(failed)
        .finally(() => this.#busy.delete(id)),
    );
  }

  /** How many recoveries are being resumed: to the servers they are recoveries like those that begin now. */
  get resuming(): number {
    return this.#resuming;
  }

  /** Resolves when nothing is being resumed any more. */
  async idle(): Promise<void> {
    await Promise.all(this.#busy.values());
  }

  async #takeOver(seen: Observed<LockRow>): Promise<void> {
    const {backend, me, timing, log} = this.#env;
    if (!this.#env.lease()) return;
    const hold = await takeOverLock(backend, {me, seen, timing});
    if (!hold) return;
    log('warn', `took over "${seen.row.purpose}" from ${seen.row.hostname}, which gave no sign of life`);
    const plan = (await readOpenPlans(backend)).find(({lockId}) => lockId === hold.lockId);
    if (plan) return this.#resume(plan, hold);
    await killFormer(this.#env, hold);
    await releaseLock(backend, hold);
  }

  async #resume(plan: OpenPlan, hold: LockHold): Promise<void> {
    const counts = RECOVERIES.has((plan.document as PlanDocument).plan.kind) ? 1 : 0;
    this.#resuming += counts;
    try {
      await resume(this.#env, plan, hold);
    } finally {
      this.#resuming -= counts;
    }
  }

  /** Under a new lock on its servers; where somebody keeps that from being had for a whole lease more, without touching them. */
  async #giveUp(uid: string, since: Monotonic): Promise<void> {
    const {backend, me, timing, log} = this.#env;
    const plan = await readPlan(backend, uid);
    if (plan?.state !== 'open' || !this.#env.lease()) return;
    const hold = await acquireLock({
      backend,
      me,
      timing,
      cluster: plan.cluster,
      instances: serversOf(plan.document as PlanDocument),
      purpose: `giving up recovery ${uid}`,
      whenHeld: 'answer',
    });
    if (!isContention(hold)) return this.#abort(plan, hold);
    if (performance.now() - since < 2 * timing.lease) return;
    log('warn', `recovery ${uid} is given up: ${LOST}`);
    await abortUnlocked(backend, {plan, because: LOST, why: contentionError(hold).message});
  }

  async #abort(plan: OpenPlan, hold: LockHold): Promise<void> {
    const {heartbeats, timing, log} = this.#env;
    const lock = keepLock({backend: heartbeats, hold, timing, log, onLost: (reason) => log('error', reason)});
    try {
      const {remarks} = await abortPlan(this.#env, {plan, hold, because: LOST, mayStillSend: (timeout) => lock.mayStillSend(timeout)});
      log('warn', [`recovery ${plan.uid} is given up: ${LOST}`, ...remarks].join('; '));
    } finally {
      await lock.release();
    }
  }
}
