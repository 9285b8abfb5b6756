/** A number that `/metrics` tells. `gauge` goes up and down, `counter` only up while the process lives, `histogram` counts how long things took. */
export interface MetricDeclaration {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** One sentence, for `/metrics` and for docs/metrics.md. */
  readonly about: string;
  readonly labels: readonly string[];
  /** Told by every node alike, because it is read from the backend: not to be summed over nodes. */
  readonly shared?: true;
}

const NO_LABELS: readonly string[] = [];
const counter = (about: string, labels = NO_LABELS): MetricDeclaration => ({type: 'counter', about, labels});
const gauge = (about: string, labels = NO_LABELS): MetricDeclaration => ({type: 'gauge', about, labels});
const histogram = (about: string, labels = NO_LABELS): MetricDeclaration => ({type: 'histogram', about, labels});
const shared = (about: string, labels = NO_LABELS): MetricDeclaration => ({type: 'gauge', about, labels, shared: true});

/** Every metric there is, by its name. Dashboards rely on names and labels: they do not change. */
export const METRICS = {
  orchestrator_info: gauge('1, with the version of this node', ['version']),
  orchestrator_discoveries_total: counter('Probes of servers by this node; only a leader probes'),
  orchestrator_discovery_errors_total: counter('Probes that failed'),
  orchestrator_discovery_seconds: histogram('How long probes took'),
  orchestrator_discovery_slow_total: counter('Probes that took longer than InstancePollSeconds'),
  orchestrator_discovery_active: gauge('Servers being probed now'),
  orchestrator_discovery_queued: gauge('Servers that are due and wait for their probe'),
  orchestrator_instances_written_total: counter('Probed instances written to the backend'),
  orchestrator_write_seconds: histogram('How long batches of them took to write'),
  orchestrator_backend_query_seconds: histogram('How long the backend took for a piece of work, repeated attempts included'),
  orchestrator_backend_errors_total: counter('Pieces of work that the backend did not do'),
  orchestrator_backend_up: gauge('1 when the backend answered while these metrics were made'),
  orchestrator_instances: shared('Instances that are known'),
  orchestrator_clusters: shared('Clusters that are known'),
  orchestrator_findings: shared('Findings that are open, by code', ['code']),
  orchestrator_refusals: shared('Instances that the leader does not recover although there is reason to, by why', ['code']),
  orchestrator_recoveries: shared('Recoveries on record, by finding and result: succeeded, failed, running', ['type', 'result']),
  orchestrator_recoveries_disabled: shared('1 when recoveries are disabled globally'),
  orchestrator_is_leader: gauge('1 when this node leads, by its own clock'),
  orchestrator_leader_term: shared('The highest term there was; it grows with each change of the leader'),
  orchestrator_lease_remaining_seconds: gauge('How long this node may go on leading without renewing its lease; 0 when it does not lead'),
  orchestrator_lock_wait_seconds: histogram('How long operations of this node waited for a cluster lock', ['result']),
  orchestrator_hooks_total: counter('Hooks that this node ran, by list and how they ended', ['list', 'result']),
  orchestrator_hook_seconds: histogram('How long they took', ['list']),
  orchestrator_audits_total: counter('Audit lines that this node wrote'),
  orchestrator_event_loop_lag_seconds: gauge('How late timers of this process are, since the last look', ['quantile']),
  process_resident_memory_bytes: gauge('Memory of this process'),
  process_cpu_seconds_total: counter('Processor time of this process'),
  process_start_time_seconds: gauge('When this process began, in seconds since 1970'),
} as const satisfies Readonly<Record<string, MetricDeclaration>>;

export type MetricName = keyof typeof METRICS;
/** Upper bounds of histograms, in seconds. */
export const BUCKETS: readonly number[] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
