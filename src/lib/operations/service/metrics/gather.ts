import {subscribe, unsubscribe} from 'node:diagnostics_channel';
import {monitorEventLoopDelay} from 'node:perf_hooks';
import {readTerm} from '../../../coordination/term.ts';
import {messageOf} from '../../../errors/errors.ts';
import {recoveriesDisabled} from '../../../store/recovery/kill-switch.ts';
import {readTotals, type RecoveryTotal, type Totals} from '../../../store/totals.ts';
import type {Ports, Service} from '../../context.ts';
import {legacyMetrics, type LegacyMetric} from './legacy.ts';
import type {Metrics} from './metrics.ts';

/** What is read from the backend is good for so long, however often it is asked for. */
const TOTALS_FOR_MS = 1000;
/** What a timer is set for, over and over, to see how late it is; Node counts this in. */
const RESOLUTION_MS = 20;
const NANOSECONDS = 1e9;

export interface GatherOptions {
  readonly metrics: Metrics;
  readonly ports: Pick<Ports, 'backend' | 'build'>;
  readonly service: Pick<Service, 'isLeader' | 'leaseRemaining'>;
  log(level: 'warn', sentence: string): void;
}

/** Brings the numbers up to date that are looked at rather than counted. One for a service; ends with `stop`. */
export class Gatherer {
  readonly #options: GatherOptions;
  readonly #delay = monitorEventLoopDelay({resolution: RESOLUTION_MS});
  #asked: {readonly at: number; readonly answer: Promise<void>} | null = null;
  #recoveries: readonly RecoveryTotal[] = [];

  constructor(options: GatherOptions) {
    this.#options = options;
    this.#delay.enable();
  }

  stop(): void {
    this.#delay.disable();
  }

  /** `/metrics` as it is now. A backend that does not answer is told by `orchestrator_backend_up`; the rest is there. */
  async text(): Promise<string> {
    await this.#refresh();
    return this.#options.metrics.text();
  }

  /** The numbers of 3.2.6. */
  async legacy(): Promise<readonly LegacyMetric[]> {
    await this.#refresh();
    return legacyMetrics(this.#options.metrics, this.#recoveries);
  }

  async #refresh(): Promise<void> {
    this.#ofProcess();
    if (!this.#asked || performance.now() - this.#asked.at > TOTALS_FOR_MS)
      this.#asked = {at: performance.now(), answer: this.#ofBackend()};
    await this.#asked.answer;
  }

  #ofProcess(): void {
    const {metrics, ports, service} = this.#options;
    const {user, system} = process.cpuUsage();
    metrics.set('orchestrator_info', 1, {version: ports.build.version});
    metrics.set('orchestrator_is_leader', service.isLeader() ? 1 : 0);
    metrics.set('orchestrator_lease_remaining_seconds', (service.leaseRemaining?.() ?? 0) / 1000);
    metrics.set('process_resident_memory_bytes', process.memoryUsage.rss());
    metrics.set('process_cpu_seconds_total', (user + system) / 1e6);
    metrics.set('process_start_time_seconds', (Date.now() - performance.now()) / 1000);
    for (const [quantile, percentile] of Object.entries({'0.5': 50, '0.99': 99, '1': 100}))
      metrics.set(
        'orchestrator_event_loop_lag_seconds',
        Math.max(0, this.#delay.percentile(percentile) / NANOSECONDS - RESOLUTION_MS / 1000),
        {quantile},
      );
    this.#delay.reset();
  }

  async #ofBackend(): Promise<void> {
    const {metrics, ports, log} = this.#options;
    try {
      const backend = await ports.backend();
      const totals = await readTotals(backend);
      metrics.set('orchestrator_recoveries_disabled', (await recoveriesDisabled(backend)) ? 1 : 0);
      metrics.set('orchestrator_leader_term', await readTerm(backend));
      tell(metrics, totals);
      this.#recoveries = totals.recoveries;
      metrics.set('orchestrator_backend_up', 1);
    } catch (error) {
      metrics.set('orchestrator_backend_up', 0);
      log('warn', `metrics of the backend are old: ${messageOf(error)}`);
    }
  }
}

function tell(metrics: Metrics, {instances, clusters, findings, refusals, recoveries}: Totals): void {
  metrics.set('orchestrator_instances', instances);
  metrics.set('orchestrator_clusters', clusters);
  for (const name of ['orchestrator_findings', 'orchestrator_refusals', 'orchestrator_recoveries'] as const) metrics.clear(name);
  for (const [code, count] of findings) metrics.set('orchestrator_findings', count, {code});
  for (const [code, count] of refusals) metrics.set('orchestrator_refusals', count, {code});
  for (const {type, result, count} of recoveries) metrics.set('orchestrator_recoveries', count, {type, result});
}

/** What rooms below publish as it happens, each on a channel of its own: they know nothing of metrics. */
const HEARD: Readonly<Record<string, (metrics: Metrics, message: Readonly<Record<string, unknown>>) => void>> = {
  'orchestrator:hook': (metrics, {list, how, seconds}) => {
    metrics.count('orchestrator_hooks_total', {list: String(list), result: String(how)});
    metrics.observe('orchestrator_hook_seconds', Number(seconds), {list: String(list)});
  },
  'orchestrator:lock': (metrics, {result, seconds}) =>
    metrics.observe('orchestrator_lock_wait_seconds', Number(seconds), {result: String(result)}),
  'orchestrator:audit': (metrics) => metrics.count('orchestrator_audits_total'),
};

/** Counts what the process publishes of hooks, locks and audits. @returns what ends it */
export function hear(metrics: Metrics): () => void {
  const heard = Object.entries(HEARD).map(([name, note]) => {
    const listener = (message: unknown): void => note(metrics, message as Readonly<Record<string, unknown>>);
    subscribe(name, listener);
    return () => void unsubscribe(name, listener);
  });
  return () => heard.forEach((end) => end());
}
