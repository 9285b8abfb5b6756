import type {FastifyInstance} from 'fastify';
import type {Config} from '../../config/keys.ts';
import {Measures} from '../../operations/service/measures.ts';
import {
  probesJson,
  probesSummaryJson,
  queriesJson,
  queriesSummaryJson,
  queueJson,
  queueSummaryJson,
  writesJson,
  writesSummaryJson,
} from '../legacy-json/measures.ts';
import type {Json} from '../legacy-json/values.ts';
import {bare, failed, send} from './answers.ts';
import type {HttpOptions} from './server.ts';

type Read = (measures: Measures, seconds: number, config: Config) => Json;

const ROUTES: Readonly<Record<string, Read>> = {
  'discovery-metrics-raw': (measures, seconds) => probesJson(measures.probes(seconds)),
  'discovery-metrics-aggregated': (measures, seconds) => probesSummaryJson(measures.probes(seconds)),
  'discovery-queue-metrics-raw': (measures, seconds) => queueJson(measures.queue(seconds)),
  'discovery-queue-metrics-aggregated': (measures, seconds) => queueSummaryJson(measures.queue(seconds)),
  'backend-query-metrics-raw': (measures, seconds) => queriesJson(measures.queries(seconds)),
  'backend-query-metrics-aggregated': (measures, seconds) => queriesSummaryJson(measures.queries(seconds)),
  'write-buffer-metrics-raw': (measures, seconds) => writesJson(measures.writes(seconds)),
  'write-buffer-metrics-aggregated': (measures, seconds, config) => writesSummaryJson(measures.writes(seconds), config),
};

/** What this node measured within so many seconds. Only a leader probes and writes what it probed. */
export function registerMeasureRoutes(app: FastifyInstance, {config, measures}: Pick<HttpOptions, 'config' | 'measures'>): void {
  const found = measures ?? new Measures({retention: 0, samples: 1});
  for (const [name, read] of Object.entries(ROUTES)) {
    app.get<{Params: {seconds: string}}>(`${config.URLPrefix}/api/${name}/:seconds`, {config: {access: 'read'}}, (request, reply) => {
      const {seconds} = request.params;
      if (!/^\d{1,9}$/.test(seconds))
        return send(reply, failed({message: `${JSON.stringify(seconds)} is not a number of seconds`, details: null}));
      return send(reply, bare(read(found, Number(seconds), config)));
    });
  }
}
