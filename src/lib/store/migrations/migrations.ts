import type {Table} from './table.ts';
import {TABLES_OF_326} from './tables-of-3.2.6.ts';
import {COLUMNS_OF_OURS, FORGOTTEN, TABLES_OF_NEWS, TABLES_OF_OURS, TERM_WITH_PLACE} from './tables-of-ours.ts';

/**
 * One step of the schema. Never edited once released: a change is a new migration. All it does can be repeated and done by
 * several processes at once, because what exists is left alone.
 */
export interface Migration {
  readonly number: number;
  readonly name: string;
  /** Programs that do not know it must not run on a schema that has it. */
  readonly breaking: boolean;
  readonly tables: readonly Table[];
  /** Rows that must be there, by their primary key; one that is there already stays as it is. */
  readonly seeds: readonly Seed[];
}

export interface Seed {
  readonly table: string;
  readonly row: Readonly<Record<string, string | number>>;
}

/** As a node that stops leaves it: anybody, 3.2.6 too, may take it at once. */
const NO_LEADER: Seed = {
  table: 'active_node',
  row: {anchor: 1, hostname: '', token: '', last_seen_active: '1971-01-01 00:00:01', first_seen_active: '1971-01-01 00:00:01'},
};

/** Tables are cumulative per migration: every column and index named here is made where it is missing. */
export const MIGRATIONS: readonly Migration[] = [
  {number: 1, name: 'tables of 3.2.6', breaking: false, tables: TABLES_OF_326, seeds: [NO_LEADER]},
  {
    number: 2,
    name: 'lease, locks, plans and details beside them',
    breaking: false,
    tables: [...extended(), ...TABLES_OF_OURS],
    seeds: [
      {table: 'leader_term', row: {anchor: 1, term: 0}},
      {table: 'cluster_lock_fence', row: {anchor: 1, fence: 0}},
    ],
  },
  {
    number: 3,
    name: 'refusals of the leader, and events',
    breaking: false,
    tables: TABLES_OF_NEWS,
    seeds: [{table: 'topology_event_counter', row: {anchor: 1, last_id: 0}}],
  },
  {number: 4, name: 'the server that a leader was elected on', breaking: false, tables: [TERM_WITH_PLACE], seeds: []},
  {number: 5, name: 'what was forgotten is kept out for a while', breaking: false, tables: [FORGOTTEN], seeds: []},
];

/** Tables of 3.2.6 with our columns. */
function extended(): readonly Table[] {
  return TABLES_OF_326.flatMap((table) => {
    const ours = COLUMNS_OF_OURS.filter((one) => one.table === table.name);
    if (ours.length === 0) return [];
    return [{...table, columns: {...table.columns, ...Object.fromEntries(ours.map((one) => [one.column, one.definition]))}}];
  });
}
