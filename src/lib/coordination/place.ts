import {OrchestratorError} from '../errors/errors.ts';
import type {Backend, Work} from '../store/backend.ts';
import {pause} from './keep-renewing.ts';
import type {Timing} from './timing.ts';

/** Which server answers, and on which one the last leader was elected. */
export interface Place {
  readonly server: string;
  readonly elected_on: string | null;
}

/**
 * Which server answers, as SQL: a proxy may lead to another one without anybody being told. '' where that loses nothing, because nodes
 * certify each other's writes.
 */
export function serverOf({dialect, multiWriter}: Pick<Backend, 'dialect' | 'multiWriter'>): string {
  return dialect.kind === 'mysql' && !multiWriter ? "concat_ws(' ', @@hostname, @@port, @@global.server_id)" : "''";
}

/**
 * Whether the backend is another server than the last leader was elected on: an asynchronous one may have lost its last writes then. Known
 * in this way to a process, too, that has only just begun and has seen nothing.
 */
export function isElsewhere(place: Place | undefined): boolean {
  const {server = '', elected_on: before = ''} = place ?? {};
  return server !== '' && before !== null && before !== '' && server !== before;
}

/** The backend is another server than the last leader was elected on: a lock that is not there may have been lost, and be relied on. */
class Elsewhere extends Error {}

/**
 * Ends a transaction that would take a lock too early, or, once it has been waited for long enough, writes down that this server is the
 * one from now on.
 */
export async function settle({db}: Work, server: string, waited: boolean): Promise<void> {
  if (!waited) throw new Elsewhere();
  await db('leader_term')
    .where({anchor: 1})
    .update({elected_on: db.raw(server)});
}

/**
 * Does the work; where it finds that the backend is another server, once more after a whole lease, when whatever was lost with the former
 * one has run out.
 *
 * @throws OrchestratorError DEADLINE_PASSED when the waiting was ended
 */
export async function whenSettled<Result>(
  {timing, signal}: {readonly timing: Timing; readonly signal?: AbortSignal | undefined},
  work: (waited: boolean) => Promise<Result>,
): Promise<Result> {
  try {
    return await work(false);
  } catch (error) {
    if (!(error instanceof Elsewhere)) throw error;
    if (await pause(timing.lease, signal)) return work(true);
    throw new OrchestratorError(
      'DEADLINE_PASSED',
      'the backend is another server than before, and what it may have lost was not waited for',
      {
        cause: error,
        hint: 'nothing was changed; try again',
      },
    );
  }
}
