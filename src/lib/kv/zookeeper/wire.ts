/** Writes records as ZooKeeper's protocol has them: big-endian numbers, texts and buffers after their length. */
export class Writer {
  readonly #parts: Buffer[] = [];

  int(value: number): this {
    const part = Buffer.alloc(4);
    part.writeInt32BE(value);
    return this.#add(part);
  }

  long(value: bigint): this {
    const part = Buffer.alloc(8);
    part.writeBigInt64BE(value);
    return this.#add(part);
  }

  bool(value: boolean): this {
    return this.#add(Buffer.from([value ? 1 : 0]));
  }

  bytes(value: Buffer): this {
    return this.int(value.length).#add(value);
  }

  text(value: string): this {
    return this.bytes(Buffer.from(value, 'utf8'));
  }

  /** What was written, as it is. */
  get content(): Buffer {
    return Buffer.concat(this.#parts);
  }

  /** What was written, after its length: one packet. */
  get packet(): Buffer {
    return new Writer().bytes(this.content).content;
  }

  raw(value: Buffer): this {
    return this.#add(value);
  }

  #add(part: Buffer): this {
    this.#parts.push(part);
    return this;
  }
}

/** Reads such records; reading past the end throws a RangeError. */
export class Reader {
  readonly #from: Buffer;
  #at = 0;

  constructor(from: Buffer) {
    this.#from = from;
  }

  int(): number {
    const value = this.#from.readInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  long(): bigint {
    const value = this.#from.readBigInt64BE(this.#at);
    this.#at += 8;
    return value;
  }

  bool(): boolean {
    const value = this.#from.readInt8(this.#at) !== 0;
    this.#at += 1;
    return value;
  }

  /** A length of -1 stands for nothing at all. */
  bytes(): Buffer {
    const length = this.int();
    const from = this.#at;
    this.#at += Math.max(0, length);
    return this.#from.subarray(from, this.#at);
  }

  /** What ZooKeeper keeps of a node; only the version of its data is of interest. */
  version(): number {
    this.#at += 32;
    const version = this.int();
    this.#at += 32;
    return version;
  }
}

/** Takes packets out of a stream of bytes, however it was cut. */
export class Packets {
  #rest = Buffer.alloc(0);

  /** @returns every packet that is whole now */
  add(chunk: Buffer): readonly Buffer[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const packets: Buffer[] = [];
    while (this.#rest.length >= 4) {
      const end = 4 + this.#rest.readInt32BE(0);
      if (this.#rest.length < end) break;
      packets.push(this.#rest.subarray(4, end));
      this.#rest = this.#rest.subarray(end);
    }
    return packets;
  }
}
