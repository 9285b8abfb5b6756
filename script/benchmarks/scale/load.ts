import {connect, type Socket} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';

/** What a process that is forked from this file does. */
export interface LoadWish {
  readonly port: number;
  readonly path: string;
  readonly packed: boolean;
  /** Tells each time which answer it has, as browsers and good clients do. */
  readonly conditional: boolean;
  /** Requests a second. */
  readonly rate: number;
  readonly warmUp: number;
  /** Milliseconds, beside those of the warm-up. */
  readonly period: number;
}

export type LoadNews =
  | {readonly news: 'measuring'}
  | {
      readonly news: 'done';
      /** Milliseconds from when a request was due to the last byte of its answer. */
      readonly times: readonly number[];
      readonly failed: number;
      readonly unchanged: number;
      readonly connections: number;
      /** All bytes that were read, heads of answers included. */
      readonly bytes: number;
      /** Processor time of this process, milliseconds. */
      readonly cpu: number;
    };

/** Where every connection reads to; nothing is kept of a body but its length. */
const READ_AT_ONCE = Buffer.allocUnsafe(1 << 20);
const MOST_CONNECTIONS = 500;
const FAILS_AFTER = 20_000;

interface Answer {
  readonly status: number;
  readonly tag: string;
}

/** A connection that is kept, with one request under way at most. */
class Wire {
  readonly #socket: Socket;
  #head: Buffer = Buffer.alloc(0);
  /** Bytes of the body to come; null while the head is read. */
  #left: number | null = null;
  #answer: Answer = {status: 0, tag: ''};
  #told: ((answer: Answer) => void) | null = null;
  #broken = false;
  bytes = 0;

  constructor(port: number) {
    const onread = {buffer: READ_AT_ONCE, callback: (length: number, buffer: Uint8Array) => this.#read(length, buffer)};
    this.#socket = connect({port, host: '127.0.0.1', noDelay: true, onread});
    const broken = (): void => {
      this.#broken = true;
      this.#tell({status: 0, tag: ''});
    };
    this.#socket.on('error', broken).on('close', broken);
  }

  ask(text: string): Promise<Answer> {
    if (this.#broken) return Promise.resolve({status: 0, tag: ''});
    return new Promise((resolve) => {
      this.#told = resolve;
      this.#socket.write(text);
    });
  }

  get broken(): boolean {
    return this.#broken;
  }

  end(): void {
    this.#socket.destroy();
  }

  #read(length: number, buffer: Uint8Array): boolean {
    this.bytes += length;
    if (this.#left === null) this.#readHead(Buffer.from(buffer.subarray(0, length)));
    else this.#left -= length;
    if (this.#left === 0) this.#tell(this.#answer);
    return true;
  }

  #readHead(bytes: Buffer): void {
    this.#head = Buffer.concat([this.#head, bytes]);
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const text = this.#head.toString('latin1', 0, end);
    const status = Number(text.slice(9, 12));
    const length = status === 304 ? 0 : Number(/^content-length: (\d+)/im.exec(text)?.[1]);
    this.#answer = {status, tag: /^etag: (.*)$/im.exec(text)?.[1] ?? ''};
    this.#left = length - (this.#head.length - end - 4);
  }

  #tell(answer: Answer): void {
    const told = this.#told;
    [this.#told, this.#left, this.#head] = [null, null, Buffer.alloc(0)];
    told?.(answer);
  }
}

class Load {
  readonly #wish: LoadWish;
  readonly #free: Wire[] = [];
  readonly #all: Wire[] = [];
  #tag = '';
  times: number[] = [];
  failed = 0;
  unchanged = 0;

  constructor(wish: LoadWish) {
    this.#wish = wish;
  }

  /** Starts one each time one is due, also when we are late: one that waits delays no other, and its waiting counts. */
  async arrive(period: number): Promise<void> {
    const {rate} = this.#wish;
    const began = performance.now();
    const under: Promise<void>[] = [];
    for (let number = 0; number < (period / 1000) * rate; number++) {
      const due = began + (number * 1000) / rate;
      const early = due - performance.now();
      if (early > 0) await sleep(Math.ceil(early)); // timers drop parts of milliseconds
      under.push(this.#one(due));
    }
    await Promise.all(under);
  }

  get bytes(): number {
    return this.#all.reduce((sum, wire) => sum + wire.bytes, 0);
  }

  get connections(): number {
    return this.#all.length;
  }

  end(): void {
    for (const wire of this.#all) wire.end();
  }

  async #one(due: number): Promise<void> {
    const wire = this.#free.pop() ?? this.#another();
    const late = sleep(FAILS_AFTER, {status: 0, tag: ''}, {ref: false});
    const {status, tag} = wire ? await Promise.race([wire.ask(this.#text()), late]) : {status: 0, tag: ''};
    if (wire && status !== 0 && !wire.broken) this.#free.push(wire);
    if (status === 200) this.#tag = tag;
    if (status === 304) this.unchanged++;
    if (status === 200 || status === 304) this.times.push(performance.now() - due);
    else this.failed++;
  }

  #another(): Wire | null {
    if (this.#all.length >= MOST_CONNECTIONS) return null;
    const wire = new Wire(this.#wish.port);
    this.#all.push(wire);
    return wire;
  }

  #text(): string {
    const {path, packed, conditional} = this.#wish;
    const lines = [`GET ${path} HTTP/1.1`, 'Host: localhost'];
    if (packed) lines.push('Accept-Encoding: gzip');
    if (conditional && this.#tag !== '') lines.push(`If-None-Match: ${this.#tag}`);
    return `${lines.join('\r\n')}\r\n\r\n`;
  }
}

/** Waits for a wish, fulfils it and says what it came to. */
async function work(wish: LoadWish, tell: (news: LoadNews) => void): Promise<void> {
  const load = new Load(wish);
  await load.arrive(wish.warmUp);
  [load.times, load.failed, load.unchanged] = [[], 0, 0];
  const before = {bytes: load.bytes, cpu: process.cpuUsage()};
  tell({news: 'measuring'});
  await load.arrive(wish.period);
  const {user, system} = process.cpuUsage(before.cpu);
  const {times, failed, unchanged, connections} = load;
  tell({news: 'done', times, failed, unchanged, connections, bytes: load.bytes - before.bytes, cpu: (user + system) / 1000});
  load.end();
}

process.once('message', (wish: LoadWish) => {
  void work(wish, (news) => process.send?.(news)).then(() => process.disconnect());
});
