import type {FastifyInstance, FastifyRequest} from 'fastify';
import {failed, failedBy, ok, send, type HttpAnswer} from './answers.ts';
import type {HttpOptions} from './server.ts';
import type {Visitor} from './visitors.ts';

/** Routes of raft, which is not part of this version: they answer what to do instead. */
const RAFT =
  'raft-state raft-leader raft-health raft-status raft-peers raft-snapshot raft-yield/:node raft-yield-hint/:hint raft-add-peer/:addr raft-remove-peer/:addr'.split(
    ' ',
  );
const NO_RAFT =
  'raft is not part of this version: nodes share one backend database; /api/leader-check says whether a node leads, /api/grab-election and /api/reelect move leadership';

/** Moving leadership by hand. */
export function registerElectionRoutes(
  app: FastifyInstance,
  options: HttpOptions,
  visitorOf: (request: FastifyRequest) => Promise<Visitor>,
): void {
  const {config, ports, service} = options;
  const api = `${config.URLPrefix}/api`;
  const route = (name: string, message: string, act: () => Promise<void>): void => {
    app.get(`${api}/${name}`, async (request, reply) => {
      const {mayChange, user} = await visitorOf(request);
      if (!mayChange) return send(reply, failed({message: 'Unauthorized', details: null}));
      options.log('warn', `${name} was asked for${user === '' ? '' : ` by ${user}`}`);
      return send(reply, await outcome(options, message, act));
    });
  };
  route('grab-election', `Node ${ports.node.hostname} takes leadership`, () => service.grabElection());
  route('reelect', 'A new leader is to be elected', () => service.reelect());
  for (const path of RAFT) app.get(`${api}/${path}`, (_request, reply) => send(reply, failed({message: NO_RAFT, details: null})));
}

async function outcome(options: HttpOptions, message: string, act: () => Promise<void>): Promise<HttpAnswer> {
  try {
    await act();
    return ok({message, details: null});
  } catch (error) {
    return failedBy(error, options);
  }
}
