import {describe, expect, test} from 'vitest';
import {isCode} from '../../../src/lib/errors/errors.ts';
import type {Row} from '../../../src/lib/flavor/flavor.ts';
import {parseBinlogStatus} from '../../../src/lib/flavor/replica-status.ts';
import {flavor, recordedFlavor, recording, type Family} from './recordings.ts';

const UUID = '00000001-aaaa-bbbb-cccc-dddddddddddd';

/** What every replica of these recordings says, whatever the family. */
const healthy = {
  source: {host: '127.0.0.1', port: 3301},
  sourceHostAsWritten: '127.0.0.1',
  sourceServerId: 1,
  receiver: {state: 'running', errno: 0, error: ''},
  applier: {state: 'running', errno: 0, error: ''},
  user: 'repl',
  hasCredentials: true,
  hasFilters: false,
  delay: 0,
  secondsBehind: 0,
};

const families: readonly {family: Family; read: object; relay: object; own: object}[] = [
  {
    family: 'mariadb',
    read: {file: 'binlog.000001', position: 478},
    relay: {file: 'relay.000002', position: 774},
    own: {retrievedGtid: '0-1-1', usingMariadbGtid: true, usingOracleGtid: false, sourceUuid: '', usesTls: false, heartbeatPeriod: 1},
  },
  {
    family: 'mysql9',
    read: {file: 'binlog.000001', position: 358},
    relay: {file: 'relay.000002', position: 569},
    own: {retrievedGtid: `${UUID}:1`, usingMariadbGtid: false, usingOracleGtid: true, sourceUuid: UUID, usesTls: true},
  },
  {
    family: 'mysql56',
    read: {file: 'binlog.000001', position: 308},
    relay: {file: 'relay.000002', position: 512},
    own: {retrievedGtid: `${UUID}:1`, usingMariadbGtid: false, usingOracleGtid: true, sourceUuid: UUID, usesTls: false},
  },
];

describe.each(families)('rows of a real $family', ({family, read, relay, own}) => {
  const parse = (name: string) => recordedFlavor(family).parseReplicaStatus(recording(family)[name]!);

  test('a source is no replica', () => {
    expect(parse('source')).toEqual({replication: null, otherChannels: []});
  });

  test('a replica', () => {
    expect(parse('replica').replication).toMatchObject({...healthy, read, executed: read, relay, ...own});
  });

  test('an applier that failed on a duplicate key', () => {
    const {replication} = parse('failing');
    expect(replication?.applier).toMatchObject({state: 'stopped', errno: 1062, error: expect.stringMatching(/1062|Coordinator/)});
    expect(replication?.receiver).toEqual({state: 'running', errno: 0, error: ''});
    expect(replication?.read).not.toEqual(replication?.executed);
    expect(replication?.secondsBehind).toBeNull();
  });

  test('a receiver whose source is dead', () => {
    expect(parse('connecting').replication?.receiver).toMatchObject({state: 'other', errno: 2003});
  });

  test('the position of its binary log', () => {
    expect(parseBinlogStatus(recording(family)['binlog']!)).toEqual(read);
    expect(parseBinlogStatus([])).toBeNull();
  });

  test.each(
    Object.keys(recording(family)['replica']![0]!).filter((name) => /_Host|_UUID|Using_Gtid|_SQL_Running$|Retrieved|Gtid_IO/.test(name)),
  )('without %s it is an error that names the column', (name) => {
    const {[name]: _, ...rest} = recording(family)['replica']![0]!;
    expect(() => recordedFlavor(family).parseReplicaStatus([rest])).toThrow(
      expect.toSatisfy((error: unknown) => isCode(error, 'SERVER_UNKNOWN') && error.message.includes(name)),
    );
  });
});

describe.each(['mariadb', 'mysql9'] as const)('several channels of a real %s', (family) => {
  const rows = recording(family)['channels']!;
  const column = family === 'mariadb' ? 'Connection_name' : 'Channel_Name';
  const parse = (given: readonly Row[]) => recordedFlavor(family).parseReplicaStatus(given);

  test.each([
    {rows: 'as they come', given: rows},
    {rows: 'the other way round', given: rows.toReversed()},
  ])('$rows: the default one is managed, the other is named', ({given}) => {
    expect(parse(given)).toMatchObject({replication: {source: {port: 3301}}, otherChannels: ['other']});
  });

  test('only a named one: nothing is managed, and it is still named', () => {
    expect(parse(rows.filter((row) => row[column] === 'other'))).toEqual({replication: null, otherChannels: ['other']});
  });

  test('the channels of group replication are no sources', () => {
    const group = ['group_replication_applier', 'group_replication_recovery'].map((name) => ({...rows[0]!, [column]: name}));
    expect(parse(group)).toEqual({replication: null, otherChannels: []});
  });
});

/** MySQL 5.7 to 8.0.25 cannot be had here: the rows of 9.7 with the words of then, which is all that differs in what is read. */
test.each(['5.7.44', '8.0.21', '8.0.25'])('%s has the old words and channels', (version) => {
  const old = (row: Row): Row =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name.replaceAll('Source', 'Master').replace(/Replica(?!te)/g, 'Slave'), value]),
    );
  const parsed = flavor(version).parseReplicaStatus(recording('mysql9')['channels']!.map(old));
  expect(parsed).toMatchObject({replication: {...healthy, sourceUuid: UUID}, otherChannels: ['other']});
});

describe('single columns', () => {
  const row = recording('mysql56')['replica']![0]!;
  const parse = (changed: Row) => flavor('5.6.24').parseReplicaStatus([{...row, ...changed}]).replication;

  test.each([
    {what: 'detached', changed: {Master_Host: '//db1'}, source: null},
    {what: 'pointed at nobody', changed: {Master_Host: '_'}, source: null},
    {what: 'never pointed', changed: {Master_Host: ''}, source: null},
    {what: 'of a host by name', changed: {Master_Host: 'db1'}, source: {host: 'db1', port: 3301}},
  ])('$what', ({changed, source}) => {
    expect(parse(changed)).toMatchObject({source, sourceHostAsWritten: changed.Master_Host});
  });

  test.each([
    {said: 'Yes', state: 'running'},
    {said: 'No', state: 'stopped'},
    {said: 'Connecting', state: 'other'},
    {said: 'Preparing', state: 'other'},
  ])('a receiver that says $said is $state', ({said, state}) => {
    expect(parse({Slave_IO_Running: said})?.receiver.state).toBe(state);
  });

  test.each([
    {said: null, secondsBehind: null},
    {said: -1, secondsBehind: 0},
    {said: 7, secondsBehind: 7},
  ])('Seconds_Behind $said reads as $secondsBehind', ({said, secondsBehind}) => {
    expect(parse({Seconds_Behind_Master: said})).toMatchObject({secondsBehind, lag: secondsBehind});
  });

  test.each(['Replicate_Do_DB', 'Replicate_Wild_Ignore_Table', 'Replicate_Ignore_Server_Ids'])('%s is a filter', (name) => {
    expect(parse({[name]: 'x'})?.hasFilters).toBe(true);
  });

  test('a set over several lines becomes one', () => {
    expect(parse({Retrieved_Gtid_Set: 'a:1-3,\nb:1'})?.retrievedGtid).toBe('a:1-3,b:1');
  });

  test('a delay, credentials that are missing, and positions that are none', () => {
    expect(parse({SQL_Delay: 3600, Master_User: '', Master_Log_File: ''})).toMatchObject({delay: 3600, hasCredentials: false, read: null});
  });
});
