import type {LockHold} from '../coordination/types.ts';
import {keepLock} from '../coordination/lock/keep.ts';
import {messageOf} from '../errors/errors.ts';
import {adoptPlan, readPlanSteps, writeRecoverySteps, type OpenPlan} from '../store/recovery/plans.ts';
import {whyNotOpen} from '../store/recovery/recovery-registration.ts';
import {progressToResume} from './journal/acts.ts';
import {abortPlan, serversOf, type Aborting, type PlanDocument} from './abort.ts';
import {conduct, type Ending} from './conduct.ts';
import type {Environment} from './environment.ts';
import {killFormer} from './kill-sessions.ts';
import {fenced} from './journal/fenced.ts';
import type {Progress} from './journal/run.ts';
import {goOnRelocating, type Relocated} from './relocation/resume.ts';
import {isRelocation} from './relocation/document.ts';
import {isTakeover} from './takeover/document.ts';
import {settle} from './takeover/settle.ts';

/**
 * Goes on with a recovery or a relocation whose conductor is gone, under its lock, which has just been taken over: what was done stays done,
 * what was started is repeated. A takeover that has no successor yet is taken back. Given up instead, with what it
 * had stopped started again, where somebody has closed its row meanwhile (coordination.md §4).
 *
 * @returns null when it was given up
 */
export async function resume(env: Environment, plan: OpenPlan, hold: LockHold): Promise<Ending | Relocated | null> {
  const document = plan.document as PlanDocument;
  const lock = keepLock({backend: env.heartbeats, hold, timing: env.timing, log: env.log, onLost: (reason) => env.log('error', reason)});
  let kept = true;
  try {
    const killed = await killFormer(env, hold);
    const closed = await adopt(env, {document, hold, remarks: killed.remarks});
    const ending = closed === null ? await goOn(env, document, {hold, lock, former: killed.left}) : null;
    if (closed !== null) await giveUp(env, {plan, hold, killed, because: closed, mayStillSend: (timeout) => lock.mayStillSend(timeout)});
    kept = false;
    return ending;
  } catch (error) {
    env.log('error', `recovery ${document.uid} could not be resumed: ${messageOf(error)}`);
    throw error;
  } finally {
    if (kept) await lock.stop();
    else await lock.release();
  }
}

interface Adopting {
  readonly document: PlanDocument;
  readonly hold: LockHold;
  readonly remarks: readonly string[];
}

/** @returns why it is not to be gone on with; null when it is ours now */
async function adopt(env: Environment, {document: {uid, plan}, hold, remarks}: Adopting): Promise<string | null> {
  let closed: string | null = null;
  await fenced(env.backend, {hold, document: {uid}}, async (work) => {
    // Only a recovery has a row that others could have closed.
    closed = ['promote', 'adopt', 'mend'].includes(plan.kind) ? await whyNotOpen(work, uid) : null;
    if (closed !== null) return;
    await adoptPlan(work, uid, hold.fence);
    await writeRecoverySteps(work, uid, [`resumed by ${env.me.hostname} under fence ${hold.fence}`, ...remarks]);
  });
  return closed;
}

/** Receivers that it left stopped would count as stopped by a person, and never confirm a death again. */
async function giveUp(env: Environment, aborting: Aborting): Promise<void> {
  const {remarks, done} = await abortPlan(env, aborting);
  const before = done.length === 0 ? 'nothing had been done' : `done before: ${done.join('; ')}`;
  env.log('warn', [`recovery ${aborting.plan.uid} is not resumed: ${aborting.because}`, before, ...remarks].join('; '));
}

async function goOn(
  env: Environment,
  document: PlanDocument,
  held: Pick<Parameters<typeof conduct>[1], 'hold' | 'lock' | 'former'>,
): Promise<Ending | Relocated> {
  const topology = await env.eyes.look(serversOf(document));
  if (isTakeover(document)) {
    const mayStillSend = (timeout: number): boolean => held.lock.mayStillSend(timeout);
    return settle(env, {document, hold: held.hold, topology, mayStillSend}, 'whoever conducted it is gone');
  }
  const steps = await env.backend.run((work) => readPlanSteps(work, document.uid));
  const progress = new Map<number, Progress>(steps.map((step) => [step.number, step]));
  if (isRelocation(document)) return goOnRelocating(env, {document, ...held, topology, progress});
  return conduct(env, {document, ...held, topology, progress: progressToResume(document.acts, progress), overdue: new Set()});
}
