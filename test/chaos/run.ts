import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {waitFor} from '../sandbox/index.ts';
import {randomOf} from '../backend/support/contenders.ts';
import type {Managed} from './cluster/managed.ts';
import type {Stage} from './cluster/stage.ts';
import {Faults, type Traps} from './faults.ts';
import {violationsIn, type ClusterEvidence, type Outcome, type Violation} from './invariants.ts';
import {Observer, stateOf} from './observer.ts';
import type {Scenario, Scene} from './scenarios/scene.ts';
import {Application} from './workload.ts';

export interface Run {
  readonly scenario: Scenario;
  /** The cluster that is hit. */
  readonly cluster: Managed;
  readonly seed: number;
}

export interface Result {
  readonly scenario: string;
  readonly cluster: string;
  readonly seed: number;
  readonly faults: readonly string[];
  readonly expected: Outcome;
  /** Lengths of time the scenario wrote down, milliseconds. */
  readonly timings: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
}

/** From the end of the last fault to a quiet installation. */
const CONVERGES_WITHIN = 60_000;

/** Plays one scenario on a stage that has just begun, and judges it. */
export async function play(stage: Stage, traps: Traps, {scenario, cluster, seed}: Run): Promise<Result> {
  const faults = new Faults(stage);
  const observer = new Observer(stage);
  const applications = stage.managed.map((one) => new Application(one));
  const timings: Record<string, number> = {};
  const random = randomOf(seed);
  const scene: Scene = {
    stage,
    faults,
    traps,
    cluster,
    application: applications.find((one) => one.cluster === cluster)!,
    between: (least, most) => least + random() * (most - least),
    measure: (what, milliseconds) => (timings[what] = Math.round(milliseconds)),
  };
  const broken: Violation[] = [];
  const attempt = async (code: 'broken-scenario' | 'no-convergence', work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      broken.push({code, text: error instanceof Error ? error.message : String(error)});
    }
  };
  await traps.prepare();
  observer.start();
  for (const application of applications) application.start();
  try {
    await attempt('broken-scenario', async () => {
      await waitFor('every application writes', () => applications.every(({acknowledged}) => acknowledged.length >= 10), {within: 30_000});
      await scenario.act(scene);
    });
    const began = performance.now();
    await attempt('no-convergence', async () => {
      await faults.mend();
      await converged(stage, faults);
    });
    timings['converged'] = Math.round(performance.now() - began);
  } finally {
    await Promise.all(applications.map((application) => application.stop()));
    await observer.stop();
  }
  const steady = scenario.steady === true && scenario.mayMove !== true;
  const clusters = await Promise.all(applications.map((application) => evidenceOf(stage, application, {scenario, hit: cluster, faults})));
  const violations = [...broken, ...violationsIn({samples: observer.samples, clusters, steady})];
  return {scenario: scenario.name, cluster: cluster.name, seed, faults: scenario.faults, expected: scenario.expected, timings, violations};
}

/** One leads, nothing is locked or half done, and every cluster is one source with replicas that have what it has. */
async function converged(stage: Stage, faults: Faults): Promise<void> {
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
  await waitFor('all is quiet', quiet, {within: CONVERGES_WITHIN});
}

async function inOrder(cluster: Managed, faults: Faults): Promise<void> {
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

interface About {
  readonly scenario: Scenario;
  readonly hit: Managed;
  readonly faults: Faults;
}

async function evidenceOf(stage: Stage, {cluster, acknowledged}: Application, about: About): Promise<ClusterEvidence> {
  const ports = cluster.servers.map(({key}) => key.port).join(', ');
  const recoveries = await stage.rows<{uid: string; is_successful: number}>(
    `SELECT uid, is_successful FROM $topology_recovery WHERE port IN (${ports})`,
  );
  const there = new Set(await idsAt(cluster));
  const hit = cluster === about.hit;
  return {
    name: cluster.name,
    expected: hit ? about.scenario.expected : {ends: 'none'},
    recoveriesAllowed: about.scenario.recoveries ?? 1,
    recoveries: recoveries.map(({uid, is_successful}) => ({uid, successful: Number(is_successful) === 1})),
    refusals: refusalsOf(stage, cluster),
    lost: acknowledged.map(({id}) => id).filter((id) => !there.has(id)),
    fences: new Map(await Promise.all(cluster.servers.map(async ({name, instance}) => [name, await fencesAt(instance.datadir)] as const))),
    servers: cluster.servers.map(({name}) => name),
    disturbed: about.faults.disturbed,
  };
}

/** What the source has: of several writable servers the one that others follow. */
async function idsAt(cluster: Managed): Promise<readonly number[]> {
  const alive = cluster.servers.filter(({instance}) => instance.alive());
  const states = await Promise.all(alive.map(async (server) => ({server, state: await stateOf(server).catch(() => null)})));
  const writable = states.filter(({state}) => state?.writable).map(({server}) => server);
  const source = writable.find(({key}) => states.some(({state}) => state?.source === key.port)) ?? writable[0];
  const rows = (await source?.instance.query<{id: number}>('SELECT id FROM test.t')) ?? [];
  return rows.map(({id}) => Number(id));
}

/** `127.0.0.1:3306 is not recovered (code): why`, as leaders write it. */
function refusalsOf(stage: Stage, cluster: Managed): readonly string[] {
  const codes = cluster.servers.flatMap(({key}) =>
    stage.nodes.flatMap(({log}) => [...log.matchAll(new RegExp(`${key.host}:${key.port} is not recovered \\(([a-z-]+)\\)`, 'g'))]),
  );
  return [...new Set(codes.map(([, code = '']) => code))];
}

/** Fences of the comments before our statements, in the order in which the server began them. */
async function fencesAt(datadir: string): Promise<readonly number[]> {
  const text = await readFile(join(datadir, 'general.log'), 'utf8');
  return [...text.matchAll(/\/\* orchestrator \S+ (\d+) \*\//g)].map(([, fence]) => Number(fence));
}
