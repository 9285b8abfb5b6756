import type {ClusterNames} from '../../config/filters.ts';
import type {Config} from '../../config/keys.ts';
import {messageOf, OrchestratorError} from '../../errors/errors.ts';
import type {Directory, Publication} from '../../kv/directory.ts';
import {openDirectories} from '../../kv/open.ts';
import type {InstanceKey} from '../../model/instance-key.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Backend} from '../../store/backend.ts';
import {readAddresses} from '../../store/hostname.ts';
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

/** What is published of a source. */
export async function publicationOf(
  {backend}: At,
  cluster: ClusterNames,
  {source, demoted = null}: {readonly source: InstanceKey; readonly demoted?: Publication['demoted']},
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

  constructor(at: At, replaced: {readonly cluster: ClusterNames; readonly demoted: InstanceKey}) {
    this.#at = at;
    this.#cluster = replaced.cluster;
    this.#demoted = replaced.demoted;
    this.#directories = directoriesOf(at);
  }

  /** Begins to take the old source out, and does not wait for it. */
  begin(): string {
    for (const directory of this.#directories) this.#withdrawal(directory);
    return `${this.#directories.map(({name}) => name).join(', ')} told to take ${keyText(this.#demoted)} out, while the recovery goes on`;
  }

  /** Takes the old source out. @throws OrchestratorError DIRECTORY_FAILED naming where that failed */
  async withdraw(): Promise<string> {
    return sum(await Promise.all(this.#directories.map((directory) => this.#withdrawal(directory))));
  }

  /** Writes the new source, in each directory after the old one was taken out there. @throws OrchestratorError DIRECTORY_FAILED */
  async publish(source: InstanceKey, {follows}: {readonly follows: boolean}): Promise<string> {
    const demoted = {key: this.#demoted, follows};
    const publication = await publicationOf(this.#at, this.#cluster, {source, demoted});
    const all = await Promise.all(
      this.#directories.map(async (directory) => {
        const before = await this.#withdrawn.get(directory);
        const told = await publishTo(this.#at.config, directory, publication);
        return before ? {...told, sentence: `${before.sentence}, ${told.sentence}`} : told;
      }),
    );
    return sum(all);
  }

  #withdrawal(directory: Directory): Promise<Told> {
    const begun =
      this.#withdrawn.get(directory) ??
      bounded(this.#at.config, directory, (signal) => directory.withdraw({cluster: this.#cluster, demoted: this.#demoted}, signal));
    this.#withdrawn.set(directory, begun);
    return begun;
  }
}

/** Writes one source into one directory, whatever was there. */
export function publishTo(config: Config, directory: Directory, publication: Publication): Promise<Told> {
  return bounded(config, directory, (signal) => directory.publish(publication, signal));
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
    hint: 'the leader writes what is missing; submit-masters-to-kv-stores does it at once',
  });
}
