import type {Dialect} from '../backend.ts';

export interface Index {
  readonly name: string;
  /** `column` or, for MySQL only, `column(prefix length)`. */
  readonly columns: readonly string[];
  readonly unique?: true;
}

/** A table as data. Column definitions are MySQL's; SQLite's are derived from them. */
export interface Table {
  readonly name: string;
  /** `ascii` when absent. */
  readonly charset?: string;
  readonly columns: Readonly<Record<string, string>>;
  readonly primary: readonly string[];
  readonly indexes: readonly Index[];
}

/** `create table if not exists …`; MySQL takes the indexes with it, SQLite wants statements of their own. */
export function createTable(table: Table, kind: Dialect['kind']): string {
  const columns = Object.entries(table.columns).map(([name, definition]) => `  ${columnText(name, definition, kind)}`);
  const counts = kind === 'sqlite' && Object.values(table.columns).some((definition) => definition.includes('auto_increment'));
  const primary = counts ? [] : [`  primary key (${table.primary.join(', ')})`];
  const indexes =
    kind === 'sqlite'
      ? []
      : table.indexes.map((index) => `  ${index.unique ? 'unique ' : ''}key ${index.name} (${index.columns.join(', ')})`);
  const ending = kind === 'mysql' ? `) engine=InnoDB default charset=${table.charset ?? 'ascii'}` : ')';
  return [`create table if not exists ${table.name} (`, [...columns, ...primary, ...indexes].join(',\n'), ending].join('\n');
}

/** Adds one column to a table that has rows: where SQLite cannot have the default at that point, a neutral one. */
export function addColumn(table: Table, column: string, kind: Dialect['kind']): string {
  const definition = columnText(column, table.columns[column] ?? '', kind);
  return `alter table ${table.name} add column ${kind === 'sqlite' ? withConstantDefault(definition) : definition}`;
}

export function createIndex(table: Table, index: Index, kind: Dialect['kind']): string {
  const name = indexName(table, index, kind);
  const columns = kind === 'sqlite' ? index.columns.map(columnOf) : index.columns;
  const absent = kind === 'sqlite' ? ' if not exists' : '';
  return `create${index.unique ? ' unique' : ''} index${absent} ${name} on ${table.name} (${columns.join(', ')})`;
}

/** Names of indexes are global in SQLite: there they carry the name of their table. */
export function indexName(table: Table, index: Index, kind: Dialect['kind']): string {
  return kind === 'sqlite' && !index.name.endsWith(`_${table.name}`) ? `${index.name}_${table.name}` : index.name;
}

/** The column of an index, without a prefix length. */
export function columnOf(indexed: string): string {
  return indexed.replace(/\(\d+\)$/, '');
}

function columnText(name: string, definition: string, kind: Dialect['kind']): string {
  return `${name} ${kind === 'mysql' ? definition : sqliteDefinition(name, definition)}`;
}

function sqliteDefinition(name: string, definition: string): string {
  if (definition.includes('auto_increment')) return 'integer primary key autoincrement';
  return definition
    .replace(/ (unsigned|signed)\b/g, '')
    .replace(/ character set \w+/g, '')
    .replace(/^enum\(([^)]*)\)/, (_, values: string) => `varchar(16) check (${name} in (${values}))`);
}

/** SQLite adds a `not null` column only with a default, and never with the present time as one. */
function withConstantDefault(definition: string): string {
  const constant = definition.replace(/default current_timestamp/i, "default '1971-01-01 00:00:00'");
  if (!constant.includes('not null') || / default /.test(constant)) return constant;
  const neutral = /^\w+ (tinyint|smallint|int|bigint)/.test(constant)
    ? '0'
    : /^\w+ timestamp/.test(constant)
      ? "'1971-01-01 00:00:00'"
      : "''";
  return `${constant} default ${neutral}`;
}
