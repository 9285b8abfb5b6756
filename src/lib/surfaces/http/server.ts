import {randomUUID} from 'node:crypto';
import type {IncomingHttpHeaders} from 'node:http';
import fastify, {type FastifyInstance, type FastifyReply, type FastifyRequest} from 'fastify';
import type {Config} from '../../config/keys.ts';
import type {Reloaded} from '../../config/reload.ts';
import {within} from '../../errors/trail.ts';
import type {Ports, Service} from '../../operations/context.ts';
import type {Operation} from '../../operations/define.ts';
import {bare, compress, failed, failedBy, send, sorryFor, type HttpAnswer} from './answers.ts';
import {guard} from './auth/guard.ts';
import {trusting} from './auth/proxies.ts';
import {registerTokenRoute} from './auth/token.ts';
import {registerElectionRoutes} from './election.ts';
import {registerEventRoute} from './events.ts';
import type {Gatherer} from '../../operations/service/metrics/gather.ts';
import type {Measures} from '../../operations/service/measures.ts';
import {registerMeasureRoutes} from './measures.ts';
import {registerLeftOut} from './left-out.ts';
import {registerMetricRoutes} from './metrics.ts';
import {markStaleAnswers} from './outage.ts';
import {registerOpenApi} from './openapi.ts';
import {registerReloadRoute} from './reload.ts';
import {registerOurRoutes} from './our-routes.ts';
import {registerLegacyRoutes} from './routes.ts';
import {registerStatusRoutes} from './status.ts';
import {followCertificates, tlsOptions} from './tls.ts';

export interface HttpOptions {
  readonly config: Config;
  readonly ports: Ports;
  readonly service: Service;
  readonly operations: readonly Operation[];
  /** What the service measures of itself; absent: nothing. */
  readonly measures?: Measures;
  /** Tells what the service counts; absent: `/metrics` is not there. */
  readonly gatherer?: Gatherer;
  /** Reads the configuration again, for somebody; absent: it cannot. */
  readonly reload?: (by: string) => Promise<Reloaded>;
  log(level: 'info' | 'warn' | 'error', sentence: string): void;
}

/**
 * The HTTP interface: status checks, and every legacy route of the operations, below URLPrefix. It does not listen yet; see
 * `listen`. With `inject` it is tested without a port.
 *
 * @throws OrchestratorError CONFIG_INVALID, CONFIG_UNREADABLE (certificates)
 */
export async function createHttp(options: HttpOptions): Promise<FastifyInstance> {
  const {config} = options;
  const tls = config.UseSSL && config.ListenSocket === '' ? await tlsOptions(config) : null;
  const trustProxy = config.AuthTrustedProxies.length === 0 ? false : trusting(config.AuthTrustedProxies);
  const settings = {
    routerOptions: {ignoreTrailingSlash: true, maxParamLength: 2048},
    forceCloseConnections: true,
    trustProxy,
    genReqId: requestId,
    frameworkErrors: (error: unknown, _request: FastifyRequest, reply: FastifyReply) => void send(reply, refusal(error, options)),
  };
  const app = (tls === null ? fastify(settings) : fastify({...settings, https: tls})) as FastifyInstance;
  if (tls !== null) followCertificates(app, options);
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('X-Request-Id', request.id);
    within({request: request.id}, done);
  });
  const visitorOf = guard(app, options);
  markStaleAnswers(app);
  app.addHook('onSend', compress);
  app.setNotFoundHandler((_request, reply) => reply.code(404).type('text/plain; charset=utf-8').send('404 page not found\n'));
  app.setErrorHandler((error, request, reply) =>
    send(reply, request.routeOptions.config.style === 'ours' ? ourRefusal(error, options) : refusal(error, options)),
  );
  registerStatusRoutes(app, options);
  registerElectionRoutes(app, options, visitorOf);
  registerReloadRoute(app, options, visitorOf);
  registerTokenRoute(app, options);
  registerEventRoute(app, options);
  registerMetricRoutes(app, options);
  registerMeasureRoutes(app, options);
  registerOpenApi(app, options);
  registerLeftOut(app, options);
  registerLegacyRoutes(app, options, visitorOf);
  registerOurRoutes(app, options, visitorOf);
  return app;
}

/** As the caller named it, where that is a name; else one of ours. It is in the answer, and in every line of a JSON log. */
function requestId({headers}: {readonly headers: IncomingHttpHeaders}): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given) ? given : randomUUID();
}

/** What fastify itself refuses (a malformed address) has a status below 500 and a sentence; the rest is a bug of ours. */
function refusal(error: unknown, options: HttpOptions): HttpAnswer {
  const status = typeof error === 'object' && error !== null && 'statusCode' in error ? Number(error.statusCode) : 500;
  return status < 500 && error instanceof Error ? failed({message: error.message, details: null}) : failedBy(error, options);
}

function ourRefusal(error: unknown, options: HttpOptions): HttpAnswer {
  const status = typeof error === 'object' && error !== null && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status >= 500 || !(error instanceof Error)) return sorryFor(error, options);
  return bare({code: 'INPUT_INVALID', message: error.message, hint: null}, status);
}
