import {hostname} from 'node:os';
import type {Config} from './lib/config/keys.ts';
import type {Log} from './lib/coordination/keep-renewing.ts';
import {every} from './lib/daemon/every.ts';
import {messageOf} from './lib/errors/errors.ts';
import type {Ports, Service} from './lib/operations/context.ts';
import {Gatherer, hear} from './lib/operations/service/metrics/gather.ts';
import {graphiteLines, sendToGraphite} from './lib/operations/service/metrics/graphite.ts';
import type {Metrics} from './lib/operations/service/metrics/metrics.ts';

/** As often as the predecessor did, whatever GraphitePollSeconds says. */
const GRAPHITE_EACH_MS = 60_000;

export interface Telemetry {
  readonly gatherer: Gatherer;
  close(): Promise<void>;
}

interface Telling {
  readonly config: Config;
  readonly ports: Ports;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** Begins to count what this service does, and to send it to Graphite where that is configured. */
export function startTelemetry({config, ports, metrics, log}: Telling, service: Pick<Service, 'isLeader' | 'leaseRemaining'>): Telemetry {
  const gatherer = new Gatherer({metrics, ports, service, log});
  const silence = hear(metrics);
  const sending = config.GraphiteAddr === '' || config.GraphitePollSeconds < 1 ? null : sendingTo(config, gatherer, log);
  return {
    gatherer,
    async close() {
      silence();
      gatherer.stop();
      await sending?.stop();
    },
  };
}

function sendingTo(config: Config, gatherer: Gatherer, log: Log): ReturnType<typeof every> {
  const send = async (): Promise<void> => {
    const by = {hostname: hostname(), seconds: Math.floor(Date.now() / 1000)};
    await sendToGraphite(config.GraphiteAddr, graphiteLines(await gatherer.legacy(), config, by));
  };
  return every(send, {period: GRAPHITE_EACH_MS, onError: (error) => log('warn', `GraphiteAddr: ${messageOf(error)}`)});
}
