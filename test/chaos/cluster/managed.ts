import {
  ACCOUNTS,
  replicaStatus,
  reservePorts,
  sandbox,
  waitFor,
  type Flavor,
  type Instance,
  type ReservedPorts,
  type Sandbox,
} from '../../sandbox/index.ts';
import {appliedAll, replicating, setReadOnly, setSemiSync} from '../../sandbox/replication.ts';
import {Wire, type WireOptions} from './wire.ts';

export type ClusterName = 'maria' | 'mysql';

/** A managed server, and the wire by which everybody but the test reaches it. */
export interface Server {
  readonly name: string;
  readonly wire: Wire;
  /** As everybody else knows it. */
  readonly key: {readonly host: string; readonly port: number};
  /** The process behind; another one after some resets. */
  readonly instance: Instance;
}

const NAMES = ['a', 'b', 'c'] as const;
const UNKNOWN_VARIABLE = 1193;
/** So patient that a source never gives up waiting for an acknowledgement: nothing is acknowledged that no replica has. */
const SEMI_SYNC_TIMEOUT = 4_000_000_000;

/** A source with two replicas, semi-sync on. */
export class Managed {
  readonly name: ClusterName;
  readonly flavor: Flavor;
  readonly #box: Sandbox;
  readonly wires: readonly Wire[];
  readonly #ports: ReservedPorts;

  private constructor(name: ClusterName, box: Sandbox, {wires, ports}: {wires: readonly Wire[]; ports: ReservedPorts}) {
    this.name = name;
    this.flavor = box.flavor;
    this.#box = box;
    this.wires = wires;
    this.#ports = ports;
  }

  static async open(name: ClusterName, peerAt: WireOptions['peerAt']): Promise<Managed> {
    const ports = await reservePorts(NAMES.length);
    const wires = await Promise.all(ports.ports.map((port) => Wire.open({port, peerAt})));
    const box = await sandbox({
      flavor: name === 'maria' ? 'mariadb' : 'mysql9',
      netTimeout: 60,
      serverOptions: ['--general-log=ON', '--general-log-file=general.log'],
      optionsOf: (server) => [`--report-port=${ports.ports[NAMES.indexOf(server as 'a')]}`],
    });
    return new Managed(name, box, {wires, ports});
  }

  get version(): string {
    return `${this.flavor === 'mysql9' ? 'MySQL' : 'MariaDB'} ${this.#box.version}`;
  }

  /** In the order a, b, c; of a fresh topology a is the source. */
  get servers(): readonly Server[] {
    return NAMES.map((name, at) => {
      const wire = this.wires[at]!;
      return {name: `${this.name}.${name}`, wire, key: {host: '127.0.0.1', port: wire.port}, instance: this.#box.get(name)};
    });
  }

  /** Names by process id; of those that were made already. */
  get processes(): readonly (readonly [pid: number, name: string])[] {
    return this.#box.instances.flatMap(({pid, name}) => (pid === null ? [] : [[pid, `${this.name}.${name}`] as const]));
  }

  get source(): Server {
    return this.servers[0]!;
  }

  get replicas(): readonly Server[] {
    return this.servers.slice(1);
  }

  /** Empty servers, a source and two replicas that know each other by their wires. */
  async reset(): Promise<void> {
    try {
      await this.#make();
    } catch (error) {
      // A plugin that was busy when it was uninstalled is neither there nor gone: then from new servers.
      if ((error as {errno?: number}).errno !== UNKNOWN_VARIABLE) throw error;
      await Promise.all(this.servers.map(({instance}) => instance.kill9()));
      await this.#make();
    }
  }

  async #make(): Promise<void> {
    for (const wire of this.wires) wire.heal();
    await this.#box.topology('a; b; c');
    for (const {wire, instance} of this.servers) wire.leadsTo(instance.key.port);
    await Promise.all(this.servers.map(({instance}) => setSemiSync(instance, 'replica')));
    await acknowledging(this.source.instance);
    await Promise.all(this.replicas.map(({instance}) => follow(instance, this.source)));
    await this.source.instance.query("CREATE TABLE test.t (id BIGINT PRIMARY KEY, note VARCHAR(64) NOT NULL DEFAULT '')");
    await Promise.all(this.replicas.map(({instance}) => setReadOnly(instance)));
    await Promise.all(this.replicas.map(({instance}) => this.#has(instance)));
  }

  serverAt(port: number): Server | undefined {
    return this.servers.find(({key}) => key.port === port);
  }

  async down(): Promise<void> {
    await this.#box.down();
    await Promise.all(this.wires.map((wire) => wire.down()));
    await this.#ports.release();
  }

  async #has(replica: Instance): Promise<void> {
    const [status] = await replicaStatus(replica);
    if (!status) throw new Error(`${replica.name} replicates from nobody.`);
    await appliedAll(replica, this.source.instance, status);
  }
}

/** Acknowledges nothing to a client before a replica has it. Only on the source: what a replica applies would wait too. */
async function acknowledging(instance: Instance): Promise<void> {
  const isMysql = instance.flavor === 'mysql9';
  await setSemiSync(instance, 'source');
  const side = isMysql ? 'source' : 'master';
  await instance.query(`SET GLOBAL rpl_semi_sync_${side}_timeout = ${SEMI_SYNC_TIMEOUT}`);
  await instance.query(`SET GLOBAL rpl_semi_sync_${side}_wait_point = AFTER_SYNC`);
  const prefix = isMysql ? '--loose-rpl-semi-sync-source' : '--rpl-semi-sync-master';
  instance.configured.push(`${prefix}-timeout=${SEMI_SYNC_TIMEOUT}`, `${prefix}-wait-point=AFTER_SYNC`);
}

async function follow(replica: Instance, source: Server): Promise<void> {
  const {words} = replica;
  await replica.query(words.point({port: source.key.port, channel: '', account: ACCOUNTS.repl, heartbeat: 1, at: 'gtid'}));
  await replica.query(words.start(''));
  await replicating(replica);
  await waitFor(`${source.name} sends to ${replica.name}`, async () => sends(source.instance));
}

async function sends(source: Instance): Promise<boolean> {
  const dumps = await source.query("SELECT id AS id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'");
  return dumps.length > 0;
}
