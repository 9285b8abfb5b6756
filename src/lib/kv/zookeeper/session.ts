import {connect, type Socket} from 'node:net';
import {directoryError} from '../failure.ts';
import {Packets, Reader, Writer} from './wire.ts';

export const ZOOKEEPER = 'ZooKeeper';

/** Numbers of the protocol. */
const OP = {create: 1, delete: 2, read: 4, write: 5, multi: 14, close: -11} as const;
const ERROR = {0: 'ok', [-101]: 'no-node', [-103]: 'bad-version', [-110]: 'node-exists', [-111]: 'not-empty'} as const;
const ANY_VERSION = -1;
/** A session that was not closed ends by itself after this. */
const SESSION_MS = 10_000;
const OPEN_TO_ALL = {permissions: 31, scheme: 'world', id: 'anyone'};

/** How an act ended: as wanted, or in a way that says how the node stands. */
export type Verdict = (typeof ERROR)[keyof typeof ERROR];

export interface Node {
  readonly value: string;
  readonly version: number;
}

/** One act on a node; several make a transaction. A version that is not given is any. */
export type Change =
  | {readonly do: 'create'; readonly path: string; readonly value: string}
  | {readonly do: 'write'; readonly path: string; readonly value: string; readonly version?: number}
  | {readonly do: 'delete'; readonly path: string; readonly version?: number};

/** Where one server listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A session with one server of ZooKeeper, for a few questions one after the other. No locks, no watches, nothing that has to live on. */
export class Session {
  readonly #socket: Socket;
  readonly #packets = new Packets();
  #xid = 0;
  #waiting: {resolve(packet: Buffer): void; reject(error: Error): void} | null = null;
  #lost: Error | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      for (const packet of this.#packets.add(chunk)) {
        this.#waiting?.resolve(packet);
        this.#waiting = null;
      }
    });
    socket.once('error', (error) => this.#lose(error));
    socket.once('close', () => this.#lose(new Error('the connection was closed')));
  }

  /** The signal counts until the session is open. @throws Error when nobody answers there, or not in time */
  static async open({host, port}: Address, signal: AbortSignal): Promise<Session> {
    const session = new Session(connect({host, port, noDelay: true}));
    const hello = new Writer().int(0).long(0n).int(SESSION_MS).long(0n).bytes(Buffer.alloc(16)).bool(false);
    const giveUp = (): void => session.#lose(new Error('it did not answer in time'));
    signal.addEventListener('abort', giveUp, {once: true});
    try {
      await session.#exchange(hello);
      return session;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  /** null when there is no such node */
  async read(path: string): Promise<Node | null> {
    const {verdict, body} = await this.#ask(OP.read, new Writer().text(path).bool(false));
    if (verdict === 'no-node') return null;
    if (verdict !== 'ok') throw directoryError(ZOOKEEPER, `could not read ${path}: ${verdict}`);
    return {value: body.bytes().toString('utf8'), version: body.version()};
  }

  /** One node, with nothing in it; `node-exists` where it was there already. */
  async create(path: string): Promise<Verdict> {
    return (await this.#ask(OP.create, recordOf({do: 'create', path, value: ''}))).verdict;
  }

  /** All or none. @returns what kept it from being done, `ok` when nothing did */
  async transact(changes: readonly Change[]): Promise<Verdict> {
    const body = new Writer();
    for (const change of changes) body.int(OP[change.do]).bool(false).int(-1).raw(recordOf(change).content);
    const answer = await this.#ask(OP.multi, body.int(-1).bool(true).int(-1));
    return answer.verdict === 'ok' ? verdictOfAll(answer.body) : answer.verdict;
  }

  /** Ends the session, without waiting for more than the bytes to be on their way. */
  close(): void {
    if (!this.#lost) this.#socket.end(new Writer().int(++this.#xid).int(OP.close).packet);
    this.#socket.unref();
    setTimeout(() => this.#socket.destroy(), 100).unref();
  }

  async #ask(operation: number, body: Writer): Promise<{readonly verdict: Verdict; readonly body: Reader}> {
    const xid = ++this.#xid;
    const answer = new Reader(await this.#exchange(new Writer().int(xid).int(operation).raw(body.content)));
    if (answer.int() !== xid) throw directoryError(ZOOKEEPER, 'answered another question than was asked');
    answer.long();
    return {verdict: verdictOf(answer.int()), body: answer};
  }

  #exchange(request: Writer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#lost) return reject(this.#lost);
      this.#waiting = {resolve, reject};
      this.#socket.write(request.packet);
    });
  }

  #lose(error: Error): void {
    this.#lost ??= error;
    this.#waiting?.reject(error);
    this.#waiting = null;
    this.#socket.destroy();
  }
}

function recordOf(change: Change): Writer {
  const record = new Writer().text(change.path);
  switch (change.do) {
    case 'create': {
      const {permissions, scheme, id} = OPEN_TO_ALL;
      return record.bytes(Buffer.from(change.value)).int(1).int(permissions).text(scheme).text(id).int(0);
    }
    case 'write':
      return record.bytes(Buffer.from(change.value)).int(change.version ?? ANY_VERSION);
    case 'delete':
      return record.int(change.version ?? ANY_VERSION);
  }
}

const FAILED = -1;

/** Of a transaction that was not done every act has a number; those before and after the one to blame have another than it. */
function verdictOfAll(body: Reader): Verdict {
  if (body.int() !== FAILED) return 'ok';
  for (let isLast = body.bool(); !isLast;) {
    body.int();
    const verdict: Verdict | undefined = ERROR[body.int() as keyof typeof ERROR];
    if (verdict !== undefined && verdict !== 'ok') return verdict;
    body.int();
    isLast = body.bool();
  }
  throw directoryError(ZOOKEEPER, 'did not carry a transaction out, and does not say why');
}

function verdictOf(code: number): Verdict {
  const verdict: Verdict | undefined = ERROR[code as keyof typeof ERROR];
  if (verdict === undefined) throw directoryError(ZOOKEEPER, `answered with error ${code}`);
  return verdict;
}
