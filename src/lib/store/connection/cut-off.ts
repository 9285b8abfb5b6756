import type {Connection} from 'mysql2';
import {OrchestratorError} from '../../errors/errors.ts';
import type {Milliseconds} from '../../model/units.ts';
import {verdictOf} from './errors.ts';
import type {OpenOptions} from './open-mysql.ts';
import {isOutside} from './membership.ts';
import {withRetries} from './retry.ts';
import {sever} from './sever.ts';

/** What the backend is made of; it decides how its reads are kept from being stale. */
export type Kind = 'single' | 'galera' | 'group';

/** A group keeps who asks waiting for as long as there is no majority, Galera answers at once. */
const ANSWERS_WITHIN: Readonly<Record<'never' | 'if-cut-off', Milliseconds>> = {never: 5000, 'if-cut-off': 2000};
/** A node that has just joined, or whose neighbour has just died, says no for a moment. */
const PATIENCE: Readonly<Record<'never' | 'if-cut-off', Milliseconds>> = {never: 3000, 'if-cut-off': 500};

export interface CutOff {
  readonly error: unknown;
}

/** Whether it matters to whom opens the backend that its database node hears the others. */
export function isWatchful(options: OpenOptions): options is OpenOptions & {readonly stale: 'never' | 'if-cut-off'} {
  return options.stale === 'never' || options.stale === 'if-cut-off';
}

/**
 * Reads one of our tables, which a database node without a majority refuses; `select 1` it would answer. Needs no privilege beyond those on
 * our tables.
 *
 * @returns null when it answers, also that the table is not there yet; else the connection is of no use any more
 */
export async function whyCutOff(
  connection: Connection,
  session: readonly string[],
  {stale, kind}: {readonly stale: 'never' | 'if-cut-off'; readonly kind: Kind},
): Promise<CutOff | null> {
  const say = (sql: string): Promise<readonly {readonly closed?: number}[]> =>
    new Promise((resolve, reject) =>
      connection.query({sql, timeout: ANSWERS_WITHIN[stale]}, (error, rows) => (error ? reject(error) : resolve(rows as never))),
    );
  try {
    for (const sql of session) await say(sql);
    const [row] = await withRetries(PATIENCE[stale], () => say('select @@global.read_only as closed, count(*) from active_node'));
    // A member that has left its group answers all reads at once, with what it had.
    const hasLeft = kind === 'group' && ((stale === 'if-cut-off' && Number(row?.closed) === 1) || (await isOutside(say)));
    if (hasLeft) sever(connection);
    return hasLeft ? {error: undefined} : null;
  } catch (error) {
    if (verdictOf(error) === 'final') return null;
    sever(connection);
    return {error};
  }
}

/** What sessions set that read what there is. They can write nothing. */
export function staleSessionOf(kind: Kind): readonly string[] {
  const dirty = {
    single: '',
    galera: ', wsrep_sync_wait = 0, wsrep_dirty_reads = ON',
    group: ", group_replication_consistency = 'EVENTUAL'",
  }[kind];
  return [`set session time_zone = '+00:00'${dirty}`, 'set session transaction read only'];
}

/** Nothing can be done through a database node that hears too few of the others. */
export function withoutOthers(where: string, cause?: unknown): OrchestratorError {
  return new OrchestratorError(
    'BACKEND_UNREACHABLE',
    `the database node ${where} does not belong to a majority, so nothing can be written through it`,
    {
      ...(cause === undefined ? {} : {cause}),
      hint: 'bring the other database nodes back, or use another node of orchestrator; nothing was changed',
    },
  );
}
