import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Instance} from '../../model/instance.ts';
import {relocationStepText, wayText} from '../../plan/relocation/hops.ts';
import type {RelocationPlan} from '../../plan/relocation/plan.ts';
import {problemsOf, type Relocated} from './ask.ts';

/** A plan as people read it: who would go where, in which steps, who would not, and for how long. */
export function planLines(plan: RelocationPlan): readonly string[] {
  const {moves, steps, left, promoted, remarks, estimate} = plan;
  if (steps.length === 0) return ['nothing to do'];
  return [
    ...(promoted ? [`would be on top: ${keyText(promoted)}`] : []),
    ...moves.map(
      (move) =>
        `would move ${keyText(move.key)} from ${move.from ? keyText(move.from) : 'nobody'} to ${keyText(move.to)} (${wayText(move)})`,
    ),
    ...steps.map(({step, stage}) => `stage ${stage}: ${relocationStepText(step)}`),
    ...left.map(({key, why}) => `would leave ${keyText(key)} where it is (${why.code}): ${why.because}`),
    ...remarks,
    `about ${estimate} s`,
  ];
}

/** What `--json` prints, of a plan and of what came of it. */
export function relocatedJson(done: Relocated): unknown {
  const {noop, plan, uid, outcomes, errors} = done;
  return {
    noop,
    command: plan.command,
    cluster: plan.cluster,
    instance: plan.subject,
    uid: uid === '' ? null : uid,
    promoted: plan.promoted,
    moves: noop ? plan.moves : outcomes.map(({key, from, to, by, ok, because}) => ({key, from, to, by, ok, ...(ok ? {} : {because})})),
    left: plan.left.map(({key, why}) => ({key, code: why.code, because: why.because})),
    steps: plan.steps.map(({step, stage}) => ({stage, ...step, text: relocationStepText(step)})),
    candidates: plan.candidates,
    remarks: plan.remarks,
    errors,
    estimateSeconds: plan.estimate,
  };
}

/** `KEY<SOURCE` */
export function belowLine(key: InstanceKey, source: InstanceKey): string {
  return `${keyText(key)}<${keyText(source)}`;
}

/** Those that are where they should be. */
export function movedKeys({outcomes}: Relocated): readonly InstanceKey[] {
  return outcomes.filter(({ok}) => ok).map(({key}) => key);
}

/** The same, as they are now. */
export function movedInstances({outcomes}: Relocated): readonly Instance[] {
  return outcomes.flatMap(({ok, instance}) => (ok && instance ? [instance] : []));
}

/** 1 when something was attempted and did not succeed, or was not even attempted for some. */
export function statusOf(done: Relocated): number {
  return problemsOf(done).length > 0 || (!done.noop && done.plan.left.length > 0) ? 1 : 0;
}
