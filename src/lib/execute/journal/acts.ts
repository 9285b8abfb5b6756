import {keyText} from '../../model/instance-key.ts';
import {unreachable} from '../../errors/errors.ts';
import type {PlannedStep, RecoveryPlan, Step, Weight} from '../../plan/plan.ts';
import type {Progress} from './run.ts';

/** The lists of external programs that are run once there is a plan; configuration key names. */
export type HookList =
  | 'PreFailoverProcesses'
  | 'PostMasterFailoverProcesses'
  | 'PostIntermediateMasterFailoverProcesses'
  | 'PostFailoverProcesses'
  | 'PostUnsuccessfulFailoverProcesses'
  | 'PostReturnedSourceProcesses';

/**
 * One line of a recovery's journal: a step on a server, or what surrounds the steps. Each bears repetition, so that whoever
 * takes over repeats what was started and not marked done.
 */
export type Act =
  | {readonly do: 'hooks'; readonly list: HookList}
  /** The last look before anything is changed. */
  | {readonly do: 'confirm-dead'}
  | {readonly do: 'step'; readonly step: Step}
  /** Clients are not to find the old source any more; begun, and not waited for. */
  | {readonly do: 'withdraw'}
  /** Clients are to find the new source. */
  | {readonly do: 'publish'}
  /** The successor was seen writable: is_successful and successor recorded. */
  | {readonly do: 'record-success'}
  /** Downtime of what was lost, detections cleared, the cluster's alias moved. */
  | {readonly do: 'tidy-up'}
  /** end_recovery, errors, lost replicas. */
  | {readonly do: 'end'};

export interface JournaledAct<Does = Act> {
  /** Position in the journal, from 0. */
  readonly number: number;
  /** Acts of one stage run at the same time. */
  readonly stage: number;
  readonly weight: Weight;
  readonly act: Does;
}

/**
 * Everything a recovery does once it is decided, in the fixed order of coordination.md §4. Pure.
 *
 * @param skipHooks leave out the external programs (`recover-lite`)
 */
export function actsOf(plan: RecoveryPlan, {skipHooks}: {readonly skipHooks: boolean}): readonly JournaledAct[] {
  const stages = STAGES[plan.kind](plan);
  return number(skipHooks ? stages.filter(([first]) => first?.act.do !== 'hooks') : stages);
}

/**
 * What a recovery does once its choice was made again: numbers go on, hooks that have run are not run again, and the source is not
 * confirmed dead by replicas that were told to stop receiving.
 */
export function actsAgain(plan: RecoveryPlan, before: readonly JournaledAct[]): readonly JournaledAct[] {
  const skipHooks = !before.some(({act}) => act.do === 'hooks');
  const first = Math.max(...before.map(({number: at}) => at)) + 1;
  const left = actsOf(plan, {skipHooks}).filter(
    ({act}) => act.do !== 'confirm-dead' && !(act.do === 'hooks' && act.list === 'PreFailoverProcesses'),
  );
  return left.map((one, index) => ({...one, number: first + index, stage: first + one.stage}));
}

type Stages = readonly (readonly {readonly act: Act; readonly weight: Weight}[])[];

/**
 * Nobody waits for those that are postponed but those who are told how it all ended. Who is lost among them is downtimed like the others.
 */
function postponedStages(steps: readonly PlannedStep[]): Stages {
  const postponed = steps.filter((one) => one.postponed);
  return postponed.length > 0 ? [...staged(postponed), [{act: {do: 'tidy-up'}, weight: 'note'}]] : [];
}

/** Replicas of a dead intermediate source are moved. Nothing is downtimed: without replicas it is no finding any more. */
function adoptionStages(plan: RecoveryPlan): Stages {
  return [
    hooks('PreFailoverProcesses', 'must'),
    [{act: {do: 'confirm-dead'}, weight: 'must'}],
    ...staged(plan.steps),
    [{act: {do: 'record-success'}, weight: 'must'}],
    hooks('PostIntermediateMasterFailoverProcesses', 'note'),
    hooks('PostFailoverProcesses', 'note'),
    [{act: {do: 'end'}, weight: 'must'}],
  ];
}

/** A source that lives is put right; as in 3.2.6 hooks are asked before one is opened. */
function mendStages(plan: RecoveryPlan): Stages {
  return [
    ...(plan.steps.some(({step}) => step.do === 'open-source') ? [hooks('PreFailoverProcesses', 'must')] : []),
    ...staged(plan.steps),
    [{act: {do: 'record-success'}, weight: 'must'}],
    hooks('PostFailoverProcesses', 'note'),
    [{act: {do: 'end'}, weight: 'must'}],
  ];
}

/** What is done about a returned source; its downtime ends where it is a replica again. */
function returnStages(plan: RecoveryPlan): Stages {
  return [
    ...staged(plan.steps),
    [{act: {do: 'tidy-up'}, weight: 'note'}],
    hooks('PostReturnedSourceProcesses', 'note'),
    [{act: {do: 'end'}, weight: 'must'}],
  ];
}

function promotionStages(plan: RecoveryPlan): Stages {
  const opened = Math.max(-1, ...plan.steps.filter(({step}) => step.do === 'make-writable').map(({stage}) => stage));
  const before = plan.steps.filter(({stage, postponed}) => !postponed && (stage <= opened || opened < 0));
  const after = plan.steps.filter((planned) => !before.includes(planned) && !planned.postponed);
  return [
    hooks('PreFailoverProcesses', 'must'),
    [{act: {do: 'confirm-dead'}, weight: 'must'}],
    ...beside(staged(before), {do: 'withdraw'}),
    [{act: {do: 'record-success'}, weight: 'must'}],
    ...beside(staged(after), {do: 'publish'}),
    [{act: {do: 'tidy-up'}, weight: 'note'}],
    hooks('PostMasterFailoverProcesses', 'note'),
    ...postponedStages(plan.steps),
    hooks('PostFailoverProcesses', 'note'),
    [{act: {do: 'end'}, weight: 'must'}],
  ];
}

const STAGES: Readonly<Record<RecoveryPlan['kind'], (plan: RecoveryPlan) => Stages>> = {
  promote: promotionStages,
  adopt: adoptionStages,
  mend: mendStages,
  return: returnStages,
};

function number(stages: Stages): readonly JournaledAct[] {
  return stages.flatMap((acts, stage) => acts.map((one) => ({...one, stage}))).map((one, index) => ({...one, number: index}));
}

function hooks(list: HookList, weight: Weight): readonly {readonly act: Act; readonly weight: Weight}[] {
  return [{act: {do: 'hooks', list}, weight}];
}

/** Does something at the same time as the first stage, which does not wait for it to go well. */
function beside([first = [], ...rest]: Stages, act: Act): Stages {
  return [[...first, {act, weight: 'note'}], ...rest];
}

function staged(steps: readonly PlannedStep[]): Stages {
  const byStage = Map.groupBy(steps, ({stage}) => stage);
  return [...byStage.keys()]
    .sort((a, b) => a - b)
    .map((stage) => (byStage.get(stage) ?? []).map(({step, weight}) => ({act: {do: 'step', step}, weight: weightOf(step, weight)})));
}

/** An old source that cannot be reached is no failure; one that can be reached and not be closed ends the recovery (P4). */
function weightOf(step: Step, weight: Weight): Weight {
  return step.do === 'close-source' ? 'must' : weight;
}

/**
 * What counts as done when a recovery is taken over. Until the successor is open the old source may have come back meanwhile:
 * then it is closed once more, and as long as no server was changed it is looked at once more. Taking it out of directories was only begun.
 */
export function progressToResume(acts: readonly JournaledAct[], journaled: ReadonlyMap<number, Progress>): ReadonlyMap<number, Progress> {
  const progress = withoutFailures(acts, journaled);
  const stateOf = (act: JournaledAct): string => progress.get(act.number)?.state ?? 'planned';
  const steps = acts.filter(({act}) => act.do === 'step');
  const opened = steps.some((one) => one.act.do === 'step' && one.act.step.do === 'make-writable' && stateOf(one) === 'done');
  if (opened) return progress;
  const touched = steps.some((one) => one.act.do === 'step' && one.act.step.do !== 'close-source' && stateOf(one) !== 'planned');
  const again = acts.filter(
    ({act}) => (act.do === 'confirm-dead' && !touched) || act.do === 'withdraw' || (act.do === 'step' && act.step.do === 'close-source'),
  );
  return new Map([...progress].filter(([number]) => !again.some((act) => act.number === number && stateOf(act) === 'done')));
}

/** What must not fail and did is tried once more: its conductor died before it could draw the consequence, and nothing may follow it. */
function withoutFailures(acts: readonly JournaledAct[], journaled: ReadonlyMap<number, Progress>): ReadonlyMap<number, Progress> {
  const isMust = (number: number): boolean => acts.some((act) => act.number === number && act.weight === 'must');
  return new Map(
    [...journaled].map(([number, one]) => [number, one.state === 'failed' && isMust(number) ? {...one, state: 'started' as const} : one]),
  );
}

/** One line for the journal and for people. */
export function actText(act: Act): string {
  switch (act.do) {
    case 'hooks':
      return `run ${act.list}`;
    case 'confirm-dead':
      return 'confirm once more that the source is dead';
    case 'step':
      return stepText(act.step);
    case 'withdraw':
      return 'take the old source out of where clients look for it';
    case 'publish':
      return 'tell clients of the new source';
    case 'record-success':
      return 'record the successor';
    case 'tidy-up':
      return 'downtime what was lost, move the alias';
    case 'end':
      return 'end the recovery';
    default:
      return unreachable(act);
  }
}

function stepText(step: Step): string {
  const on = keyText(step.on);
  switch (step.do) {
    case 'close-source':
      return `close ${on} for writes if it can be reached`;
    case 'drain':
      return `apply on ${on} all it received`;
    case 'catch-up':
      return `let ${on} catch up with ${keyText(step.from)}`;
    case 'stop-receiver':
      return `stop the receiver of ${on}`;
    case 'repoint':
      return `point ${on} at ${keyText(step.source)}`;
    case 'note-place':
      return `note where the log of ${on} ends, having all that ${keyText(step.stands)} received`;
    case 'place':
      return `let ${on} go on below ${keyText(step.source)} where it stands${step.match ? ', or where Pseudo-GTID finds' : ''}`;
    case 'prove':
      return `see that ${on} has what others received`;
    case 'detach':
      return `detach ${on}`;
    case 'make-writable':
      return `make ${on} writable`;
    case 'forget-source':
      return `let ${on} forget ${keyText(step.source)}`;
    case 'follow':
      return `let ${on} follow ${keyText(step.source)}${step.match ? ' by Pseudo-GTID' : step.sameLog ? ' at the position it has' : ''}`;
    case 'fence':
      return `close ${on} for writes`;
    case 'rejoin':
      return `make ${on} a replica of ${keyText(step.source)}`;
    case 'switch-semi-sync':
      return `switch semi-sync of ${on} as a ${step.role} ${step.enabled ? 'on' : 'off'}`;
    case 'count-acknowledging':
      return `see that ${step.atMost === null ? 'at least' : 'just'} ${step.atLeast} replicas acknowledge to ${on}`;
    case 'release-commits':
      return `let commits go that wait on ${on}`;
    case 'open-source':
      return `make ${on} writable again`;
    default:
      return unreachable(step);
  }
}
