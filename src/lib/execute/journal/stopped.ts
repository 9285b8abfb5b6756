import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Step} from '../../plan/plan.ts';
import type {RecoveryDocument} from './document.ts';
import type {ActState} from './run.ts';

/** What a plan that is given up has stopped. */
export interface Stopped {
  /** Their receivers are to be started again. */
  readonly receivers: readonly InstanceKey[];
  /** Both of their threads: they were being pointed elsewhere, and follow whomever they point at now. */
  readonly both: readonly InstanceKey[];
  /** Stopped, and they stay so: a successor was opened, and the old source must not feed them should it come back. */
  readonly left: readonly InstanceKey[];
}

/**
 * What has to be started again so that nothing stands still because of a recovery that ends here. Receivers that were stopped before
 * it began are left alone. Pure.
 */
export function stoppedBy({acts, receiving = [], stoppedBefore = []}: RecoveryDocument, stateOf: (act: number) => ActState): Stopped {
  const begun = acts.flatMap(({act, number}) =>
    act.do === 'step' && stateOf(number) !== 'planned' ? [{step: act.step, state: stateOf(number)}] : [],
  );
  const on = (kinds: readonly Step['do'][], unfinished = false): readonly InstanceKey[] =>
    begun.filter(({step, state}) => kinds.includes(step.do) && !(unfinished && state === 'done')).map(({step}) => step.on);
  const opened = on(['make-writable']);
  // Its receiver is restarted for that.
  const switched = begun.flatMap(({step, state}) => (state === 'done' ? [] : restartedBy(step)));
  const moved = [...on(['repoint', 'place', 'follow'], true), ...switched, ...(opened.length > 0 ? [] : on(['catch-up']))];
  const followed = on(['repoint', 'place', 'catch-up', 'detach']);
  const stopped = without(among(receiving, [...on(['drain', 'stop-receiver']), ...stoppedBefore]), [...followed, ...opened]);
  return {receivers: opened.length > 0 ? [] : stopped, both: unique(moved), left: opened.length > 0 ? stopped : []};
}

/**
 * The states of acts where the successor was seen closed although its opening was begun: nothing was opened. Pure.
 */
export function withoutOpening({acts}: Pick<RecoveryDocument, 'acts'>, stateOf: (act: number) => ActState): (act: number) => ActState {
  const openings = new Set(acts.flatMap(({act, number}) => (act.do === 'step' && act.step.do === 'make-writable' ? [number] : [])));
  return (number) => (openings.has(number) && stateOf(number) !== 'done' ? 'planned' : stateOf(number));
}

/** `stoppedBy` where the successor was seen closed although its opening was begun, for which its applier may have been stopped too. Pure. */
export function stoppedUnopened(document: RecoveryDocument, stateOf: (act: number) => ActState): Stopped {
  const {receivers, both, left} = stoppedBy(document, withoutOpening(document, stateOf));
  const {successor} = document.plan;
  return {receivers: without(receivers, [successor]), both: unique([...both, successor]), left};
}

function restartedBy(step: Step): readonly InstanceKey[] {
  if (step.do === 'release-commits') return step.through;
  return step.do === 'switch-semi-sync' && step.role === 'replica' ? [step.on] : [];
}

function among(keys: readonly InstanceKey[], others: readonly InstanceKey[]): readonly InstanceKey[] {
  const names = new Set(others.map(keyText));
  return keys.filter((key) => names.has(keyText(key)));
}

function without(keys: readonly InstanceKey[], others: readonly InstanceKey[]): readonly InstanceKey[] {
  const names = new Set(others.map(keyText));
  return keys.filter((key) => !names.has(keyText(key)));
}

function unique(keys: readonly InstanceKey[]): readonly InstanceKey[] {
  return [...new Map(keys.map((key) => [keyText(key), key])).values()];
}
