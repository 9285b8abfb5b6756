import type {Knex} from 'knex';
import type {Milliseconds} from '../../model/units.ts';
import type {Backend, Dialect, Work} from '../backend.ts';
import {isLostConnection, sqliteCodeOf, translateError} from './errors.ts';
import {withRetries} from './retry.ts';

/** How long work is repeated when the caller does not say. */
const DEADLINE: Milliseconds = 5000;

export interface OpenedBackend {
  readonly db: Knex;
  readonly dialect: Dialect;
  readonly where: string;
  readonly multiWriter: boolean;
  readonly stale: boolean;
}

/** The backend interface over an opened knex: retries, one place of translation, no transaction committed after an error. */
export function backendOverKnex(opened: OpenedBackend): Backend {
  const {db, dialect, where} = opened;
  const guarded = async <Result>(deadline: Milliseconds, attempt: () => Promise<Result>): Promise<Result> => {
    try {
      return await withRetries(deadline, attempt);
    } catch (error) {
      throw translateError(error, where, await lacksTables(opened, error));
    }
  };
  return {
    ...opened,
    transaction: (work, options) => guarded(options?.deadline ?? DEADLINE, () => once(opened, work)),
    run: (work, options) => guarded(options?.deadline ?? DEADLINE, async () => work({db, dialect})),
    close: () => db.destroy(),
  };
}

async function once<Result>({db, dialect}: OpenedBackend, work: (work: Work) => Promise<Result>): Promise<Result> {
  let failed: {readonly error: unknown} | undefined;
  try {
    return await db.transaction(async (transaction) => {
      transaction.on('query-error', (error: unknown) => {
        failed ??= {error};
      });
      const result = await work({db: transaction, dialect});
      if (failed !== undefined) throw failed.error;
      return result;
    });
  } catch (error) {
    // a ROLLBACK that finds its connection closed says nothing of why it was closed
    throw failed !== undefined && isLostConnection(error) ? failed.error : error;
  }
}

/** SQLite answers a missing table with its general error: look whether one of ours is missing. */
async function lacksTables({db, dialect}: OpenedBackend, error: unknown): Promise<boolean> {
  const SQLITE_ERROR = 1;
  if (dialect.kind !== 'sqlite' || sqliteCodeOf(error) !== SQLITE_ERROR) return false;
  const {MIGRATIONS} = await import('../migrations/migrations.ts');
  const rows: readonly {name: string}[] = await db('sqlite_master').where({type: 'table'}).select('name');
  const there = new Set(rows.map((row) => row.name));
  return MIGRATIONS.some(({tables}) => tables.some((table) => !there.has(table.name)));
}
