import type {FastifyInstance, FastifyReply} from 'fastify';
import {healthJson} from '../legacy-json/health.ts';
import {sendError, sendJson, sendOk} from './answers.ts';
import {sendFailure} from './routes.ts';
import type {HttpOptions} from './server.ts';

const DEFAULT_STATUS = '/api/status';

/** What proxies and monitoring ask for. They answer from this node alone. */
export function registerStatusRoutes(app: FastifyInstance, options: HttpOptions): void {
  const {config, service} = options;
  const api = `${config.URLPrefix}/api`;
  for (const name of ['lb-check', '_ping']) app.get(`${api}/${name}`, (_request, reply) => sendJson(reply, 'OK'));
  for (const name of ['leader-check', 'routed-leader-check']) {
    app.get(`${api}/${name}`, (_request, reply) => leaderCheck(reply, service.isLeader(), 404));
  }
  app.get<{Params: {errorStatusCode: string}}>(`${api}/leader-check/:errorStatusCode`, (request, reply) =>
    leaderCheck(reply, service.isLeader(), statusCode(request.params.errorStatusCode)),
  );
  app.get(`${api}/health`, (_request, reply) => health(reply, options));
  const status = config.StatusEndpoint === DEFAULT_STATUS ? `${config.URLPrefix}${DEFAULT_STATUS}` : config.StatusEndpoint;
  app.get(status, (_request, reply) => health(reply, options));
}

function leaderCheck(reply: FastifyReply, leads: boolean, otherwise: number): FastifyReply {
  return leads ? sendJson(reply, 'OK') : sendJson(reply, 'Not leader', otherwise);
}

/** A status a client can be sent as a final answer; anything else means 404. */
function statusCode(text: string): number {
  return /^[2-5]\d\d$/.test(text) ? Number(text) : 404;
}

async function health(reply: FastifyReply, options: HttpOptions): Promise<FastifyReply> {
  try {
    const found = await options.service.health();
    const details = healthJson(found, options.ports.node);
    if (!found.healthy) return sendError(reply, {message: `Application node is unhealthy: ${found.error}`, details});
    return sendOk(reply, {message: 'Application node is healthy', details});
  } catch (error) {
    return sendFailure(reply, error, options);
  }
}
