import type {Work} from '../backend.ts';

/** What a live table has. */
export interface LiveTable {
  readonly columns: ReadonlyMap<string, LiveColumn>;
  readonly indexes: readonly LiveIndex[];
}

export interface LiveColumn {
  /** As the database says it, for example `varchar(128)`. */
  readonly type: string;
  readonly nullable: boolean;
  /** Of text on MySQL; null elsewhere. */
  readonly charset: string | null;
  readonly default: string | null;
}

export interface LiveIndex {
  readonly name: string;
  readonly columns: readonly string[];
  readonly unique: boolean;
}

/** Every table of the backend's database as it is now, by name. */
export async function inspectSchema(work: Work): Promise<ReadonlyMap<string, LiveTable>> {
  const {columns, indexes} = work.dialect.kind === 'mysql' ? await mysqlCatalog(work) : await sqliteCatalog(work);
  const byTable = Map.groupBy(indexes, (part) => part.table_name);
  const tables = Map.groupBy(columns, (column) => column.table_name);
  return new Map(
    [...tables].map(([name, its]) => [name, {columns: new Map(its.map(toColumn)), indexes: toIndexes(byTable.get(name) ?? [])}]),
  );
}

interface ColumnRow {
  readonly table_name: string;
  readonly column_name: string;
  readonly column_type: string;
  readonly nullable: number;
  readonly charset: string | null;
  readonly column_default: string | null;
}

/** One column of one index, in order. */
interface IndexPart {
  readonly table_name: string;
  readonly index_name: string;
  readonly column_name: string;
  readonly is_unique: number;
}

interface Catalog {
  readonly columns: readonly ColumnRow[];
  readonly indexes: readonly IndexPart[];
}

async function mysqlCatalog({db}: Work): Promise<Catalog> {
  const [columns] = (await db.raw(
    `select table_name as table_name, column_name as column_name, column_type as column_type, is_nullable = 'YES' as nullable,
       character_set_name as charset,
       column_default as column_default
     from information_schema.columns where table_schema = database() order by table_name, ordinal_position`,
  )) as [ColumnRow[]];
  const [indexes] = (await db.raw(
    `select table_name as table_name, index_name as index_name, column_name as column_name, non_unique = 0 as is_unique
     from information_schema.statistics where table_schema = database() order by table_name, index_name, seq_in_index`,
  )) as [IndexPart[]];
  return {columns, indexes};
}

async function sqliteCatalog({db}: Work): Promise<Catalog> {
  const columns = (await db.raw(
    `select m.name as table_name, c.name as column_name, c.type as column_type, c."notnull" = 0 as nullable, null as charset, c.dflt_value as column_default
     from sqlite_master m join pragma_table_info(m.name) c where m.type = 'table' and m.name not like 'sqlite_%' order by m.name, c.cid`,
  )) as ColumnRow[];
  const indexes = (await db.raw(
    `select m.name as table_name, i.name as index_name, p.name as column_name, i."unique" as is_unique
     from sqlite_master m join pragma_index_list(m.name) i join pragma_index_info(i.name) p
     where m.type = 'table' order by m.name, i.name, p.seqno`,
  )) as IndexPart[];
  return {columns, indexes};
}

function toColumn(row: ColumnRow): [string, LiveColumn] {
  return [row.column_name, {type: row.column_type, nullable: row.nullable === 1, charset: row.charset, default: row.column_default}];
}

function toIndexes(parts: readonly IndexPart[]): LiveIndex[] {
  return [...Map.groupBy(parts, (part) => part.index_name)].map(([name, its]) => ({
    name,
    columns: its.map((part) => part.column_name),
    unique: its[0]?.is_unique === 1,
  }));
}

/** Cheaper than `inspectSchema`: whether one table is there. */
export async function hasTable({db, dialect}: Work, name: string): Promise<boolean> {
  const found: unknown =
    dialect.kind === 'sqlite'
      ? await db('sqlite_master').where({type: 'table', name}).first('name')
      : await db('information_schema.tables')
          .where({table_name: name, table_schema: db.raw('database()')})
          .first('table_name');
  return found !== undefined;
}
