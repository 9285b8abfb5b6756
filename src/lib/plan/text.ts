import {keyText} from '../model/instance-key.ts';
import type {RecoveryPlan} from './plan.ts';

/** What a plan comes to, in a sentence. */
export function planText({kind, failed, successor}: Pick<RecoveryPlan, 'kind' | 'failed' | 'successor'>): string {
  switch (kind) {
    case 'promote':
      return `${keyText(successor)} is promoted in place of ${keyText(failed)}`;
    case 'adopt':
      return `the replicas of ${keyText(failed)} follow ${keyText(successor)}`;
    case 'mend':
      return `${keyText(failed)} is put right and stays the source`;
    case 'return':
      return `${keyText(failed)} has come back, and ${keyText(successor)} has taken its place`;
  }
}
