import type {Step} from '../../plan/plan.ts';
import type {Act} from './acts.ts';
import type {RecoveryDocument} from './document.ts';
import type {ActState} from './run.ts';

/** Steps after which servers may be written to, or replicate from, where they were not before. */
const OPENING: ReadonlySet<Step['do']> = new Set(['make-writable', 'open-source', 'forget-source', 'repoint', 'place', 'follow']);

/**
 * Whether a recovery that has failed may have come so far that somebody was opened or moved; begun counts, since nobody knows how it
 * ended. One that has not done so must not keep the next one waiting. Pure.
 */
export function mayHaveOpened(
  {acts, tried = [], opened = tried.length > 0}: Pick<RecoveryDocument, 'acts' | 'tried' | 'opened'>,
  stateOf: (act: number) => ActState,
): boolean {
  return opened || acts.some(({act, number}) => opens(act) && stateOf(number) !== 'planned');
}

function opens(act: Act): boolean {
  return act.do === 'record-success' || (act.do === 'step' && OPENING.has(act.step.do));
}
