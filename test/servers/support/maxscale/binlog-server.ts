import {once} from 'node:events';
import {connect, createServer, type AddressInfo, type Server, type Socket} from 'node:net';
import {ACCOUNTS, type Instance} from '../../../sandbox/index.ts';
import {
  COMMAND,
  Line,
  bytesOf,
  errorPacket,
  greeting,
  okPacket,
  readable,
  registration,
  resultSet,
  userOf,
  type Packet,
} from './packets.ts';
import {answerTo, type Standing} from './statements.ts';

/** A place in a binary log. */
export interface Place {
  readonly file: string;
  readonly position: number;
}

/** Anything that a binlog server can follow. */
export interface Followed {
  readonly key: {readonly host: string; readonly port: number};
  /** Where its binary log ends; null when it does not answer. */
  end(): Promise<Place | null>;
}

/**
 * What stands in for MaxScale as a binlog server: it answers the few statements that one knows, and refuses all others. It keeps no
 * log of its own: who replicates from it is handed through to the source that it follows.
 */
export class BinlogServer implements Followed {
  /** What was said to it, in order, by others than replicas. */
  readonly statements: string[] = [];
  key: Followed['key'] = {host: '127.0.0.1', port: 0};
  readonly #known: (port: number) => Followed | undefined;
  readonly #server: Server;
  readonly #replicas = new Map<Line, ReturnType<typeof registration> | null>();
  readonly #sockets = new Set<Socket>();
  #standing: Standing;

  private constructor(source: Followed, known: (port: number) => Followed | undefined, at: Place) {
    this.#known = known;
    this.#standing = {source: source.key, runs: true, connected: true, at, serverId: 1000, replicas: []};
    this.#server = createServer((client) => void this.#welcome(this.#line(client)));
  }

  /** @param known what listens on a port, where it may be told to follow that */
  static async start(source: Followed, known: (port: number) => Followed | undefined): Promise<BinlogServer> {
    const at = await source.end();
    if (!at) throw new Error('its source does not answer');
    const it = new BinlogServer(source, known, at);
    it.#server.listen(0, '127.0.0.1');
    await once(it.#server, 'listening');
    it.key = {host: '127.0.0.1', port: (it.#server.address() as AddressInfo).port};
    it.#standing = {...it.#standing, serverId: it.key.port};
    return it;
  }

  get source(): Followed['key'] {
    return this.#standing.source;
  }

  /** As people may do, past orchestrator. */
  stop(): void {
    this.#standing = {...this.#standing, runs: false};
  }

  start(): void {
    this.#standing = {...this.#standing, runs: true};
  }

  async end(): Promise<Place> {
    return (await this.#look()).at;
  }

  async down(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** As far as its source has come, as long as it follows. */
  async #look(): Promise<Standing> {
    const replicas = [...this.#replicas.values()].filter((one) => one !== null);
    const end = this.#standing.runs ? ((await this.#known(this.#standing.source.port)?.end()) ?? null) : null;
    this.#standing = {...this.#standing, replicas, connected: end !== null, at: end ?? this.#standing.at};
    return this.#standing;
  }

  #follow(next: Standing): void {
    const elsewhere = next.source.port !== this.#standing.source.port;
    this.#standing = next;
    // Their receivers come again by themselves, and are handed through to the other source.
    if (elsewhere) for (const client of this.#replicas.keys()) client.socket.destroy();
  }

  async #welcome(client: Line): Promise<void> {
    const source = this.#line(connect(this.#standing.source.port, '127.0.0.1'));
    try {
      const hello = await source.next();
      client.write(hello ? readable(hello) : greeting('5.6.17-log', this.key.port));
      const login = await client.next();
      if (!login) return;
      if (userOf(login) === ACCOUNTS.repl.user) return await this.#handThrough(client, {source, login});
      if (!hello) client.write(okPacket(2));
      else if (!(await checked(client, {source, login}))) return;
      source.socket.destroy();
      await this.#converse(client);
    } finally {
      client.socket.destroy();
      source.socket.destroy();
    }
  }

  async #handThrough(client: Line, {source, login}: {readonly source: Line; readonly login: Packet}): Promise<void> {
    this.#replicas.set(client, null);
    client.socket.once('close', () => source.socket.destroy());
    source.socket.once('close', () => client.socket.destroy());
    source.write(bytesOf(login));
    const back = passOn(source, client);
    for (let packet = await client.next(); packet; packet = await client.next()) {
      if (packet.sequence === 0 && packet.payload[0] === COMMAND.registerReplica) this.#replicas.set(client, registration(packet.payload));
      source.write(bytesOf(packet));
    }
    this.#replicas.delete(client);
    await back;
  }

  async #converse(client: Line): Promise<void> {
    for (let packet = await client.next(); packet; packet = await client.next()) {
      const [command] = packet.payload;
      if (command === COMMAND.quit) return;
      if (command === COMMAND.query) client.write(await this.#answer(packet.payload.toString('utf8', 1)));
      else client.write(command === COMMAND.ping ? okPacket(1) : errorPacket(1, {errno: 1047, message: 'Unknown command'}));
    }
  }

  async #answer(sql: string): Promise<Buffer> {
    this.statements.push(sql);
    const answer = answerTo(sql, await this.#look());
    if ('rows' in answer) return resultSet(answer.columns, answer.rows);
    if ('errno' in answer) return errorPacket(1, answer);
    this.#follow(answer.standing);
    return okPacket(1);
  }

  #line(socket: Socket): Line {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return new Line(socket);
  }
}

/** A real server, as something to be followed. */
export function real(instance: Instance): Followed {
  return {
    key: instance.key,
    async end() {
      const [row] = await instance.query<{File: string; Position: number}>(instance.words.showBinlog).catch(() => []);
      return row ? {file: row.File, position: Number(row.Position)} : null;
    },
  };
}

async function passOn(from: Line, to: Line): Promise<void> {
  for (let packet = await from.next(); packet; packet = await from.next()) to.write(bytesOf(packet));
}

/** Lets the source check the password, whatever it asks for on the way. */
async function checked(client: Line, {source, login}: {readonly source: Line; readonly login: Packet}): Promise<boolean> {
  source.write(bytesOf(login));
  for (let packet = await source.next(); packet; packet = await source.next()) {
    client.write(bytesOf(packet));
    if (packet.payload[0] === 0x00) return true;
    // More of the exchange: 1 brings something, 3 behind it is "the password was right" and asks nothing back.
    if (packet.payload[0] === 0x01 && packet.payload[1] === 3) continue;
    const reply = packet.payload[0] === 0xff ? null : await client.next();
    if (!reply) return false;
    source.write(bytesOf(reply));
  }
  return false;
}
