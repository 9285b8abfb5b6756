import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {readFile, writeFile} from 'node:fs/promises';
import {connect} from 'node:net';
import {join} from 'node:path';
import {fetchServer} from './fetch.ts';
import {guardedFolder, type GuardedFolder} from './server/guard.ts';
import {reservePorts} from './server/ports.ts';
import {programOf, type Program} from './server/program.ts';
import {standStill} from './server/stand-still.ts';
import {waitFor} from './wait.ts';

/** A program in which clients look for servers, running on 127.0.0.1. */
interface Running {
  /** As a configuration names it: `127.0.0.1:20001`. */
  readonly address: string;
  /** Once this has ended it accepts connections and answers nothing. */
  pause(): Promise<void>;
  resume(): void;
  down(): Promise<void>;
}

export interface ConsulOptions {
  readonly datacenter?: string;
  /** Another agent, of another datacenter, to be joined with. */
  readonly joins?: Consul;
}

export interface Consul extends Running {
  /** Where its servers of other datacenters find it. */
  readonly gossip: string;
  /** Every key and its value, in its own datacenter or in another. */
  all(datacenter?: string): Promise<Readonly<Record<string, string>>>;
  remove(key: string): Promise<void>;
  put(key: string, value: string): Promise<void>;
}

export interface ZooKeeper extends Running {
  readonly port: number;
}

const WITHIN = 60_000;

/** One agent of Consul that keeps all in memory. */
export async function consul({datacenter = 'dc1', joins}: ConsulOptions = {}): Promise<Consul> {
  const {ports, ...running} = await started('consul', 4, ([http, lan, wan, server]) => [
    ...`agent -dev -bind 127.0.0.1 -client 127.0.0.1 -node ${datacenter} -datacenter ${datacenter} -disable-host-node-id`.split(' '),
    ...`-http-port ${http} -dns-port -1 -grpc-port -1 -serf-lan-port ${lan} -serf-wan-port ${wan} -server-port ${server}`.split(' '),
    ...(joins ? ['-retry-join-wan', joins.gossip, '-retry-interval-wan', '1s'] : []),
  ]);
  const [http = 0, , wan = 0] = ports;
  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${http}/v1/${path}`, {...init, signal: AbortSignal.timeout(5000)});
  const all = async (other = datacenter): Promise<Record<string, string>> => {
    const answer = await ask(`kv/?recurse&dc=${other}`);
    if (answer.status === 404) return {};
    if (answer.status !== 200) throw new Error(`Consul answered ${answer.status}: ${await answer.text()}`);
    const entries = (await answer.json()) as {Key: string; Value: string | null}[];
    return Object.fromEntries(entries.map(({Key, Value}) => [Key, Buffer.from(Value ?? '', 'base64').toString()]));
  };
  const change = async (method: string, path: string, body?: string): Promise<void> => {
    const answer = await ask(path, {method, ...(body === undefined ? {} : {body})});
    if (answer.status !== 200) throw new Error(`Consul answered ${answer.status}: ${await answer.text()}`);
  };
  try {
    await waitFor('Consul keeps keys', async () => (await ask('kv/is-ready', {method: 'PUT', body: '1'})).status === 200, {within: WITHIN});
    await change('DELETE', 'kv/is-ready');
    if (joins) await waitFor('both datacenters know each other', async () => (await joins.all(datacenter)) !== null, {within: WITHIN});
  } catch (error) {
    await running.down();
    throw error;
  }
  return {
    ...running,
    address: `127.0.0.1:${http}`,
    gossip: `127.0.0.1:${wan}`,
    all,
    remove: (key) => change('DELETE', `kv/${key}?recurse`),
    put: (key, value) => change('PUT', `kv/${key}`, value),
  };
}

/** One server of ZooKeeper. */
export async function zookeeper(): Promise<ZooKeeper> {
  const {ports, ...running} = await started('zookeeper', 1, async ([port], folder, tree) => {
    const file = join(folder, 'zoo.cfg');
    const lines = [
      'tickTime=2000',
      `dataDir=${join(folder, 'data')}`,
      `clientPort=${port}`,
      'clientPortAddress=127.0.0.1',
      'admin.enableServer=false',
      'forceSync=no',
      '4lw.commands.whitelist=ruok',
    ];
    await writeFile(file, lines.join('\n'));
    const options = '-Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto'.split(' ');
    const classes = ['-cp', join(tree, 'usr/share/java/*'), `-Dzookeeper.log.dir=${folder}`];
    return [...options, ...classes, 'org.apache.zookeeper.server.quorum.QuorumPeerMain', file];
  });
  const [port = 0] = ports;
  try {
    await waitFor('ZooKeeper answers', async () => (await said(port, 'ruok')) === 'imok', {within: WITHIN});
  } catch (error) {
    await running.down();
    throw error;
  }
  return {...running, address: `127.0.0.1:${port}`, port};
}

type Arguments = (ports: readonly number[], folder: string, tree: string) => readonly string[] | Promise<readonly string[]>;

interface Started extends Omit<Running, 'address'> {
  readonly ports: readonly number[];
}

async function started(name: 'consul' | 'zookeeper', count: number, argumentsOf: Arguments): Promise<Started> {
  const tree = await fetchServer(name);
  const folder = await guardedFolder();
  const {ports, release} = await reservePorts(count);
  const args = await argumentsOf(ports, folder.path, tree.folder);
  const child = launch(programOf(name, tree.folder), args, folder);
  const down = async (): Promise<void> => {
    child.kill('SIGCONT');
    await folder.end();
    await release();
  };
  void once(child, 'exit').then(async () => {
    if (folder.open) process.stderr.write(`${name} ended by itself: ${(await readFile(join(folder.path, 'log'), 'utf8')).slice(-1000)}\n`);
  });
  return {ports, down, pause: () => Promise.resolve(standStill(child)), resume: () => void child.kill('SIGCONT')};
}

function launch({command, args, env}: Program, more: readonly string[], folder: GuardedFolder): ChildProcess {
  return spawn('bash', ['-c', 'exec "$@" >"$0" 2>&1', join(folder.path, 'log'), command, ...args, ...more], {
    env: {...process.env, ...env, ...folder.mark},
    stdio: 'ignore',
    detached: true,
  });
}

/** The answer to a word of four letters; what does not come within a second is asked again by the caller. */
async function said(port: number, word: string): Promise<string> {
  const socket = connect({host: '127.0.0.1', port, timeout: 1000});
  socket.once('timeout', () => socket.destroy(new Error('no answer')));
  try {
    socket.write(word);
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    return text;
  } finally {
    socket.destroy();
  }
}
