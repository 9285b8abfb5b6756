/** Numbers from 0 to 1, the same again for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Texts that have hurt programs. */
const NASTY = [
  '',
  ' ',
  '.',
  '..',
  '../../../../etc/passwd',
  '..\\..\\x',
  "' or 1=1 --",
  "x'; drop table audit; --",
  '"; select sleep(9); --',
  'a`b',
  '$(touch /tmp/x)',
  '`id`',
  '| cat /etc/passwd',
  '; rm -rf /',
  '\0',
  'a\0b',
  '\r\nSet-Cookie: x=y',
  'ü',
  '🔥',
  '\u202e',
  '\ud800',
  'a'.repeat(200),
  'b'.repeat(5000),
  '-1',
  '0',
  '65536',
  '99999999999999999999',
  '1e3',
  '0x10',
  'NaN',
  'Infinity',
  'null',
  'undefined',
  'true',
  '__proto__',
  'constructor',
  'toString',
  '[::1]',
  '::1',
  '[',
  'a:b:c',
  'a:3306:1',
  'a:0',
  'a:65536',
  '//a',
  '\\',
  '%',
  '%s%n',
  '*',
  '(',
  '(((',
  '[a-',
  '{"a":1}',
  '<script>alert(1)</script>',
  '-i',
  '--help',
  '--config=/etc/passwd',
  'a,b',
  'a b',
  '~',
  '!',
  '~x,',
  '=',
  '=v',
  '999w',
  '10m',
  '1:aa',
] as const;

/** What fits, so that nonsense beside it gets further. */
const PLAUSIBLE = ['a', 'b', 'a:3306', 'x:3306', 'shop', '3306', '1', 'prefer', 'role=db', 'app', '.*', 'why'] as const;

/** Source of nonsense. */
export class Nonsense {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  oneOf<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random() * items.length)]!;
  }

  text(): string {
    if (this.chance(0.4)) return this.oneOf(PLAUSIBLE);
    if (this.chance(0.2)) return this.bytes().toString('latin1');
    const text: string = this.oneOf(NASTY);
    return this.chance(0.15) ? text + this.oneOf(NASTY) : text;
  }

  bytes(): Buffer {
    return Buffer.from(Array.from({length: 1 + Math.floor(this.#random() * 40)}, () => Math.floor(this.#random() * 256)));
  }

  /** A value of JSON, or something that is none. */
  json(): string {
    return this.oneOf([
      '',
      '{',
      'null',
      '[]',
      '"x"',
      '7',
      '{"__proto__":{"x":1}}',
      '{"constructor":{"prototype":{}}}',
      '{"instance":{"a":1}}',
      '{"instance":["a","b"]}',
      '{"instance":null}',
      '{"instance":"a","instance":"b"}',
      `{"instance":${JSON.stringify(this.text())},"tag":${JSON.stringify(this.text())}}`,
      `{"reason":${JSON.stringify(this.text())},"instance":"a"}`,
      '['.repeat(2000),
      `{"x":"${'y'.repeat(3000)}"}`,
    ]);
  }

  /** In a path or a query: mostly encoded, sometimes as it is where a client could send it so. */
  encoded(text: string): string {
    if (this.chance(0.1)) return this.oneOf(['%', '%zz', '%E0%A4%A', '%ED%A0%80', '%00', '%2F..%2F', '%0d%0a', '+']);
    return encodeURIComponent(text.toWellFormed());
  }
}
