import {connect, createServer, type Server, type Socket} from 'node:net';
import {once} from 'node:events';

/** What happens to bytes between a peer and the server behind a wire. */
export interface Disturbance {
  /** Nothing arrives in these directions until it is lifted, as when packets are dropped: nobody is told. */
  readonly silence?: 'both' | 'to-server' | 'to-client';
  /** Milliseconds by which everything is late, each way. */
  readonly delay?: number;
}

type Direction = 'to-server' | 'to-client';

interface Line {
  readonly peer: string;
  readonly client: Socket;
  server: Socket | null;
  /** What waits for a silence to end, by direction. */
  readonly held: Record<Direction, (() => void)[]>;
  /** Nothing is passed on before this, by direction: what is late keeps its order. */
  readonly due: Record<Direction, number>;
}

export interface WireOptions {
  readonly port: number;
  /** Who connects from this port of 127.0.0.1; '' for somebody else. */
  readonly peerAt: (port: number) => string;
}

/** A TCP proxy on 127.0.0.1 in front of one server, under control of a test: a network between each peer and the server. */
export class Wire {
  readonly port: number;
  readonly #peerAt: (port: number) => string;
  readonly #server: Server;
  readonly #lines = new Set<Line>();
  readonly #disturbances = new Map<string, Disturbance>();
  /** How often something was kept back or late since the disturbance began, by peer. */
  readonly #felt = new Map<string, number>();
  #target = 0;

  private constructor(options: WireOptions) {
    this.port = options.port;
    this.#peerAt = options.peerAt;
    this.#server = createServer({allowHalfOpen: true}, (client) => this.#accept(client));
  }

  static async open(options: WireOptions): Promise<Wire> {
    const wire = new Wire(options);
    wire.#server.listen(options.port, '127.0.0.1');
    await once(wire.#server, 'listening');
    return wire;
  }

  /** The port of the server behind. */
  leadsTo(port: number): void {
    this.#target = port;
  }

  /** From now on, for this peer, new connections too. */
  disturb(peer: string, disturbance: Disturbance): void {
    this.#disturbances.set(peer, disturbance);
    this.#felt.set(peer, 0);
  }

  /** How often its present disturbance has kept something back or made it late: 0 = nobody can have noticed. */
  felt(peer: string): number {
    return this.#felt.get(peer) ?? 0;
  }

  /** What was held arrives now, as packets sent again would. */
  heal(): void {
    this.#disturbances.clear();
    for (const line of this.#lines) for (const direction of ['to-server', 'to-client'] as const) release(line, direction);
  }

  async down(): Promise<void> {
    for (const line of this.#lines) this.#end(line);
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    const line: Line = {
      peer: this.#peerAt(client.remotePort ?? 0),
      client,
      server: null,
      held: {'to-server': [], 'to-client': []},
      due: {'to-server': 0, 'to-client': 0},
    };
    this.#lines.add(line);
    this.#listen(line, client, 'to-server');
    this.#pass(line, 'to-server', () => this.#dial(line));
  }

  #dial(line: Line): void {
    const server = connect({port: this.#target, host: '127.0.0.1', allowHalfOpen: true});
    line.server = server;
    // As a port that nobody listens on answers.
    server.on('error', () => server.pending && line.client.resetAndDestroy());
    this.#listen(line, server, 'to-client');
  }

  #listen(line: Line, from: Socket, direction: Direction): void {
    const to = (): Socket | null => (direction === 'to-server' ? line.server : line.client);
    from.setNoDelay(true);
    from.on('data', (bytes) => this.#pass(line, direction, () => void to()?.write(bytes)));
    from.on('end', () => this.#pass(line, direction, () => void to()?.end()));
    // Its 'close' follows.
    from.on('error', () => undefined);
    from.on('close', () => this.#pass(line, direction, () => this.#end(line)));
  }

  /** Does it now, later, or when the silence ends. */
  #pass(line: Line, direction: Direction, act: () => void): void {
    const {silence, delay = 0} = this.#disturbances.get(line.peer) ?? {};
    const silent = silence === 'both' || silence === direction;
    if (silent || delay > 0) this.#felt.set(line.peer, this.felt(line.peer) + 1);
    if (silent || line.held[direction].length > 0) return void line.held[direction].push(act);
    const now = performance.now();
    const due = Math.max(line.due[direction], now + delay);
    line.due[direction] = due;
    if (due <= now) act();
    else setTimeout(act, due - now);
  }

  #end(line: Line): void {
    this.#lines.delete(line);
    line.client.destroy();
    line.server?.destroy();
  }
}

function release(line: Line, direction: Direction): void {
  for (const act of line.held[direction].splice(0)) act();
}
