import {gzip} from 'node:zlib';
import {promisify} from 'node:util';
import fastify, {type FastifyInstance, type FastifyReply, type FastifyRequest} from 'fastify';
import type {Config} from '../../config/keys.ts';
import type {Ports, Service} from '../../operations/context.ts';
import type {Operation} from '../../operations/define.ts';
import {failed, failedBy, send, type HttpAnswer} from './answers.ts';
import {registerElectionRoutes} from './election.ts';
import {registerLegacyRoutes} from './routes.ts';
import {registerStatusRoutes} from './status.ts';
import {checkUnit, tlsOptions} from './tls.ts';
import {admission, type Visitor} from './visitors.ts';

export interface HttpOptions {
  readonly config: Config;
  readonly ports: Ports;
  readonly service: Service;
  readonly operations: readonly Operation[];
  log(level: 'info' | 'warn' | 'error', sentence: string): void;
}

/** Below this a compressed answer is not shorter. */
const WORTH_COMPRESSING = 1400;

/**
 * The HTTP interface: status checks, and every legacy route of the operations, below URLPrefix. It does not listen yet; see
 * `listen`. With `inject` it is tested without a port.
 *
 * @throws OrchestratorError CONFIG_INVALID, CONFIG_UNREADABLE (certificates)
 */
export async function createHttp(options: HttpOptions): Promise<FastifyInstance> {
  const admit = admission(options);
  const tls = options.config.UseSSL && options.config.ListenSocket === '' ? await tlsOptions(options.config) : null;
  const settings = {routerOptions: {ignoreTrailingSlash: true, maxParamLength: 2048}, forceCloseConnections: true};
  const app = (tls === null ? fastify(settings) : fastify({...settings, https: tls})) as FastifyInstance;
  const visitors = new WeakMap<FastifyRequest, Visitor>();
  app.addHook('onRequest', async (request, reply) => {
    if (!checkUnit(request, options.config)) return turnAway(reply, 'Not Authorized\n');
    const visitor = await admit(request);
    if (visitor === null) return turnAway(reply.header('WWW-Authenticate', 'Basic realm="Authorization Required"'), 'Not Authorized\n');
    visitors.set(request, visitor);
  });
  app.addHook('onSend', compress);
  app.setNotFoundHandler((_request, reply) => reply.code(404).type('text/plain; charset=utf-8').send('404 page not found\n'));
  app.setErrorHandler((error, _request, reply) => send(reply, refusal(error, options)));
  const visitorOf = (request: FastifyRequest): Promise<Visitor> => Promise.resolve(visitors.get(request) ?? {user: '', mayChange: false});
  registerStatusRoutes(app, options);
  registerElectionRoutes(app, options, visitorOf);
  registerLegacyRoutes(app, options, visitorOf);
  return app;
}

function turnAway(reply: FastifyReply, body: string): FastifyReply {
  return reply.code(401).type('text/plain; charset=utf-8').send(body);
}

/** What fastify itself refuses (a malformed address) has a status below 500 and a sentence; the rest is a bug of ours. */
function refusal(error: unknown, options: HttpOptions): HttpAnswer {
  const status = typeof error === 'object' && error !== null && 'statusCode' in error ? Number(error.statusCode) : 500;
  return status < 500 && error instanceof Error ? failed({message: error.message, details: null}) : failedBy(error, options);
}

async function compress(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
  if (typeof payload !== 'string' || payload.length < WORTH_COMPRESSING || !/\bgzip\b/.test(request.headers['accept-encoding'] ?? ''))
    return payload;
  const packed = await promisify(gzip)(payload);
  void reply.header('Content-Encoding', 'gzip').header('Vary', 'Accept-Encoding').header('Content-Length', packed.length);
  return packed;
}
