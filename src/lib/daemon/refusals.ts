import {touchLease} from '../coordination/lease.ts';
import type {Lease} from '../coordination/types.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Backend} from '../store/backend.ts';
import {forgetRefusals, readRefusals, writeRefusals, type NewStandingRefusal} from '../store/recovery/refusals.ts';

/** How many instances one transaction tells of: it holds the row of the lease, and a renewal waits for it. */
const AT_ONCE = 100;

/**
 * Tells other nodes why this leader does not act: each refusal is written when it differs from what is written already, and
 * removed when there is no reason left to act. Saying something costs nothing; `flush` writes.
 */
export class Refusals {
  readonly #backend: Backend;
  readonly #lease: () => Lease | null;
  readonly #said = new Map<string, NewStandingRefusal>();
  /** What the backend holds; null: not read yet in this term. */
  #written: Map<string, {readonly key: InstanceKey; readonly text: string}> | null = null;
  /** Instances that there is reason to act on; null: not known yet. */
  #cases: ReadonlySet<string> | null = null;

  constructor(backend: Backend, lease: () => Lease | null) {
    this.#backend = backend;
    this.#lease = lease;
  }

  say(refusal: NewStandingRefusal): void {
    this.#said.set(keyText(refusal.key), refusal);
  }

  /** Nothing is refused about any other instance. */
  keepOnly(cases: ReadonlySet<string>): void {
    this.#cases = cases;
    for (const name of this.#said.keys()) if (!cases.has(name)) this.#said.delete(name);
  }

  /** Costs nothing while nothing has changed. */
  async flush(): Promise<void> {
    const lease = this.#lease();
    if (!lease) return;
    const written = (this.#written ??= await this.#read());
    const changed = [...this.#said].filter(([name, refusal]) => written.get(name)?.text !== textOf(refusal));
    const gone = [...written].filter(([name]) => this.#cases !== null && !this.#cases.has(name));
    if (changed.length === 0 && gone.length === 0) return;
    for (let at = 0; at < Math.max(changed.length, gone.length); at += AT_ONCE) {
      const [some, over] = [changed.slice(at, at + AT_ONCE), gone.slice(at, at + AT_ONCE)];
      const fenced = await this.#backend.transaction(async (work) => {
        if (!(await touchLease(work, lease))) return false;
        await writeRefusals(
          work,
          lease,
          some.map(([, refusal]) => refusal),
        );
        await forgetRefusals(
          work,
          over.map(([, {key}]) => key),
        );
        return true;
      });
      if (!fenced) return;
      for (const [name, refusal] of some) written.set(name, {key: refusal.key, text: textOf(refusal)});
      for (const [name] of over) written.delete(name);
    }
  }

  async #read(): Promise<Map<string, {key: InstanceKey; text: string}>> {
    const found = await readRefusals(this.#backend);
    return new Map(found.map((one) => [keyText(one.key), {key: one.key, text: textOf(one)}]));
  }
}

function textOf({
  code,
  because,
  analysis,
  candidates,
}: Pick<NewStandingRefusal, 'because' | 'analysis' | 'candidates'> & {code: string}): string {
  return JSON.stringify([code, because, analysis, candidates]);
}
