import {waitFor} from '../sandbox/index.ts';
import {randomOf} from '../backend/support/contenders.ts';
import type {Stage} from './cluster/stage.ts';
import {evidenceOf} from './evidence.ts';
import {Faults, pause, type Traps} from './faults.ts';
import {violationsIn, type ClusterEvidence, type Outcome, type Violation} from './invariants.ts';
import {Observer} from './observer.ts';
import {converged, inOrder} from './order.ts';
import {hitsServers} from './scenarios/sequence.ts';
import {PATIENCE, type Move, type Scene} from './scenarios/scene.ts';
import {Application} from './workload.ts';

export interface Run {
  /** One after the other, without a new beginning in between. */
  readonly moves: readonly Move[];
  readonly seed: number;
}

export interface Result {
  /** Of a single one its name. */
  readonly scenario: string;
  readonly cluster: string;
  readonly seed: number;
  readonly moves: readonly {readonly scenario: string; readonly cluster: string; readonly expected: Outcome}[];
  readonly faults: readonly string[];
  /** Lengths of time that were written down, milliseconds; of a single scenario only, since it alone begins on quiet ground. */
  readonly timings: Readonly<Record<string, number>>;
  /** What came of it, for each cluster; entries of earlier commits do not say. */
  readonly observed?: readonly string[];
  readonly violations: readonly Violation[];
}

/** Longest pause between two scenarios of a sequence, milliseconds. */
const LONGEST_PAUSE = 3_000;

/** Plays one scenario, or several in a sequence, on a stage that has just begun, and judges them. */
export async function play(stage: Stage, traps: Traps, {moves, seed}: Run): Promise<Result> {
  const faults = new Faults(stage);
  const observer = new Observer(stage);
  const applications = stage.managed.map((one) => new Application(one));
  const timings: Record<string, number> = {};
  const broken: Violation[] = [];
  const attempt = async (code: 'broken-scenario' | 'no-convergence', work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      broken.push({code, text: error instanceof Error ? error.message : String(error)});
    }
  };
  observer.start();
  for (const application of applications) application.start();
  try {
    await attempt('broken-scenario', async () => {
      await waitFor('every application writes', () => applications.every(({acknowledged}) => acknowledged.length >= 10), {within: 30_000});
      await playMoves({stage, faults, traps, applications, timings}, {moves, seed});
    });
    const began = performance.now();
    await attempt('no-convergence', async () => {
      await traps.prepare();
      await faults.mend();
      await converged(stage, faults);
    });
    timings['converged'] = Math.round(performance.now() - began);
  } finally {
    await Promise.all(applications.map((application) => application.stop()));
    await observer.stop();
  }
  const mostTerms = mostTermsOf(moves);
  const clusters: ClusterEvidence[] = [];
  await attempt('no-convergence', async () => {
    clusters.push(...(await Promise.all(applications.map((application) => evidenceOf(stage, application, {moves, faults})))));
  });
  return {
    ...nameOf(moves),
    seed,
    timings,
    observed: clusters.map(observedOf),
    violations: [...broken, ...violationsIn({samples: observer.samples, clusters, mostTerms})],
  };
}

function observedOf({name, recoveries, refusals}: ClusterEvidence): string {
  const good = recoveries.filter(({successful}) => successful).length;
  const attempts = recoveries.length > good ? ` after ${recoveries.length - good} that opened nobody or failed` : '';
  const refused = refusals.length > 0 ? `, refused as ${refusals.join(', ')}` : '';
  return `${name}: ${good === 0 ? 'no recovery' : `${good} ${good === 1 ? 'recovery' : 'recoveries'}`}${attempts}${refused}`;
}

/** Terms there may be in all of them together; null where one of them does not say. */
function mostTermsOf(moves: readonly Move[]): number | null {
  const elections = moves.map(({scenario: {steady, elections: wanted = steady ? 0 : null, mayMove}}) => (mayMove ? null : wanted));
  return elections.reduce<number | null>((sum, one) => (sum === null || one === null ? null : sum + one), 1);
}

interface Playing {
  readonly stage: Stage;
  readonly faults: Faults;
  readonly traps: Traps;
  readonly applications: readonly Application[];
  readonly timings: Record<string, number>;
}

async function playMoves({stage, faults, traps, applications, timings}: Playing, {moves, seed}: Run): Promise<void> {
  const random = randomOf(seed);
  const between = (least: number, most: number): number => least + random() * (most - least);
  const single = moves.length === 1;
  for (const [at, {scenario, cluster: name}] of moves.entries()) {
    if (at > 0) await mended(stage, faults, moves[at]!);
    if (at > 0) await pause(between(0, LONGEST_PAUSE));
    await traps.prepare();
    const cluster = stage.cluster(name);
    const scene: Scene = {
      stage,
      faults,
      traps,
      cluster,
      application: applications.find((one) => one.cluster === cluster)!,
      between,
      measure: (what, milliseconds) => {
        if (single) timings[what] = Math.round(milliseconds);
      },
    };
    try {
      await scenario.act(scene);
      faults.mustHaveBeenFelt();
    } catch (error) {
      throw new Error(`${single ? '' : `${scenario.name}: `}${error instanceof Error ? error.message : String(error)}`, {cause: error});
    }
  }
}

/** What the last scenario did is undone, and where the next one hits servers they are as it needs them; no more than that. */
async function mended(stage: Stage, faults: Faults, next: Move): Promise<void> {
  await faults.mend();
  await stage.leader(PATIENCE);
  if (!hitsServers(next.scenario)) return;
  const cluster = stage.cluster(next.cluster);
  await waitFor(`${cluster.name} is in order`, () => inOrder(cluster, faults).then(() => true), {within: PATIENCE});
}

function nameOf(moves: readonly Move[]): Pick<Result, 'scenario' | 'cluster' | 'moves' | 'faults'> {
  const [first] = moves;
  const single = moves.length === 1 && first !== undefined;
  return {
    scenario: single ? first.scenario.name : 'a sequence',
    cluster: single ? first.cluster : 'all',
    moves: moves.map(({scenario, cluster}) => ({scenario: scenario.name, cluster, expected: scenario.expected})),
    faults: [...new Set(moves.flatMap(({scenario}) => scenario.faults))],
  };
}
