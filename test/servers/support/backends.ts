import type {Config} from '../../../src/lib/config/keys.ts';
import {ACCOUNTS, sandbox, type Instance} from '../../sandbox/index.ts';

export const BACKENDS = ['sqlite', 'mariadb'] as const;
export type BackendKind = (typeof BACKENDS)[number];

/** Where backends are made, one for each site of a file of tests. */
export interface BackendHost {
  readonly kind: BackendKind;
  /** The database server; null for a file. */
  readonly server: Instance | null;
  /** Settings of a backend that nobody has used yet. `folder` is the site's own. */
  fresh(folder: string): Partial<Config>;
  down(): Promise<void>;
}

export async function backendHost(kind: BackendKind): Promise<BackendHost> {
  return kind === 'sqlite' ? sqliteHost() : await mariadbHost();
}

function sqliteHost(): BackendHost {
  return {
    kind: 'sqlite',
    server: null,
    fresh: (folder) => ({BackendDB: 'sqlite', SQLite3DataFile: `${folder}/backend.db`}),
    down: () => Promise.resolve(),
  };
}

/** One server; a schema each. */
async function mariadbHost(): Promise<BackendHost> {
  const box = await sandbox({flavor: 'mariadb'});
  const {shared} = await box.topology('shared:').catch(async (error: unknown) => {
    await box.down();
    throw error;
  });
  const {user, password} = ACCOUNTS.orc;
  let made = 0;
  return {
    kind: 'mariadb',
    server: shared,
    fresh: () => ({
      BackendDB: 'mysql',
      MySQLOrchestratorHost: shared.key.host,
      MySQLOrchestratorPort: shared.key.port,
      MySQLOrchestratorDatabase: `orchestrator_${++made}`,
      MySQLOrchestratorUser: user,
      MySQLOrchestratorPassword: password,
    }),
    down: () => box.down(),
  };
}
