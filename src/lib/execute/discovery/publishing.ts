import type {ClusterNames} from '../../config/filters.ts';
import type {Config} from '../../config/keys.ts';
import {messageOf, OrchestratorError} from '../../errors/errors.ts';
import type {Directory, Publication} from '../../kv/directory.ts';
import {openDirectories} from '../../kv/open.ts';
import type {InstanceKey} from '../../model/instance-key.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Backend} from '../../store/backend.ts';
import {readAddresses} from '../../store/hostname.ts';
import {keysThatSay} from '../../store/key-values.ts';
import {InternalDirectory} from './internal.ts';

export interface At {
  readonly backend: Backend;
  readonly config: Config;
}

/** What one directory came to. */
export interface Told {
  readonly directory: string;
  readonly ok: boolean;
  readonly sentence: string;
}

/** Every directory there is, the backend's own first. */
export function directoriesOf({backend, config}: At): readonly Directory[] {
  return [new InternalDirectory(backend, config), ...openDirectories(config)];
}

/**
 * The names under which clients look for a cluster: its alias; where it has none its name, and the names it had before, which are those
 * under which its source is published still.
 */
export async function namesOf({backend, config}: At, cluster: ClusterNames, source: InstanceKey): Promise<readonly ClusterNames[]> {
  if (cluster.alias !== '' && cluster.alias !== cluster.name) return [cluster];
  const prefix = config.KVClusterMasterPrefix;
  const before = (await keysThatSay(backend, prefix, keyText(source))).map((key) => key.slice(prefix.length));
  const others = before.filter((name) => name !== cluster.name && !name.includes('/'));
  return [cluster, ...others.map((name) => ({name, alias: name}))];
}

/** What is published of a source. */
export async function publicationOf(
  {backend}: At,
  cluster: ClusterNames,
  {source, demoted}: Pick<Publication, 'source' | 'demoted'>,
): Promise<Publication> {
  return {cluster, source, demoted, addresses: (await readAddresses(backend, source.host)) ?? {ipv4: '', ipv6: ''}};
}

/**
 * Takes a source that is being replaced out of all directories, and writes its successor. Every directory has KVTimeoutMilliseconds for
 * each, and none waits for another: one that is slow or gone holds nothing up but its own entry.
 */
export class Publishing {
  readonly #at: At;
  readonly #cluster: ClusterNames;
  readonly #demoted: InstanceKey;
  readonly #directories: readonly Directory[];
  readonly #withdrawn = new Map<Directory, Promise<Told>>();
  #known: Promise<readonly ClusterNames[]> | null = null;

  constructor(at: At, replaced: {readonly cluster: ClusterNames; readonly demoted: InstanceKey}) {
    this.#at = at;
    this.#cluster = replaced.cluster;
    this.#demoted = replaced.demoted;
    this.#directories = directoriesOf(at);
  }

  /** Begins to take the old source out, and does not wait for it. */
  begin(): string {
    for (const directory of this.#directories) void this.#withdrawal(directory);
    return `${this.#directories.map(({name}) => name).join(', ')} told to take ${keyText(this.#demoted)} out, while the recovery goes on`;
  }

  /** Takes the old source out. @throws OrchestratorError DIRECTORY_FAILED naming where that failed */
  async withdraw(): Promise<string> {
    return sum(await Promise.all(this.#directories.map((directory) => this.#withdrawal(directory))));
  }

  /** Writes the new source, in each directory after the old one was taken out there. @throws OrchestratorError DIRECTORY_FAILED */
  publish(source: InstanceKey, {follows}: {readonly follows: boolean}): Promise<string> {
    return this.#publish({source, demoted: {key: this.#demoted, follows}});
  }

  /** Writes the source that was to be replaced and stays. @throws OrchestratorError DIRECTORY_FAILED */
  restore(): Promise<string> {
    return this.#publish({source: this.#demoted, demoted: null});
  }

  async #publish(roles: Pick<Publication, 'source' | 'demoted'>): Promise<string> {
    const names = await this.#names();
    const publications = await Promise.all(names.map((cluster) => publicationOf(this.#at, cluster, roles)));
    const all = await Promise.all(
      this.#directories.map(async (directory) => {
        const before = await this.#withdrawn.get(directory);
        const told = await publishTo(this.#at.config, directory, publications);
        return before ? {...told, sentence: `${before.sentence}, ${told.sentence}`} : told;
      }),
    );
    return sum(all);
  }

  #withdrawal(directory: Directory): Promise<Told> {
    const begun =
      this.#withdrawn.get(directory) ??
      bounded(this.#at.config, directory, async (signal) => {
        const withdrawals = (await this.#names()).map((cluster) => ({cluster, demoted: this.#demoted}));
        return inTurn(withdrawals, (withdrawal) => directory.withdraw(withdrawal, signal));
      });
    this.#withdrawn.set(directory, begun);
    return begun;
  }

  #names(): Promise<readonly ClusterNames[]> {
    return (this.#known ??= namesOf(this.#at, this.#cluster, this.#demoted));
  }
}

/** Writes sources into one directory, whatever was there. */
export function publishTo(config: Config, directory: Directory, publications: readonly Publication[]): Promise<Told> {
  return bounded(config, directory, (signal) => inTurn(publications, (publication) => directory.publish(publication, signal)));
}

async function inTurn<Item>(items: readonly Item[], act: (item: Item) => Promise<string>): Promise<string> {
  const done: string[] = [];
  for (const item of items) done.push(await act(item));
  return done.join(', ');
}

/** Never rejects but for a bug: what went wrong is part of the answer. */
export async function bounded(config: Config, {name}: Directory, work: (signal: AbortSignal) => Promise<string>): Promise<Told> {
  const began = performance.now();
  const signal = AbortSignal.timeout(config.KVTimeoutMilliseconds);
  try {
    const sentence = await work(signal);
    return {directory: name, ok: true, sentence: `${sentence} (${Math.round(performance.now() - began)} ms)`};
  } catch (error) {
    if (!(error instanceof OrchestratorError)) throw error;
    return {directory: name, ok: false, sentence: messageOf(error)};
  }
}

/** @throws OrchestratorError DIRECTORY_FAILED with what all came to, where one failed */
function sum(all: readonly Told[]): string {
  const text = all.map(({directory, sentence}) => `${directory}: ${sentence}`).join('; ');
  if (all.every(({ok}) => ok)) return text;
  throw new OrchestratorError('DIRECTORY_FAILED', text, {
    hint: 'the leader writes what is missing within KVRepairSeconds',
  });
}
