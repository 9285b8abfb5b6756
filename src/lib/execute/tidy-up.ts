import {keyText, type InstanceKey} from '../model/instance-key.ts';
import {closeFinding, downtimeLost, moveAlias} from '../store/recovery/after-recovery.ts';
import type {RecoveryDocument} from './journal/document.ts';
import type {Environment} from './environment.ts';

/** Leaves the backend as people expect it after a promotion. Bears repetition. */
export async function tidyUp(env: Environment, document: RecoveryDocument, lost: readonly InstanceKey[]): Promise<string> {
  const {failed, successor, cluster} = document.plan;
  await env.backend.transaction(async (work) => {
    await downtimeLost(work, [failed, ...lost], env.me.hostname);
    await closeFinding(work, {failed, successor});
    await moveAlias(work, {from: cluster, to: keyText(successor), alias: document.alias});
  });
  return `downtimed ${[failed, ...lost].map(keyText).join(', ')}`;
}
