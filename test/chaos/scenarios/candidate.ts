import {waitFor} from '../../sandbox/index.ts';
import {holdApplier} from '../../servers/support/replicas.ts';
import type {Server} from '../cluster/managed.ts';
import {pause} from '../faults.ts';
import {PATIENCE, PROMOTE, promoted, type Scenario, type Scene} from './scene.ts';

interface Planned {
  readonly plan: {readonly successor: {readonly port: number}};
}

/** Who is to be promoted, by the plan that was written down. */
async function candidateOf({stage, cluster}: Scene): Promise<Server> {
  const document = await waitFor('there is a plan', async () => {
    const [row] = await stage.rows<{plan: string}>("SELECT plan FROM $recovery_plan WHERE state = 'open'");
    return row?.plan;
  });
  const {plan} = JSON.parse(document) as Planned;
  const found = cluster.serverAt(plan.successor.port);
  if (!found) throw new Error(`The plan would promote port ${plan.successor.port}, which is none of ${cluster.name}.`);
  return found;
}

/**
 * A death that takes all knowledge of some transactions with it: the candidate may have been the only one to acknowledge them. So
 * nobody is promoted before it is back; then, since nobody had been opened, without a person saying so.
 */
async function bringBack(scene: Scene, candidate: Server, since: number): Promise<void> {
  await pause(scene.between(2_000, 5_000));
  if (scene.application.firstElsewhere(scene.cluster.source, since) !== null) throw new Error('a replica was promoted without the other');
  await candidate.instance.start();
  await promoted(scene, since);
}

/** Who is being promoted dies. */
export const CANDIDATE: readonly Scenario[] = [
  {
    name: 'the candidate killed when its promotion was planned',
    faults: ['source-kill', 'candidate-kill'],
    expected: PROMOTE,
    async act(scene) {
      const {faults, traps, cluster} = scene;
      await traps.set('wait');
      const began = performance.now();
      await faults.killServer(cluster.source);
      await traps.sprung();
      const candidate = await candidateOf(scene);
      await faults.killServer(candidate);
      await traps.lift('wait');
      await bringBack(scene, candidate, began);
    },
  },
  {
    name: 'the candidate killed while it applies what it has received',
    faults: ['source-kill', 'candidate-kill'],
    expected: PROMOTE,
    async act(scene) {
      const {stage, faults, cluster, application} = scene;
      const release = await Promise.all(cluster.replicas.map(async (replica) => ({replica, free: await holdApplier(replica.instance)})));
      const before = application.acknowledged.length;
      while (application.acknowledged.length < before + 10) await pause(20);
      const began = performance.now();
      await faults.killServer(cluster.source);
      const candidate = await candidateOf(scene);
      const draining = async (): Promise<boolean> =>
        (await stage.rows("SELECT uid FROM $recovery_plan_step WHERE state = 'started' AND description LIKE '%appl%'")).length > 0;
      await waitFor('a step applies', draining, {within: PATIENCE});
      await faults.killServer(candidate);
      for (const {replica, free} of release) if (replica.name !== candidate.name) await free();
      await bringBack(scene, candidate, began);
    },
  },
];
