import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {KEY_NAMES, KEYS, type Config} from '../../../src/lib/config/keys.ts';
import {makeNodeId} from '../../../src/lib/coordination/nodes.ts';
import {defaultTiming, type Timing} from '../../../src/lib/coordination/timing.ts';
import type {NodeId} from '../../../src/lib/coordination/types.ts';
import type {Backend} from '../../../src/lib/store/backend.ts';
import {migrate} from '../../../src/lib/store/migrations/migrate.ts';
import {openBackend} from '../../../src/lib/store/open.ts';
import {ACCOUNTS, sandbox, type Instance} from '../../sandbox/index.ts';

/** What the protocol must hold on. SQLite is for one node, but several processes may have the file open. */
export const KINDS = ['sqlite', 'mariadb'] as const;
export type Kind = (typeof KINDS)[number];

/** The protocol with everything ten to twenty times shorter; proportions are kept. */
export const quick: Timing = {
  ...defaultTiming,
  lease: 400,
  foreignLease: 500,
  margin: 60,
  renewEach: 80,
  observeEach: 20,
  attempt: 300,
  retryWithin: 15,
  glance: 120,
};

/** A real backend with our tables, and as many connections to it as a test wants. */
export interface Bench {
  readonly kind: Kind;
  readonly config: Config;
  /** The server behind it; null for SQLite. */
  readonly server: Instance | null;
  /** One connection of its own, as a process has it; closed by `down`. */
  open(): Promise<Backend>;
  /** Empties every table this room writes. */
  empty(): Promise<void>;
  down(): Promise<void>;
}

const TABLES = [
  'active_node',
  'leader_term',
  'cluster_lock',
  'cluster_lock_member',
  'cluster_lock_fence',
  'cluster_lock_session',
  'recovery_plan',
  'database_instance_maintenance',
  'node_health',
  'node_health_history',
];

export async function bench(kind: Kind): Promise<Bench> {
  const {config, server, end} = await (kind === 'sqlite' ? embedded() : mariadb());
  const opened: Backend[] = [];
  const open = async (): Promise<Backend> => {
    const backend = await openBackend(config, {pool: 1, queryTimeout: 1000, connectTimeout: 1000});
    opened.push(backend);
    return backend;
  };
  const first = await open();
  await migrate(first, {appVersion: 'test'});
  return {
    kind,
    config,
    server,
    open,
    empty: async () => {
      for (const table of TABLES) await first.run(({db}) => db(table).delete());
    },
    down: async () => {
      await Promise.all(opened.map((backend) => backend.close()));
      await end();
    },
  };
}

export function node(name: string): NodeId {
  return makeNodeId(name);
}

type Made = Pick<Bench, 'config' | 'server'> & {end(): Promise<void>};

async function embedded(): Promise<Made> {
  const folder = await mkdtemp(join(tmpdir(), 'orchestrator-coordination-'));
  const config = configOf({BackendDB: 'sqlite', SQLite3DataFile: join(folder, 'backend.db')});
  return {config, server: null, end: () => rm(folder, {recursive: true})};
}

async function mariadb(): Promise<Made> {
  const box = await sandbox({flavor: 'mariadb'});
  const {shared} = await box.topology('shared:');
  const {user, password} = ACCOUNTS.orc;
  const config = configOf({
    BackendDB: 'mysql',
    MySQLOrchestratorHost: shared.key.host,
    MySQLOrchestratorPort: shared.key.port,
    MySQLOrchestratorDatabase: 'orchestrator',
    MySQLOrchestratorUser: user,
    MySQLOrchestratorPassword: password,
  });
  return {config, server: shared, end: () => box.down()};
}

function configOf(settings: Partial<Config>): Config {
  return {...Object.fromEntries(KEY_NAMES.map((name) => [name, KEYS[name].default])), ...settings} as Config;
}
