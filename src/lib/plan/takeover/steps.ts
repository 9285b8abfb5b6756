import {unreachable} from '../../errors/errors.ts';
import type {Instance} from '../../model/instance.ts';
import {keyText} from '../../model/instance-key.ts';
import {isLossless, mayHaveAcknowledged} from '../lossless.ts';
import type {Weight} from '../plan.ts';
import type {Manner, PlannedTakeoverStep, TakeoverStep} from './plan.ts';

/** Who does what. */
export interface Cast {
  readonly source: Instance;
  readonly successor: Instance;
  /** All other replicas that can follow it. */
  readonly siblings: readonly Instance[];
  /** Those that cannot, and why. */
  readonly left: readonly {readonly replica: Instance; readonly because: string}[];
}

type Stage = readonly (readonly [weight: Weight, step: TakeoverStep])[];

/**
 * The steps in their order. What can be done before the source is closed is done before; between closing it and opening the successor
 * there is nothing else; the siblings follow afterwards, for which nobody's writes should wait, and until the successor is open
 * nothing has been changed that could not be taken back in a moment.
 *
 * A source that promised to lose nothing hands that promise over at once; where semi-sync is a wish, the successor is switched once
 * somebody can acknowledge.
 */
export function stepsFor(cast: Cast, how: {readonly manner: Manner; readonly killWriters: boolean}): readonly PlannedTakeoverStep[] {
  const {source, successor, siblings} = cast;
  const [on, old] = [successor.key, source.key];
  const lossless = source.semiSync.sourceEnabled && isLossless(source);
  const stages: readonly {readonly steps: Stage; readonly inTurn?: true}[] = [
    {steps: [['must', {do: 'prepare', on, source: old, semiSync: lossless}]]},
    {
      steps: [
        ['must', {do: 'close-source', on: old, killWriters: how.killWriters}],
        ['must', {do: 'catch-up', on, source: old}],
        ['must', {do: 'open', on}],
        ['note', {do: 'release', on: old}],
        ['note', {do: 'stop-replication', on}],
      ],
      inTurn: true,
    },
    {steps: [...siblings.map(({key}): Stage[number] => ['lost', {do: 'repoint', on: key, source: on}]), ...oldSource(cast, how.manner)]},
    {steps: source.semiSync.sourceEnabled ? [['note', {do: 'semi-sync', on, source: old}]] : []},
    {steps: [['note', {do: 'forget-source', on, source: old}]]},
  ];
  return stages
    .filter(({steps}) => steps.length > 0)
    .flatMap(({steps, inTurn}, stage) => steps.map(([weight, step]) => ({step, weight, stage, ...(inTurn ? {inTurn} : {})})));
}

function oldSource({source, successor, siblings}: Cast, {oldSource: what}: Manner): Stage {
  if (what === 'leave') return [];
  const semiSync = source.semiSync.sourceEnabled && [successor, ...siblings].some(mayHaveAcknowledged);
  const start = what === 'start';
  return [['lost', {do: 'rejoin', on: source.key, source: successor.key, siblings: siblings.map(({key}) => key), semiSync, start}]];
}

/** One line for the journal and for people. */
export function takeoverStepText(step: TakeoverStep): string {
  const on = keyText(step.on);
  switch (step.do) {
    case 'prepare':
      return `let ${on} catch up with ${keyText(step.source)} while that is open`;
    case 'close-source':
      return `close ${on} for writes`;
    case 'catch-up':
      return `let ${on} apply all that ${keyText(step.source)} has`;
    case 'open':
      return `make ${on} writable`;
    case 'release':
      return `end what still writes on ${on}`;
    case 'stop-replication':
      return `stop replication on ${on}`;
    case 'repoint':
      return `point ${on} at ${keyText(step.source)}`;
    case 'rejoin':
      return `point ${on} at ${keyText(step.source)}${step.start ? ' and start it' : ', without starting it'}`;
    case 'semi-sync':
      return `let ${on} wait for acknowledgements as ${keyText(step.source)} did`;
    case 'forget-source':
      return `let ${on} forget ${keyText(step.source)}`;
    default:
      return unreachable(step);
  }
}
