import {analyze, type Analysis} from '../analysis/analyze.ts';
import {NOTHING_OBSERVED} from '../analysis/evidence.ts';
import type {Config} from '../config/keys.ts';
import {sameKey, type InstanceKey} from '../model/instance-key.ts';
import type {Topology} from '../model/topology.ts';
import type {Environment} from './environment.ts';

/** What is recovered from, once a death is confirmed. */
export const RECOVERABLE: ReadonlySet<Analysis['recovery']> = new Set([
  'dead-source',
  'dead-co-source',
  'dead-intermediate-source',
  'dead-group-member',
]);

/** What is put right on a source that lives. */
const MENDABLE: ReadonlySet<Analysis['recovery']> = new Set(['locked-semi-sync', 'too-many-semi-sync', 'non-writable-source']);

export function isMendable({recovery}: Pick<Analysis, 'recovery'>): boolean {
  return MENDABLE.has(recovery);
}

/** A source that lives and that the configuration wants to be put right; what it does not want is for people. */
export function isToBeMended({recovery}: Pick<Analysis, 'recovery'>, config: Config): boolean {
  if (recovery === 'locked-semi-sync') return config.RecoverLockedSemiSyncMaster || config.EnforceExactSemiSyncReplicas;
  return MENDABLE.has(recovery);
}

/** The finding about one instance in a topology as it is now; our own lock does not hide it. */
export function findingOf(
  env: Pick<Environment, 'config'>,
  topology: Topology,
  {key, overdue, standingStill = new Set()}: {key: InstanceKey; overdue: ReadonlySet<string>; standingStill?: ReadonlySet<string>},
): Analysis | undefined {
  const policy = {...env.config, withHealthy: true, withDowntimed: true};
  const analyses = analyze(topology, policy, {...NOTHING_OBSERVED, handshakeOverdue: overdue, standingStill});
  return analyses.find((analysis) => sameKey(analysis.instance.key, key));
}
