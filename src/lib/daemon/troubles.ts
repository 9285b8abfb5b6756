import type {Log} from '../coordination/keep-renewing.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';

/** Says of each server what is wrong with looking at it: once, and again when it is something else. */
export class Troubles {
  readonly #log: Log;
  /** What was said last, by server. */
  readonly #said = new Map<string, ReadonlySet<string>>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param sentences all that is wrong now, each with the name of the server; none: nothing is */
  note(key: InstanceKey, sentences: readonly string[]): void {
    const name = keyText(key);
    const before = this.#said.get(name);
    for (const sentence of sentences) if (!before?.has(sentence)) this.#log('warn', sentence);
    if (sentences.length > 0) this.#said.set(name, new Set(sentences));
    else this.#said.delete(name);
  }

  /** Nobody looks at it any more. */
  forget(key: InstanceKey): void {
    this.#said.delete(keyText(key));
  }
}
