import type {Config} from '../../config/keys.ts';
import {messageOf} from '../../errors/errors.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Directory, Publication, Withdrawal} from '../directory.ts';
import {directoryError} from '../failure.ts';
import {keysOf, mainKey, pairsOf, type Pair} from '../pairs.ts';
import {CONSUL, type Act, type Asking, type Consul, type Stored} from './client.ts';

type Settings = Pick<Config, 'KVClusterMasterPrefix' | 'ConsulCrossDataCenterDistribution'>;

/** What is done in one datacenter. @returns what it came to; null when there was nothing to do */
type Work = (asking: Asking) => Promise<string | null>;

/**
 * Sources in Consul: all keys of a cluster change in one transaction, so that nobody reads the host of one source and the port of
 * another. Where it is to be distributed, the agent's own datacenter comes first and then all others at the same time.
 */
export class ConsulDirectory implements Directory {
  readonly name = CONSUL;
  readonly #consul: Consul;
  readonly #prefix: string;
  readonly #everywhere: boolean;

  constructor(consul: Consul, settings: Settings) {
    this.#consul = consul;
    this.#prefix = settings.KVClusterMasterPrefix.replace(/^\/+/, '');
    this.#everywhere = settings.ConsulCrossDataCenterDistribution;
  }

  async withdraw({cluster, demoted}: Withdrawal, signal: AbortSignal): Promise<string> {
    const main = mainKey(this.#prefix, cluster);
    const done = await this.#inEach(signal, async (asking) => {
      const stored = await this.#consul.list(main, asking);
      if (stored.get(main)?.value !== keyText(demoted)) return null;
      const acts = keysOf(this.#prefix, cluster).flatMap((key) => deletion(key, stored.get(key)));
      if (await this.#consul.transact(acts, asking)) return `removed ${main}`;
      return `${main} was changed by somebody else`;
    });
    return done ?? `${main} did not name it`;
  }

  async publish(publication: Publication, signal: AbortSignal): Promise<string> {
    const pairs = pairsOf(this.#prefix, publication);
    await this.#consul.transact(pairs.map(setting), {signal});
    const elsewhere = this.#everywhere ? await this.#elsewhere(signal, (asking) => this.#publishWhereOther(pairs, asking)) : null;
    return [`wrote ${pairs[0]?.key ?? ''}`, elsewhere].filter(Boolean).join('; ');
  }

  repair(publication: Publication, mayWrite: () => Promise<boolean>, signal: AbortSignal): Promise<string | null> {
    const pairs = pairsOf(this.#prefix, publication);
    const main = mainKey(this.#prefix, publication.cluster);
    return this.#inEach(signal, async (asking) => {
      const stored = await this.#consul.list(main, asking);
      const wrong = pairs.filter(({key, value}) => stored.get(key)?.value !== value);
      if (wrong.length === 0 || !(await mayWrite())) return null;
      const acts = pairs.map(({key, value}): Act => ({verb: 'cas', key, value, index: stored.get(key)?.index ?? 0}));
      return (await this.#consul.transact(acts, asking)) ? `wrote ${wrong.map(({key}) => key).join(', ')}` : null;
    });
  }

  async #publishWhereOther(pairs: readonly Pair[], asking: Asking): Promise<string | null> {
    const [main] = pairs;
    if (!main) return null;
    const stored = await this.#consul.list(main.key, asking);
    if (pairs.every(({key, value}) => stored.get(key)?.value === value)) return null;
    await this.#consul.transact(pairs.map(setting), asking);
    return 'wrote it';
  }

  async #inEach(signal: AbortSignal, work: Work): Promise<string | null> {
    const here = await work({signal});
    const elsewhere = this.#everywhere ? await this.#elsewhere(signal, work) : null;
    return here === null && elsewhere === null ? null : [here, elsewhere].filter(Boolean).join('; ');
  }

  /** The agent's own datacenter is among them, and finds nothing left to do. One that fails does not keep the others from being asked. */
  async #elsewhere(signal: AbortSignal, work: Work): Promise<string | null> {
    const all = await this.#consul.datacenters({signal});
    const ends = await Promise.allSettled(all.map((datacenter) => work({signal, datacenter})));
    const failed = ends.flatMap((end, at) => (end.status === 'rejected' ? [`in ${all[at] ?? ''}: ${messageOf(end.reason)}`] : []));
    if (failed.length > 0) throw directoryError(CONSUL, `could not be changed everywhere: ${failed.join('; ')}`);
    const done = ends.flatMap((end, at) => (end.status === 'fulfilled' && end.value !== null ? [`${end.value} in ${all[at] ?? ''}`] : []));
    return done.length === 0 ? null : done.join(', ');
  }
}

function setting({key, value}: Pair): Act {
  return {verb: 'set', key, value};
}

function deletion(key: string, stored: Stored | undefined): readonly Act[] {
  return stored ? [{verb: 'delete-cas', key, index: stored.index}] : [];
}
