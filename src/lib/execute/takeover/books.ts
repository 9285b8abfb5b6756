import {touchLock} from '../../coordination/lock/hold.ts';
import type {LockHold} from '../../coordination/types.ts';
import type {InstanceKey} from '../../model/instance-key.ts';
import {acknowledgeWithin} from '../../store/recovery/acknowledge.ts';
import {endPlan, lostLock, readPlanSteps, writeRecoverySteps} from '../../store/recovery/plans.ts';
import {writeRecoveryEnd} from '../../store/recovery/recovery-registration.ts';
import type {Environment} from '../environment.ts';
import type {TakeoverDocument} from './document.ts';

/**
 * Ends recovery row and plan in one transaction under the lock. The row is acknowledged at once: somebody has asked for this and knows
 * of it, and should the new source die a moment later, it must not be left dead because of a takeover that went well.
 */
export async function closeBooks(
  env: Pick<Environment, 'backend'>,
  {document, hold}: {readonly document: TakeoverDocument; readonly hold: LockHold},
  end: {readonly state: 'done' | 'aborted'; readonly lost: readonly InstanceKey[]; readonly more: readonly string[]},
): Promise<void> {
  const {uid, plan, facts} = document;
  const ours = await env.backend.transaction(async (work) => {
    if (!(await touchLock(work, hold))) return false;
    const steps = await readPlanSteps(work, uid);
    const errors = [...new Set([...steps.filter((step) => step.state === 'failed').map(({outcome}) => outcome), ...end.more])];
    await writeRecoveryEnd(work, uid, {lost: end.lost, participating: [plan.failed, ...facts.replicas], errors});
    const said = {by: 'orchestrator', comment: `${plan.command} was asked for`};
    await acknowledgeWithin(work, said, (query) => query.where({uid}));
    await writeRecoverySteps(work, uid, end.more);
    await endPlan(work, uid, {state: end.state, outcome: end.more[0] ?? ''});
    return true;
  });
  if (!ours) throw lostLock(uid);
}
