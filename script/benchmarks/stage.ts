import {rmSync} from 'node:fs';
import {cpus, loadavg} from 'node:os';
import path from 'node:path';
import {
  ACCOUNTS,
  reservePorts,
  sandbox,
  waitFor,
  type Flavor,
  type Instance,
  type ReservedPorts,
  type Sandbox,
} from '../../test/sandbox/index.ts';
import {build} from '../build.ts';
import {Program, type Settings} from '../support/program.ts';
import type {Service} from '../support/service.ts';

export type BackendKind = 'sqlite' | 'mariadb';

export interface StageOptions {
  readonly flavor: Flavor;
  readonly backend: BackendKind;
}

/** Replicas of the source unless a bench wants more. */
const REPLICAS = 4;
/** Names of servers are letters. */
export const MOST_REPLICAS = 25;

/** A source and its replicas, the built program, and a backend for it: made anew for each run, gone at the end. */
export interface Scene {
  readonly source: Instance;
  readonly replicas: readonly Instance[];
  readonly service: Service;
}

export class Stage {
  readonly box: Sandbox;
  readonly program: Program;
  readonly #backendBox: Sandbox | null;
  readonly #port: ReservedPorts;

  private constructor(box: Sandbox, program: Program, {backendBox, port}: {backendBox: Sandbox | null; port: ReservedPorts}) {
    this.box = box;
    this.program = program;
    this.#backendBox = backendBox;
    this.#port = port;
  }

  static async open({flavor, backend}: StageOptions): Promise<Stage> {
    const program = await Program.open((folder) => build(path.join(folder, 'dist')));
    const box = await sandbox({flavor});
    const backendBox = backend === 'mariadb' ? await sandbox({flavor: 'mariadb'}) : null;
    return new Stage(box, program, {backendBox, port: await reservePorts(1)});
  }

  /** What the servers and the backend are, for the report. */
  get cast(): string {
    const backend = this.#backendBox ? `MariaDB ${this.#backendBox.version}` : 'SQLite';
    const load = loadavg()[0]?.toFixed(1);
    return `${this.box.flavor} ${this.box.version}, backend ${backend}, Node ${process.versions.node}, ${cpus().length} cores at load ${load}`;
  }

  /** Everything from the start: empty servers, empty backend, discovered, a service that leads and has seen all. */
  async fresh(settings: Settings = {}, {replicas: wanted = REPLICAS}: {readonly replicas?: number} = {}): Promise<Scene> {
    const {source, replicas} = await this.#topology(wanted);
    await this.#emptyBackend();
    this.program.configure({...this.#connections(), ...settings});
    await this.program.run('discover', '-i', addressOf(source));
    const service = await this.program.serve(this.#listen);
    await waitFor('all servers are known', () => allKnown(service, source, replicas.length + 1), {within: 30_000});
    return {source, replicas, service};
  }

  /** An empty backend and a configuration that names it; no servers, no service. @returns where a service would listen */
  async prepared(settings: Settings = {}): Promise<number> {
    await this.#emptyBackend();
    this.program.configure({...this.#connections(), ...settings});
    return this.#listen;
  }

  async down(): Promise<void> {
    await Promise.all([this.box.down(), this.#backendBox?.down(), this.program.close()]);
    await this.#port.release();
  }

  get #listen(): number {
    return this.#port.ports[0] ?? 0;
  }

  async #topology(replicas: number): Promise<Omit<Scene, 'service'>> {
    const names = Array.from({length: replicas}, (_, at) => String.fromCharCode('b'.charCodeAt(0) + at));
    await this.box.reset(`a: ${names.join(' ')}`);
    const source = this.box.get('a');
    await source.query("CREATE TABLE test.t (id BIGINT PRIMARY KEY, note VARCHAR(64) NOT NULL DEFAULT '')");
    await this.box.caughtUp();
    return {source, replicas: names.map((name) => this.box.get(name))};
  }

  async #emptyBackend(): Promise<void> {
    if (this.#backendBox === null) {
      for (const end of ['', '-wal', '-shm']) rmSync(`${this.#file}${end}`, {force: true});
      return;
    }
    const {o} = await this.#backendBox.reset('o');
    await o.query('CREATE DATABASE orchestrator');
  }

  get #file(): string {
    return path.join(this.program.folder, 'orchestrator.sqlite3');
  }

  /** Where things are and how to log in; all else stays at its default. */
  #connections(): Settings {
    const [backend] = this.#backendBox?.instances ?? [];
    const stored = backend
      ? {
          MySQLOrchestratorHost: backend.key.host,
          MySQLOrchestratorPort: backend.key.port,
          MySQLOrchestratorDatabase: 'orchestrator',
          MySQLOrchestratorUser: ACCOUNTS.orc.user,
          MySQLOrchestratorPassword: ACCOUNTS.orc.password,
        }
      : {BackendDB: 'sqlite', SQLite3DataFile: this.#file};
    return {
      ...stored,
      MySQLTopologyUser: ACCOUNTS.orc.user,
      MySQLTopologyPassword: ACCOUNTS.orc.password,
      ListenAddress: `127.0.0.1:${this.#listen}`,
      HostnameResolveMethod: 'none',
      MySQLHostnameResolveMethod: 'none',
      DiscoverByShowSlaveHosts: true,
    };
  }
}

/** What the configuration of every run has beside its defaults, for the report. */
export const CONFIGURATION = 'default configuration but for addresses, accounts, names unresolved and DiscoverByShowSlaveHosts';

async function allKnown(service: Service, source: Instance, servers: number): Promise<boolean> {
  const known = await service.api<readonly {readonly IsLastCheckValid: boolean}[]>(`cluster/${addressOf(source)}`);
  return known.length === servers && known.every((one) => one.IsLastCheckValid);
}

export function addressOf({key}: Instance): string {
  return `${key.host}:${key.port}`;
}
