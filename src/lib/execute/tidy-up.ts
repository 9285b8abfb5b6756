import {keyText, type InstanceKey} from '../model/instance-key.ts';
import {closeFinding, downtimeLost, moveAlias} from '../store/recovery/after-recovery.ts';
import {endDowntime} from '../store/downtime.ts';
import type {RecoveryDocument} from './journal/document.ts';
import type {Environment} from './environment.ts';

/** Leaves the backend as people expect it after a promotion. Bears repetition. */
export async function tidyUp(env: Environment, document: RecoveryDocument, lost: readonly InstanceKey[]): Promise<string> {
  const {failed, successor, cluster, kind, outcome} = document.plan;
  if (kind === 'return') return outcome === 'rejoined' ? backInService(env, failed) : `${keyText(failed)} stays downtimed`;
  await env.backend.transaction(async (work) => {
    const owner = env.me.hostname;
    // The source is closed when it comes back for as long as it is downtimed.
    await downtimeLost(work, [failed], {owner});
    await downtimeLost(work, lost, {owner, lasting: env.config.MasterFailoverLostInstancesDowntimeMinutes * 60});
    await closeFinding(work, {failed, successor});
    await moveAlias(work, {from: cluster, to: keyText(successor), alias: document.alias});
  });
  return `downtimed ${[failed, ...lost].map(keyText).join(', ')}`;
}

/** It is a replica like the others, and may be promoted again. */
async function backInService(env: Environment, key: InstanceKey): Promise<string> {
  await endDowntime(env.backend, key);
  return `ended the downtime of ${keyText(key)}`;
}
