import path from 'node:path';
import {mkdtempSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {KEYS, type Config} from '../../../src/lib/config/keys.ts';
import type {Ports, Service} from '../../../src/lib/operations/context.ts';
import type {Answer, Operation, Texts} from '../../../src/lib/operations/define.ts';
import type {Memory} from '../../../src/lib/operations/memory.ts';
import {ALL} from '../../../src/lib/operations/registry.ts';
import type {Backend} from '../../../src/lib/store/backend.ts';
import {recomputeAliases} from '../../../src/lib/store/aliases.ts';
import {upsertInstances} from '../../../src/lib/store/instances.ts';
import {migrate} from '../../../src/lib/store/migrations/migrate.ts';
import {openBackend} from '../../../src/lib/store/open.ts';
import type {Topology} from '../../../src/lib/model/topology.ts';
import {createHttp} from '../../../src/lib/surfaces/http/server.ts';

/** What holds where nobody configured anything. */
export const defaults = Object.fromEntries(
  Object.entries(KEYS).map(([name, {default: value}]) => [name, value ?? []]),
) as unknown as Config;

/** A SQLite backend in a folder of its own, with our tables. */
export async function sqlite(): Promise<{readonly backend: Backend; readonly folder: string}> {
  const folder = mkdtempSync(path.join(tmpdir(), 'operations-'));
  const backend = await openBackend({...defaults, BackendDB: 'sqlite', SQLite3DataFile: path.join(folder, 'o.sqlite')});
  await migrate(backend, {appVersion: 'test'});
  return {backend, folder};
}

/** Puts instances into a backend as if they had just been probed. */
export async function seed(backend: Backend, ...topologies: readonly Topology[]): Promise<void> {
  const instances = topologies.flatMap((topology) => topology.instances);
  await upsertInstances(
    backend,
    instances.map((instance) => ({instance, startedAt: performance.now()})),
  );
  await recomputeAliases(backend);
}

/** Ports that have a backend and names, and whose every other part refuses. */
export function portsOver(backend: Backend, config: Config, memory?: Memory): Ports {
  const unused = (): Promise<never> => Promise.reject(new Error('this needs more than a backend'));
  const known: Partial<Ports> = {
    node: {hostname: 'node1', token: 't'},
    build: {version: 'test', revision: ''},
    loading: {env: {}},
    config: () => Promise.resolve(config),
    backend: () => Promise.resolve(backend),
    memory,
    resolveHost: (host) => Promise.resolve(host),
    names: {
      canonicalName: (host: string) => Promise.resolve(`canonical-${host}`),
      remembered: () => Promise.resolve([{host: 'a', resolved: 'a.example', expiresIn: 1000}]),
      forget: () => Promise.resolve(),
    },
  };
  return new Proxy(known, {get: (target, name) => (name in target ? target[name as keyof Ports] : unused)}) as Ports;
}

/** Runs operations by name. */
export function runner(ports: Ports, user = 'ann'): (name: string, texts?: Texts) => Promise<Answer> {
  return async (name, texts = {}) => {
    const operation = ALL.find((one) => one.name === name);
    if (operation === undefined) throw new Error(`no operation ${name}`);
    return operation.prepare(texts)({...ports, caller: {user, via: 'cli'}, warn: () => undefined});
  };
}

const SERVICE: Service = {
  isLeader: () => true,
  health: () => Promise.resolve({healthy: true, isLeader: true, leader: null, nodes: [], error: ''}),
  grabElection: () => Promise.resolve(),
  reelect: () => Promise.resolve(),
};

export interface Serving {
  readonly config: Config;
  readonly ports: Ports;
  readonly operations?: readonly Operation[];
  readonly log?: (level: string, sentence: string) => void;
}

/** The HTTP interface, without a port. */
export function serving({config, ports, operations = ALL, log = () => undefined}: Serving): ReturnType<typeof createHttp> {
  const reload = () => Promise.resolve({applied: [], waiting: []});
  return createHttp({config, ports, service: SERVICE, operations, log, reload});
}
