import type {FastifyInstance, FastifyRequest} from 'fastify';
import {OrchestratorError} from '../../errors/errors.ts';
import type {Json} from '../legacy-json/values.ts';
import {failedBy, ok, send, type HttpAnswer} from './answers.ts';
import type {VisitorOf} from './auth/guard.ts';
import type {HttpOptions} from './server.ts';

/** `reload-configuration`: the service reads its files again, and says what that came to. */
export function registerReloadRoute(app: FastifyInstance, options: HttpOptions, visitorOf: VisitorOf): void {
  app.route({
    method: ['GET', 'POST'],
    url: `${options.config.URLPrefix}/api/reload-configuration`,
    config: {access: 'change'},
    exposeHeadRoute: false,
    handler: async (request, reply) => send(reply, await answer(request, visitorOf(request).user, options)),
  });
}

async function answer({query}: FastifyRequest, user: string, options: HttpOptions): Promise<HttpAnswer> {
  try {
    const {config: file = ''} = query as {readonly config?: unknown};
    // The predecessor read any file that a caller named.
    if (file !== '' && file !== options.ports.loading.path)
      throw new OrchestratorError('REFUSED', 'only the files are read again that the service was started with', {
        hint: 'leave ?config= out',
      });
    if (!options.reload) throw new OrchestratorError('NOT_SUPPORTED', 'this service cannot read its configuration again');
    const {applied, waiting} = await options.reload(user === '' ? 'a visitor' : user);
    options.ports.memory?.changed();
    const message = waiting.length === 0 ? 'Config reloaded' : `Config reloaded; after a restart: ${waiting.join(', ')}`;
    return ok({message, details: {applied, waiting} as unknown as Json});
  } catch (error) {
    return failedBy(error, options);
  }
}
