import type {Config} from '../../config/keys.ts';
import {patternMatches} from '../../config/pattern.ts';
import type {ClusterNaming} from '../../model/cluster-facts.ts';
import {readAliasOverrides} from '../../store/aliases.ts';
import type {Backend} from '../../store/backend.ts';

/** How people name clusters now: by hand in the backend, by pattern in the configuration. */
export async function readNaming(backend: Backend, config: Pick<Config, 'ClusterNameToAlias'>): Promise<ClusterNaming> {
  const patterns = Object.entries(config.ClusterNameToAlias);
  return {
    overrides: await readAliasOverrides(backend),
    byName: (name) => patterns.find(([pattern]) => patternMatches(pattern, name))?.[1] ?? '',
  };
}
