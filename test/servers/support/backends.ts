import type {Config} from '../../../src/lib/config/keys.ts';
import type {Backend} from '../../chaos/backends/backend.ts';
import {proxiedBackend} from '../../chaos/backends/proxied.ts';
import {ACCOUNTS, galera, groupReplication, sandbox, type Galera, type Group, type Instance} from '../../sandbox/index.ts';

export const BACKENDS = ['sqlite', 'mariadb'] as const;
/** With those whose nodes all write, and a source with a replica behind HAProxy. */
export type BackendKind = (typeof BACKENDS)[number] | 'galera' | 'group' | 'proxy';

/** Where backends are made, one for each site of a file of tests. */
export interface BackendHost {
  readonly kind: BackendKind;
  /** The database server; null for a file. */
  readonly server: Instance | null;
  /** Settings of a backend that nobody has used yet. `folder` is the site's own. */
  fresh(folder: string): Partial<Config>;
  /** Beside that, what each node has for itself: its own database node. One for all where there is only one. */
  readonly ways: readonly Partial<Config>[];
  down(): Promise<void>;
}

const HOSTS: Readonly<Record<BackendKind, () => Promise<BackendHost>>> = {
  sqlite: () => Promise.resolve(sqliteHost()),
  mariadb: mariadbHost,
  galera: async () => clusterHost('galera', await galera({nodes: 3})),
  group: async () => clusterHost('group', await groupReplication({nodes: 3, multiPrimary: true})),
  proxy: proxyHost,
};

export function backendHost(kind: BackendKind): Promise<BackendHost> {
  return HOSTS[kind]();
}

/** Three database nodes that all write; a schema each. */
export function clusterHost(kind: 'galera' | 'group', cluster: Pick<Galera | Group, 'nodes' | 'down'>): BackendHost {
  const first = cluster.nodes[0]!;
  return {
    kind,
    server: first,
    fresh: schemas(first),
    ways: cluster.nodes.map(({key}) => ({MySQLOrchestratorPort: key.port})),
    down: () => cluster.down(),
  };
}

/** A backend of the chaos suite, for one site: each node by its own way in. */
export function hostAt(backend: Backend): BackendHost {
  const {user, password} = ACCOUNTS.orc;
  return {
    kind: 'mariadb',
    server: null,
    fresh: () => ({
      BackendDB: 'mysql',
      MySQLOrchestratorHost: '127.0.0.1',
      MySQLOrchestratorPort: backend.way(0),
      MySQLOrchestratorDatabase: 'orchestrator',
      MySQLOrchestratorUser: user,
      MySQLOrchestratorPassword: password,
    }),
    ways: [0, 1, 2].map((node) => ({MySQLOrchestratorPort: backend.way(node)})),
    down: () => backend.down(),
  };
}

function sqliteHost(): BackendHost {
  return {
    kind: 'sqlite',
    server: null,
    ways: [{}],
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
  return {kind: 'mariadb', server: shared, fresh: schemas(shared), ways: [{}], down: () => box.down()};
}

/** One way in for all, through the proxy; a schema each. */
async function proxyHost(): Promise<BackendHost> {
  const backend = await proxiedBackend();
  const key = {host: '127.0.0.1', port: backend.way(0)};
  return {kind: 'proxy', server: null, fresh: schemas({key}), ways: [{}], down: () => backend.down()};
}

function schemas({key}: Pick<Instance, 'key'>): BackendHost['fresh'] {
  const {user, password} = ACCOUNTS.orc;
  let made = 0;
  return () => ({
    BackendDB: 'mysql',
    MySQLOrchestratorHost: key.host,
    MySQLOrchestratorPort: key.port,
    MySQLOrchestratorDatabase: `orchestrator_${++made}`,
    MySQLOrchestratorUser: user,
    MySQLOrchestratorPassword: password,
  });
}
