import type {FastifyInstance, FastifyReply, FastifyRequest} from 'fastify';
import {failedBy, ok, send, type HttpAnswer} from './answers.ts';
import type {VisitorOf} from './auth/guard.ts';
import type {HttpOptions} from './server.ts';

/** Moving leadership by hand. */
export function registerElectionRoutes(app: FastifyInstance, options: HttpOptions, visitorOf: VisitorOf): void {
  const {config, ports, service} = options;
  const route = (name: string, message: string, act: () => Promise<void>): void => {
    app.route({
      method: ['GET', 'POST'],
      url: `${config.URLPrefix}/api/${name}`,
      config: {access: 'change'},
      exposeHeadRoute: false,
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const {user} = visitorOf(request);
        options.log('warn', `${name} was asked for${user === '' ? '' : ` by ${user}`}`);
        return send(reply, await outcome(options, message, act));
      },
    });
  };
  route('grab-election', `Node ${ports.node.hostname} takes leadership`, () => service.grabElection());
  route('reelect', 'A new leader is to be elected', () => service.reelect());
}

async function outcome(options: HttpOptions, message: string, act: () => Promise<void>): Promise<HttpAnswer> {
  try {
    await act();
    return ok({message, details: null});
  } catch (error) {
    return failedBy(error, options);
  }
}
