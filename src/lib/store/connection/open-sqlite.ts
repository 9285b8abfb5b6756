import {chmodSync, existsSync, mkdirSync, openSync, closeSync} from 'node:fs';
import {dirname} from 'node:path';
import type {Config} from '../../config/keys.ts';
import {OrchestratorError} from '../../errors/errors.ts';
import type {Backend} from '../backend.ts';
import {backendOverKnex} from './backend-over-knex.ts';
import type {OpenOptions} from './open-mysql.ts';
import {sqliteDialect} from './dialect.ts';
import {sqliteClient} from './sqlite-client.ts';
import {quiet} from './quiet.ts';

/** How long a statement waits for the one connection of this process. */
const ACQUIRE_TIMEOUT = 10_000;

/**
 * The embedded backend: one file in WAL mode, readable by its owner alone, its folder made when it is missing. One connection,
 * so that statements of one process queue instead of colliding.
 */
export async function openSqlite(config: Config, {stale}: OpenOptions = {}): Promise<Backend> {
  const filename = config.SQLite3DataFile;
  if (filename === '') {
    throw new OrchestratorError('CONFIG_INVALID', 'BackendDB is sqlite and SQLite3DataFile is empty', {
      hint: 'set SQLite3DataFile to the path of the file to use',
    });
  }
  if (filename !== ':memory:') makePrivateFile(filename);
  const [{default: knex}, client] = await Promise.all([import('knex'), sqliteClient(filename)]);
  const db = knex({
    client,
    connection: {filename},
    useNullAsDefault: true,
    pool: {min: 0, max: 1, idleTimeoutMillis: Number.POSITIVE_INFINITY},
    acquireConnectionTimeout: ACQUIRE_TIMEOUT,
    log: quiet,
  });
  const backend = backendOverKnex({db, dialect: sqliteDialect(db), where: filename, multiWriter: false, stale: stale === 'always'});
  try {
    await backend.run((work) => work.db.raw('select count(*) from sqlite_master'));
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return backend;
}

/** The file holds host names, users and access tokens: nobody else reads it. SQLite gives its side files the same mode. */
function makePrivateFile(filename: string): void {
  try {
    if (existsSync(filename)) return;
    mkdirSync(dirname(filename), {recursive: true, mode: 0o700});
    closeSync(openSync(filename, 'a', 0o600));
    chmodSync(filename, 0o600);
  } catch (cause) {
    throw new OrchestratorError('BACKEND_UNREACHABLE', `the backend file ${filename} cannot be created`, {
      cause,
      hint: 'check SQLite3DataFile and the permissions of its folder',
    });
  }
}
