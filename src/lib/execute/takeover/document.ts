import {unreachable} from '../../errors/errors.ts';
import type {HookFacts} from '../../hooks/facts.ts';
import type {HookList} from '../../hooks/run.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Weight} from '../../plan/plan.ts';
import type {SourceIdentity} from '../../plan/returned-source.ts';
import {takeoverStepText} from '../../plan/takeover/steps.ts';
import type {PlannedTakeoverStep, TakeoverPlan, TakeoverStep} from '../../plan/takeover/plan.ts';
import type {JournaledAct} from '../journal/acts.ts';

/** One line of a takeover's journal. Each bears repetition. */
export type TakeoverAct =
  | {readonly do: 'hooks'; readonly list: HookList}
  | {readonly do: 'step'; readonly step: TakeoverStep}
  /** Clients are not to find the old source any more. */
  | {readonly do: 'withdraw'}
  /** Clients are to find the new source. */
  | {readonly do: 'publish'}
  /** The successor was seen writable: is_successful and successor recorded. */
  | {readonly do: 'record-success'}
  /** Downtime of what was left behind, the cluster's alias moved. */
  | {readonly do: 'tidy-up'}
  /** end_recovery, errors, lost replicas; acknowledged, so that it stands in no recovery's way. */
  | {readonly do: 'end'};

export type JournaledTakeoverAct = JournaledAct<TakeoverAct> & {readonly inTurn?: true};

/** What the journal keeps of a takeover: whoever ends it needs nothing else but the configuration. */
export interface TakeoverDocument {
  readonly version: 1;
  readonly uid: string;
  readonly plan: TakeoverPlan;
  readonly acts: readonly JournaledTakeoverAct[];
  readonly facts: HookFacts;
  /** Alias of the cluster before; the cluster's name where it has none. */
  readonly alias: string;
  /** Who the old source was, should it come back after having been left behind. */
  readonly identity: SourceIdentity;
  /** How the successor was before, for taking it back. */
  readonly before: {readonly semiSync: boolean; readonly writable: boolean};
}

/** Whether what a journal keeps is a takeover that was planned. */
export function isTakeover(document: {readonly plan: {readonly kind: string}}): document is TakeoverDocument {
  return document.plan.kind === 'takeover';
}

type Stages = readonly (readonly {readonly act: TakeoverAct; readonly weight: Weight; readonly inTurn?: true}[])[];

/**
 * Everything a takeover does once it is decided: what people have to say about it before anything is touched, and what they want to
 * know of it as soon as the successor is open. Pure.
 */
export function takeoverActs(plan: TakeoverPlan): readonly JournaledTakeoverAct[] {
  const graceful = plan.command.startsWith('graceful');
  const opened = plan.steps.find(({step}) => step.do === 'open')?.stage ?? -1;
  const stages: Stages = [
    hooks('OnFailureDetectionProcesses', 'must'),
    ...(graceful ? [hooks('PreGracefulTakeoverProcesses', 'must')] : []),
    hooks('PreFailoverProcesses', 'must'),
    [{act: {do: 'withdraw'}, weight: 'note'}],
    ...staged(plan.steps.filter(({stage}) => stage <= opened)),
    [
      {act: {do: 'record-success'}, weight: 'must'},
      {act: {do: 'publish'}, weight: 'note'},
    ],
    hooks('PostMasterFailoverProcesses', 'note'),
    ...staged(plan.steps.filter(({stage}) => stage > opened)),
    [{act: {do: 'tidy-up'}, weight: 'note'}],
    hooks('PostFailoverProcesses', 'note'),
    ...(graceful ? [hooks('PostGracefulTakeoverProcesses', 'note')] : []),
    [{act: {do: 'end'}, weight: 'must'}],
  ];
  return stages.flatMap((acts, stage) => acts.map((one) => ({...one, stage}))).map((one, number) => ({...one, number}));
}

function hooks(list: HookList, weight: Weight): Stages[number] {
  return [{act: {do: 'hooks', list}, weight}];
}

function staged(steps: readonly PlannedTakeoverStep[]): Stages {
  const byStage = Map.groupBy(steps, ({stage}) => stage);
  return [...byStage.values()].map((all) =>
    all.map(({step, weight, inTurn}) => ({act: {do: 'step', step}, weight, ...(inTurn ? {inTurn} : {})})),
  );
}

export function takeoverActText(act: TakeoverAct): string {
  switch (act.do) {
    case 'hooks':
      return `run ${act.list}`;
    case 'step':
      return takeoverStepText(act.step);
    case 'withdraw':
      return 'take the old source out of where clients look for it';
    case 'publish':
      return 'tell clients of the new source';
    case 'record-success':
      return 'record the successor';
    case 'tidy-up':
      return 'downtime what was left behind, move the alias';
    case 'end':
      return 'end the takeover';
    default:
      return unreachable(act);
  }
}

/** All servers that a takeover may touch. */
export function serversOfTakeover({plan}: TakeoverDocument): readonly InstanceKey[] {
  const keys = [plan.failed, plan.successor, ...plan.steps.map(({step}) => step.on)];
  return [...new Map(keys.map((key) => [keyText(key), key])).values()];
}
