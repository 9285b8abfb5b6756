import {unreachable} from '../../errors/errors.ts';
import type {BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Weight} from '../plan.ts';
import type {Move, PlannedRelocationStep, RelocationStep} from './plan.ts';

/** One change of source. A way is one or several of them, each ending at a proper place. */
export type Hop =
  | {readonly by: 'repoint'; readonly to: InstanceKey; readonly gtid: boolean}
  | {readonly by: 'gtid'; readonly to: InstanceKey}
  | {readonly by: 'same-log'; readonly to: InstanceKey}
  | {readonly by: 'up'; readonly over: InstanceKey; readonly to: InstanceKey}
  | {readonly by: 'below'; readonly from: InstanceKey; readonly to: InstanceKey}
  | {readonly by: 'pseudo-gtid'; readonly to: InstanceKey; readonly again?: true}
  | {readonly by: 'equivalent'; readonly to: InstanceKey; readonly from: BinlogCoordinates; readonly at: BinlogCoordinates};

/** An instance and the way it goes. */
export interface Journey {
  readonly key: InstanceKey;
  readonly from: InstanceKey | null;
  readonly hops: readonly Hop[];
}

export type Stage = readonly (readonly [weight: Weight, step: RelocationStep])[];

export function moveOf({key, from, hops}: Journey): Move {
  return {key, from, to: hops.at(-1)?.to ?? key, by: hops.map(({by}) => by)};
}

/**
 * The stages of several journeys. Whoever needs nobody else goes at once, all together; those who share a way by positions go
 * along together, since it stops the same servers.
 */
export function stagesFor(journeys: readonly Journey[]): readonly Stage[] {
  const alone = journeys.filter(({hops}) => hops.length === 1 && hops.every(isAlone));
  const together = Map.groupBy(
    journeys.filter((journey) => !alone.includes(journey)),
    ({from, hops}) => JSON.stringify([from, hops]),
  );
  const first: Stage = alone.flatMap(({key, hops}) => hops.flatMap((hop) => stepsAlone(key, hop)));
  const rest = [...together.values()].flatMap((group) =>
    (group[0]?.hops ?? []).flatMap((hop) =>
      stagesTogether(
        group.map(({key}) => key),
        hop,
      ),
    ),
  );
  return [first, ...rest].filter((stage) => stage.length > 0);
}

export function numbered(stages: readonly Stage[]): readonly PlannedRelocationStep[] {
  return stages.filter((stage) => stage.length > 0).flatMap((steps, stage) => steps.map(([weight, step]) => ({step, weight, stage})));
}

function isAlone({by}: Hop): boolean {
  return by !== 'up' && by !== 'below';
}

function stepsAlone(on: InstanceKey, hop: Hop): Stage {
  switch (hop.by) {
    case 'gtid':
      return [['lost', {do: 'follow', on, source: hop.to}]];
    case 'repoint':
      return [['lost', {do: hop.gtid ? 'follow' : 'follow-same-log', on, source: hop.to}]];
    case 'same-log':
      return [['lost', {do: 'follow-same-log', on, source: hop.to}]];
    case 'equivalent':
      return [['lost', {do: 'settle-at', on, source: hop.to, from: hop.from, at: hop.at}]];
    case 'pseudo-gtid':
      return [['lost', {do: 'match', on, source: hop.to, ...(hop.again ? {again: true} : {})}]];
    default:
      return [];
  }
}

/** Nobody is left stopped, whatever failed before: the last stage starts everybody where they are. */
function stagesTogether(movers: readonly InstanceKey[], hop: Hop): readonly Stage[] {
  if (hop.by === 'up') {
    return [
      [['lost', {do: 'hold', on: hop.over}]],
      movers.map((on) => ['lost', {do: 'climb', on, over: hop.over, source: hop.to}]),
      [...movers.map((on) => goOn(on, hop.to)), goOn(hop.over, hop.to)],
    ];
  }
  if (hop.by === 'below') {
    const among = [hop.to, ...movers];
    return [
      among.map((on) => ['lost', {do: 'hold', on}]),
      among.map((on) => ['lost', {do: 'level', on, among}]),
      movers.map((on) => ['lost', {do: 'settle-below', on, source: hop.to}]),
      [...movers.map((on) => goOn(on, hop.to)), goOn(hop.to, hop.from)],
    ];
  }
  return [movers.flatMap((on) => stepsAlone(on, hop))];
}

export function goOn(on: InstanceKey, source: InstanceKey): readonly [Weight, RelocationStep] {
  return ['lost', {do: 'go-on', on, source}];
}

/** `gtid`, `up, then below` … as people read it. */
export function wayText({by}: Pick<Move, 'by'>): string {
  return by.join(', then ');
}

/** One line for the journal and for people. */
export function relocationStepText(step: RelocationStep): string {
  const on = keyText(step.on);
  switch (step.do) {
    case 'follow':
      return `point ${on} at ${keyText(step.source)} by GTID`;
    case 'follow-same-log':
      return `point ${on} at ${keyText(step.source)} at the position it has`;
    case 'hold':
      return `stop the applier of ${on}`;
    case 'level':
      return `bring ${on} level with its siblings`;
    case 'settle-below':
      return `point ${on} at ${keyText(step.source)}, which stands where it does`;
    case 'climb':
      return `point ${on} at ${keyText(step.source)}, past ${keyText(step.over)}`;
    case 'settle-at':
      return `point ${on} at ${keyText(step.source)} at ${step.at.file}:${step.at.position}`;
    case 'match':
      return `point ${on} at ${keyText(step.source)} at the place that Pseudo-GTID finds`;
    case 'go-on':
      return `start ${on} and see it follow ${keyText(step.source)}`;
    case 'join-ring':
      return `let ${on} replicate from ${keyText(step.source)}`;
    case 'drain':
      return `apply on ${on} all it received`;
    case 'make-writable':
      return `make ${on} writable`;
    case 'forget-source':
      return `let ${on} forget ${keyText(step.source)}`;
    default:
      return unreachable(step);
  }
}
