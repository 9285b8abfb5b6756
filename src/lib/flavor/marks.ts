import type {Statement} from './flavor.ts';
import {say} from './statement.ts';

/** What a Pseudo-GTID entry is made of: columns `read_only`, `now` (seconds since 1970 by the server's own clock), `server_id`. */
export const showForMark: Statement = say(
  'SELECT @@global.read_only AS read_only, UNIX_TIMESTAMP() AS now, @@global.server_id AS server_id',
);

/** Drops a view that never was. By the server's clock its name ascends. */
export function dropMark({now, serverId, salt}: {readonly now: number; readonly serverId: number; readonly salt: string}): Statement {
  return say(`drop view if exists \`_pseudo_gtid_\`.\`_asc:${hex(now)}:${hex(serverId)}:${salt}\``);
}

function hex(number: number): string {
  return number.toString(16).padStart(8, '0');
}
