import type {FastifyInstance, FastifyReply, FastifyRequest} from 'fastify';
import {OrchestratorError} from '../../../errors/errors.ts';
import {failed, send, sorry, type HttpAnswer} from '../answers.ts';
import type {HttpOptions} from '../server.ts';
import {checkUnit} from '../tls.ts';
import {isFromElsewhere} from './cross-site.ts';
import {admission, type Admission, type Visitor} from './visitors.ts';

/** What a route asks of a visitor. `open`: nothing but that HTTP lets them in; it gives a right rather than uses one. */
export type Access = 'open' | 'read' | 'change';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A route that does not say is answered to nobody. */
    readonly access?: Access;
    /** Ours: answered with the statuses of docs/errors.md. Absent: as the predecessor's routes. */
    readonly style?: 'ours';
  }
}

export type VisitorOf = (request: FastifyRequest) => Visitor;

/**
 * The one place where it is decided who may ask what, before a route is run.
 *
 * @returns who a request is from
 */
export function guard(app: FastifyInstance, options: HttpOptions): VisitorOf {
  const {config} = options;
  const admit = admission(options);
  const visitors = new WeakMap<FastifyRequest, Visitor>();
  app.addHook('onRequest', async (request, reply) => {
    if (!checkUnit(request, config)) return reply.type('text/plain; charset=utf-8').code(401).send('Not Authorized\n');
    const visitor = await admit(request);
    if (typeof visitor === 'string') return turnAway(reply, visitor);
    visitors.set(request, visitor);
    if (request.is404) return undefined;
    const refusal = refuse(request, visitor, options);
    return refusal === null ? undefined : send(reply, refusal);
  });
  return (request) => visitors.get(request) ?? {user: '', mayChange: false};
}

function refuse(request: FastifyRequest, visitor: Visitor, {config}: HttpOptions): HttpAnswer | null {
  const {access, style} = request.routeOptions.config;
  if (access === 'open' || access === 'read') return null;
  const forbid = (message: string, status: number): HttpAnswer =>
    style === 'ours' ? sorry(new OrchestratorError('FORBIDDEN', message)) : {...failed({message, details: null}), status};
  if (access === undefined) return forbid('nobody has said who may ask this', 403);
  if (!visitor.mayChange) return forbid('Unauthorized', 500);
  const hosts = [request.headers.host, request.host].filter((host) => host !== undefined);
  if (isFromElsewhere(request.headers, hosts))
    return forbid('A browser asks for a change that no page of this service asked for; send it from there, or without a browser', 403);
  if (request.method === 'GET' && !config.ChangesByGet)
    return forbid('This changes something, and ChangesByGet is off: send it with POST', 405);
  return null;
}

function turnAway(reply: FastifyReply, why: Extract<Admission, string>): FastifyReply {
  const text = reply.type('text/plain; charset=utf-8');
  if (why === 'wait') return text.code(429).header('Retry-After', '5').send('Too many wrong logins; wait a little\n');
  return text.code(401).header('WWW-Authenticate', 'Basic realm="Authorization Required"').send('Not Authorized\n');
}
