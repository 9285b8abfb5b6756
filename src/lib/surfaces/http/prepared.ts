import {hash} from 'node:crypto';
import {setImmediate as othersFirst} from 'node:timers/promises';
import {gzip} from 'node:zlib';
import {promisify} from 'node:util';
import {escapedJson} from '../../config/escaped-json.ts';
import type {Json} from '../legacy-json/values.ts';

const compress = promisify(gzip);

/** JSON as it is sent. */
export function jsonBytes(json: Json): Buffer {
  return Buffer.from(escapedJson(json));
}

/** An answer as bytes, made once however often it is sent. */
export class Prepared {
  readonly #plain: Buffer;
  #packed: Promise<Buffer> | null = null;
  #tag: string | null = null;

  constructor(plain: Buffer) {
    this.#plain = plain;
  }

  static of(json: Json): Prepared {
    return new Prepared(jsonBytes(json));
  }

  plain(): Buffer {
    return this.#plain;
  }

  packed(): Promise<Buffer> {
    this.#packed ??= compress(this.#plain, {level: LEVEL});
    return this.#packed;
  }

  isPacked(): boolean {
    return this.#packed !== null;
  }

  /** An entity tag: the same for the same content, whichever node answers, packed or not. */
  tag(): string {
    this.#tag ??= `W/"${hash('sha1', this.#plain, 'base64url')}"`;
    return this.#tag;
  }
}

/** Of zlib. Lists repeat themselves from row to row: higher levels take longer and make them hardly shorter. */
const LEVEL = 5;

interface Written {
  readonly prepared: Prepared;
  readonly write: (value: object) => Buffer;
}

/** What was prepared of values, for as long as these are kept by somebody. */
export class PreparedAnswers {
  readonly #known = new WeakMap<object, Map<string, Written>>();

  /** @param shape in which the value is written */
  of(value: object, shape: string, write: (value: object) => Buffer): Prepared {
    const known = this.#of(value);
    const written = known.get(shape) ?? {prepared: new Prepared(write(value)), write};
    known.set(shape, written);
    return written.prepared;
  }

  /** Prepares of the value that takes the place of another what was asked of that, a step at a time, so that others are answered meanwhile. */
  async succeed(before: unknown, after: unknown): Promise<void> {
    if (!isObject(before) || !isObject(after)) return;
    const known = this.#of(after);
    for (const [shape, {prepared: old, write}] of this.#known.get(before) ?? []) {
      await othersFirst();
      const prepared = this.of(after, shape, write);
      await othersFirst();
      if (prepared.tag() === old.tag()) known.set(shape, {prepared: old, write});
      else if (old.isPacked()) await prepared.packed();
    }
  }

  #of(value: object): Map<string, Written> {
    const known = this.#known.get(value) ?? new Map<string, Written>();
    this.#known.set(value, known);
    return known;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
