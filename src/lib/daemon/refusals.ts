import {touchLease} from '../coordination/lease.ts';
import type {Lease} from '../coordination/types.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Backend} from '../store/backend.ts';
import {forgetRefusal, readRefusals, writeRefusal, type NewStandingRefusal} from '../store/recovery/refusals.ts';

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
    const fenced = await this.#backend.transaction(async (work) => {
      if (!(await touchLease(work, lease))) return false;
      for (const [, refusal] of changed) await writeRefusal(work, lease, refusal);
      for (const [, {key}] of gone) await forgetRefusal(work, key);
      return true;
    });
    if (!fenced) return;
    for (const [name, refusal] of changed) written.set(name, {key: refusal.key, text: textOf(refusal)});
    for (const [name] of gone) written.delete(name);
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
