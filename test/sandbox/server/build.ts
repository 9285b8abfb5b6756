import {execFile} from 'node:child_process';
import {mkdir, rm} from 'node:fs/promises';
import {userInfo} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {fetchServer, type Tree} from '../fetch.ts';
import type {GuardedFolder} from './guard.ts';
import {Instance, type BeforeStart} from './instance.ts';
import {locations, startOptions} from './options.ts';
import {programOf} from './program.ts';
import {templateOf} from './template.ts';
import type {Flavor} from './words.ts';

const run = promisify(execFile);

/** Everything needed to make instances of one server: programs and a template. */
export interface Factory {
  readonly flavor: Flavor;
  readonly tree: Tree;
  readonly template: string;
}

export interface Wanted {
  readonly name: string;
  readonly port: number;
  readonly serverId: number;
  readonly gtid: boolean;
  readonly netTimeout: number;
  /** More options for every start of the server. */
  readonly options: readonly string[];
  readonly beforeStart?: BeforeStart;
}

export async function factoryOf(server: Flavor | 'galera'): Promise<Factory> {
  const tree = await fetchServer(server);
  return {flavor: server === 'galera' ? 'mariadb' : server, tree, template: await templateOf(server, tree)};
}

/** A fresh instance, not started: a copy of the template in a folder of its own. What was in that folder is gone. */
export async function buildInstance(factory: Factory, box: GuardedFolder, wanted: Wanted): Promise<Instance> {
  const {tree, flavor} = factory;
  const server = tree.server as 'galera' | Flavor;
  const folder = join(box.path, wanted.name);
  await rm(folder, {recursive: true, force: true});
  await mkdir(folder, {recursive: true});
  await run('cp', ['-a', '--reflink=auto', factory.template, join(folder, 'data')], {timeout: 60_000});
  const {command, args, env} = programOf(tree.server, tree.folder);
  const user = userInfo().username;
  const own = startOptions(server, {
    folder,
    user,
    port: wanted.port,
    serverId: wanted.serverId,
    netTimeout: wanted.netTimeout,
    gtid: wanted.gtid,
  });
  return new Instance({
    name: wanted.name,
    flavor,
    serverId: wanted.serverId,
    port: wanted.port,
    version: tree.version,
    folder,
    mayStart: () => box.open,
    program: {command, args: [...args, ...locations(server, tree), ...own, ...wanted.options], env: {...env, ...box.mark}},
    beforeStart: wanted.beforeStart,
  });
}
