import type {Log} from '../../coordination/keep-renewing.ts';
import {listLocks} from '../../coordination/lock/rows.ts';
import type {Directory} from '../../kv/directory.ts';
import {sameKey} from '../../model/instance-key.ts';
import type {Topology} from '../../model/topology.ts';
import {bounded, directoriesOf, namesOf, publicationOf, type At} from './publishing.ts';
import {publishedSources, type PublishedSource} from './sources.ts';

export interface Repairing extends At {
  readonly log: Log;
  /** Leading, by our own clock, now. */
  isLeader(): boolean;
  /** Only what was probed in this term. */
  topology(): Topology;
}

const NOTHING = '';

/** Looks for sources that are not where clients look for them, and writes them there. What goes wrong is said once, until it goes well again. */
export class Repair {
  readonly #at: Repairing;
  readonly #said = new Map<string, string>();

  constructor(at: Repairing) {
    this.#at = at;
  }

  async round(): Promise<void> {
    const sources = publishedSources(this.#at.topology());
    await Promise.all(directoriesOf(this.#at).map((directory) => this.#look(directory, sources)));
  }

  /** One that does not answer is not asked about the other clusters. */
  async #look(directory: Directory, sources: readonly PublishedSource[]): Promise<void> {
    for (const one of sources) {
      const told = await bounded(this.#at.config, directory, (signal) => this.#repair(directory, one, signal));
      const sentence = told.ok && told.sentence.startsWith(NOTHING_DONE) ? NOTHING : `${directory.name}: ${told.sentence}`;
      this.#say(directory, told.ok, sentence);
      if (!told.ok) return;
    }
  }

  async #repair(directory: Directory, {cluster, source}: PublishedSource, signal: AbortSignal): Promise<string> {
    const done: string[] = [];
    for (const name of await namesOf(this.#at, cluster, source)) {
      const publication = await publicationOf(this.#at, name, {source, demoted: null});
      const written = await directory.repair(publication, () => this.#mayWrite({cluster, source}), signal);
      if (written !== null) done.push(written);
    }
    return done.length === 0 ? NOTHING_DONE : `${done.join('; ')}, which was missing or stale`;
  }

  /** Asked after what is there was read: nobody changes the cluster, and its source is what it was. */
  async #mayWrite({cluster, source}: PublishedSource): Promise<boolean> {
    const locks = await listLocks(this.#at.backend);
    const busy = locks.some((lock) => lock.cluster === cluster.name || lock.instances.some((key) => sameKey(key, source)));
    return !busy && this.#at.isLeader() && publishedSources(this.#at.topology()).some((one) => sameKey(one.source, source));
  }

  #say(directory: Directory, ok: boolean, sentence: string): void {
    if (sentence === NOTHING) return void this.#said.delete(directory.name);
    if (ok || this.#said.get(directory.name) !== sentence) this.#at.log(ok ? 'info' : 'warn', sentence);
    this.#said.set(directory.name, sentence);
  }
}

const NOTHING_DONE = 'all was well';
