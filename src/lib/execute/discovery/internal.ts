import type {Config} from '../../config/keys.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Directory, Publication, Withdrawal} from '../../kv/directory.ts';
import {keysOf, mainKey, pairsOf} from '../../kv/pairs.ts';
import type {Backend} from '../../store/backend.ts';
import {readKeyValues, removeKeyValues, writeKeyValues} from '../../store/key-values.ts';

/** Sources in the backend itself: what 3.2.6 calls the internal store, and always keeps. */
export class InternalDirectory implements Directory {
  readonly name = 'the backend';
  readonly #backend: Backend;
  readonly #prefix: string;

  constructor(backend: Backend, {KVClusterMasterPrefix}: Pick<Config, 'KVClusterMasterPrefix'>) {
    this.#backend = backend;
    this.#prefix = KVClusterMasterPrefix;
  }

  async withdraw({cluster, demoted}: Withdrawal): Promise<string> {
    const key = mainKey(this.#prefix, cluster);
    const removed = await removeKeyValues(this.#backend, keysOf(this.#prefix, cluster), {key, value: keyText(demoted)});
    return removed ? `removed ${key}` : `${key} did not name it`;
  }

  async publish(publication: Publication): Promise<string> {
    await writeKeyValues(this.#backend, pairsOf(this.#prefix, publication));
    return `wrote ${mainKey(this.#prefix, publication.cluster)}`;
  }

  async repair(publication: Publication, mayWrite: () => Promise<boolean>): Promise<string | null> {
    const pairs = pairsOf(this.#prefix, publication);
    const stored = await readKeyValues(
      this.#backend,
      pairs.map(({key}) => key),
    );
    const wrong = pairs.filter(({key, value}) => stored.get(key) !== value);
    if (wrong.length === 0 || !(await mayWrite())) return null;
    await writeKeyValues(this.#backend, wrong);
    return `wrote ${wrong.map(({key}) => key).join(', ')}`;
  }
}
