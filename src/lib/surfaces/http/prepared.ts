import {gzip} from 'node:zlib';
import {promisify} from 'node:util';
import {escapedJson} from '../../config/escaped-json.ts';
import type {Json} from '../legacy-json/values.ts';

const compress = promisify(gzip);

/** An answer as bytes, made once however often it is sent. */
export class Prepared {
  readonly #plain: Buffer;
  #packed: Promise<Buffer> | null = null;

  constructor(json: Json) {
    this.#plain = Buffer.from(escapedJson(json));
  }

  plain(): Buffer {
    return this.#plain;
  }

  packed(): Promise<Buffer> {
    this.#packed ??= compress(this.#plain);
    return this.#packed;
  }
}

/** What was prepared of values, for as long as these are kept by somebody. */
export class PreparedAnswers {
  readonly #known = new WeakMap<object, Map<string, Prepared>>();

  /** @param shape in which the value is written */
  of(value: object, shape: string, write: () => Json): Prepared {
    const known = this.#known.get(value) ?? new Map<string, Prepared>();
    this.#known.set(value, known);
    const prepared = known.get(shape) ?? new Prepared(write());
    known.set(shape, prepared);
    return prepared;
  }
}
