import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Look} from './confirm.ts';

/**
 * Reads a new source, those that were changed with it and everything below anew, so that whoever asks next is told the new roles. Tier by
 * tier, because each takes its cluster from the one above.
 */
export async function lookDown(eyes: Pick<Look, 'look'>, source: InstanceKey, changed: readonly InstanceKey[]): Promise<void> {
  const seen = new Set<string>();
  const unseen = (keys: readonly InstanceKey[]): readonly InstanceKey[] => {
    const fresh = [...new Map(keys.map((key) => [keyText(key), key]))].filter(([name]) => !seen.has(name));
    for (const [name] of fresh) seen.add(name);
    return fresh.map(([, key]) => key);
  };
  await eyes.look(unseen([source]));
  let topology = await eyes.look(unseen(changed));
  for (let tier: readonly InstanceKey[] = [source, ...changed]; tier.length > 0;) {
    tier = unseen(tier.flatMap((key) => topology.replicasOf(key)).map(({key}) => key));
    topology = await eyes.look(tier);
  }
}
