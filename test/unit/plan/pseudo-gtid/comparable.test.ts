import {expect, test} from 'vitest';
import type {LogEvent} from '../../../../src/lib/flavor/commands/words.ts';
import {isOnlyHalf} from '../../../../src/lib/plan/pseudo-gtid/comparable.ts';

const events = (...said: readonly (readonly [type: string, info: string])[]): readonly LogEvent[] =>
  said.map(([type, info], at) => ({type, info, at: {file: 'relay.000002', position: 4 + at}, nextPosition: 5 + at}));

const START = ['Format_desc', 'Server ver: 10.11.18-MariaDB-log, Binlog ver: 4'] as const;
const BEGIN = ['Gtid', 'BEGIN GTID 0-1-7 cid=12'] as const;
const STATEMENT = ['Gtid', 'GTID 0-1-8'] as const;
const ROWS = ['Write_rows_v1', 'table_id: 31 flags: STMT_END_F'] as const;

test.each([
  ['nothing', [], false],
  ['what the server writes for itself', [START], false],
  ['a transaction that was begun', [BEGIN], true],
  ['one with all its rows and no end', [START, BEGIN, ROWS], true],
  ['one that was begun in the old way', [['Query', 'BEGIN'], ROWS], true],
  ['a whole transaction', [BEGIN, ROWS, ['Xid', 'COMMIT /* xid=12 */']], false],
  ['one that was rolled back', [BEGIN, ROWS, ['Query', 'ROLLBACK']], false],
  ['a whole one and the beginning of another', [BEGIN, ROWS, ['Xid', 'COMMIT /* xid=12 */'], BEGIN], false],
  ['a statement that was announced', [STATEMENT], true],
  ['a statement that was announced and came', [STATEMENT, ['Query', 'use `test`; DROP VIEW v']], false],
  ['a statement of MySQL', [['Query', 'use `test`; DROP VIEW v']], false],
] as const)('whether only the beginning of a transaction is there: %s', (_, said, expected) => {
  expect(isOnlyHalf(events(...said))).toBe(expected);
});
