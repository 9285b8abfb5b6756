import type {FastifyInstance} from 'fastify';
import type {Health} from '../../operations/context.ts';
import {standingRefusals} from '../../operations/recovery/refusals.ts';
import {messageOf} from '../../errors/errors.ts';
import type {Json} from '../legacy-json/values.ts';
import {bare, send, type HttpAnswer} from './answers.ts';
import type {HttpOptions} from './server.ts';

const READ = {config: {access: 'read'}} as const;

/** `/metrics` for Prometheus, `/debug/metrics` and `/debug/vars` as 3.2.6 had them, `/health/…` for those who start and stop services. */
export function registerMetricRoutes(app: FastifyInstance, options: HttpOptions): void {
  const {config, gatherer} = options;
  if (gatherer) {
    app.get(`${config.URLPrefix}/metrics`, READ, async (_request, reply) =>
      reply.type('text/plain; version=0.0.4; charset=utf-8').send(await gatherer.text()),
    );
    for (const name of ['metrics', 'vars']) {
      app.get(`${config.URLPrefix}/debug/${name}`, READ, async (_request, reply) => {
        const all = await gatherer.legacy();
        return send(
          reply,
          bare({cmdline: ['orchestrator'], memstats: memory(), ...Object.fromEntries(all.map((one) => [one.name, one.value]))}),
        );
      });
    }
  }
  app.get(`${config.URLPrefix}/health/live`, READ, (_request, reply) => send(reply, bare({live: true})));
  app.get(`${config.URLPrefix}/health/ready`, READ, async (_request, reply) => send(reply, await readiness(options)));
  app.get(`${config.URLPrefix}/health/leader`, READ, (_request, reply) => {
    const leads = options.service.isLeader();
    return send(reply, bare({leader: leads, host: options.ports.node.hostname}, leads ? 200 : 503));
  });
}

/** Ready: the backend takes what this node writes. Who leads, and what the leader refuses, beside that. */
async function readiness({service, ports}: HttpOptions): Promise<HttpAnswer> {
  try {
    const health = await service.health();
    return bare({...stateOf(health), refusals: (await standingRefusals(ports)) as unknown as Json}, health.healthy ? 200 : 503);
  } catch (error) {
    return bare({ready: false, leader: null, isLeader: service.isLeader(), error: messageOf(error), refusals: []}, 503);
  }
}

function stateOf({healthy, leader, isLeader, error}: Health): Record<string, Json> {
  return {ready: healthy, leader: leader?.hostname ?? null, isLeader, error: error === '' ? null : error};
}

/** What of Go's memstats has a meaning here, in bytes. */
function memory(): Json {
  const {rss, heapTotal, heapUsed, external} = process.memoryUsage();
  return {Alloc: heapUsed, HeapAlloc: heapUsed, HeapSys: heapTotal, HeapInuse: heapUsed, Sys: rss, OtherSys: external};
}
