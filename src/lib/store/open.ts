import type {Config} from '../config/keys.ts';
import type {Backend} from './backend.ts';
import {openMysql, type OpenOptions} from './connection/open-mysql.ts';
import {openSqlite} from './connection/open-sqlite.ts';

export type {OpenOptions};

/**
 * Opens the backend the configuration names and talks to it once, so that a wrong address or password is known here.
 * The database is created when it is missing; its tables are `migrate`'s business.
 *
 * @throws OrchestratorError BACKEND_UNREACHABLE, BACKEND_ACCESS_DENIED, CONFIG_INVALID, CONFIG_UNREADABLE (a certificate)
 */
export async function openBackend(config: Config, options: OpenOptions = {}): Promise<Backend> {
  return config.BackendDB.includes('sqlite') ? openSqlite(config, options) : openMysql(config, options);
}
