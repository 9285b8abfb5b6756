import {describe, expect, test} from 'vitest';
import {OrchestratorError} from '../../../src/lib/errors/errors.ts';
import {translateError, verdictOf, type Verdict} from '../../../src/lib/store/connection/errors.ts';

interface Case {
  readonly what: string;
  readonly error: object;
  readonly verdict: Verdict;
  /** What people are told when it stays so; absent: the error as it came. */
  readonly code?: string;
}

const server = (errno: number): object => ({errno, sqlMessage: 'said by the server', code: 'ER_SOMETHING'});
const unreachable = 'BACKEND_UNREACHABLE';

const BY_NUMBER: readonly (readonly [verdict: Verdict, code: string | undefined, errnos: readonly number[]])[] = [
  ['conflict', 'BACKEND_CONFLICT', [1213, 1205, 1020]],
  ['not-now', unreachable, [1047, 1180, 3100, 3101, 3796, 3797, 3798, 3799, 1040, 1203, 1226, 1053, 3032, 1317, 1927]],
  ['not-now', 'BACKEND_READ_ONLY', [1290, 1792, 1836]],
  ['lost', unreachable, [4031]],
  ['final', 'BACKEND_ACCESS_DENIED', [1044, 1045, 1142, 1227, 1698]],
  ['final', 'SCHEMA_MISSING', [1049, 1146, 1054]],
  ['final', 'INPUT_INVALID', [1264, 1267, 1366, 1406, 3988]],
  ['final', undefined, [1062, 1064]],
];

const CASES: readonly Case[] = [
  ...BY_NUMBER.flatMap(([verdict, code, errnos]) =>
    errnos.map((errno) => ({what: `${errno}`, error: server(errno), verdict, ...(code === undefined ? {} : {code})})),
  ),
  ...['PROTOCOL_CONNECTION_LOST', 'PROTOCOL_SEQUENCE_TIMEOUT', 'ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND'].map(
    (code): Case => ({what: code, error: {code}, verdict: 'lost', code: unreachable}),
  ),
  {what: 'fatal, of no number', error: {code: 'ODD', fatal: true}, verdict: 'lost', code: unreachable},
  {what: 'fatal, but answered', error: {...server(1045), fatal: true}, verdict: 'final', code: 'BACKEND_ACCESS_DENIED'},
  {what: 'a certificate', error: {code: 'HANDSHAKE_SSL_ERROR', fatal: true}, verdict: 'final', code: unreachable},
  {
    what: 'a connection lost during the handshake of TLS',
    error: {code: 'HANDSHAKE_SSL_ERROR', fatal: true, syscall: 'read'},
    verdict: 'lost',
    code: unreachable,
  },
  {what: 'SQLITE_BUSY', error: {errcode: 5}, verdict: 'conflict', code: 'BACKEND_CONFLICT'},
  {what: 'SQLITE_BUSY_SNAPSHOT', error: {errcode: 517}, verdict: 'conflict', code: 'BACKEND_CONFLICT'},
  {what: 'SQLITE_LOCKED', error: {errcode: 6}, verdict: 'conflict', code: 'BACKEND_CONFLICT'},
  {what: 'SQLITE_READONLY', error: {errcode: 8}, verdict: 'final', code: 'BACKEND_READ_ONLY'},
  {what: 'SQLITE_FULL', error: {errcode: 13}, verdict: 'final', code: unreachable},
  {what: 'SQLITE_CONSTRAINT_UNIQUE', error: {errcode: 2067}, verdict: 'final'},
  {what: 'a bug', error: new TypeError('x'), verdict: 'final'},
  {what: 'no member of a group takes writes', error: new OrchestratorError(unreachable, 'none'), verdict: 'not-now', code: unreachable},
  {what: 'ours', error: new OrchestratorError('CONFIG_INVALID', 'odd'), verdict: 'final', code: 'CONFIG_INVALID'},
];

describe('what an error of the backend means for the next attempt', () => {
  test.each(CASES)('$what: $verdict', ({error, verdict, code}) => {
    expect(verdictOf(error)).toBe(verdict);
    expect((translateError(error, 'b:1') as {code?: unknown}).code).toBe(code ?? (error as {code?: unknown}).code);
  });

  test.each(CASES.filter(({error}) => !(error instanceof OrchestratorError)))('$what, wrapped by us: $verdict', ({error, verdict}) => {
    expect(verdictOf(new OrchestratorError(unreachable, 'wrapped', {cause: error}))).toBe(verdict);
  });
});
