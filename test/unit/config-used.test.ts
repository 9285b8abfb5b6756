import {expect, test} from 'vitest';
import {KEYS, KEY_NAMES, type Config, type KeyName} from '../../src/lib/config/keys.ts';
import {load} from './support/config.ts';
import {sourcesIn} from './sources.ts';

/** They say what is read and whether it can be; none of them does what a key asks for. */
const DECLARING = /^src\/lib\/config\/(?!load|credentials)/;

/** Other names of keys that are read: setting the one sets the other, which is all that comes of it. */
const OTHER_NAMES: readonly {readonly keys: Partial<Config>; readonly sets: Partial<Config>}[] = [
  {keys: {SlaveLagQuery: 'select 2'}, sets: {ReplicationLagQuery: 'select 2'}},
  {keys: {RecoveryPeriodBlockMinutes: 7, RecoveryPeriodBlockSeconds: 0}, sets: {RecoveryPeriodBlockSeconds: 420}},
  {keys: {PostponeSlaveRecoveryOnLagMinutes: 3}, sets: {PostponeReplicaRecoveryOnLagMinutes: 3}},
];

/** Told to clients of 3.2.6 that ask how writes are buffered, and nothing else. */
const TOLD_BACK: readonly string[] = ['InstanceWriteBufferSize', 'InstanceFlushIntervalMilliseconds'];

/**
 * Names that code takes a value by: `.NAME`, a name taken out of an object (`const {NAME} = config`, `({NAME}: …)`), or one in a
 * table of names, `'NAME'`. In remarks, in types and within sentences they do not count.
 */
function namesRead(code: string): ReadonlySet<string> {
  const text = code.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '').replaceAll(/\b(?:Pick|Omit|Extract)<[^;={]*?>/g, '');
  const taken = [...text.matchAll(/\{([^{}]*)\}(?::[^=;{}()]+)?\s*(?:=[^>]|:)/g)].flatMap(([, names = '']) =>
    names.split(',').map((name) => /^\s*(\w+)/.exec(name)?.[1] ?? ''),
  );
  const others = [...text.matchAll(/\.([A-Z]\w+)|'([A-Z]\w+)'/g)].map(([, member, word]) => member ?? word ?? '');
  return new Set([...taken, ...others]);
}

const read = namesRead(
  sourcesIn('src')
    .filter(({file}) => !DECLARING.test(file))
    .map(({text}) => text)
    .join('\n'),
);
const unused = KEY_NAMES.filter((key) => 'unused' in KEYS[key]);
const elsewhere = OTHER_NAMES.flatMap(({keys, sets}) => Object.keys(keys).filter((key) => !(key in sets)));

test('every key is read somewhere, or declared to have no effect', () => {
  const known = new Set<string>([...read, ...elsewhere, ...unused]);
  expect(KEY_NAMES.filter((key) => !known.has(key))).toEqual([]);
});

test('nothing reads a key that is declared to have no effect', () => {
  expect(unused.filter((key) => read.has(key) && !TOLD_BACK.includes(key))).toEqual([]);
  expect(TOLD_BACK.filter((key) => !unused.includes(key as KeyName))).toEqual([]);
});

test.each(OTHER_NAMES)('$keys sets $sets, which is read', ({keys, sets}) => {
  expect(load(keys).config).toMatchObject(sets);
  expect(Object.keys(sets).filter((key) => !read.has(key))).toEqual([]);
});

test('what counts as read, and what does not', () => {
  const code = [
    '/** Alpha */',
    '// .Bravo',
    'type T = Pick<Config, "x" | \'Charlie\'>;',
    'throw new Error(`set Delta, or ${config.Echo}`);',
    "const hint = 'Foxtrot must be set';",
    'const {Golf, Hotel: renamed} = config;',
    'function f({India}: Settings) {}',
    "const table = ['Juliet'];",
  ].join('\n');
  expect([...namesRead(code)].filter((name) => /^[A-Z]/.test(name)).toSorted()).toEqual(['Echo', 'Golf', 'Hotel', 'India', 'Juliet']);
});

/** Of another value than the default, which alone is worth a word. */
const other = (key: KeyName): unknown => {
  const {default: value, type} = KEYS[key];
  if (key === 'HTTPAdvertise') return 'http://node:3000';
  if (type === 'bool') return value !== true;
  return {int: 12_345, uint: 12_345, text: 'x', list: ['x'], map: {x: 'x'}, objects: [{x: 'x'}]}[type];
};

test.each(unused.map((key) => ({key})))('$key: it is said that it has no effect', ({key}) => {
  expect(load({[key]: other(key)}).notices).toMatchObject([{code: 'obsolete', key, level: 'warning'}]);
  expect(load({[key]: KEYS[key].default}).notices).toEqual([]);
});
