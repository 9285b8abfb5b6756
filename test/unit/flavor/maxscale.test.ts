import {describe, expect, test} from 'vitest';
import {isCode} from '../../../src/lib/errors/errors.ts';
import {maxscaleVersion} from '../../../src/lib/flavor/maxscale.ts';
import {flavor} from './recordings.ts';

const maxscale = flavor('2.2.21-maxscale');

test.each([
  {what: 'MaxScale', rows: [{Variable_name: 'MAXSCALE_VERSION', Value: '2.2.21'}], version: '2.2.21'},
  {what: 'another server', rows: [], version: null},
  {what: 'one that names other things of it', rows: [{Variable_name: 'MAXSCALE_UPTIME', Value: '12'}], version: null},
])('the version of $what', ({rows, version}) => {
  expect(maxscaleVersion(rows)).toBe(version);
});

describe('replica status', () => {
  const row = {
    Master_Host: 'a',
    Master_Port: '3306',
    Master_User: 'repl',
    Master_Log_File: 'binlog.000007',
    Read_Master_Log_Pos: '4711',
    Slave_IO_Running: 'Yes',
    Slave_SQL_Running: 'Yes',
  };

  test.each([
    {what: 'that says nothing of what is executed', more: {}, executed: {file: 'binlog.000007', position: 4711}},
    {
      what: 'with an empty file',
      more: {Relay_Master_Log_File: '', Exec_Master_Log_Pos: '0'},
      executed: {file: 'binlog.000007', position: 4711},
    },
    {
      what: 'that says what is executed',
      more: {Relay_Master_Log_File: 'binlog.000006', Exec_Master_Log_Pos: '12'},
      executed: {file: 'binlog.000006', position: 12},
    },
  ])('$what', ({more, executed}) => {
    expect(maxscale.parseReplicaStatus([{...row, ...more}])).toMatchObject({
      replication: {source: {host: 'a', port: 3306}, receiver: {state: 'running'}, executed, usingOracleGtid: false, hasCredentials: true},
      otherChannels: [],
    });
  });

  test('what decides must be there', () => {
    const {Slave_IO_Running: _, ...without} = row;
    expect(() => maxscale.parseReplicaStatus([without])).toThrow(/no column Slave_IO_Running/);
  });
});

test('one thread is started and stopped, by whatever name', () => {
  const {startReceiver, startApplier, startReplication, stopReceiver, stopApplier, stopReplication} = maxscale;
  expect([startReceiver, startApplier, startReplication].map(({text}) => text)).toEqual(Array(3).fill('START SLAVE'));
  expect([stopReceiver, stopApplier, stopReplication].map(({text}) => text)).toEqual(Array(3).fill('STOP SLAVE'));
});

test('it follows by position, whatever is asked', () => {
  const to = {source: {host: 'b', port: 3307}, at: {file: 'binlog.000007', position: 4}, gtid: true};
  expect(maxscale.pointAt(to)).toEqual({
    text: 'CHANGE MASTER TO MASTER_HOST = ?, MASTER_PORT = ?, MASTER_LOG_FILE = ?, MASTER_LOG_POS = ?',
    values: ['b', 3307, 'binlog.000007', 4],
  });
});

test.each([
  ['read_only', () => maxscale.setReadOnly(true, true)],
  ['a stop at a position', () => maxscale.startApplierUntil({file: 'binlog.000001', position: 4})],
])('it has no %s', (_, ask) => {
  expect(ask).toThrow(expect.toSatisfy((error) => isCode(error, 'NOT_SUPPORTED')));
});
