import {describe, expect, test} from 'vitest';
import {isCode} from '../../../src/lib/errors/errors.ts';
import type {PointAt} from '../../../src/lib/flavor/flavor.ts';
import {say, withComment} from '../../../src/lib/flavor/statement.ts';
import {flavor} from './recordings.ts';

const MARIADB = '10.11.18-MariaDB-log';

test.each([
  {version: '5.6.24-log', comment: 'MySQL Community Server (GPL)', name: 'MySQL', words: 'old', gtid: 'uuid-set'},
  {version: '5.7.44', comment: '', name: 'MySQL', words: 'old', gtid: 'uuid-set'},
  {version: '8.0.22', comment: '', name: 'MySQL', words: 'old', gtid: 'uuid-set'},
  {version: '8.0.26', comment: '', name: 'MySQL', words: 'new', gtid: 'uuid-set'},
  {version: '9.7.4-2', comment: '(Debian)', name: 'MySQL', words: 'new', gtid: 'uuid-set'},
  {version: '8.0.36-28', comment: 'Percona Server (GPL), Release 28', name: 'Percona', words: 'new', gtid: 'uuid-set'},
  {version: '5.5.5-10.11.18-MariaDB-0+deb12u1-log', comment: '', name: 'MariaDB', words: 'old', gtid: 'domain-list'},
  {version: '11.8.6-MariaDB', comment: '', name: 'MariaDB', words: 'old', gtid: 'domain-list'},
  {version: '2.2.21-maxscale', comment: '', name: 'MaxScale', words: 'old', gtid: 'none'},
  {version: 'what?', comment: '', name: 'unknown', words: 'old', gtid: 'uuid-set'},
])('$version $comment is $name', ({version, comment, ...expected}) => {
  expect(flavor(version, comment)).toMatchObject(expected);
});

/** Which statement belongs to which version; everything the server would answer with 1064 is in one of these cells. */
test.each([
  {
    version: '5.6.24',
    status: 'SHOW SLAVE STATUS',
    binlog: 'SHOW MASTER STATUS',
    replicas: 'SHOW SLAVE HOSTS',
    start: 'START SLAVE',
    forget: 'RESET SLAVE ALL',
  },
  {
    version: '5.7.44',
    status: 'SHOW SLAVE STATUS',
    binlog: 'SHOW MASTER STATUS',
    replicas: 'SHOW SLAVE HOSTS',
    start: "START SLAVE FOR CHANNEL ''",
    forget: "RESET SLAVE ALL FOR CHANNEL ''",
  },
  {
    version: '8.0.25',
    status: 'SHOW SLAVE STATUS',
    binlog: 'SHOW MASTER STATUS',
    replicas: 'SHOW SLAVE HOSTS',
    start: "START SLAVE FOR CHANNEL ''",
    forget: "RESET SLAVE ALL FOR CHANNEL ''",
  },
  {
    version: '8.0.26',
    status: 'SHOW REPLICA STATUS',
    binlog: 'SHOW MASTER STATUS',
    replicas: 'SHOW REPLICAS',
    start: "START REPLICA FOR CHANNEL ''",
    forget: "RESET REPLICA ALL FOR CHANNEL ''",
  },
  {
    version: '8.1.0',
    status: 'SHOW REPLICA STATUS',
    binlog: 'SHOW MASTER STATUS',
    replicas: 'SHOW REPLICAS',
    start: "START REPLICA FOR CHANNEL ''",
    forget: "RESET REPLICA ALL FOR CHANNEL ''",
  },
  {
    version: '8.4.3',
    status: 'SHOW REPLICA STATUS',
    binlog: 'SHOW BINARY LOG STATUS',
    replicas: 'SHOW REPLICAS',
    start: "START REPLICA FOR CHANNEL ''",
    forget: "RESET REPLICA ALL FOR CHANNEL ''",
  },
  {
    version: MARIADB,
    status: 'SHOW ALL SLAVES STATUS',
    binlog: 'SHOW MASTER STATUS',
    replicas: 'SHOW SLAVE HOSTS',
    start: 'START SLAVE',
    forget: 'RESET SLAVE ALL',
  },
])('the words of $version', ({version, status, binlog, replicas, start, forget}) => {
  const {showReplicaStatus, showBinlogStatus, showReplicas, startReplication, forgetSource} = flavor(version);
  expect([showReplicaStatus, showBinlogStatus, showReplicas, startReplication, forgetSource].map(({text}) => text)).toEqual([
    status,
    binlog,
    replicas,
    start,
    forget,
  ]);
});

test.each([
  {version: '5.6.24', hasSuperReadOnly: false, repointsWhileApplying: false, dropsRelayLogWhenStopped: false, lastReceivedMayBeHalf: true},
  {version: '5.7.7', hasSuperReadOnly: false, repointsWhileApplying: true, dropsRelayLogWhenStopped: false, lastReceivedMayBeHalf: false},
  {version: '9.7.4', hasSuperReadOnly: true, repointsWhileApplying: true, dropsRelayLogWhenStopped: false, lastReceivedMayBeHalf: false},
  {version: MARIADB, hasSuperReadOnly: false, repointsWhileApplying: false, dropsRelayLogWhenStopped: true, lastReceivedMayBeHalf: false},
])('what $version can', ({version, ...expected}) => {
  expect(flavor(version)).toMatchObject(expected);
});

describe('pointing at a source', () => {
  const source = {host: 'db1', port: 3306};
  const at = {file: 'binlog.000007', position: 4};
  const credentials = {user: 'repl', password: "it's"};

  test.each<{version: string; to: PointAt; text: string; values: readonly unknown[]}>([
    {
      version: '5.6.24',
      to: {source, gtid: true},
      text: 'CHANGE MASTER TO MASTER_HOST = ?, MASTER_PORT = ?, MASTER_AUTO_POSITION = ?',
      values: ['db1', 3306, 1],
    },
    {
      version: '5.7.44',
      to: {source, gtid: false, at},
      text: "CHANGE MASTER TO MASTER_HOST = ?, MASTER_PORT = ?, MASTER_AUTO_POSITION = ?, MASTER_LOG_FILE = ?, MASTER_LOG_POS = ? FOR CHANNEL ''",
      values: ['db1', 3306, 0, 'binlog.000007', 4],
    },
    {
      version: '8.0.25',
      to: {source, gtid: true},
      text: "CHANGE MASTER TO MASTER_HOST = ?, MASTER_PORT = ?, MASTER_AUTO_POSITION = ?, GET_MASTER_PUBLIC_KEY = ? FOR CHANNEL ''",
      values: ['db1', 3306, 1, 1],
    },
    {
      version: '9.7.4',
      to: {source, gtid: true, credentials},
      text: "CHANGE REPLICATION SOURCE TO SOURCE_HOST = ?, SOURCE_PORT = ?, SOURCE_AUTO_POSITION = ?, SOURCE_USER = ?, SOURCE_PASSWORD = ?, GET_SOURCE_PUBLIC_KEY = ?, SOURCE_CONNECT_RETRY = ?, SOURCE_RETRY_COUNT = ? FOR CHANNEL ''",
      values: ['db1', 3306, 1, 'repl', "it's", 1, 1, 86_400],
    },
    {
      version: '9.7.4',
      to: {source, gtid: true, tls: true, retry: {every: 5, attempts: 3}},
      text: "CHANGE REPLICATION SOURCE TO SOURCE_HOST = ?, SOURCE_PORT = ?, SOURCE_AUTO_POSITION = ?, SOURCE_SSL = ?, SOURCE_CONNECT_RETRY = ?, SOURCE_RETRY_COUNT = ? FOR CHANNEL ''",
      values: ['db1', 3306, 1, 1, 5, 3],
    },
    {
      version: MARIADB,
      to: {source, gtid: true},
      text: 'CHANGE MASTER TO MASTER_HOST = ?, MASTER_PORT = ?, MASTER_USE_GTID = slave_pos',
      values: ['db1', 3306],
    },
    {
      version: MARIADB,
      to: {source, gtid: false, at},
      text: 'CHANGE MASTER TO MASTER_HOST = ?, MASTER_PORT = ?, MASTER_USE_GTID = no, MASTER_LOG_FILE = ?, MASTER_LOG_POS = ?',
      values: ['db1', 3306, 'binlog.000007', 4],
    },
    {
      version: MARIADB,
      to: {source, gtid: true, formerSource: true},
      text: 'CHANGE MASTER TO MASTER_HOST = ?, MASTER_PORT = ?, MASTER_USE_GTID = slave_pos, MASTER_DEMOTE_TO_SLAVE = ?, MASTER_CONNECT_RETRY = ?',
      values: ['db1', 3306, 1, 1],
    },
    {
      version: '10.5.23-MariaDB',
      to: {source, gtid: true, formerSource: true},
      text: 'CHANGE MASTER TO MASTER_HOST = ?, MASTER_PORT = ?, MASTER_USE_GTID = current_pos, MASTER_CONNECT_RETRY = ?',
      values: ['db1', 3306, 1],
    },
  ])('$version: $text', ({version, to, text, values}) => {
    expect(flavor(version).pointAt(to)).toMatchObject({text, values});
  });

  test('a password is known to be a secret', () => {
    expect(flavor('9.7.4').pointAt({source, gtid: true, credentials}).secrets).toEqual(["it's"]);
  });

  test('without GTID a position is needed', () => {
    expect(() => flavor('9.7.4').pointAt({source, gtid: false})).toThrow(expect.toSatisfy((error) => isCode(error, 'INPUT_INVALID')));
  });

  test('the receiver alone: host and port, since GTID mode cannot change while the applier runs', () => {
    expect(flavor('9.7.4').pointReceiverAt(source)).toEqual(
      say("CHANGE REPLICATION SOURCE TO SOURCE_HOST = ?, SOURCE_PORT = ? FOR CHANNEL ''", 'db1', 3306),
    );
  });

  test.each(['5.6.24', MARIADB])('%s cannot point the receiver alone', (version) => {
    expect(() => flavor(version).pointReceiverAt(source)).toThrow(expect.toSatisfy((error) => isCode(error, 'NOT_SUPPORTED')));
  });
});

describe('waiting for transactions', () => {
  test.each([
    {version: '5.6.24', timeout: 0.2, text: 'SELECT WAIT_UNTIL_SQL_THREAD_AFTER_GTIDS(?, ?) AS waited', values: ['a:1', 1]},
    {version: '5.7.4', timeout: 3, text: 'SELECT WAIT_UNTIL_SQL_THREAD_AFTER_GTIDS(?, ?) AS waited', values: ['a:1', 3]},
    {version: '5.7.5', timeout: 0, text: 'SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?) AS waited', values: ['a:1', 0.001]},
    {version: MARIADB, timeout: 0.5, text: 'SELECT MASTER_GTID_WAIT(?, ?) AS waited', values: ['a:1', 0.5]},
  ])('$version', ({version, timeout, text, values}) => {
    expect(flavor(version).waitForGtid('a:1', timeout)).toEqual({text, values});
  });

  test.each([
    {version: '5.6.24', waited: 0, reached: true},
    {version: '5.6.24', waited: 2, reached: true},
    {version: '5.6.24', waited: -1, reached: false},
    {version: '9.7.4', waited: 0, reached: true},
    {version: '9.7.4', waited: 1, reached: false},
    {version: '9.7.4', waited: null, reached: false},
    {version: MARIADB, waited: 0, reached: true},
    {version: MARIADB, waited: -1, reached: false},
    {version: MARIADB, waited: null, reached: false},
  ])('$version answering $waited: $reached', ({version, waited, reached}) => {
    expect(flavor(version).waited([{waited}])).toBe(reached);
  });

  test('5.6 cannot wait for an applier that does not run', () => {
    expect(() => flavor('5.6.24').waited([{waited: null}])).toThrow(expect.toSatisfy((error) => isCode(error, 'REPLICATION_BROKEN')));
  });
});

describe('read_only', () => {
  test.each([
    {version: '9.7.4', on: true, superToo: true, said: 'SET GLOBAL super_read_only = 1', values: []},
    {version: '9.7.4', on: true, superToo: false, said: 'SET GLOBAL read_only = ?', values: [1]},
    {version: '9.7.4', on: false, superToo: true, said: 'SET GLOBAL read_only = ?', values: [0]},
    {version: '5.6.24', on: true, superToo: true, said: 'SET GLOBAL read_only = ?', values: [1]},
    {version: MARIADB, on: true, superToo: true, said: 'SET GLOBAL read_only = ?', values: [1]},
  ])('$version on=$on super=$superToo: one statement, never a half', ({version, on, superToo, said, values}) => {
    expect(flavor(version).setReadOnly(on, superToo)).toEqual([{text: said, values}]);
  });
});

describe('semi-sync', () => {
  test.each([
    {version: '8.0.25', known: undefined, source: 'rpl_semi_sync_master_enabled', replica: 'rpl_semi_sync_slave_enabled'},
    {version: '9.7.4', known: undefined, source: 'rpl_semi_sync_source_enabled', replica: 'rpl_semi_sync_replica_enabled'},
    {
      version: '8.0.33',
      known: {words: {source: 'old', replica: 'new'}} as const,
      source: 'rpl_semi_sync_master_enabled',
      replica: 'rpl_semi_sync_replica_enabled',
    },
    {version: MARIADB, known: undefined, source: 'rpl_semi_sync_master_enabled', replica: 'rpl_semi_sync_slave_enabled'},
  ])('$version with $known', ({version, known, source, replica}) => {
    const {setSemiSync} = flavor(version);
    expect(setSemiSync('source', true, known)).toEqual(say(`SET GLOBAL ${source} = ?`, 1));
    expect(setSemiSync('replica', false, known)).toEqual(say(`SET GLOBAL ${replica} = ?`, 0));
  });
});

test.each([
  {comment: 'orchestrator 7 of db1', text: '/* orchestrator 7 of db1 */ SELECT ?'},
  {comment: 'a */ DROP TABLE t; /* b', text: '/* a  DROP TABLE t;  b */ SELECT ?'},
  {comment: '!80000 is this ?', text: '/* 80000 is this  */ SELECT ?'},
])('a comment cannot end itself, nor take a value: $comment', ({comment, text}) => {
  expect(withComment(say('SELECT ?', 1), comment)).toEqual({text, values: [1]});
});
