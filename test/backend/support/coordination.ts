import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll} from 'vitest';
import {KEY_NAMES, KEYS, type Config} from '../../../src/lib/config/keys.ts';
import {makeNodeId} from '../../../src/lib/coordination/nodes.ts';
import {defaultTiming, type Timing} from '../../../src/lib/coordination/timing.ts';
import type {NodeId} from '../../../src/lib/coordination/types.ts';
import type {Milliseconds} from '../../../src/lib/model/units.ts';
import type {Backend} from '../../../src/lib/store/backend.ts';
import {migrate} from '../../../src/lib/store/migrations/migrate.ts';
import {openBackend} from '../../../src/lib/store/open.ts';
import {ACCOUNTS, galera, groupReplication, sandbox, type Flavor, type Instance} from '../../sandbox/index.ts';

/** What the protocol must hold on. SQLite is for one node, but several processes may have the file open. */
export const KINDS = ['sqlite', 'mariadb', 'galera'] as const;
/** With a MySQL group of three primaries, which is slow to start: for what depends on how nodes certify each other's writes. */
export const ALL_KINDS = [...KINDS, 'group'] as const;
/** Set by `script/test --all`. */
const ALL = process.env['ORCHESTRATOR_TEST_ALL'] !== undefined;
/** For what is the protocol itself: on a group with `script/test --all`. */
export const PROTOCOL_KINDS: readonly (typeof ALL_KINDS)[number][] = ALL ? ALL_KINDS : KINDS;
/** How much of a suite: what two who meet on different database nodes depend on, or everything. */
export type Extent = 'core' | 'all';
/** Of a suite that runs on a group which is there for another one. */
export const EXTENT_ON_A_GROUP: Extent = ALL ? 'all' : 'core';
/** With MySQL 9 by itself: for what depends on words and types of the server alone. */
export const SINGLE_KINDS = ['sqlite', 'mariadb', 'mysql9'] as const;
export type Kind = (typeof ALL_KINDS)[number] | 'mysql9';

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

/** The same for tests that count elections: a pause of a busy machine must not end a term. */
export const calm: Timing = {
  ...defaultTiming,
  lease: 1500,
  foreignLease: 1800,
  margin: 200,
  renewEach: 250,
  observeEach: 30,
  attempt: 600,
  retryWithin: 30,
  glance: 400,
};

/** The quick one where nothing is to fail because a backend takes long to answer. */
export const unhurried: Timing = {...quick, attempt: 10_000};

/** The same where nobody waits for a lease to run out: it never does by itself, however long this process or the backend is held up. */
export const steady: Timing = {...unhurried, lease: 20_000, foreignLease: 21_000, margin: 500};

/** The one for counting elections where nobody waits for a lease to run out. */
export const calmest: Timing = {...calm, lease: 10_000, foreignLease: 11_000, margin: 500, attempt: 2000};

/** A real backend with our tables, and as many connections to it as a test wants. */
export interface Bench {
  readonly kind: Kind;
  /** One a database node. */
  readonly configs: readonly Config[];
  /** The servers behind it; none for SQLite. */
  readonly servers: readonly Instance[];
  /** One connection that waits as long as it takes. */
  readonly patient: Backend;
  /** One connection of its own, as a process has it, each to the next database node; closed by `down`. */
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

/** @param within how long one statement may take on the connections that are opened */
export async function bench(kind: Kind, {within = 30_000}: {readonly within?: Milliseconds} = {}): Promise<Bench> {
  const {configs, servers, end} = await MAKERS[kind]();
  const opened: Backend[] = [];
  const open = async (): Promise<Backend> => {
    const config = configs[opened.length % configs.length]!;
    const backend = await openBackend(config, {pool: 1, queryTimeout: within, connectTimeout: within});
    opened.push(backend);
    return backend;
  };
  const patient = await openBackend(configs[0]!, {pool: 1, queryTimeout: 60_000, connectTimeout: 60_000});
  opened.push(patient);
  await migrate(patient, {appVersion: 'test'});
  return {
    kind,
    configs,
    servers,
    patient,
    open,
    empty: async () => {
      for (const table of TABLES) await patient.run(({db}) => db(table).delete(), {deadline: 60_000});
    },
    down: async () => {
      await Promise.all(opened.map((backend) => backend.close()));
      await end();
    },
  };
}

/** A backend for the tests of one `describe`. */
export function useBench(kind: Kind): () => Bench {
  let made: Bench | undefined;
  beforeAll(async () => {
    made = await bench(kind);
  });
  afterAll(() => made?.down());
  return () => made!;
}

export function node(name: string): NodeId {
  return makeNodeId(name);
}

type Made = Pick<Bench, 'configs' | 'servers'> & {end(): Promise<void>};

const MAKERS: Readonly<Record<Kind, () => Promise<Made>>> = {
  sqlite: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'orchestrator-coordination-'));
    const config = configOf({BackendDB: 'sqlite', SQLite3DataFile: join(folder, 'backend.db')});
    return {configs: [config], servers: [], end: () => rm(folder, {recursive: true})};
  },
  mariadb: () => single('mariadb'),
  mysql9: () => single('mysql9'),
  galera: async () => {
    const cluster = await galera();
    return {configs: cluster.nodes.map(configFor), servers: cluster.nodes, end: () => cluster.down()};
  },
  group: async () => {
    const group = await groupReplication({multiPrimary: true});
    return {configs: group.nodes.map(configFor), servers: group.nodes, end: () => group.down()};
  },
};

async function single(flavor: Flavor): Promise<Made> {
  const box = await sandbox({flavor});
  const {shared} = await box.topology('shared:');
  return {configs: [configFor(shared)], servers: [shared], end: () => box.down()};
}

function configFor({key}: Instance): Config {
  const {user, password} = ACCOUNTS.orc;
  return configOf({
    BackendDB: 'mysql',
    MySQLOrchestratorHost: key.host,
    MySQLOrchestratorPort: key.port,
    MySQLOrchestratorDatabase: 'orchestrator',
    MySQLOrchestratorUser: user,
    MySQLOrchestratorPassword: password,
  });
}

function configOf(settings: Partial<Config>): Config {
  return {...Object.fromEntries(KEY_NAMES.map((name) => [name, KEYS[name].default])), ...settings} as Config;
}
