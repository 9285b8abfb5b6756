import {keyText} from '../model/instance-key.ts';
import type {Instance} from '../model/instance.ts';
import type {IntervalSet} from '../model/interval-set.ts';
import type {Case, Contender} from './contenders.ts';
import {usesPseudoGtid} from './pseudo-gtid/marks.ts';

/** Why it could not be found by Pseudo-GTID where one goes on below the other, both by file and position; null where it could. */
export function whyNoMatch(mover: Instance, target: Instance, {policy}: Pick<Case, 'policy'>): string | null {
  const without = [mover, target].find((one) => !usesPseudoGtid(one, policy));
  if (!without) return null;
  const name = keyText(without.key);
  return policy.PseudoGTIDPattern === ''
    ? 'it replicates by file and position, and Pseudo-GTID is not in use (AutoPseudoGTID)'
    : `it replicates by file and position, and ${name} is not known to use Pseudo-GTID`;
}

/**
 * Why nobody could tell where one by file and position goes on below the successor. Who stands where that does, in the log of the same
 * source, goes on where its log ends; all others only Pseudo-GTID can place.
 *
 * @param has what the successor will have in the end
 */
export function whyNoPlace(
  contender: Contender,
  successor: Contender,
  {has, at}: {readonly has: IntervalSet; readonly at: Case},
): string | null {
  if (!contender.byPosition || isLevel(contender, has)) return null;
  const why = whyNoMatch(contender.replica, successor.replica, at);
  return why && `it received less than ${keyText(successor.replica.key)}: ${why}`;
}

export function isLevel({received}: Contender, has: IntervalSet): boolean {
  return received !== null && received.subtract(has).isEmpty && has.subtract(received).isEmpty;
}
