import {isAbandoned, observeLocks, type LockObservations, type LockRow} from '../coordination/lock/rows.ts';
import {releaseLock} from '../coordination/lock/hold.ts';
import {sessionsOf} from '../coordination/lock/sessions.ts';
import {takeOverLock} from '../coordination/lock/takeover.ts';
import type {Observed} from '../coordination/timing.ts';
import {messageOf} from '../errors/errors.ts';
import type {Environment} from '../execute/environment.ts';
import {killSessions} from '../execute/kill-sessions.ts';
import {resume} from '../execute/resume.ts';
import {readOpenPlans} from '../store/recovery/plans.ts';

/**
 * Watches all locks from the first second of a term, and takes over those whose holder is gone, whoever it was: an open plan is
 * resumed or given up, a lock without one is removed, since it would keep findings from being acted on.
 */
export class StaleLocks {
  readonly #env: Environment;
  #seen: LockObservations = new Map();
  readonly #busy = new Map<string, Promise<void>>();

  constructor(env: Environment) {
    this.#env = env;
  }

  async round(): Promise<void> {
    const {backend, timing} = this.#env;
    this.#seen = await observeLocks(backend, this.#seen, timing);
    for (const [lockId, seen] of this.#seen) {
      if (!isAbandoned(seen, timing, performance.now()) || this.#busy.has(lockId)) continue;
      this.#busy.set(
        lockId,
        this.#takeOver(seen)
          .catch((error: unknown) => this.#env.log('error', `lock "${seen.row.purpose}" could not be taken over: ${messageOf(error)}`))
          .finally(() => this.#busy.delete(lockId)),
      );
    }
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
    if (plan) {
      await resume(this.#env, plan, hold);
      return;
    }
    for (const sentence of await killSessions(this.#env.servers, await sessionsOf(backend, hold.lockId))) log('warn', sentence);
    await releaseLock(backend, hold);
  }
}
