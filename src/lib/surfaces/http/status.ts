import type {FastifyInstance, FastifyRequest} from 'fastify';
import {healthJson} from '../legacy-json/health.ts';
import {bare, failed, failedBy, ok, send, type HttpAnswer} from './answers.ts';
import type {Json} from '../legacy-json/values.ts';
import type {HttpOptions} from './server.ts';

const DEFAULT_STATUS = '/api/status';
const READ = {config: {access: 'read'}} as const;

/** What proxies and monitoring ask for. They answer from this node alone. */
export function registerStatusRoutes(app: FastifyInstance, options: HttpOptions): void {
  const {config, service} = options;
  const api = `${config.URLPrefix}/api`;
  for (const name of ['lb-check', '_ping']) app.get(`${api}/${name}`, READ, (_request, reply) => send(reply, bare('OK')));
  for (const name of ['leader-check', 'routed-leader-check']) {
    app.get(`${api}/${name}`, READ, (_request, reply) => send(reply, leaderCheck(service.isLeader(), 404)));
  }
  app.get<{Params: {errorStatusCode: string}}>(`${api}/leader-check/:errorStatusCode`, READ, (request, reply) =>
    send(reply, leaderCheck(service.isLeader(), statusCode(request.params.errorStatusCode))),
  );
  app.get(`${api}/headers`, READ, (request, reply) => send(reply, bare(headersOf(request))));
  app.get(`${api}/health`, READ, async (_request, reply) => send(reply, await health(options)));
  app.get(statusPath(config), READ, async (_request, reply) => send(reply, await health(options)));
}

/** Where the status check is: below URLPrefix, unless StatusEndpoint says another place. */
export function statusPath({StatusEndpoint: status, URLPrefix: prefix}: HttpOptions['config']): string {
  return status === DEFAULT_STATUS ? `${prefix}${DEFAULT_STATUS}` : status;
}

const SECRET_HEADERS = new Set(['authorization', 'proxy-authorization', 'cookie']);

/** What reached us of a request, to see what proxies on the way did to it: `Header-Name` → values. Secrets are not sent back. */
function headersOf(request: FastifyRequest): Json {
  const named = Object.entries(request.headers).map(([name, given = []]) => [
    name.replaceAll(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase()),
    [given].flat().map((value) => (SECRET_HEADERS.has(name) ? '********' : value)),
  ]);
  return Object.fromEntries(named) as Json;
}

function leaderCheck(leads: boolean, otherwise: number): HttpAnswer {
  return leads ? bare('OK') : bare('Not leader', otherwise);
}

/** A status a client can be sent as a final answer; anything else means 404. */
function statusCode(text: string): number {
  return /^[2-5]\d\d$/.test(text) ? Number(text) : 404;
}

async function health(options: HttpOptions): Promise<HttpAnswer> {
  try {
    const found = await options.service.health();
    const details = healthJson(found, options.ports.node);
    if (!found.healthy) return failed({message: `Application node is unhealthy: ${found.error}`, details});
    return ok({message: 'Application node is healthy', details});
  } catch (error) {
    return failedBy(error, options);
  }
}
