import {existsSync} from 'node:fs';
import {mkdir, symlink, writeFile} from 'node:fs/promises';
import {userInfo} from 'node:os';
import {join} from 'node:path';
import type {Tree} from '../fetch.ts';
import {loaderOf} from './program.ts';

/** Programs the state transfer script calls, which the host may lack. */
const TOOLS = ['rsync', 'ss', 'lsof', 'ps', 'my_print_defaults'];
const SCRIPTS = ['wsrep_sst_rsync', 'wsrep_sst_common'];

export interface NodePlace {
  readonly tree: Tree;
  readonly name: string;
  /** Of the server, of the group, for increments, for whole transfers. */
  readonly ports: readonly number[];
  /** `host:port,…` of the group ports of all nodes. */
  readonly peers: string;
}

/** Timeouts are short, so that a killed node is out of the cluster after two seconds instead of five. */
export function providerOptions({tree, name, ports, peers}: NodePlace): string[] {
  const [port, group, increments, transfers] = ports;
  const provider = {
    base_host: '127.0.0.1',
    base_port: group,
    'gmcast.listen_addr': `tcp://127.0.0.1:${group}`,
    'ist.recv_addr': `127.0.0.1:${increments}`,
    'gcache.size': '16M',
    'evs.suspect_timeout': 'PT2S',
    'evs.inactive_timeout': 'PT4S',
    'evs.inactive_check_period': 'PT0.3S',
    'evs.keepalive_period': 'PT0.3S',
    'evs.join_retrans_period': 'PT0.3S',
    'pc.wait_prim_timeout': 'PT10S',
    'pc.announce_timeout': 'PT1S',
  };
  return [
    '--wsrep-on=ON',
    `--wsrep-provider=${join(tree.folder, 'usr/lib/galera/libgalera_smm.so')}`,
    '--wsrep-cluster-name=sandbox',
    `--wsrep-cluster-address=gcomm://${peers}`,
    `--wsrep-node-name=${name}`,
    `--wsrep-node-address=127.0.0.1:${group}`,
    `--wsrep-node-incoming-address=127.0.0.1:${port}`,
    '--wsrep-sst-method=rsync',
    `--wsrep-sst-receive-address=127.0.0.1:${transfers}`,
    `--wsrep-provider-options=${Object.entries(provider)
      .map(([key, value]) => `${key}=${value}`)
      .join(';')}`,
    '--default-storage-engine=InnoDB',
    '--innodb-autoinc-lock-mode=2',
    '--gtid-strict-mode=OFF',
  ];
}

/** Puts the transfer script and its tools into `bin` of the folder, as calls of the tree's programs by the tree's loader. */
export async function transferTools(tree: Tree, folder: string): Promise<void> {
  const bin = join(folder, 'bin');
  const loaders = join(folder, 'loaders');
  await mkdir(bin, {recursive: true});
  await mkdir(loaders, {recursive: true});
  const {loader, libraries} = loaderOf(tree.folder);
  for (const tool of TOOLS) {
    const program = ['usr/bin', 'bin', 'usr/sbin', 'sbin'].map((place) => join(tree.folder, place, tool)).find((path) => existsSync(path));
    if (!program) continue;
    // The script looks for a listener by the process name rsync, which is the name of the file executed: here the loader.
    await symlink(loader, join(loaders, tool));
    const call = `exec '${join(loaders, tool)}' --library-path '${libraries}' '${program}' "$@"`;
    await writeFile(join(bin, tool), `#!/bin/sh\n${tool === 'rsync' ? asOurselves() : ''}${call}\n`, {mode: 0o755});
  }
  for (const script of SCRIPTS) await symlink(join(tree.folder, 'usr/bin', script), join(bin, script));
}

/** An rsync daemon of root writes as nobody unless told otherwise, and then may not write to the data folder. */
function asOurselves(): string {
  if (userInfo().uid !== 0) return '';
  return 'case " $* " in *" --daemon "*) set -- "$@" --dparam=uid=root --dparam=gid=root ;; esac\n';
}
