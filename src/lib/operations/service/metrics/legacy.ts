import type {RecoveryTotal} from '../../../store/totals.ts';
import type {Metrics} from './metrics.ts';

/** A number as the predecessor told it: at `/debug/metrics`, and to Graphite with the ending `count` or `value`. */
export interface LegacyMetric {
  readonly name: string;
  readonly kind: 'count' | 'value';
  readonly value: number;
}

/** Which findings each kind of recovery of the predecessor answered. */
const RECOVERIES: Readonly<Record<string, (type: string) => boolean>> = {
  dead_master: (type) => type.startsWith('DeadMaster'),
  dead_co_master: (type) => type.startsWith('DeadCoMaster'),
  dead_intermediate_master: (type) => type.includes('IntermediateMaster'),
  dead_replication_group_member: (type) => type.includes('ReplicationGroup'),
};

/** What the predecessor counted and we have no such thing of: its caches, its peer protocol, its single statements. */
const ALWAYS_ZERO: readonly string[] = [
  'analysis.change.write',
  'analysis.change.write.attempt',
  'instance.access_denied',
  'instance_tls.read',
  'instance_tls.read_cache',
  'instance_tls.write',
  'instance_tls.write_cache',
  'resolve.read_resolved',
  'resolve.read_resolved_all',
  'resolve.read_unresolved',
  'resolve.write_resolved',
  'resolve.write_unresolved',
];

/** The 38 numbers of 3.2.6 under their names. Recoveries are counted from the record, not since the start of the process. */
export function legacyMetrics(metrics: Metrics, recoveries: readonly RecoveryTotal[]): readonly LegacyMetric[] {
  const count = (name: string, value: number): LegacyMetric => ({name, kind: 'count', value});
  const gauge = (name: string, value: number): LegacyMetric => ({name, kind: 'value', value});
  return [
    count('audit.write', metrics.read('orchestrator_audits_total')),
    count('discoveries.attempt', metrics.read('orchestrator_discoveries_total')),
    count('discoveries.fail', metrics.read('orchestrator_discovery_errors_total')),
    count('discoveries.instance_poll_seconds_exceeded', metrics.read('orchestrator_discovery_slow_total')),
    gauge('discoveries.queue_length', metrics.read('orchestrator_discovery_queued')),
    gauge('discoveries.recent_count', metrics.read('orchestrator_discovery_active')),
    gauge('elect.is_elected', metrics.read('orchestrator_is_leader')),
    gauge('health.is_healthy', metrics.read('orchestrator_backend_up')),
    count('instance.read', metrics.read('orchestrator_backend_query_seconds')),
    count('instance.read_topology', metrics.read('orchestrator_discoveries_total')),
    count('instance.write', metrics.read('orchestrator_instances_written_total')),
    gauge('raft.is_healthy', 0),
    gauge('raft.is_leader', 0),
    gauge(
      'recover.pending',
      sum(recoveries, () => true, 'running'),
    ),
    ...Object.entries(RECOVERIES).flatMap(([name, answers]) => [
      count(`recover.${name}.start`, sum(recoveries, answers)),
      count(`recover.${name}.success`, sum(recoveries, answers, 'succeeded')),
      count(`recover.${name}.fail`, sum(recoveries, answers, 'failed')),
    ]),
    ...ALWAYS_ZERO.map((name) => count(name, 0)),
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function sum(all: readonly RecoveryTotal[], answers: (type: string) => boolean, result?: RecoveryTotal['result']): number {
  const those = all.filter((one) => answers(one.type) && (result === undefined || one.result === result));
  return those.reduce((total, one) => total + one.count, 0);
}
