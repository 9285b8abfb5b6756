import type {NodeId} from '../../coordination/types.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Topology} from '../../model/topology.ts';
import type {Seconds} from '../../model/units.ts';
import type {RelocationPlan} from '../../plan/relocation/plan.ts';
import {identityOf, type SourceIdentity} from '../../plan/returned-source.ts';
import type {Work} from '../../store/backend.ts';
import {acknowledgeWithin} from '../../store/recovery/acknowledge.ts';
import {closeFinding, downtimeLost, moveAlias} from '../../store/recovery/after-recovery.ts';
import {recordSuccessor, registerRecovery, writeRecoveryEnd} from '../../store/recovery/recovery-registration.ts';
import type {ActState} from '../journal/run.ts';
import type {RelocationDocument} from './document.ts';

/** A dead source that a person gives a successor, as it was when that was planned. */
export interface Replacement {
  readonly failed: InstanceKey;
  readonly identity: SourceIdentity;
  /** Everybody who followed it, reachable or not. */
  readonly replicas: readonly InstanceKey[];
  /** Of its cluster; the cluster's name where it has none. */
  readonly alias: string;
  /** Who conducted it. */
  readonly node: NodeId;
}

/** What is to be recorded of a plan that replaces a source; null for any other. */
export function replacementIn(plan: RelocationPlan, topology: Topology, node: NodeId): Replacement | null {
  const failed = topology.get(plan.replaces);
  if (!failed) return null;
  return {
    failed: failed.key,
    identity: identityOf(failed),
    replicas: topology.replicasOf(failed.key).map(({key}) => key),
    alias: failed.cluster.suggestedAlias || failed.cluster.name,
    node,
  };
}

/** What came of a plan. */
interface Ended {
  stateOf(act: number): ActState;
  /** Replicas at hand that could not follow. */
  readonly lost: readonly InstanceKey[];
  /** For how long those are downtimed; 0: until they are in order again. */
  readonly lasting: Seconds;
  readonly errors: readonly string[];
}

/**
 * Writes down that a source was replaced, once its successor was seen open: nobody gives those that still follow it another one, they are
 * brought to the successor when they are back, and the source is closed when it returns. Acknowledged at once, since a person asked.
 */
export async function recordReplacement(
  work: Work,
  {uid, plan, replaces, acts}: RelocationDocument,
  {stateOf, lost, lasting, errors}: Ended,
): Promise<void> {
  const opened = acts.some(({act, number}) => act.do === 'step' && act.step.do === 'make-writable' && stateOf(number) === 'done');
  if (!replaces || !opened) return;
  const {failed, replicas, alias, node} = replaces;
  const row = {uid, failed, analysis: 'DeadMaster', cluster: plan.cluster, alias, replicas, node, forced: true};
  if ((await registerRecovery(work, row)).registered) {
    await recordSuccessor(work, uid, {successor: plan.subject, alias: ''});
    await writeRecoveryEnd(work, uid, {lost, participating: [failed, ...replicas], errors});
    await acknowledgeWithin(work, {by: 'orchestrator', comment: `${plan.command} was asked for`}, (query) => query.where({uid}));
  }
  await downtimeLost(work, [failed], {owner: node.hostname});
  await downtimeLost(work, lost, {owner: node.hostname, lasting});
  await closeFinding(work, {failed, successor: plan.subject});
  await moveAlias(work, {from: plan.cluster, to: keyText(plan.subject), alias});
}
