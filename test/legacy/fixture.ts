import {readFileSync} from 'node:fs';
import type {Backend} from '../../src/lib/store/backend.ts';

const TIME = '2026-01-02 03:04:05';

/** A backend as 3.2.6 leaves it: its 47 tables, with rows in each. */
export async function buildFixture(backend: Backend): Promise<void> {
  for (const statement of statementsOf(backend.dialect.kind)) await backend.run(({db}) => db.raw(statement));
  for (const table of tablesOf(statementsOf('mysql'))) {
    await backend.run(({db}) => db(table.name).insert([1, 2].map((number) => rowFor(table, number))));
  }
}

export interface FixtureTable {
  readonly name: string;
  /** Name and MySQL definition of each column. */
  readonly columns: readonly (readonly [name: string, definition: string])[];
}

/** Every table of the fixture. */
export function fixtureTables(): readonly FixtureTable[] {
  return tablesOf(statementsOf('mysql'));
}

function statementsOf(kind: 'sqlite' | 'mysql'): readonly string[] {
  const text = readFileSync(new URL(`./3.2.6-${kind}.sql`, import.meta.url), 'utf8').replace(/^--.*$/gm, '');
  return text
    .split(/;\n/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

function tablesOf(statements: readonly string[]): readonly FixtureTable[] {
  return statements.flatMap((statement) => {
    const [, name, body] = /^CREATE TABLE (\w+) \(\n(.*),\n {2}PRIMARY KEY/s.exec(statement) ?? [];
    if (name === undefined || body === undefined) return [];
    const columns = body.split(',\n').map((line) => {
      const [, column = '', definition = ''] = /^ *(\w+) (.*)$/.exec(line) ?? [];
      return [column, definition] as const;
    });
    return [{name, columns}];
  });
}

function rowFor({columns}: FixtureTable, number: number): Record<string, string | number> {
  return Object.fromEntries(columns.map(([column, definition]) => [column, valueFor(column, definition, number)]));
}

function valueFor(column: string, definition: string, number: number): string | number {
  if (definition.startsWith('enum')) return 'prefer';
  if (definition.startsWith('timestamp')) return TIME;
  if (column === 'anchor') return number;
  if (/^(tiny|small|big)?int/.test(definition)) return number;
  return `${column.slice(0, 8)}${number}`;
}
