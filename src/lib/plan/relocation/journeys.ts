import type {Instance} from '../../model/instance.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Seconds} from '../../model/units.ts';
import {moveOf, numbered, stagesFor, type Hop, type Journey, type Stage} from './hops.ts';
import {
  isRefusal,
  type LeftAlone,
  type RelocationCase,
  type RelocationDecision,
  type RelocationPlan,
  type RelocationRefusal,
} from './plan.ts';
import {lagOf} from './vetoes.ts';

/** An instance that is meant, with the way it goes or why it goes none. */
export type Answered = readonly [mover: Instance, way: readonly Hop[] | RelocationRefusal];

export function refuse(why: RelocationRefusal): RelocationDecision {
  return {act: false, why};
}

/** The plan of those who have a way; the others are left alone. */
export function decisionFor(
  it: Instance,
  {answered, at}: {readonly answered: readonly Answered[]; readonly at: RelocationCase},
): RelocationDecision {
  const {journeys, left} = sorted(answered);
  return {act: true, plan: planOf(it, {journeys, left, stages: stagesFor(journeys)}, at)};
}

/** Who goes, and who stays. */
export function sorted(answered: readonly Answered[]): {readonly journeys: readonly Journey[]; readonly left: readonly LeftAlone[]} {
  return {
    journeys: answered.flatMap(([mover, way]) => (isRefusal(way) ? [] : [journeyOf(mover, way)])),
    left: answered.flatMap(([mover, way]) => (isRefusal(way) ? [{key: mover.key, why: way}] : [])),
  };
}

export function journeyOf(mover: Instance, hops: readonly Hop[]): Journey {
  return {key: mover.key, from: mover.replication?.source ?? null, hops};
}

interface Made extends Partial<Pick<RelocationPlan, 'promoted' | 'replaces' | 'takeover' | 'candidates'>> {
  readonly journeys: readonly Journey[];
  readonly left?: readonly LeftAlone[];
  readonly stages: readonly Stage[];
  readonly remarks?: readonly string[];
}

export function planOf(it: Instance, made: Made, at: RelocationCase): RelocationPlan {
  const movers = made.journeys.flatMap(({key}) => at.topology.get(key) ?? []);
  return {
    kind: 'relocate',
    command: at.wish.command,
    cluster: it.cluster.name,
    subject: it.key,
    moves: made.journeys.map(moveOf),
    left: made.left ?? [],
    steps: numbered(made.stages),
    promoted: made.promoted ?? null,
    ...(made.replaces ? {replaces: made.replaces} : {}),
    takeover: made.takeover ?? null,
    candidates: made.candidates ?? [],
    remarks: [...(made.remarks ?? []), ...movers.flatMap(remarksOn)],
    estimate: estimateOf(movers, made.stages, at),
  };
}

function remarksOn(mover: Instance): readonly string[] {
  const {receiver, applier} = mover.replication ?? {};
  const stopped = receiver?.state === 'stopped' && applier?.state === 'stopped';
  const errant = mover.gtid.errant;
  return [
    ...(stopped ? [`replication of ${keyText(mover.key)} was stopped: it is started`] : []),
    ...(errant === '' ? [] : [`${keyText(mover.key)} keeps its errant transactions: ${errant}`]),
  ];
}

/** A change of source takes a few tens of milliseconds; what is not applied yet takes as long as it is late. */
const EACH: Seconds = 0.1;

function estimateOf(movers: readonly Instance[], stages: readonly Stage[], {policy}: RelocationCase): Seconds {
  const rounds = stages.reduce((sum, stage) => sum + Math.ceil(stage.length / Math.max(1, policy.MaxConcurrentReplicaOperations)), 0);
  const lag = Math.max(0, ...movers.map(lagOf));
  return Math.round((rounds * EACH + lag) * 10) / 10;
}
