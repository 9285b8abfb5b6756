import type {Config} from '../config/keys.ts';
import type {Prober} from '../execute/eyes/prober.ts';
import type {Instance} from '../model/instance.ts';
import {keyText} from '../model/instance-key.ts';
import type {Monotonic} from '../model/units.ts';
import type {Backend} from '../store/backend.ts';
import {noteCoordinates, standingStill} from '../store/stale-coordinates.ts';

/**
 * Which sources have stood still for ReasonableLockedSemiSyncMasterSeconds: their binary log has not moved, which the backend remembers
 * from term to term; or their commits are held, when nobody can be asked where the log ends.
 */
export class Standstill {
  readonly #backend: Backend;
  readonly #config: Config;
  readonly #model: Prober['model'];
  readonly #heldSince = new Map<string, Monotonic>();

  constructor({backend, config}: {readonly backend: Backend; readonly config: Config}, model: Prober['model']) {
    this.#backend = backend;
    this.#config = config;
    this.#model = model;
  }

  /** Notes where the binary logs of these stand. */
  async note(sources: readonly Instance[]): Promise<void> {
    for (const {key, binlog} of sources) if (binlog.at) await noteCoordinates(this.#backend, key, binlog.at);
  }

  /** As `host:port`. */
  async now(): Promise<ReadonlySet<string>> {
    const lasting = this.#config.ReasonableLockedSemiSyncMasterSeconds;
    const moment = performance.now();
    const held = this.#model
      .topology()
      .instances.filter(({check, semiSync}) => check.valid && semiSync.held === true)
      .map(({key}) => keyText(key));
    for (const name of this.#heldSince.keys()) if (!held.includes(name)) this.#heldSince.delete(name);
    for (const name of held) if (!this.#heldSince.has(name)) this.#heldSince.set(name, moment);
    const long = held.filter((name) => moment - (this.#heldSince.get(name) ?? moment) >= lasting * 1000);
    return new Set([...(await standingStill(this.#backend, lasting)).map(({host, port}) => keyText({host, port})), ...long]);
  }
}
