import type {Socket} from 'node:net';

/** One message of the protocol between clients and servers. */
export interface Packet {
  readonly sequence: number;
  readonly payload: Buffer;
}

/** One side of a connection: what comes is kept until it is asked for. */
export class Line {
  readonly socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  #ended = false;
  readonly #packets: Packet[] = [];
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.once('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** Null once the connection has ended. */
  async next(): Promise<Packet | null> {
    for (;;) {
      const packet = this.#packets.shift();
      if (packet) return packet;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  write(bytes: Buffer): void {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  #take(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 4) {
      const end = 4 + this.#rest.readUIntLE(0, 3);
      if (this.#rest.length < end) break;
      this.#packets.push({sequence: this.#rest[3]!, payload: this.#rest.subarray(4, end)});
      this.#rest = this.#rest.subarray(end);
    }
    this.#wake();
  }
}

export function bytesOf({sequence, payload}: Packet): Buffer {
  const head = Buffer.alloc(4);
  head.writeUIntLE(payload.length, 0, 3);
  head[3] = sequence & 0xff;
  return Buffer.concat([head, payload]);
}

export const COMMAND = {quit: 0x01, query: 0x03, ping: 0x0e, registerReplica: 0x15} as const;

const AUTOCOMMIT = [2, 0];

export function okPacket(sequence: number): Buffer {
  return bytesOf({sequence, payload: Buffer.from([0, 0, 0, ...AUTOCOMMIT, 0, 0])});
}

export function errorPacket(sequence: number, {errno, message}: {readonly errno: number; readonly message: string}): Buffer {
  return bytesOf({sequence, payload: Buffer.concat([Buffer.from([0xff, errno & 0xff, errno >> 8]), Buffer.from(`#HY000${message}`)])});
}

/** Rows of texts, null where a cell is null. */
export type Rows = readonly Readonly<Record<string, string | null>>[];

/** As servers wrote it before they left out the marks between columns and rows. */
export function resultSet(columns: readonly string[], rows: Rows): Buffer {
  const end = Buffer.from([0xfe, 0, 0, ...AUTOCOMMIT]);
  const payloads = [
    Buffer.from([columns.length]),
    ...columns.map(columnOf),
    end,
    ...rows.map((row) => Buffer.concat(columns.map((name) => (row[name] === null ? Buffer.from([0xfb]) : text(row[name] ?? ''))))),
    end,
  ];
  return Buffer.concat(payloads.map((payload, at) => bytesOf({sequence: at + 1, payload})));
}

function columnOf(name: string): Buffer {
  const rest = Buffer.from([0x0c, 33, 0, 0, 1, 0, 0, 253, 0, 0, 0, 0, 0]);
  return Buffer.concat([text('def'), text(''), text(''), text(''), text(name), text(name), rest]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  if (bytes.length > 250) throw new Error(`longer than a test needs: ${value}`);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

const SEED = Buffer.from('0123456789abcdefghij');
/** Long password, long flags, protocol 4.1, transactions, secure connection, plugins. */
const CAPABILITIES = 0x1 | 0x4 | 0x200 | 0x2000 | 0x8000 | 0x80000;
/** Compression, encryption, and leaving out marks between columns and rows: what those in the middle could not read along with. */
const OPAQUE = 0x20 | 0x800 | 0x1000000;

/** A greeting of one's own. */
export function greeting(version: string, connectionId: number): Buffer {
  const id = Buffer.alloc(4);
  id.writeUInt32LE(connectionId);
  const capabilities = [
    CAPABILITIES & 0xff,
    (CAPABILITIES >> 8) & 0xff,
    33,
    ...AUTOCOMMIT,
    (CAPABILITIES >> 16) & 0xff,
    CAPABILITIES >>> 24,
  ];
  return bytesOf({
    sequence: 0,
    payload: Buffer.concat([
      Buffer.from([10]),
      Buffer.from(`${version}\0`),
      id,
      SEED.subarray(0, 8),
      Buffer.from([0, ...capabilities, 21, ...Array<number>(10).fill(0)]),
      SEED.subarray(8),
      Buffer.from('\0mysql_native_password\0'),
    ]),
  });
}

/** Somebody else's greeting, without what cannot be read along with. */
export function readable({sequence, payload}: Packet): Buffer {
  const copy = Buffer.from(payload);
  const low = copy.indexOf(0, 1) + 1 + 4 + 8 + 1;
  const capabilities = (copy.readUInt16LE(low) | (copy.readUInt16LE(low + 5) << 16)) & ~OPAQUE;
  copy.writeUInt16LE(capabilities & 0xffff, low);
  copy.writeUInt16LE((capabilities >>> 16) & 0xffff, low + 5);
  // What MariaDB can beyond that, further metadata of columns among it.
  copy.fill(0, low + 14, low + 18);
  return bytesOf({sequence, payload: copy});
}

/** The account in a client's answer to a greeting. */
export function userOf({payload}: Packet): string {
  return payload.toString('utf8', 32, payload.indexOf(0, 32));
}

/** Where a replica says it can be found. */
export function registration(payload: Buffer): {readonly serverId: number; readonly host: string; readonly port: number} {
  let at = 5;
  const next = (): string => {
    const length = payload[at]!;
    at += 1 + length;
    return payload.toString('utf8', at - length, at);
  };
  const [host] = [next(), next(), next()];
  return {serverId: payload.readUInt32LE(1), host: host!, port: payload.readUInt16LE(at)};
}
