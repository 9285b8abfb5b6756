import {contentionError} from '../../coordination/lock/contention.ts';
import {blockersOf} from '../../coordination/lock/rows.ts';
import {listNodes, readLeader} from '../../coordination/nodes.ts';
import {OrchestratorError} from '../../errors/errors.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Instance} from '../../model/instance.ts';
import {isSource} from '../../model/instance.ts';
import type {Topology} from '../../model/topology.ts';
import type {Standing} from '../../plan/explain.ts';
import type {Backend} from '../../store/backend.ts';
import {recoveriesDisabled} from '../../store/recovery/kill-switch.ts';
import {whyBlocked} from '../../store/recovery/recovery-registration.ts';
import type {Context} from '../context.ts';

/** What holds for all instances alike. */
export type CommonStanding = Pick<Standing, 'enabled' | 'leader'>;

export async function commonStanding(context: Context): Promise<CommonStanding> {
  const backend = await context.backend();
  const [enabled, leader, nodes] = [
    await recoveriesEnabled(backend),
    await readLeader(backend),
    await listNodes(backend, {mode: 'HttpMode'}),
  ];
  const lives = leader !== null && nodes.some(({hostname, token}) => hostname === leader.hostname && token === leader.token);
  return {enabled, leader: lives ? leader.hostname : null};
}

/** Null: it cannot be read, which holds recoveries back and is told among all that may. */
async function recoveriesEnabled(backend: Backend): Promise<boolean | null> {
  try {
    return !(await recoveriesDisabled(backend));
  } catch (error) {
    if (error instanceof OrchestratorError) return null;
    throw error;
  }
}

/** What the backend says about recovering one instance, beside what is known of the instance itself. */
export async function standingOf(
  context: Context,
  instance: Instance,
  {topology, common}: {topology: Topology; common: CommonStanding},
): Promise<Standing> {
  const backend = await context.backend();
  const [blocker] = await blockersOf(backend, [instance.key, ...topology.replicasOf(instance.key).map(({key}) => key)]);
  return {
    ...common,
    blockedBy: await whyBlocked(backend, {
      failed: instance.key,
      cluster: instance.cluster.name,
      purpose: isSource(instance) ? 'replace' : 'move',
    }),
    lockedBy: blocker === undefined ? null : `${keyText(blocker.contention.instance)}: ${contentionError(blocker.contention).message}`,
  };
}
