import {createServer, type Server} from 'node:http';
import {once} from 'node:events';
import {setTimeout as sleep} from 'node:timers/promises';
import {haproxy, reservePorts, sandbox, type Instance, type Proxy, type ReservedPorts, type Sandbox} from '../../sandbox/index.ts';
import type {Backend, Proxied} from './backend.ts';
import {Clocks} from './clocks.ts';

const NAMES = ['p', 'r'] as const;
const ASKS_WITHIN = 400;

interface ProxiedOptions {
  /** A commit is acknowledged only once the replica has it, however long that takes. */
  readonly lossless?: boolean;
}

/** A source with a replica, and HAProxy in front, which leads to the one whose check says that it is writable. */
export async function proxiedBackend({lossless = false}: ProxiedOptions = {}): Promise<Backend> {
  const box = await sandbox({flavor: 'mariadb'});
  await replicate(box, lossless);
  const ports = await reservePorts(NAMES.length);
  const checks = await Promise.all(NAMES.map((name, at) => Check.open(() => box.get(name), ports.ports[at] ?? 0)));
  const backends = NAMES.map((name, at) => ({port: box.get(name).key.port, checkPort: ports.ports[at] ?? 0}));
  const proxy = await haproxy({mode: 'tcp', backends, check: '/'});
  return new ProxiedBackend(box, {checks, proxy, ports, lossless});
}

async function replicate(box: Sandbox, lossless: boolean): Promise<void> {
  const {p} = await box.topology('p: r', {semiSync: lossless});
  if (!lossless) return;
  await p.query("SET GLOBAL rpl_semi_sync_master_wait_point = 'AFTER_SYNC'");
  await p.query('SET GLOBAL rpl_semi_sync_master_timeout = 3600000');
}

interface Parts {
  readonly checks: readonly Check[];
  readonly proxy: Proxy;
  readonly ports: ReservedPorts;
  readonly lossless: boolean;
}

class ProxiedBackend implements Backend {
  readonly kind = 'proxy';
  readonly proxied: Proxied;
  readonly #box: Sandbox;
  readonly #parts: Parts;
  readonly #clocks = new Clocks();
  #pristine = true;

  constructor(box: Sandbox, parts: Parts) {
    this.#box = box;
    this.#parts = parts;
    this.proxied = {
      failOver: (options) => this.#failOver(options),
      mislead: (milliseconds) => this.#mislead(milliseconds),
    };
  }

  get version(): string {
    return `MariaDB ${this.#box.version}, a source and a replica behind HAProxy`;
  }

  get servers(): readonly Instance[] {
    return NAMES.map((name) => this.#box.get(name));
  }

  way(): number {
    return this.#parts.proxy.port;
  }

  kill(server: number): Promise<void> {
    this.#pristine = false;
    return this.servers[server]!.kill9();
  }

  async setClock(place: number, seconds: number): Promise<void> {
    const server = this.servers[place]!;
    await server.stop();
    await this.#clocks.set(server, seconds);
    await server.start();
    await this.#clocks.verify(server, seconds);
  }

  /** Its one writable server is gone. */
  async loseQuorum(): Promise<void> {
    const [source] = this.servers;
    await source?.kill9();
  }

  async revive(): Promise<void> {
    for (const check of this.#parts.checks) check.says = null;
    for (const server of this.servers) server.resume();
    for (const server of this.#clocks.wrong) {
      await this.#clocks.set(server, 0);
      await server.stop();
      await server.start();
    }
    if (!(await this.#isWritable())) await this.servers[0]!.start();
  }

  async renew(): Promise<void> {
    await this.revive();
    if (!this.#pristine) await replicate(this.#box, this.#parts.lossless);
    this.#pristine = true;
  }

  async down(): Promise<void> {
    await this.#parts.proxy.down();
    await Promise.all(this.#parts.checks.map((check) => check.down()));
    await this.#parts.ports.release();
    await this.#box.down();
  }

  async #isWritable(): Promise<boolean> {
    const answers = await Promise.all(this.servers.map((server) => isWritable(server)));
    return answers.includes(true);
  }

  async #failOver({losing = 0}: {readonly losing?: number} = {}): Promise<void> {
    this.#pristine = false;
    const [source, replica] = this.servers as readonly [Instance, Instance];
    if (losing > 0) {
      await replica.query('STOP SLAVE IO_THREAD');
      await sleep(losing);
    }
    await source.kill9();
    await applyReceived(replica);
    await replica.query('STOP SLAVE');
    await replica.query('RESET SLAVE ALL');
    await replica.query('SET GLOBAL read_only = OFF');
  }

  async #mislead(milliseconds: number): Promise<void> {
    const [atSource, atReplica] = this.#parts.checks as readonly [Check, Check];
    [atSource.says, atReplica.says] = [false, true];
    await sleep(milliseconds);
    [atSource.says, atReplica.says] = [null, null];
  }
}

/** Nobody is promoted before all it has received is applied: where commits waited for it, that is what was acknowledged. */
async function applyReceived(replica: Instance): Promise<void> {
  const [status] = await replica.query<{Gtid_IO_Pos: string}>('SHOW SLAVE STATUS');
  const late = await replica.value('SELECT MASTER_GTID_WAIT(?, 30)', [status?.Gtid_IO_Pos ?? '']);
  if (Number(late) !== 0) throw new Error(`${replica.name} has not applied what it received, up to ${status?.Gtid_IO_Pos}.`);
}

/** What the proxy asks about one server: 200 = lead to it. */
class Check {
  /** Overrules what the server says. */
  says: boolean | null = null;
  readonly #server: Server;

  private constructor(instance: () => Instance) {
    this.#server = createServer((_request, reply) => {
      void this.#answer(instance()).then((yes) => reply.writeHead(yes ? 200 : 503).end());
    });
  }

  static async open(instance: () => Instance, port: number): Promise<Check> {
    const check = new Check(instance);
    check.#server.listen(port, '127.0.0.1');
    await once(check.#server, 'listening');
    return check;
  }

  async down(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(instance: Instance): Promise<boolean> {
    return this.says ?? isWritable(instance);
  }
}

async function isWritable(instance: Instance): Promise<boolean> {
  if (!instance.alive()) return false;
  const asking = instance.query<{ro: number}>('SELECT @@global.read_only AS ro', [], {timeout: ASKS_WITHIN});
  return asking.then(
    ([row]) => Number(row?.ro) === 0,
    () => false,
  );
}
