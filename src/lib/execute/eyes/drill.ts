import {instanceFilter} from '../../config/filters.ts';
import type {Config} from '../../config/keys.ts';
import type {Instance} from '../../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import {neighbours} from '../../probe/live-model.ts';
import type {Prober} from './prober.ts';

/** A server that was probed on the way, with what went wrong where something did. */
export interface Visited {
  readonly key: InstanceKey;
  readonly problem: string | null;
}

type Policy = Pick<Config, 'DiscoveryIgnoreHostnameFilters' | 'DiscoveryIgnoreMasterHostnameFilters' | 'DiscoveryMaxConcurrency'>;

/**
 * Probes all that a server leads to, and what these lead to, as the leader would: without what discovery ignores, and no more than
 * DiscoveryMaxConcurrency at once.
 *
 * @returns those that are known by now; a server that nobody has seen and that does not answer is not
 */
export async function drill(
  prober: Pick<Prober, 'probe' | 'failureOf' | 'model'>,
  {from, config}: {readonly from: Instance; readonly config: Policy},
): Promise<readonly Visited[]> {
  const leads = leadsOf(config);
  const visited = new Map<string, string | null>([[keyText(from.key), null]]);
  for (let tier = leads(from); tier.length > 0;) {
    const fresh = tier.filter((key) => !visited.has(keyText(key)));
    const next: InstanceKey[] = [];
    await inTurns(config.DiscoveryMaxConcurrency, fresh, async (key) => {
      const instance = await prober.probe(key);
      const ok = instance?.check.valid === true;
      visited.set(keyText(key), ok ? null : prober.failureOf(key).message);
      if (ok) next.push(...leads(instance));
    });
    tier = next;
  }
  visited.delete(keyText(from.key));
  const keyOf = new Map(prober.model.keys().map((key) => [keyText(key), key]));
  return [...visited].flatMap(([name, problem]) => {
    const key = keyOf.get(name);
    return key ? [{key, problem}] : [];
  });
}

/** Where a server leads to; replicas that are ignored are none of those that a probe says. */
function leadsOf(config: Policy): (instance: Instance) => readonly InstanceKey[] {
  const isIgnored = instanceFilter(config.DiscoveryIgnoreHostnameFilters);
  const isIgnoredSource = instanceFilter(config.DiscoveryIgnoreMasterHostnameFilters);
  return (instance) =>
    neighbours(instance).filter((key) => !isIgnored(key) && !(sameKey(key, instance.replication?.source) && isIgnoredSource(key)));
}

/** Each as soon as one of so many before it has ended. */
async function inTurns<Item>(atOnce: number, items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({length: Math.min(Math.max(1, atOnce), items.length)}, worker));
}
