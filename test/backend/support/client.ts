import {spawn} from 'node:child_process';
import {createServer, type IncomingMessage} from 'node:http';
import type {AddressInfo} from 'node:net';
import path from 'node:path';
import type {Ran} from './cli.ts';

export const CLIENT = path.resolve(import.meta.dirname, '../../../bin/orchestrator-client');

/** Runs bin/orchestrator-client with the tools of this folder and nothing of this host's profile; ends it after 30 seconds. */
export function runClient(tools: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran & {readonly pid: number}> {
  const child = spawn(CLIENT, args, {
    env: {PATH: `${tools}:/usr/bin:/bin`, HOME: tools, ORCHESTRATOR_CLIENT_PROFILE: '/nonexistent', ...env},
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
  });
  const said = {stdout: '', stderr: ''};
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (status) => resolve({status, pid: child.pid ?? 0, ...said}));
  });
}

export interface Reply {
  readonly status?: number;
  /** An object is sent as JSON, a text as it is, null: the connection is cut. */
  readonly body: object | string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Something that answers HTTP as a test wants, and remembers what it was asked. */
export interface Stub {
  readonly url: string;
  /** Paths with their queries, without those of the client's own first questions (HEAD). */
  readonly asked: readonly string[];
  readonly headers: readonly IncomingMessage['headers'][];
  close(): Promise<void>;
}

/** @param answer to the nth question, from 0; HEAD always gets 404, as from a service */
export async function stub(answer: (url: string, count: number) => Reply | Promise<Reply>): Promise<Stub> {
  const asked: string[] = [];
  const headers: IncomingMessage['headers'][] = [];
  const server = createServer((request, response) => {
    headers.push(request.headers);
    if (request.method === 'HEAD') {
      response.writeHead(404).end();
      return;
    }
    asked.push(request.url ?? '');
    void Promise.resolve(answer(request.url ?? '', asked.length - 1)).then(({status = 200, body, headers: more = {}}) => {
      if (body === null) return void response.destroy();
      response.writeHead(status, more).end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    headers,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
