import type {Instance} from '../model/instance.ts';
import {LOST_IN_RECOVERY} from '../model/lost.ts';
import type {RecoveryKind} from './rules.ts';

/** Recoveries that open nobody: replicas that lost their way are given another. */
const MOVES: ReadonlySet<RecoveryKind> = new Set(['dead-intermediate-source', 'dead-group-member']);

/**
 * Whether downtime keeps a finding about an instance from being acted on. An intermediate source that a recovery lost is let alone by
 * the word of nobody, and its replicas are not to be lost with it: it may have died while its own source was replaced.
 */
export function isHeldByDowntime({wishes: {downtime}}: Pick<Instance, 'wishes'>, recovery: RecoveryKind): boolean {
  return downtime !== null && !(downtime.reason === LOST_IN_RECOVERY && MOVES.has(recovery));
}
