import {execFile} from 'node:child_process';
import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {factoryOf} from './server/build.ts';
import {Fleet, type FleetOptions} from './server/fleet.ts';
import {guardedFolder} from './server/guard.ts';
import type {Instance} from './server/instance.ts';
import {providerOptions, transferTools} from './server/wsrep.ts';
import {reservePorts} from './server/ports.ts';
import type {Program} from './server/program.ts';
import {waitFor} from './wait.ts';

const run = promisify(execFile);
const JOIN_WITHIN = 60_000;

export interface GaleraOptions extends FleetOptions {
  /** How many nodes, 3 unless given. */
  readonly nodes?: number;
}

/** A Galera cluster of MariaDB nodes `n1`, `n2`, … on 127.0.0.1, all Synced. */
export async function galera(options: GaleraOptions = {}): Promise<Galera> {
  const {nodes = 3} = options;
  const factory = await factoryOf('galera');
  const folder = await guardedFolder();
  await transferTools(factory.tree, folder.path);
  const fleet = new Fleet(factory, folder, options);
  const reserved = await reservePorts(4 * nodes);
  const ports = Array.from({length: nodes}, (_, node) => reserved.ports.slice(4 * node, 4 * node + 4));
  const peers = ports.map(([, gcomm]) => `127.0.0.1:${gcomm}`).join(',');
  const members = await Promise.all(
    ports.map((own, node) =>
      fleet.add(`n${node + 1}`, {
        reserved: {ports: own, release: () => (node === 0 ? reserved.release() : Promise.resolve())},
        // The server looks for the transfer script in the folder bin of basedir before it looks along PATH.
        options: [`--basedir=${folder.path}`, ...providerOptions({tree: factory.tree, name: `n${node + 1}`, ports: own, peers})],
        beforeStart: lastPosition,
      }),
    ),
  );
  const cluster = new Galera(fleet, {nodes: members.map((member) => member.instance), version: factory.tree.version});
  try {
    await cluster.begin();
  } catch (error) {
    await cluster.down();
    throw error;
  }
  return cluster;
}

/** A cluster in which each node can be killed, paused, cut off and brought back. */
export class Galera {
  readonly nodes: readonly Instance[];
  readonly version: string;
  private readonly fleet: Fleet;

  constructor(fleet: Fleet, {nodes, version}: {readonly nodes: readonly Instance[]; readonly version: string}) {
    this.fleet = fleet;
    this.nodes = nodes;
    this.version = version;
  }

  /** Forms the cluster from nodes that are all down: the first alone, then the others join it. */
  async begin(): Promise<void> {
    const [first, ...others] = this.nodes;
    if (!first) throw new Error('A cluster needs at least one node.');
    const state = join(first.datadir, 'grastate.dat');
    // The last node to leave is normally the one to begin with; here it does not matter which.
    await writeFile(state, (await readFile(state, 'utf8')).replace('safe_to_bootstrap: 0', 'safe_to_bootstrap: 1'));
    await first.start(['--wsrep-new-cluster']);
    await this.synced(first);
    // One after the other: nodes that join at once disturb each other's first view of the group for seconds.
    for (const node of others) await this.join(node);
  }

  /** Starts a node that is down and returns when it is Synced. */
  async join(node: Instance): Promise<void> {
    await node.start();
    await this.synced(node);
  }

  /** Waits until a node may be used: an open port is not enough. */
  async synced(node: Instance): Promise<void> {
    await waitFor(`${node.name} is Synced`, async () => (await this.status(node, 'local_state_comment')) === 'Synced', {
      within: JOIN_WITHIN,
    });
  }

  /** A status variable without its prefix: cluster_size, cluster_status, local_state_comment. */
  async status(node: Instance, name: string): Promise<string> {
    const [row] = await node.query(`SHOW GLOBAL STATUS LIKE 'wsrep_${name}'`);
    return String(row?.['Value']);
  }

  /** Waits until a node sees so many members. */
  async size(node: Instance, members: number): Promise<void> {
    await waitFor(`${node.name} sees ${members} members`, async () => (await this.status(node, 'cluster_size')) === String(members), {
      within: JOIN_WITHIN,
    });
  }

  /** Cuts a node off from the others, with its process and its clients left alone. */
  async isolate(node: Instance): Promise<void> {
    await node.query("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'");
  }

  async heal(node: Instance): Promise<void> {
    await node.query("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=0'");
  }

  /** Makes what is left of a cluster without a majority the cluster. */
  async force(node: Instance): Promise<void> {
    await node.query("SET GLOBAL wsrep_provider_options = 'pc.bootstrap=1'");
    await this.synced(node);
  }

  /** Kills all nodes and removes their files. */
  async down(): Promise<void> {
    await this.fleet.down();
  }
}

/** After a crash only the server's own log tells where it had got to; told so, a node is sent what it lacks instead of everything. */
async function lastPosition({command, args, env}: Program, folder: string): Promise<string[]> {
  const state = await readFile(join(folder, 'data', 'grastate.dat'), 'utf8');
  if (!/seqno:\s+-1/.test(state)) return [];
  const log = join(folder, 'recover.log');
  const quiet = args.filter((arg) => !arg.startsWith('--log-error='));
  await run(command, [...quiet, `--log-error=${log}`, '--wsrep-recover'], {env: {...process.env, ...env}, cwd: folder, timeout: 60_000});
  const position = [...(await readFile(log, 'utf8')).matchAll(/Recovered position:\s*(\S+)/g)].at(-1)?.[1];
  return position ? [`--wsrep-start-position=${position}`] : [];
}
