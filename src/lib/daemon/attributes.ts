import type {Instance} from '../model/instance.ts';
import {keyText} from '../model/instance-key.ts';
import type {Milliseconds, Monotonic} from '../model/units.ts';
import {writeDomain} from '../store/aliases.ts';
import type {Backend} from '../store/backend.ts';
import {registerCandidate} from '../store/candidates.ts';

/** What was said is written again this often, since its row runs out. */
const AGAIN_AFTER: Milliseconds = 60_000;

/** Writes what servers say of themselves into the tables that people write too: cluster domains and promotion rules. */
export class Attributes {
  readonly #backend: Backend;
  readonly #written = new Map<string, {readonly value: string; readonly at: Monotonic}>();
  #pending: (() => Promise<void>)[] = [];

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  note({key, cluster, detected}: Instance): void {
    const {clusterDomain, promotionRule} = detected;
    if (cluster.depth === 0 && clusterDomain) {
      this.#once(`domain of ${cluster.name}`, clusterDomain, () => writeDomain(this.#backend, cluster.name, clusterDomain));
    }
    if (promotionRule) this.#once(`rule of ${keyText(key)}`, promotionRule, () => registerCandidate(this.#backend, key, promotionRule));
  }

  async flush(): Promise<void> {
    for (const write of this.#pending.splice(0)) await write();
  }

  #once(what: string, value: string, write: () => Promise<void>): void {
    const last = this.#written.get(what);
    const now = performance.now();
    if (last?.value === value && now - last.at < AGAIN_AFTER) return;
    this.#written.set(what, {value, at: now});
    this.#pending.push(write);
  }
}
