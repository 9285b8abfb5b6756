import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {parseShape, type Shape} from '../../../sandbox/topology.ts';
import type {Flavor} from '../../../sandbox/server/words.ts';
import {Malformed, readLines} from './lines.ts';
import {EXPECTATIONS, OPTIONS, VERBS, type Expectation, type Line, type Option, type Verb} from './words.ts';

export const SCENARIOS = path.resolve(import.meta.dirname, '../../scenarios');

const FLAVORS: readonly Flavor[] = ['mariadb', 'mysql9', 'mysql56'];
const FILES = ['topology', 'do', 'expect'] as const;

export interface Scenario {
  readonly name: string;
  /** What it is about: the first comment of `topology`. */
  readonly title: string;
  /** Where it makes sense. */
  readonly flavors: readonly Flavor[];
  /** Whether each run of the tests has it on all of them; otherwise only on MariaDB. */
  readonly versionSensitive: boolean;
  /** The tree as it is before anything is done. */
  readonly tree: string;
  readonly shape: Shape;
  readonly options: readonly (Line & {readonly verb: Option})[];
  readonly steps: readonly (Line & {readonly verb: Verb})[];
  /** The tree as it is to be afterwards; null where that is not said. */
  readonly after: Shape | null;
  readonly expectations: readonly (Line & {readonly verb: Expectation})[];
}

/** All folders, by name. @throws Malformed */
export function readScenarios(folder: string = SCENARIOS): readonly Scenario[] {
  const names = readdirSync(folder, {withFileTypes: true}).filter((entry) => entry.isDirectory());
  return names.map(({name}) => readScenario(path.join(folder, name))).sort((one, other) => one.name.localeCompare(other.name));
}

function readScenario(folder: string): Scenario {
  const name = path.basename(folder);
  const found = readdirSync(folder);
  const missing = FILES.find((file) => !found.includes(file));
  const spare = found.find((file) => !(FILES as readonly string[]).includes(file));
  if (missing ?? spare) {
    throw new Malformed(
      `${name}: ${missing ? `the file ${missing} is missing` : `${spare} does not belong here`}; a scenario is ${FILES.join(', ')}.`,
    );
  }
  const text = (file: (typeof FILES)[number]): string => readFileSync(path.join(folder, file), 'utf8');
  return parseScenario(name, {topology: text('topology'), do: text('do'), expect: text('expect')});
}

/** @throws Malformed with file, line and what would be right */
export function parseScenario(name: string, texts: Readonly<Record<(typeof FILES)[number], string>>): Scenario {
  const read = (
    file: (typeof FILES)[number],
    vocabulary: Parameters<typeof readLines>[0]['vocabulary'],
    known: ReadonlySet<string> | null,
  ) => readLines({file: `${name}/${file}`, text: texts[file], vocabulary, servers: known});
  const before = read('topology', OPTIONS, null);
  const shape = shapeOf(`${name}/topology`, before.tree);
  const servers = new Set(shape.names);
  const steps = read('do', VERBS, servers);
  const expected = read('expect', EXPECTATIONS, servers);
  const after = expected.tree === '' ? null : shapeOf(`${name}/expect`, expected.tree);
  const complaints = [
    ...(before.title === '' ? ['topology: the first line says what the case is about, after a #'] : []),
    ...(steps.tree === '' ? [] : [`do: "${steps.tree}" is a tree, and nothing to do`]),
    ...(steps.lines.length === 0 ? ['do: nothing is done'] : []),
    ...(expected.lines.length === 0 && !after ? ['expect: nothing is expected'] : []),
    ...(after?.names.filter((one) => !servers.has(one)).map((one) => `expect: there is no server ${one}`) ?? []),
    ...flavorsOf(before.lines)
      .filter((one) => !FLAVORS.includes(one))
      .map((one) => `topology: no flavor ${one}; there are ${FLAVORS.join(', ')}`),
  ];
  if (complaints[0] !== undefined) throw new Malformed(`${name}/${complaints[0]}.`);
  return {
    name,
    title: before.title,
    flavors: flavorsOf(before.lines),
    versionSensitive: before.lines.some(({verb}) => verb === 'version-sensitive'),
    tree: before.tree,
    shape,
    options: before.lines as Scenario['options'],
    steps: steps.lines as Scenario['steps'],
    after,
    expectations: expected.lines as Scenario['expectations'],
  };
}

function shapeOf(file: string, tree: string): Shape {
  try {
    return parseShape(tree);
  } catch (error) {
    throw new Malformed(`${file}: ${error instanceof Error ? error.message : String(error)}`, {cause: error});
  }
}

function flavorsOf(lines: readonly Line[]): readonly Flavor[] {
  const [named] = lines.filter(({verb}) => verb === 'flavors');
  return named ? ((named.args[0] ?? '').split(' ') as Flavor[]) : FLAVORS;
}
