import {randomOf} from '../../backend/support/contenders.ts';
import type {BackendKind} from '../backends/backend.ts';
import type {ClusterName} from '../cluster/managed.ts';
import type {FaultKind} from '../faults.ts';
import {scenariosOn} from './index.ts';
import type {Move, Scenario} from './scene.ts';

const SHORTEST = 3;
const LONGEST = 6;

const ON_SERVERS: ReadonlySet<FaultKind> = new Set([
  'source-kill',
  'source-stop',
  'source-flap',
  'candidate-kill',
  'replica-kill',
  'replica-stop',
  'cut-leader-source',
  'cut-replicas-source',
]);
const ON_BACKEND: ReadonlySet<FaultKind> = new Set([
  'backend-kill',
  'backend-stop',
  'backend-clock',
  'quorum-loss',
  'backend-failover',
  'proxy-astray',
]);

/** It is played with the source and the replicas that its cluster began with. */
export function hitsServers({faults}: Scenario): boolean {
  return faults.some((fault) => ON_SERVERS.has(fault));
}

export interface Drawing {
  readonly kind: BackendKind;
  readonly clusters: readonly ClusterName[];
  readonly seed: number;
}

/** Three to six scenarios, which the seed alone decides; none of a cluster whose source was replaced by an earlier one. Pure. */
export function drawSequence({kind, clusters, seed}: Drawing): readonly Move[] {
  const random = randomOf(seed);
  const pick = <One>(list: readonly One[]): One | undefined => list[Math.floor(random() * list.length)];
  const length = SHORTEST + Math.floor(random() * (LONGEST - SHORTEST + 1));
  const moves: Move[] = [];
  while (moves.length < length) {
    const fitting = scenariosOn(kind).flatMap((scenario) =>
      clusters.map((cluster) => ({scenario, cluster})).filter((move) => fits(move, moves)),
    );
    const scenario = pick([...new Set(fitting.map((move) => move.scenario))]);
    const move = pick(fitting.filter((one) => one.scenario === scenario));
    if (!move) throw new Error(`Nothing fits after ${moves.map((one) => one.scenario.name).join(', ')}.`);
    moves.push(move);
  }
  return moves;
}

function fits({scenario, cluster}: Move, before: readonly Move[]): boolean {
  if (scenario.clusters && !scenario.clusters.includes(cluster)) return false;
  if (before.some((move) => move.scenario === scenario)) return false;
  const replaced = before.some((move) => move.cluster === cluster && move.scenario.expected.ends === 'promote');
  if (replaced && hitsServers(scenario)) return false;
  // Behind its proxy one server is left by then.
  const failedOver = before.some((move) => move.scenario.faults.includes('backend-failover'));
  return !(failedOver && scenario.faults.some((fault) => ON_BACKEND.has(fault)));
}
