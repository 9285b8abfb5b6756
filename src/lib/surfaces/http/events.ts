import type {ServerResponse} from 'node:http';
import type {FastifyInstance, FastifyRequest} from 'fastify';
import {messageOf} from '../../errors/errors.ts';
import {eventsAfter, newest, type Told} from '../../operations/service/events.ts';
import type {HttpOptions} from './server.ts';

/** Between two looks at the backend, while anybody listens. */
const LOOK_EACH_MS = 500;
/** So that proxies on the way keep the connection open. */
const COMMENT_EACH_MS = 15_000;
/** A listener that takes nothing is let go; it comes back and resumes. */
const MOST_UNSENT_BYTES = 1_000_000;

/**
 * `GET /api/events`: what happens, as server-sent events, from every node: they are read from the backend, where the leader
 * writes them. `Last-Event-ID`, or `?after=NUMBER`, resumes; without either they begin with the next one.
 */
export function registerEventRoute(app: FastifyInstance, options: HttpOptions): void {
  const feed = new Feed(options);
  app.addHook('preClose', () => feed.close());
  app.get(`${options.config.URLPrefix}/api/events`, {config: {access: 'read'}, exposeHeadRoute: false}, async (request, reply) => {
    const {purged, latest} = await newest(options.ports);
    const wanted = resumePoint(request);
    reply.hijack();
    reply.raw.writeHead(200, {'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no'});
    reply.raw.write('retry: 1000\n\n');
    // Behind what is kept, or ahead of the last: the backend is another one then, or went back in time.
    const missed = wanted !== null && (wanted < purged || wanted > latest);
    if (missed) reply.raw.write(`event: missed\ndata: ${JSON.stringify({purged, latest})}\n\n`);
    feed.add(reply.raw, wanted === null || wanted > latest ? latest : wanted);
  });
}

/** The number of the last event that the caller has seen; null: none was named. */
function resumePoint({headers, query}: FastifyRequest): number | null {
  const {after} = query as {readonly after?: unknown};
  const given = headers['last-event-id'] ?? after;
  return typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : null;
}

interface Listener {
  readonly to: ServerResponse;
  /** Number of the last event that was sent to it. */
  cursor: number;
}

/** One reader of the backend for all listeners of this node. */
class Feed {
  readonly #options: HttpOptions;
  readonly #listeners = new Set<Listener>();
  #timer: NodeJS.Timeout | null = null;
  #commented = performance.now();
  #failing = false;

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  add(to: ServerResponse, cursor: number): void {
    const listener: Listener = {to, cursor};
    this.#listeners.add(listener);
    to.on('close', () => this.#listeners.delete(listener));
    if (this.#timer === null) this.#schedule(0);
  }

  close(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    for (const {to} of this.#listeners) to.end();
    this.#listeners.clear();
    return Promise.resolve();
  }

  #schedule(after: number): void {
    this.#timer = setTimeout(() => void this.#look(), after).unref();
  }

  async #look(): Promise<void> {
    try {
      await this.#send();
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#options.log('warn', `events cannot be read: ${messageOf(error)}`);
      this.#failing = true;
    }
    if (this.#listeners.size > 0) this.#schedule(LOOK_EACH_MS);
    else this.#timer = null;
  }

  async #send(): Promise<void> {
    const comment = performance.now() - this.#commented > COMMENT_EACH_MS ? ': still here\n\n' : '';
    if (comment !== '') this.#commented = performance.now();
    const listeners = [...this.#listeners]; // who comes while we read is served next time
    const found = await eventsAfter(this.#options.ports, Math.min(...listeners.map(({cursor}) => cursor)));
    for (const listener of listeners) {
      const news = found.filter(({id}) => id > listener.cursor);
      const text = news.map(eventText).join('') + comment;
      listener.cursor = news.at(-1)?.id ?? listener.cursor;
      if (text !== '') listener.to.write(text);
      if (listener.to.writableLength > MOST_UNSENT_BYTES) listener.to.destroy();
    }
  }
}

function eventText(event: Told): string {
  return `id: ${event.id}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
}
