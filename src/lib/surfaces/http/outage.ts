import {setTimeout as sleep} from 'node:timers/promises';
import type {FastifyInstance, FastifyRequest} from 'fastify';
import {OrchestratorError} from '../../errors/errors.ts';
import type {Ports, Service} from '../../operations/context.ts';
import type {Answer, Operation} from '../../operations/define.ts';
import type {Milliseconds, Seconds} from '../../model/units.ts';
import type {HttpOptions} from './server.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** For how long the backend had not been written to when the answer was read from it; null: it is as the backend has it. */
    stale: Seconds | null;
  }
}

/** Tells that an answer was read from a backend that nothing can be written to, and for how many seconds by then. */
const STALE_HEADER = 'X-Orchestrator-Stale';
/** A database that says nothing for less than this may be about to; then a change is tried, and says itself how it ended. */
const PASSES: Milliseconds = 5000;
const LOOK_EACH: Milliseconds = 100;

/** Lets answers say that they may be out of date. */
export function markStaleAnswers(app: FastifyInstance): void {
  app.decorateRequest('stale', null);
  app.addHook('onSend', async (request, reply) => {
    if (request.stale !== null) void reply.header(STALE_HEADER, String(request.stale));
  });
}

export interface Asking {
  readonly operation: Pick<Operation, 'name' | 'changes'>;
  readonly options: Pick<HttpOptions, 'ports' | 'service'>;
  readonly request: Pick<FastifyRequest, 'stale'>;
  run(ports: Ports): Promise<Answer>;
}

/**
 * Runs an operation where the backend can be written; where it cannot, answers a question from what can still be read, and refuses a change.
 *
 * @throws OrchestratorError what the operation throws; BACKEND_UNREACHABLE: nothing can be changed through this node
 */
export async function say({operation, options, request, run}: Asking): Promise<Answer> {
  const {ports, service} = options;
  const outage = service.outage?.() ?? null;
  if (operation.changes !== 'nothing') {
    if (outage && outage.lasts > PASSES) throw nothingCanBeChanged(operation.name, outage.lasts);
    const changing = change({ports, run});
    // A group leaves who writes waiting for as long as it has no majority.
    const lasting = await outageDuring(changing, service, ({lasts}) => lasts > PASSES);
    if (lasting) throw nobodyKnows(operation.name, lasting.lasts);
    return changing;
  }
  if (outage) return fromRemains(outage, {ports, request, run});
  const asked = run(ports);
  const begun = await outageDuring(asked, service, () => true);
  return begun ? fromRemains(begun, {ports, request, run}) : asked;
}

/** A change rests on nothing that is remembered, and whoever asks after it sees it. */
async function change({ports, run}: Pick<Asking, 'run'> & {readonly ports: Ports}): Promise<Answer> {
  try {
    return await run({...ports, memory: undefined});
  } finally {
    ports.memory?.changed(); // also where it failed: a part of it may have been done
  }
}

type Outage = NonNullable<ReturnType<NonNullable<Service['outage']>>>;

/**
 * An outage that there is, or has come to matter, while somebody waits for an answer; null when the answer comes first. A failure of the
 * answer is told by itself.
 */
async function outageDuring(
  answer: Promise<unknown>,
  service: Pick<Service, 'outage'>,
  matters: (outage: Outage) => boolean,
): Promise<Outage | null> {
  let waits = true;
  const ended = answer.then(() => null);
  ended.then(
    () => (waits = false),
    () => (waits = false),
  );
  const watch = async (): Promise<Outage | null> => {
    while (waits) {
      await sleep(LOOK_EACH, undefined, {ref: false});
      const there = waits ? service.outage?.() : null;
      if (there && matters(there)) return there;
    }
    return null;
  };
  return Promise.race([ended, watch()]);
}

/** What was remembered of a better time is not asked: it does not say how old it is. */
async function fromRemains(
  {lasts, backend}: Outage,
  {ports, request, run}: Pick<Asking, 'request' | 'run'> & {ports: Ports},
): Promise<Answer> {
  const remains = await backend();
  const answer = await run({...ports, memory: undefined, backend: () => Promise.resolve(remains)});
  request.stale = Math.max(1, Math.round(lasts / 1000));
  return answer;
}

function nothingCanBeChanged(name: string, lasts: Milliseconds): OrchestratorError {
  const since = Math.round(lasts / 1000);
  return new OrchestratorError(
    'BACKEND_UNREACHABLE',
    `${name} was not begun: this node has not been able to write to its backend for ${since} s`,
    {hint: 'ask another node, or bring the database back: /api/health says what is wrong with it'},
  );
}

function nobodyKnows(name: string, lasts: Milliseconds): OrchestratorError {
  const since = Math.round(lasts / 1000);
  return new OrchestratorError(
    'BACKEND_UNREACHABLE',
    `${name} was begun and got no answer: this node has not been able to write to its backend for ${since} s, and whether it was done is not known`,
    {hint: 'look at what there is once the database is back, or ask another node; /api/health says what is wrong'},
  );
}
