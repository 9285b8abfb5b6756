import type {Knex} from 'knex';
import type {Dialect} from '../backend.ts';

export function mysqlDialect(db: Knex): Dialect {
  return {
    kind: 'mysql',
    now: () => db.raw('now()'),
    ago: (seconds) => db.raw('now() - interval ? second', [seconds]),
    ahead: (seconds) => db.raw('now() + interval ? second', [seconds]),
    unix: (column) => (column === undefined ? db.raw('unix_timestamp()') : db.raw('unix_timestamp(??)', [column])),
    micros: () => db.raw('cast(unix_timestamp(now(6)) * 1000000 as unsigned)'),
  };
}

export function sqliteDialect(db: Knex): Dialect {
  return {
    kind: 'sqlite',
    now: () => db.raw("datetime('now')"),
    ago: (seconds) => db.raw("datetime('now', ?)", [`-${seconds} seconds`]),
    ahead: (seconds) => db.raw("datetime('now', ?)", [`+${seconds} seconds`]),
    unix: (column) =>
      column === undefined ? db.raw("cast(strftime('%s', 'now') as integer)") : db.raw("cast(strftime('%s', ??) as integer)", [column]),
    micros: () => db.raw("cast(unixepoch('now', 'subsec') * 1000000 as integer)"),
  };
}
