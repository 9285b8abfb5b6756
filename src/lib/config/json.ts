export type Json = null | boolean | number | string | readonly Json[] | {readonly [key: string]: Json};

/** One key of an object, with the line its name is on. A key written twice is listed twice, in file order. */
export interface Entry {
  readonly key: string;
  readonly value: Json;
  readonly line: number;
}

export type JsonObject = {readonly entries: readonly Entry[]; readonly restAt: number | null};

/** Where a text stops being JSON, and what was wanted there. Never quotes the text: it may hold passwords. */
export class JsonProblem extends Error {
  readonly line: number;
  readonly column: number;

  constructor(text: string, at: number, wanted: string) {
    const before = text.slice(0, at).split('\n');
    super(at >= text.length ? `the file ends where ${wanted} was expected` : `${wanted} was expected`);
    this.name = 'JsonProblem';
    this.line = before.length;
    this.column = (before.at(-1) ?? '').length + 1;
  }
}

const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SCALAR = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])/y;

/**
 * Reads the first JSON value of a text, which must be an object; what follows it is not looked at.
 *
 * `JSON.parse` reads neither the first of several values, nor says on which line a key is, and its errors quote the text.
 *
 * @returns the keys as written and, when more than white space follows, the line it starts on
 * @throws JsonProblem with line and column, from 1
 */
export function readJsonObject(text: string): JsonObject {
  const reader = new Reader(text);
  const entries = reader.object();
  return {entries, restAt: reader.restAt()};
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#take(/\uFEFF?/y);
    this.#take(SPACE);
  }

  object(): readonly Entry[] {
    return this.#sequence('{', '}', () => {
      const line = this.#line();
      const key = this.#string('a key in double quotes');
      if (!this.#eat(':')) this.#fail('":"');
      return {key, value: this.#value(), line};
    });
  }

  restAt(): number | null {
    return this.#at < this.#text.length ? this.#line() : null;
  }

  #value(): Json {
    const next = this.#text[this.#at];
    if (next === '{') return Object.fromEntries(this.object().map(({key, value}) => [key, value]));
    if (next === '[') return this.#sequence('[', ']', () => this.#value());
    if (next === '"') return this.#string('a value');
    return JSON.parse(this.#take(SCALAR) ?? this.#fail('a value')) as Json;
  }

  #sequence<Item>(open: string, close: string, item: () => Item): readonly Item[] {
    if (!this.#eat(open)) this.#fail(`"${open}"`);
    const items: Item[] = [];
    if (this.#eat(close)) return items;
    do items.push(item());
    while (this.#eat(','));
    if (!this.#eat(close)) this.#fail(`"," or "${close}"`);
    return items;
  }

  #string(wanted: string): string {
    if (this.#text[this.#at] !== '"') this.#fail(wanted);
    const token = this.#take(STRING) ?? this.#fail('a string that ends on its line, without unknown escapes,');
    return JSON.parse(token) as string;
  }

  #eat(sign: string): boolean {
    if (!this.#text.startsWith(sign, this.#at)) return false;
    this.#at += sign.length;
    this.#take(SPACE);
    return true;
  }

  /** What the expression finds right here, with the white space after it skipped; null when it does not match or is empty. */
  #take(token: RegExp): string | null {
    token.lastIndex = this.#at;
    const found = token.exec(this.#text)?.[0] ?? '';
    if (found === '') return null;
    this.#at += found.length;
    if (token !== SPACE) this.#take(SPACE);
    return found;
  }

  #line(): number {
    return this.#text.slice(0, this.#at).split('\n').length;
  }

  #fail(wanted: string): never {
    throw new JsonProblem(this.#text, this.#at, wanted);
  }
}
