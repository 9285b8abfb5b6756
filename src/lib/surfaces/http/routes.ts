import type {FastifyInstance, FastifyReply, FastifyRequest} from 'fastify';
import {OrchestratorError} from '../../errors/errors.ts';
import type {Instance} from '../../model/instance.ts';
import type {LegacyRoute, Operation, Texts} from '../../operations/define.ts';
import {bare, failedBy, ok, send, type HttpAnswer} from './answers.ts';
import type {Json} from '../legacy-json/values.ts';
import {InstanceTexts} from './instance-texts.ts';
import {jsonBytes, PreparedAnswers} from './prepared.ts';
import type {HttpOptions} from './server.ts';
import type {VisitorOf} from './auth/guard.ts';
import type {Visitor} from './auth/visitors.ts';
import {say} from './outage.ts';
import {writeShape} from './writers.ts';

/** Path parameters that are not simply the option of their name. */
const MEANINGS: Readonly<Record<string, string>> = {clusterHint: 'cluster'};

/**
 * Registers every legacy route of every operation. Those that change something answer POST too, and GET because existing clients
 * call them so; asking for their head alone changes nothing.
 */
export function registerLegacyRoutes(app: FastifyInstance, options: HttpOptions, visitorOf: VisitorOf): void {
  const prepared = new PreparedAnswers();
  options.ports.memory?.beforeReplacing((before, after) => prepared.succeed(before, after));
  const instances = new InstanceTexts();
  for (const operation of options.operations) {
    const changes = operation.changes !== 'nothing';
    for (const route of operation.routes) {
      const url = `${options.config.URLPrefix}/api/${route.path}`;
      app.route({
        method: changes ? ['GET', 'POST'] : 'GET',
        url,
        config: {access: changes ? 'change' : 'read'},
        exposeHeadRoute: !changes,
        handler: async (request, reply) =>
          send(reply, await answer({operation, route, visitor: visitorOf(request), options, prepared, instances}, request)),
      });
      if (changes) {
        const refuse = (_request: FastifyRequest, reply: FastifyReply): FastifyReply => reply.code(405).header('Allow', 'GET, POST').send();
        app.head(url, {config: {access: 'read'}}, refuse);
      }
    }
  }
}

interface Call {
  readonly operation: Operation;
  readonly route: LegacyRoute<unknown>;
  readonly visitor: Visitor;
  readonly options: HttpOptions;
  readonly prepared: PreparedAnswers;
  readonly instances: InstanceTexts;
}

async function answer(call: Call, request: FastifyRequest): Promise<HttpAnswer> {
  const {operation, route, visitor, options} = call;
  try {
    const {owner, ...texts} = textsOf(route, request.params as Texts, request.query as Readonly<Record<string, unknown>>);
    const run = operation.prepare(texts);
    const user = owner ?? (visitor.user || options.ports.node.hostname);
    const warn = (sentence: string): void => options.log('warn', `${operation.name}: ${sentence}`);
    const {result} = await say({operation, options, request, run: (ports) => run({...ports, caller: {user, via: 'http'}, warn})});
    return replyTo(call, result);
  } catch (error) {
    return failedBy(error, options);
  }
}

function replyTo({route: {reply}, options: {config}, prepared, instances}: Call, result: unknown): HttpAnswer {
  const value = reply.from === undefined ? result : reply.from(result);
  const json = (some: unknown): Json =>
    reply.nullWhenEmpty === true && Array.isArray(some) && some.length === 0 ? null : writeShape(reply.shape, some, config);
  if (reply.message !== undefined) return ok({message: reply.message(result), details: json(value)});
  if (!Array.isArray(value)) return bare(json(value));
  const isOfInstances = reply.shape === 'instances' && value.length > 0;
  const write = (list: object): Buffer => (isOfInstances ? instances.write(list as readonly Instance[], config) : jsonBytes(json(list)));
  // A list that is remembered is written once.
  return bare(prepared.of(value, reply.shape, write));
}

/** `:host/:port` are one instance, `:xHost/:xPort` one of option x; the rest are options of their own names. */
function textsOf(route: LegacyRoute<unknown>, params: Texts, query: Readonly<Record<string, unknown>>): Texts {
  const texts: Record<string, string | undefined> = {...route.fixed};
  for (const [name, value] of Object.entries(params)) {
    const host = /^(?:host|(.+)Host)$/.exec(name);
    if (host)
      texts[optionOf(route, host[1] ?? 'instance')] = instanceText(value, params[host[1] === undefined ? 'port' : `${host[1]}Port`]);
    else if (!/^(?:port|.+Port)$/.test(name)) texts[optionOf(route, name)] = value;
  }
  for (const [name, option] of Object.entries(route.query ?? {})) {
    const value = query[name];
    if (Array.isArray(value)) throw new OrchestratorError('INPUT_INVALID', `${name} is given more than once`);
    if (typeof value === 'string') texts[option] = value;
  }
  return texts;
}

function optionOf(route: LegacyRoute<unknown>, name: string): string {
  return route.params?.[name] ?? MEANINGS[name] ?? name;
}

function instanceText(host = '', port = ''): string {
  if (!/^\d+$/.test(port)) throw new OrchestratorError('INPUT_INVALID', `Invalid port: ${port}`);
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`;
}
