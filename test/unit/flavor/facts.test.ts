import {describe, expect, test} from 'vitest';
import {isCode} from '../../../src/lib/errors/errors.ts';
import {isOn} from '../../../src/lib/flavor/rows.ts';
import {parseSemiSync, selectVariables, semiSyncVariablesOf} from '../../../src/lib/flavor/semi-sync.ts';
import {flavor, recordedFlavor, recording, type Family} from './recordings.ts';

describe.each<{family: Family; expected: object}>([
  {
    family: 'mariadb',
    expected: {
      serverUuid: '',
      superReadOnly: null,
      gtid: {mode: '', supported: false, currentPos: '0-1-1', binlogState: '0-1-1', strict: true},
    },
  },
  {
    family: 'mysql9',
    expected: {
      superReadOnly: true,
      gtid: {mode: 'ON', supported: true, executed: '00000001-aaaa-bbbb-cccc-dddddddddddd:1', currentPos: ''},
    },
  },
  {
    family: 'mysql56',
    expected: {superReadOnly: null, gtid: {mode: 'ON', supported: true, executed: '00000001-aaaa-bbbb-cccc-dddddddddddd:1'}},
  },
])('facts of a real $family', ({family, expected}) => {
  test('are read', () => {
    expect(recordedFlavor(family).parseFacts(recording(family)['facts']!)).toMatchObject({
      serverId: 2,
      reportHost: '127.0.0.1',
      readOnly: true,
      relayLogRecovery: false,
      binlog: {enabled: true, logsReplicaUpdates: true, format: 'ROW', rowImage: 'FULL'},
      ...expected,
    });
  });

  test('without a variable it is an error that names it', () => {
    const {server_id: _, ...rest} = recording(family)['facts']![0]!;
    expect(() => recordedFlavor(family).parseFacts([rest])).toThrow(
      expect.toSatisfy((error: unknown) => isCode(error, 'SERVER_UNKNOWN') && error.message.includes('server_id')),
    );
  });
});

/** Asked for by a name it does not have, a server answers 1193 and nothing else. */
test.each([
  {version: '5.6.24', has: ['log_slave_updates', 'slave_net_timeout'], hasNot: ['super_read_only', 'log_replica_updates']},
  {version: '8.0.25', has: ['log_slave_updates', 'super_read_only'], hasNot: ['replica_net_timeout']},
  {version: '9.7.4', has: ['log_replica_updates', 'replica_net_timeout', 'super_read_only'], hasNot: ['log_slave_updates']},
  {version: '10.1.5-MariaDB', has: ['gtid_slave_pos', 'log_slave_updates'], hasNot: ['server_uuid', 'gtid_executed', 'binlog_row_image']},
  {version: '10.11.18-MariaDB', has: ['binlog_row_image', 'gtid_binlog_state'], hasNot: ['super_read_only', 'gtid_mode']},
])('variables of $version', ({version, has, hasNot}) => {
  const asked = flavor(version).showFacts.text;
  for (const name of has) expect(asked).toMatch(new RegExp(`@@global\\.${name}\\b`));
  for (const name of hasNot) expect(asked).not.toMatch(new RegExp(`@@global\\.${name}\\b`));
});

describe('semi-sync', () => {
  const rows = (values: Record<string, string>) => Object.entries(values).map(([Variable_name, Value]) => ({Variable_name, Value}));
  const NEW = {
    rpl_semi_sync_replica_enabled: 'ON',
    rpl_semi_sync_replica_trace_level: '32',
    rpl_semi_sync_source_enabled: 'ON',
    rpl_semi_sync_source_timeout: '10000',
    rpl_semi_sync_source_wait_for_replica_count: '2',
    rpl_semi_sync_source_wait_no_replica: 'OFF',
    rpl_semi_sync_source_wait_point: 'AFTER_SYNC',
  };
  const MARIADB = {
    rpl_semi_sync_master_enabled: 'ON',
    rpl_semi_sync_master_timeout: '10000',
    rpl_semi_sync_master_wait_no_slave: 'ON',
    rpl_semi_sync_master_wait_point: 'AFTER_COMMIT',
    rpl_semi_sync_slave_enabled: 'OFF',
  };

  test('only the variables a server has are asked for by name', () => {
    expect(semiSyncVariablesOf(rows(MARIADB)).toSorted()).toEqual(Object.keys(MARIADB).toSorted());
    expect(semiSyncVariablesOf(rows(NEW))).not.toContain('rpl_semi_sync_replica_trace_level');
    expect(selectVariables(['a', 'b']).text).toBe('SELECT @@global.a AS a, @@global.b AS b');
  });

  test.each([
    {
      what: 'new names',
      variables: NEW,
      status: {rpl_semi_sync_source_status: 'ON', rpl_semi_sync_source_clients: '2', rpl_semi_sync_replica_status: 'OFF'},
      expected: {
        available: true,
        sourceEnabled: true,
        sourceStatus: true,
        sourceTimeout: 10_000,
        sourceWaitCount: 2,
        sourceClients: 2,
        waitPoint: 'AFTER_SYNC',
        waitNoReplica: false,
        replicaEnabled: true,
        replicaStatus: false,
        words: {source: 'new', replica: 'new'},
      },
    },
    {
      what: 'old names, without a wait count',
      variables: MARIADB,
      status: {rpl_semi_sync_master_status: 'ON', rpl_semi_sync_master_clients: '1'},
      expected: {
        available: true,
        sourceStatus: true,
        sourceWaitCount: 1,
        sourceClients: 1,
        waitNoReplica: true,
        replicaEnabled: false,
        words: {source: 'old', replica: 'old'},
      },
    },
    {
      what: 'an old and a new plugin side by side',
      variables: {rpl_semi_sync_master_enabled: 'OFF', rpl_semi_sync_replica_enabled: 'ON'},
      status: {rpl_semi_sync_replica_status: 'ON'},
      expected: {available: true, replicaEnabled: true, replicaStatus: true, words: {source: 'old', replica: 'new'}},
    },
    {
      what: 'one plugin only',
      variables: {rpl_semi_sync_replica_enabled: 'ON'},
      status: {},
      expected: {available: false, replicaEnabled: true, sourceWaitCount: 0, waitPoint: '', words: {source: 'new', replica: 'new'}},
    },
    {
      what: 'no plugin',
      variables: {},
      status: {},
      expected: {available: false, sourceEnabled: false, replicaEnabled: false, waitNoReplica: null},
    },
  ])('$what', ({variables, status, expected}) => {
    expect(parseSemiSync(new Map(Object.entries(variables)), new Map(Object.entries(status)), 3)).toMatchObject({...expected, priority: 3});
  });
});

test.each([
  {value: 1, on: true},
  {value: 'ON', on: true},
  {value: 'YES', on: true},
  {value: 'NO_LOCK_NO_ADMIN', on: true},
  {value: 0, on: false},
  {value: 'OFF', on: false},
  {value: '', on: false},
  {value: null, on: false},
])('$value is on: $on', ({value, on}) => {
  expect(isOn(value)).toBe(on);
});
