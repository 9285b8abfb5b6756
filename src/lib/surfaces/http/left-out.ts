import type {FastifyInstance} from 'fastify';
import {LEFT_OUT} from '../../operations/left-out.ts';
import {failed, send} from './answers.ts';
import type {HttpOptions} from './server.ts';

/** Routes of the predecessor that have no successor: an envelope that says why, with status 501. */
export function registerLeftOut(app: FastifyInstance, {config}: Pick<HttpOptions, 'config'>): void {
  for (const {routes, because} of LEFT_OUT) {
    for (const path of routes) {
      app.get(`${config.URLPrefix}/api/${path}`, {config: {access: 'read'}}, (_request, reply) =>
        send(reply, {...failed({message: because, details: null}), status: 501}),
      );
    }
  }
}
