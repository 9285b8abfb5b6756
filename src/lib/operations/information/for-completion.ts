import {keyText} from '../../model/instance-key.ts';
import {readClusters} from '../../store/aliases.ts';
import {allKeys} from '../../store/instances.ts';
import {readAllTags} from '../../store/tags.ts';
import type {Ports} from '../context.ts';

/** What can be completed from the backend. */
export type Completable = 'instances' | 'clusters' | 'tags';

/** Everything of that kind, as it is typed. */
export async function completable(ports: Pick<Ports, 'backend'>, kind: Completable): Promise<readonly string[]> {
  const backend = await ports.backend();
  switch (kind) {
    case 'instances':
      return (await allKeys(backend)).map(keyText);
    case 'clusters':
      return (await readClusters(backend)).flatMap(({name, alias}) => (alias === '' ? [name] : [alias, name]));
    case 'tags':
      return [...new Set([...(await readAllTags(backend)).values()].flat().map(({name}) => name))];
  }
}
