import {releaseMember} from '../coordination/lock/hold.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import {closeFinding, downtimeLost, moveAlias} from '../store/recovery/after-recovery.ts';
import {endDowntime} from '../store/downtime.ts';
import type {Environment} from './environment.ts';
import type {RecoveryDocument} from './journal/document.ts';
import {fenced, type Underway} from './journal/fenced.ts';

/**
 * Leaves the backend as people expect it after a promotion, and lets go of the failed source, to which nothing more is done: it may come
 * back at any time and is dealt with at once then, however long replicas and hooks take that are left. Bears repetition.
 */
export async function tidyUp(
  env: Environment,
  what: Underway & {readonly document: RecoveryDocument},
  lost: readonly InstanceKey[],
): Promise<string> {
  const {failed, successor, cluster, kind, outcome} = what.document.plan;
  if (kind === 'return') return outcome === 'rejoined' ? backInService(env, failed) : `${keyText(failed)} stays downtimed`;
  await fenced(env.backend, what, async (work) => {
    const owner = env.me.hostname;
    await downtimeLost(work, lost, {owner, lasting: env.config.MasterFailoverLostInstancesDowntimeMinutes * 60});
    // Let go of before: it may be back in service by now, and the rest was written then.
    if (!(await releaseMember(work, what.hold, failed))) return;
    // The source is closed when it comes back for as long as it is downtimed.
    await downtimeLost(work, [failed], {owner});
    await closeFinding(work, {failed, successor});
    await moveAlias(work, {from: cluster, to: keyText(successor), alias: what.document.alias});
  });
  return `downtimed ${[failed, ...lost].map(keyText).join(', ')}`;
}

/** It is a replica like the others, and may be promoted again. */
async function backInService(env: Environment, key: InstanceKey): Promise<string> {
  await endDowntime(env.backend, key);
  return `ended the downtime of ${keyText(key)}`;
}
