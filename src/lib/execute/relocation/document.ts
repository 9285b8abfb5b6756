import {unreachable} from '../../errors/errors.ts';
import {relocationStepText} from '../../plan/relocation/hops.ts';
import type {RelocationPlan, RelocationStep} from '../../plan/relocation/plan.ts';
import type {JournaledAct} from '../journal/acts.ts';

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
export function isRelocation(document: unknown): document is RelocationDocument {
  const {plan} = document as {readonly plan?: {readonly kind?: string}};
  return plan?.kind === 'relocate';
}
