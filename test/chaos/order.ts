import {waitFor} from '../sandbox/index.ts';
import type {Managed} from './cluster/managed.ts';
import type {Stage} from './cluster/stage.ts';
import type {Faults} from './faults.ts';
import {stateOf} from './observer.ts';

/** From the end of the last fault to a quiet installation. */
const CONVERGES_WITHIN = 60_000;

/** One leads, nothing is locked or half done, and every cluster is one source with replicas that have what it has. */
export async function converged(stage: Stage, faults: Faults): Promise<void> {
  const until = performance.now() + CONVERGES_WITHIN;
  await stage.leader(CONVERGES_WITHIN);
  const quiet = async (): Promise<boolean> => {
    const [locks, plans] = await Promise.all([
      stage.rows('SELECT purpose FROM $cluster_lock'),
      stage.rows("SELECT uid FROM $recovery_plan WHERE state = 'open'"),
    ]);
    if (locks.length + plans.length > 0) throw new Error(`${JSON.stringify(locks)} ${JSON.stringify(plans)}`);
    for (const cluster of stage.managed) await inOrder(cluster, faults);
    return true;
  };
  await waitFor('all is quiet', quiet, {within: Math.max(0, until - performance.now())});
}

/** @throws Error what is out of order in one cluster */
export async function inOrder(cluster: Managed, faults: Faults): Promise<void> {
  const alive = cluster.servers.filter(({instance}) => instance.alive());
  const states = await Promise.all(alive.map(async (server) => ({server, state: await stateOf(server)})));
  const sources = states.filter(({state}) => state?.writable);
  const [source] = sources;
  if (!source || sources.length > 1)
    throw new Error(`${cluster.name}: writable ${sources.map(({server}) => server.name).join(', ') || 'none'}`);
  const astray = states.filter(({server, state}) => server !== source.server && !follows(state, source.server.key.port));
  // Who came back may stand alone: closed, and reported.
  const lost = astray.filter(({server, state}) => !(faults.disturbed.has(server.name) && state?.source === null));
  if (lost.length > 0) throw new Error(`${lost.map(({server, state}) => `${server.name}: ${JSON.stringify(state)}`).join('; ')}`);
}

function follows(state: Awaited<ReturnType<typeof stateOf>>, port: number): boolean {
  return state?.source === port && state.receiving && state.applying;
}
