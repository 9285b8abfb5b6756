import type {Analysis} from '../../analysis/analyze.ts';
import type {Candidate, Decision, PlannedStep} from '../plan.ts';

/** To put a source right that lives and stays the source. */
export function mending({code, instance}: Analysis, steps: readonly PlannedStep[], candidates: readonly Candidate[] = []): Decision {
  const {key, cluster} = instance;
  const plan = {kind: 'mend', code, cluster: cluster.name, failed: key, successor: key, steps, candidates, lost: [], remarks: []} as const;
  return {act: true, plan};
}
