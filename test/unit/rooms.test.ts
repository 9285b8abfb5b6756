import {expect, test} from 'vitest';
import {importsOf, sourcesIn, type Source} from './sources.ts';

/**
 * Which room may import which (docs/decisions/0002): a room sees the rooms listed after it, and itself. `types` after a room's name:
 * its types alone. Changing this table is a design decision.
 */
const ROOMS: Readonly<Record<string, string>> = {
  errors: '',
  model: 'errors',
  config: 'errors model',
  flavor: 'errors model config',
  analysis: 'errors model config',
  plan: 'errors model config flavor analysis',
  store: 'errors model config analysis:types plan:types',
  coordination: 'errors model config store analysis:types plan:types',
  servers: 'errors model config flavor',
  names: 'errors model config store',
  probe: 'errors model config flavor servers names',
  hooks: 'errors model config',
  kv: 'errors model config',
  execute: 'errors model config flavor analysis plan store coordination servers names probe hooks kv',
  operations: 'errors model config flavor analysis plan store coordination servers names probe hooks kv execute',
  daemon: 'errors model config flavor analysis plan store coordination servers names probe hooks kv execute operations',
  surfaces: 'errors model config operations analysis:types plan:types store:types coordination:types daemon:types',
  commands: 'operations surfaces',
};

const sources = sourcesIn('src');

/** `src/lib/model/instance.ts` → `model`; `src/commands/topology.ts` → `commands`; `src/main.ts` → null, which may import all. */
function roomOf(file: string): string | null {
  return /^src\/lib\/([^/]+)\//.exec(file)?.[1] ?? /^src\/(commands)\//.exec(file)?.[1] ?? null;
}

function forbidden(source: Source): readonly string[] {
  const room = roomOf(source.file);
  if (room === null) return [];
  const allowed = (ROOMS[room] ?? '').split(' ');
  return source.imports
    .filter(({file, typeOnly}) => {
      const other = roomOf(file);
      return other !== room && !(other !== null && (allowed.includes(other) || (typeOnly && allowed.includes(`${other}:types`))));
    })
    .map(({file, typeOnly}) => `${source.file} imports ${typeOnly ? 'types of ' : ''}${file}`);
}

test('every folder of src/lib is a room of the table', () => {
  const rooms = new Set(sources.map(({file}) => roomOf(file)).filter((room) => room !== null));
  expect([...rooms].filter((room) => !(room in ROOMS))).toEqual([]);
});

test('the table goes one way: a room never sees one that sees it', () => {
  const names = Object.keys(ROOMS);
  const backwards = names.flatMap((room, at) =>
    (ROOMS[room] ?? '')
      .split(' ')
      .filter((other) => other !== '' && !other.endsWith(':types') && names.indexOf(other) >= at)
      .map((other) => `${room} -> ${other}`),
  );
  expect(backwards).toEqual([]);
});

test('rooms import only what the table allows', () => {
  expect(sources.flatMap(forbidden)).toEqual([]);
});

test('no two files import each other, at whatever distance', () => {
  expect(cycles(sources)).toEqual([]);
});

test('every relative import names a file that is there, with its ending', () => {
  const there = new Set(sources.map(({file}) => file));
  const lost = sources.flatMap(({file, imports}) => imports.filter((one) => !there.has(one.file)).map((one) => `${file}: ${one.file}`));
  expect(lost.filter((line) => !line.endsWith('package.json'))).toEqual([]);
});

test.each([
  {text: "import {a} from './b.ts';", finds: ['src/lib/x/b.ts']},
  {text: "import type {a} from '../y/b.ts';", finds: ['src/lib/y/b.ts (type)']},
  {text: "import {\n  a,\n  b,\n} from './b.ts';", finds: ['src/lib/x/b.ts']},
  {text: "export {a} from './b.ts';\nexport type {c} from './d.ts';", finds: ['src/lib/x/b.ts', 'src/lib/x/d.ts (type)']},
  {text: "import './b.ts';", finds: ['src/lib/x/b.ts']},
  {text: "const {a} = await import('./b.ts');", finds: ['src/lib/x/b.ts']},
  {text: "import knex from 'knex';\nimport path from 'node:path';", finds: []},
])('reads the imports of $text', ({text, finds}) => {
  expect(importsOf('src/lib/x/a.ts', text).map((one) => one.file + (one.typeOnly ? ' (type)' : ''))).toEqual(finds);
});

test.each([
  {file: 'src/lib/model/x.ts', imports: '../store/y.ts', typeOnly: true, refused: true},
  {file: 'src/lib/store/x.ts', imports: '../plan/y.ts', typeOnly: false, refused: true},
  {file: 'src/lib/store/x.ts', imports: '../plan/y.ts', typeOnly: true, refused: false},
  {file: 'src/lib/store/x.ts', imports: '../../version.ts', typeOnly: false, refused: true},
  {file: 'src/commands/x.ts', imports: '../lib/store/y.ts', typeOnly: false, refused: true},
  {file: 'src/main.ts', imports: './lib/store/y.ts', typeOnly: false, refused: false},
])('$file importing $imports (types only: $typeOnly) is refused: $refused', ({file, imports, typeOnly, refused}) => {
  const text = `import ${typeOnly ? 'type ' : ''}{y} from '${imports}';`;
  expect(forbidden({file, text, imports: importsOf(file, text)})).toHaveLength(refused ? 1 : 0);
});

test('a ring of three files is seen', () => {
  const ring = ['a', 'b', 'c'].map((name, at, all) => ({
    file: `src/${name}.ts`,
    text: '',
    imports: [{file: `src/${all[(at + 1) % 3]}.ts`, typeOnly: false}],
  }));
  expect(cycles(ring)).toEqual(['src/a.ts > src/b.ts > src/c.ts > src/a.ts']);
});

/** One line for each ring of imports, found by walking depth first. Types alone make no ring: they are gone when the program runs. */
function cycles(all: readonly Source[]): readonly string[] {
  const byFile = new Map(all.map((source) => [source.file, source]));
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (file: string, trail: readonly string[]): void => {
    const at = trail.indexOf(file);
    if (at >= 0) found.push([...trail.slice(at), file].join(' > '));
    if (at >= 0 || done.has(file)) return;
    for (const next of byFile.get(file)?.imports ?? []) if (!next.typeOnly) walk(next.file, [...trail, file]);
    done.add(file);
  };
  for (const {file} of all) walk(file, []);
  return found;
}
