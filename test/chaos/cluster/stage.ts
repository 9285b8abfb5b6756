import {mkdir, truncate} from 'node:fs/promises';
import {join} from 'node:path';
import type {Config} from '../../../src/lib/config/keys.ts';
import {ACCOUNTS, reservePorts, waitFor, type Instance, type ReservedPorts, type Row} from '../../sandbox/index.ts';
import {guardedFolder, type GuardedFolder} from '../../sandbox/server/guard.ts';
import type {Backend, BackendKind} from '../backends/backend.ts';
import {openBackend} from '../backends/open.ts';
import {Managed, type ClusterName, type Server} from './managed.ts';
import {leads} from './leads.ts';
import {Node} from './node.ts';
import {peerAt} from './peers.ts';
import {Wire} from './wire.ts';

export interface StageOptions {
  readonly kind: BackendKind;
  readonly clusters: readonly ClusterName[];
}

const NODES = 3;
const SCHEMA = 'orchestrator';
const ACCOUNT = {user: 'service', password: 'servicepw'};
const READY_WITHIN = 90_000;
/** Tables that tell how the schema was made, numbers that only grow, and the leader's row. */
const KEPT = ['orchestrator_migration', 'orchestrator_db_deployments', 'leader_term', 'cluster_lock_fence', 'active_node'];

/** Three services on a backend, and the servers they look after; every connection between them goes through a wire. */
export class Stage {
  readonly backend: Backend;
  readonly managed: readonly Managed[];
  readonly nodes: readonly Node[];
  readonly #folder: GuardedFolder;
  readonly #ports: ReservedPorts;

  private constructor(parts: Pick<Stage, 'backend' | 'managed' | 'nodes'>, folder: GuardedFolder, ports: ReservedPorts) {
    ({backend: this.backend, managed: this.managed, nodes: this.nodes} = parts);
    this.#folder = folder;
    this.#ports = ports;
  }

  static async open({kind, clusters}: StageOptions): Promise<Stage> {
    const folder = await guardedFolder();
    const ports = await reservePorts(3 * NODES);
    // Known by their processes, which come and go.
    let stage: Stage | null = null;
    const peers = (port: number): string => (stage ? peerAt(port, stage.processes()) : '');
    const backend = await openBackend(kind);
    const managed = await Promise.all(clusters.map((name) => Managed.open(name, peers)));
    const seeds = managed.flatMap(({wires}) => wires.map(({port}) => `127.0.0.1:${port}`));
    const nodes = await Promise.all(
      Array.from({length: NODES}, async (_, at) => {
        const [port = 0, inspectPort = 0, wirePort = 0] = ports.ports.slice(3 * at, 3 * at + 3);
        const wire = await Wire.open({port: wirePort, peerAt: () => ''});
        wire.leadsTo(backend.way(at));
        const name = `n${at + 1}`;
        const home = join(folder.path, name);
        await mkdir(home);
        return new Node({name, folder: home, mark: folder.mark, settings: settingsOf({port, wire, seeds}), port, wire, inspectPort});
      }),
    );
    stage = new Stage({backend, managed, nodes}, folder, ports);
    return stage;
  }

  /** Of this stage alone; gone with it. */
  get folder(): string {
    return this.#folder.path;
  }

  /** Names of the processes that others may be cut off from: `n1`, `maria.a`. */
  processes(): ReadonlyMap<number, string> {
    const nodes = this.nodes.flatMap(({name, pid}) => (pid === null ? [] : [[pid, name] as const]));
    return new Map([...nodes, ...this.managed.flatMap(({processes}) => processes)]);
  }

  get servers(): readonly Server[] {
    return this.managed.flatMap(({servers}) => servers);
  }

  cluster(name: ClusterName): Managed {
    const found = this.managed.find((one) => one.name === name);
    if (!found) throw new Error(`This stage has no cluster ${name}.`);
    return found;
  }

  /** All whole and new: servers, tables of the backend, services. One leads and has seen everything. */
  async begin(settings: Partial<Config> = {}): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill9()));
    for (const {wire} of this.nodes) wire.heal();
    await this.backend.renew();
    this.nodes.forEach(({wire}, at) => wire.leadsTo(this.backend.way(at)));
    await Promise.all(this.managed.map((cluster) => cluster.reset()));
    await Promise.all(this.servers.map(({instance}) => truncate(join(instance.datadir, 'general.log'))));
    await this.#empty();
    await this.#admit();
    for (const node of this.nodes) {
      node.forget();
      await node.setClock(0);
    }
    await this.nodes[0]!.start(settings);
    await Promise.all(this.nodes.slice(1).map((node) => node.start(settings)));
    await this.watched();
  }

  /** The node that says that it leads. */
  async leader(within = 30_000): Promise<Node> {
    return waitFor('a node leads', () => this.#leading(), {within});
  }

  /** Those that do not lead. */
  async others(): Promise<readonly Node[]> {
    const leader = await this.leader();
    return this.nodes.filter((node) => node !== leader && node.alive);
  }

  /** Rows of the backend, as the first of its servers that answers has them. */
  async rows<R = Row>(sql: string): Promise<readonly R[]> {
    let failed: unknown = new Error('No server of the backend runs.');
    for (const server of this.backend.servers.filter((one) => one.alive())) {
      try {
        return await server.query<R>(sql.replaceAll('$', `${SCHEMA}.`), [], {timeout: 3_000});
      } catch (error) {
        failed = error;
      }
    }
    throw failed;
  }

  /** Waits until the leader has seen every server of these clusters, and has published what an honest plan rests on. */
  async watched(clusters: readonly Managed[] = this.managed): Promise<void> {
    await this.leader();
    await waitFor('the leader has seen all servers', () => this.#allSeen(clusters), {within: READY_WITHIN});
  }

  async down(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill9()));
    await Promise.all(this.nodes.map(({wire}) => wire.down()));
    await Promise.all([...this.managed.map((cluster) => cluster.down()), this.backend.down()]);
    await this.#folder.end();
    await this.#ports.release();
  }

  async #leading(): Promise<Node | undefined> {
    const answers = await Promise.all(this.nodes.map(async (node) => ((await leads(node)) ? node : null)));
    return answers.find((node) => node !== null);
  }

  async #allSeen(clusters: readonly Managed[]): Promise<boolean> {
    const rows = await this.rows<Seen>(
      'SELECT port, cluster_name, num_slave_hosts, semi_sync_master_status, semi_sync_master_clients, last_seen FROM $database_instance',
    );
    const missing = clusters.flatMap((cluster) => cluster.servers.filter((server) => !isSeen(cluster, server, rows)));
    if (missing.length === 0) return true;
    throw new Error(`not yet ${missing.map(({name}) => name).join(', ')}: ${JSON.stringify(rows)}`);
  }

  /** The account of the services: without global privileges, so that a read-only server is one for them. */
  async #admit(): Promise<void> {
    const server = this.backend.servers.find((one) => one.alive()) as Instance;
    await server.query("CREATE USER IF NOT EXISTS ?@'%' IDENTIFIED BY ?", [ACCOUNT.user, ACCOUNT.password]);
    await server.query(`CREATE DATABASE IF NOT EXISTS ${SCHEMA}`);
    await server.query(`GRANT ALL ON ${SCHEMA}.* TO ?@'%'`, [ACCOUNT.user]);
  }

  async #empty(): Promise<void> {
    const server = this.backend.servers.find((one) => one.alive()) as Instance;
    const tables = await server.query<{name: string}>('SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ?', [
      SCHEMA,
    ]);
    for (const {name} of tables.filter((table) => !KEPT.includes(table.name))) await server.query(`DELETE FROM ${SCHEMA}.${name}`);
    // As its holder releases it: taken at once.
    if (tables.length > 0) await server.query(`UPDATE ${SCHEMA}.active_node SET hostname = '', token = ''`);
  }
}

interface Seen {
  readonly port: number;
  readonly cluster_name: string;
  readonly num_slave_hosts: number;
  readonly semi_sync_master_status: number;
  readonly semi_sync_master_clients: number;
  readonly last_seen: string | null;
}

function isSeen(cluster: Managed, {key}: Server, rows: readonly Seen[]): boolean {
  const {source, replicas} = cluster;
  const row = rows.find(({port}) => port === key.port);
  if (!row || row.last_seen === null || row.cluster_name !== `${source.key.host}:${source.key.port}`) return false;
  if (key.port !== source.key.port) return true;
  return row.num_slave_hosts === replicas.length && row.semi_sync_master_status === 1;
}

function settingsOf({port, wire, seeds}: {port: number; wire: Wire; seeds: readonly string[]}): Partial<Config> {
  const {user, password} = ACCOUNTS.orc;
  return {
    ListenAddress: `127.0.0.1:${port}`,
    MySQLOrchestratorHost: '127.0.0.1',
    MySQLOrchestratorPort: wire.port,
    MySQLOrchestratorDatabase: SCHEMA,
    MySQLOrchestratorUser: ACCOUNT.user,
    MySQLOrchestratorPassword: ACCOUNT.password,
    MySQLTopologyUser: user,
    MySQLTopologyPassword: password,
    HostnameResolveMethod: 'none',
    MySQLHostnameResolveMethod: 'none',
    InstancePollSeconds: 1,
    MySQLDiscoveryReadTimeoutSeconds: 3,
    MySQLConnectTimeoutSeconds: 1,
    DiscoverySeeds: seeds,
    RecoverMasterClusterFilters: ['*'],
  };
}
