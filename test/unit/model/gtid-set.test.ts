import fc from 'fast-check';
import {expect, test} from 'vitest';
import {countGtidSet, GtidSet, subtractGtidSet} from '../../../src/lib/model/gtid-set.ts';

const A = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const B = '4f22fa47-71ca-11e1-9e33-c80aa9429563';

test.each([
  {text: '', canonical: ''},
  {text: ' \n', canonical: ''},
  {text: `${A}:1`, canonical: `${A}:1`},
  {text: `${A}:1-1`, canonical: `${A}:1`},
  {text: `${A}:1-5:8`, canonical: `${A}:1-5:8`},
  {text: `${A}:8:1-5:6`, canonical: `${A}:1-6:8`},
  {text: `${A}:1-5:3-9`, canonical: `${A}:1-9`},
  {text: `${B}:3,\n${A}:1-5`, canonical: `${A}:1-5,${B}:3`},
  {text: `${A.toUpperCase()}:1 - 5 , ${A}:6`, canonical: `${A}:1-6`},
  {text: `${A}:1-3:Audit:1-5:9`, canonical: `${A}:1-3:audit:1-5:9`},
  {text: `${A}:_x:2:audit:1,${A}:7`, canonical: `${A}:7:_x:2:audit:1`},
  {text: `${A}:audit:1,${A}:1`, canonical: `${A}:1:audit:1`},
  {text: `${A}:1,,${B}:2,`, canonical: `${A}:1,${B}:2`},
  {text: `${A}`, canonical: ''},
])('$text reads as $canonical', ({text, canonical}) => {
  expect(GtidSet.parse(text).toString()).toBe(canonical);
});

test.each([
  'x',
  `${A}:audit:1-5:1_x`,
  `${A}:0`,
  `${A}:5-3`,
  `${A}:1-`,
  `${A}:-1`,
  `${A}:1-2-3`,
  `${A}:9007199254740993`,
  '0-1-100',
  `${A.slice(1)}:1`,
])('%s is refused, and named', (text) => {
  expect(() => GtidSet.parse(text)).toThrow(expect.objectContaining({code: 'INPUT_INVALID'}));
  expect(() => GtidSet.parse(text)).toThrow(text);
  expect(GtidSet.read(text)).toBeNull();
});

test('tagged and untagged transactions of one server are different ones, but all from that server', () => {
  const set = GtidSet.parse(`${A}:1-3:audit:1-5,${B}:1`);
  expect(set.count).toBe(9);
  expect(set.contains(GtidSet.parse(`${A}:4`))).toBe(false);
  expect(set.contains(GtidSet.parse(`${A}:audit:4`))).toBe(true);
  expect(set.onlyFrom([A.toUpperCase()]).toString()).toBe(`${A}:1-3:audit:1-5`);
  expect(set.withoutFrom([A]).toString()).toBe(`${B}:1`);
  expect(subtractGtidSet(`${A}:1-3:audit:1-5`, `${A}:1-2:audit:2`)).toBe(`${A}:3:audit:1:3-5`);
});

/** Every subset of 1..6 as text, and as a plain set to count one by one with. */
const subsets = Array.from({length: 64}, (_, bits) => [1, 2, 3, 4, 5, 6].filter((n) => bits & (1 << (n - 1))));
const asText = (numbers: readonly number[]): string => (numbers.length === 0 ? '' : `${A}:${numbers.join(':')}`);
const sets = subsets.map((numbers) => ({numbers, set: GtidSet.parse(asText(numbers))}));

test('all 4096 pairs of sets within 1..6 agree with counting one by one', () => {
  const canonical = (numbers: readonly number[]): string => GtidSet.parse(asText(numbers)).toString();
  for (const a of sets) {
    expect(a.set.count).toBe(a.numbers.length);
    expect(a.set.isEmpty).toBe(a.numbers.length === 0);
    for (const b of sets) {
      expect(a.set.subtract(b.set).toString()).toBe(canonical(a.numbers.filter((n) => !b.numbers.includes(n))));
      expect(a.set.intersect(b.set).toString()).toBe(canonical(a.numbers.filter((n) => b.numbers.includes(n))));
      expect(a.set.union(b.set).toString()).toBe(canonical([...new Set([...a.numbers, ...b.numbers])]));
      expect(a.set.contains(b.set)).toBe(b.numbers.every((n) => a.numbers.includes(n)));
      expect(a.set.equals(b.set)).toBe(a === b);
    }
  }
});

const interval = fc.tuple(fc.integer({min: 1, max: 40}), fc.integer({min: 0, max: 5})).map(([first, more]) => `${first}-${first + more}`);
const part = fc
  .tuple(fc.constantFrom(A, B, A.toUpperCase()), fc.constantFrom('', ':audit', ':Batch'), fc.array(interval, {minLength: 1, maxLength: 6}))
  .map(([uuid, tag, intervals]) => `${uuid}${tag}:${intervals.join(':')}`);
const gtidText = fc.array(part, {maxLength: 6}).map((parts) => parts.join(',\n'));

/** One string a transaction. */
function spell(text: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const piece of text.toLowerCase().replace(/\s/g, '').split(',')) {
    const [uuid = '', ...words] = piece.split(':');
    let name = uuid;
    for (const word of words) {
      if (/^[a-z_]/.test(word)) name = `${uuid}:${word}`;
      const [first = 0, last = first] = word.split('-').map(Number);
      for (let n = first; n <= last; n += 1) found.add(`${name}:${n}`);
    }
  }
  return found;
}

test('any two sets agree with spelling every transaction out', () => {
  fc.assert(
    fc.property(gtidText, gtidText, (x, y) => {
      const [a, b] = [GtidSet.parse(x), GtidSet.parse(y)];
      const [all, minus] = [spell(x), spell(y)];
      expect(a.count).toBe(all.size);
      expect(countGtidSet(subtractGtidSet(x, y))).toBe([...all].filter((one) => !minus.has(one)).length);
      expect(spell(a.subtract(b).toString())).toEqual(new Set([...all].filter((one) => !minus.has(one))));
      expect(a.union(b).equals(b.union(a))).toBe(true);
      expect(GtidSet.parse(a.toString()).toString()).toBe(a.toString());
      expect(a.subtract(b).union(a.intersect(b)).toString()).toBe(a.toString());
    }),
    {numRuns: 300},
  );
});
