import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFile, writeFile} from 'node:fs/promises';
import {createConnection} from 'node:net';
import {join} from 'node:path';
import {fetchServer} from './fetch.ts';
import {guardedFolder} from './server/guard.ts';
import {reservePorts} from './server/ports.ts';
import {programOf} from './server/program.ts';
import {waitFor} from './wait.ts';

/** A configuration of one's own, or one that is made. */
export type ProxyOptions = ProxySetup | {readonly configuration: (port: number) => string};

interface ProxySetup {
  /** `tcp` passes bytes on, for database clients; `http` for the HTTP interface. */
  readonly mode: 'tcp' | 'http';
  /** Where traffic may go, and which port is asked whether it should. */
  readonly backends: readonly {readonly port: number; readonly checkPort?: number}[];
  /** Path that must answer 200 on a backend that gets traffic, e.g. `/api/leader-check`. */
  readonly check: string;
}

export interface Proxy {
  readonly port: number;
  down(): Promise<void>;
}

/** HAProxy on 127.0.0.1 in front of several ports; it asks each every 300 ms and cuts the connections of one that fails. */
export async function haproxy(options: ProxyOptions): Promise<Proxy> {
  const tree = await fetchServer('haproxy');
  const folder = await guardedFolder();
  const reserved = await reservePorts(1);
  const [port = 0] = reserved.ports;
  const file = join(folder.path, 'haproxy.cfg');
  const log = join(folder.path, 'haproxy.log');
  await writeFile(file, 'configuration' in options ? options.configuration(port) : configuration(port, options));
  const {command, args, env} = programOf('haproxy', tree.folder);
  const child = spawn('bash', ['-c', 'exec "$@" >"$0" 2>&1', log, command, ...args, '-db', '-f', file], {
    env: {...process.env, ...env, ...folder.mark},
    stdio: 'ignore',
    detached: true,
  });
  const down = async (): Promise<void> => {
    await folder.end();
    await reserved.release();
  };
  try {
    await waitFor('HAProxy listens', () => child.exitCode !== null || listens(port));
    if (child.exitCode !== null) throw new Error(`HAProxy ended: ${await readFile(log, 'utf8')}`);
  } catch (error) {
    await down();
    throw error;
  }
  return {port, down};
}

function configuration(port: number, {mode, backends, check}: ProxySetup): string {
  const servers = backends.map((one, at) => `  server n${at + 1} 127.0.0.1:${one.port} check port ${one.checkPort ?? one.port}`);
  return `global
  maxconn 200
defaults
  mode ${mode}
  timeout connect 1s
  timeout client 30s
  timeout server 30s
  timeout check 500ms
listen front
  bind 127.0.0.1:${port}
  option httpchk GET ${check}
  http-check expect status 200
  default-server inter 300ms fall 1 rise 1 on-marked-down shutdown-sessions
${servers.join('\n')}
`;
}

async function listens(port: number): Promise<boolean> {
  const socket = createConnection({host: '127.0.0.1', port});
  try {
    await once(socket, 'connect');
    return true;
  } finally {
    socket.destroy();
  }
}
