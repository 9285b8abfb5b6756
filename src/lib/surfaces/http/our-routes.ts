import type {FastifyInstance, FastifyRequest} from 'fastify';
import {OrchestratorError} from '../../errors/errors.ts';
import {optionsOf, type Operation, type Texts} from '../../operations/define.ts';
import {bare, send, sorryFor, type HttpAnswer} from './answers.ts';
import type {VisitorOf} from './auth/guard.ts';
import {say} from './outage.ts';
import {Prepared} from './prepared.ts';
import type {Visitor} from './auth/visitors.ts';
import type {HttpOptions} from './server.ts';
import type {Json} from '../legacy-json/values.ts';

/** Where our own routes live; those of the predecessor have the folder above to themselves. */
const FOLDER = '/api/v4';
/** Who asks, where nobody has to log in: for the record, as `--owner` of the command line. */
const OWNER = 'owner';

/**
 * One route an operation, named after it: `GET /api/v4/which-master?instance=db2`, `POST /api/v4/begin-downtime` with options in a
 * JSON object. GET where nothing is changed, POST where something is; the statuses are those of docs/errors.md.
 */
export function registerOurRoutes(app: FastifyInstance, options: HttpOptions, visitorOf: VisitorOf): void {
  for (const operation of options.operations) {
    if (operation.localOnly) continue;
    const changes = operation.changes !== 'nothing';
    app.route({
      method: changes ? 'POST' : 'GET',
      url: `${options.config.URLPrefix}${ourPath(operation)}`,
      config: {access: changes ? 'change' : 'read', style: 'ours'},
      handler: async (request, reply) => send(reply, await answer(operation, {request, visitor: visitorOf(request), options})),
    });
  }
}

/** `/api/v4/NAME`, without URLPrefix. */
export function ourPath({name}: Pick<Operation, 'name'>): string {
  return `${FOLDER}/${name.replaceAll(' ', '/')}`;
}

interface Call {
  readonly request: FastifyRequest;
  readonly visitor: Visitor;
  readonly options: HttpOptions;
}

async function answer(operation: Operation, {request, visitor, options}: Call): Promise<HttpAnswer> {
  const {ports} = options;
  try {
    const {[OWNER]: owner, ...texts} = textsOf(operation, request);
    const run = operation.prepare(texts);
    const user = visitor.user || owner?.trim() || ports.node.hostname;
    const warn = (sentence: string): void => options.log('warn', `${operation.name}: ${sentence}`);
    const said = await say({operation, options, request, run: (known) => run({...known, caller: {user, via: 'http'}, warn})});
    const json = (said.json() ?? null) as Json;
    return bare(Array.isArray(json) ? Prepared.of(json) : json);
  } catch (error) {
    return sorryFor(error, options);
  }
}

/** Options by name, from the query and from a JSON object. */
function textsOf(operation: Operation, {query, body}: FastifyRequest): Texts {
  const known = new Set([OWNER, ...optionsOf(operation).map((option) => option.name)]);
  const texts: Record<string, string> = {};
  const given = [...Object.entries(objectOf(query, 'the query')), ...Object.entries(objectOf(body ?? {}, 'the body'))];
  for (const [name, value] of given) {
    if (!known.has(name)) {
      const hint = known.size === 1 ? 'it takes none' : `it takes ${[...known].filter((one) => one !== OWNER).join(', ')}`;
      throw new OrchestratorError('USAGE', `${operation.name} has no option ${JSON.stringify(name)}`, {hint});
    }
    if (Object.hasOwn(texts, name)) throw new OrchestratorError('INPUT_INVALID', `${name} is given more than once`);
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
      throw new OrchestratorError('INPUT_INVALID', `${name} must be a text, a number, true or false, given once`);
    texts[name] = String(value);
  }
  return texts;
}

function objectOf(value: unknown, what: string): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new OrchestratorError('INPUT_INVALID', `${what} must be an object of options`);
}
