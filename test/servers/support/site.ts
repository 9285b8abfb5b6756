import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {defaultDraft} from '../../../src/lib/config/draft.ts';
import type {Config} from '../../../src/lib/config/keys.ts';
import {openBackend} from '../../../src/lib/store/open.ts';
import type {Backend} from '../../../src/lib/store/backend.ts';
import {ACCOUNTS, waitFor, type Instance} from '../../sandbox/index.ts';
import {guardedFolder, type GuardedFolder} from '../../sandbox/server/guard.ts';
import type {BackendHost} from './backends.ts';
import {HookLog} from './hook-log.ts';
import {runProgram, type Ended} from './program.ts';
import {Service} from './service.ts';

export interface SiteOptions {
  readonly backend: BackendHost;
  /** What the leader starts from. */
  readonly servers: readonly Instance[];
  /** Beside the defaults, the accounts of the sandbox, polls each second and all clusters recovered automatically. */
  readonly settings?: Partial<Config> | ((hooks: HookLog) => Partial<Config>);
}

/** One installation: a configuration file, a backend of its own, and the services and commands that use them. */
export interface Site {
  readonly settings: Partial<Config>;
  /** The configuration file. */
  readonly file: string;
  readonly hooks: HookLog;
  readonly servers: readonly Instance[];
  /** Direct access to the backend, for assertions. Not before a service or a command has made its tables. */
  backend(): Promise<Backend>;
  /** Starts a service and waits until it runs. */
  serve(options?: {
    readonly env?: NodeJS.ProcessEnv;
    readonly args?: readonly string[];
    /** Of the backend's ways in, by number; nodes take turns otherwise. */
    readonly way?: number;
  }): Promise<Service>;
  /** Runs one command, by the first way into the backend. */
  run(...args: string[]): Promise<Ended>;
  /** Runs one command on the box of a node, by its way into the backend. */
  runAt(way: number, ...args: string[]): Promise<Ended>;
  /** Runs one command with more in its environment. */
  runWith(env: NodeJS.ProcessEnv, ...args: string[]): Promise<Ended>;
  /** Stops what was started and removes every file. */
  down(): Promise<void>;
}

export async function site(options: SiteOptions): Promise<Site> {
  const folder = await guardedFolder();
  const hooks = new HookLog(join(folder.path, 'hooks.log'));
  const settings = settingsOf(options, folder, hooks);
  const {ways} = options.backend;
  const files = ways.map((_, way) => join(folder.path, `${way === 0 ? '' : `box${way + 1}-`}orchestrator.conf.json`));
  await Promise.all(files.map((path, way) => writeFile(path, JSON.stringify({...settings, ...ways[way]}, null, 2))));
  const fileAt = (way: number): string => files[way % files.length] ?? '';
  const file = fileAt(0);
  const env = {PATH: process.env['PATH'], HOME: folder.path, ...folder.mark};
  const services: Service[] = [];
  const opened: Promise<Backend>[] = [];
  return {
    settings,
    file,
    hooks,
    servers: options.servers,
    backend: () => (opened[0] ??= openBackend({...defaultDraft().values, ...settings}, {pool: 1})),
    run: (...args) => runProgram([...args, '--config', file], env),
    runAt: (way, ...args) => runProgram([...args, '--config', fileAt(way)], env),
    runWith: (more, ...args) => runProgram([...args, '--config', file], {...env, ...more}),
    async serve({env: more = {}, args = [], way = services.length} = {}) {
      const service = new Service([...args, '--config', fileAt(way)], {...env, ...more});
      services.push(service);
      await service.says(/listening on /);
      return service;
    },
    async down() {
      await Promise.all(services.map((service) => service.kill9()));
      for (const backend of opened) await (await backend).close();
      await folder.end();
    },
  };
}

function settingsOf({backend, servers, settings}: SiteOptions, folder: GuardedFolder, hooks: HookLog): Partial<Config> {
  const {user, password} = ACCOUNTS.orc;
  return {
    ListenAddress: '127.0.0.1:0',
    MySQLTopologyUser: user,
    MySQLTopologyPassword: password,
    // On loopback all servers have one host name.
    MySQLHostnameResolveMethod: 'none',
    HostnameResolveMethod: 'none',
    InstancePollSeconds: 1,
    DiscoverySeeds: servers.map(({key}) => `${key.host}:${key.port}`),
    RecoverMasterClusterFilters: ['*'],
    ...backend.fresh(folder.path),
    ...hooks.settings,
    ...(typeof settings === 'function' ? settings(hooks) : settings),
  };
}

/** Rows of a table of the backend. */
export async function rows<Row>(at: Site, table: string, where: Record<string, unknown> = {}): Promise<readonly Row[]> {
  const backend = await at.backend();
  return backend.run(({db}) => db(table).where(where).select() as unknown as PromiseLike<Row[]>);
}

/** Waits until the leader has probed all servers that run, and published them as one cluster of this source. */
export async function watching(at: Site, source: Pick<Instance, 'key'>): Promise<void> {
  const name = `${source.key.host}:${source.key.port}`;
  const wanted = at.servers.filter((server) => server.alive()).length;
  await waitFor(
    `the leader knows ${wanted} servers of cluster ${name}`,
    async () => {
      const known = await rows<{port: number; cluster_name: string; last_seen: string | null; last_checked: string}>(
        at,
        'database_instance',
      );
      if (known.filter((row) => row.cluster_name === name && row.last_seen !== null).length >= wanted) return true;
      throw new Error(
        `it knows ${known.map((row) => `${row.port} of ${row.cluster_name}, seen ${row.last_seen}, checked ${row.last_checked}`).join('; ')}`,
      );
    },
    {within: 60_000},
  );
}
