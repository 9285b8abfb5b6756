import {unreachable} from '../../errors/errors.ts';
import {relocationStepText} from '../../plan/relocation/hops.ts';
import type {RelocationPlan, RelocationStep} from '../../plan/relocation/plan.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {JournaledAct} from '../journal/acts.ts';
import type {ActState} from '../journal/run.ts';
import type {Replacement} from './replacement.ts';

/** One line of a relocation's journal. Each bears repetition. */
export type RelocationAct =
  | {readonly do: 'step'; readonly step: RelocationStep}
  /** PostTakeMasterProcesses; only when all before it went well. */
  | {readonly do: 'takeover-hooks'};

/** What the journal keeps of a relocation: whoever resumes it needs nothing else but the configuration. */
export interface RelocationDocument {
  readonly version: 1;
  readonly uid: string;
  readonly plan: RelocationPlan;
  readonly acts: readonly JournaledAct<RelocationAct>[];
  /** A source that is given a successor. */
  readonly replaces?: Replacement;
}

/** Everything a relocation does once it is decided. Pure. */
export function relocationActs(plan: RelocationPlan): readonly JournaledAct<RelocationAct>[] {
  const steps = plan.steps.map(({step, weight, stage}) => ({act: {do: 'step', step} as const, weight, stage}));
  const last = Math.max(-1, ...steps.map(({stage}) => stage));
  const hooks = plan.takeover ? [{act: {do: 'takeover-hooks'} as const, weight: 'note' as const, stage: last + 1}] : [];
  return [...steps, ...hooks].map((one, number) => ({...one, number}));
}

export function relocationActText(act: RelocationAct): string {
  switch (act.do) {
    case 'step':
      return relocationStepText(act.step);
    case 'takeover-hooks':
      return 'run PostTakeMasterProcesses';
    default:
      return unreachable(act);
  }
}

/** Whether what a journal keeps is a relocation; anything else is a recovery. */
export function isRelocation(document: {readonly plan: {readonly kind: string}}): document is RelocationDocument {
  return document.plan.kind === 'relocate';
}

/** All servers that a relocation may touch. */
export function serversOfRelocation({plan}: RelocationDocument): readonly InstanceKey[] {
  const steps = plan.steps.flatMap(({step}) => [step.on, ...('source' in step ? [step.source] : [])]);
  return unique([plan.subject, ...plan.moves.flatMap(({key, to}) => [key, to]), ...steps]);
}

/** Who may stand still because of a relocation that ends here: all that it had begun to do something to. */
export function stoppedByRelocation({acts}: RelocationDocument, stateOf: (act: number) => ActState): readonly InstanceKey[] {
  const begun = acts.filter(({number}) => stateOf(number) !== 'planned');
  return unique(begun.flatMap(({act}) => (act.do === 'step' && act.step.do !== 'make-writable' ? [act.step.on] : [])));
}

function unique(keys: readonly InstanceKey[]): readonly InstanceKey[] {
  return [...new Map(keys.map((key) => [keyText(key), key])).values()];
}
