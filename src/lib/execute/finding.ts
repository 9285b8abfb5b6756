import {analyze, type Analysis} from '../analysis/analyze.ts';
import {NOTHING_OBSERVED} from '../analysis/evidence.ts';
import {sameKey, type InstanceKey} from '../model/instance-key.ts';
import type {Topology} from '../model/topology.ts';
import type {Environment} from './environment.ts';

/** What is recovered from, once a death is confirmed. */
export const RECOVERABLE: ReadonlySet<Analysis['recovery']> = new Set(['dead-source', 'dead-co-source', 'dead-intermediate-source']);

/** The finding about one instance in a topology as it is now; our own lock does not hide it. */
export function findingOf(
  env: Pick<Environment, 'config'>,
  topology: Topology,
  {key, overdue}: {key: InstanceKey; overdue: ReadonlySet<string>},
): Analysis | undefined {
  const policy = {...env.config, withHealthy: true, withDowntimed: true};
  const analyses = analyze(topology, policy, {...NOTHING_OBSERVED, handshakeOverdue: overdue});
  return analyses.find((analysis) => sameKey(analysis.instance.key, key));
}
