import {listLocks} from '../../coordination/lock/rows.ts';
import type {Pair} from '../../kv/pairs.ts';
import {pairsOf} from '../../kv/pairs.ts';
import {Topology} from '../../model/topology.ts';
import {sameKey} from '../../model/instance-key.ts';
import {readInstances} from '../../store/instances.ts';
import {directoriesOf, namesOf, publicationOf, publishTo, type At, type Told} from './publishing.ts';
import {publishedSources, type PublishedSource} from './sources.ts';

export interface Submitted {
  readonly pairs: readonly Pair[];
  /** Directories in which they could not be written, and why. */
  readonly failed: readonly Told[];
  /** Sources that were left out because somebody is changing their cluster. */
  readonly busy: readonly PublishedSource[];
}

/** Writes the sources of all clusters, or of one, into every directory, as the backend knows them, whatever was there. */
export async function submitSources(at: At, cluster: string | null): Promise<Submitted> {
  const topology = new Topology(await readInstances(at.backend, at.config));
  const sources = publishedSources(topology).filter((one) => cluster === null || one.cluster.name === cluster);
  const locks = await listLocks(at.backend);
  const busy = sources.filter((one) =>
    locks.some((lock) => lock.cluster === one.cluster.name || lock.instances.some((key) => sameKey(key, one.source))),
  );
  const names = await Promise.all(
    sources
      .filter((one) => !busy.includes(one))
      .map(async (one) => (await namesOf(at, one.cluster, one.source)).map((name) => ({name, source: one.source}))),
  );
  const publications = await Promise.all(names.flat().map(({name, source}) => publicationOf(at, name, {source, demoted: null})));
  const all = await Promise.all(directoriesOf(at).map((directory) => publishTo(at.config, directory, publications)));
  return {
    pairs: publications.flatMap((publication) => pairsOf(at.config.KVClusterMasterPrefix, publication)),
    failed: all.filter(({ok}) => !ok),
    busy,
  };
}
