import {describe, expect, test} from 'vitest';
import {positionReached} from '../../../src/lib/flavor/commands/words.ts';
import {flavorOf} from '../../../src/lib/flavor/flavors.ts';

const MARIADB = '10.11.18-MariaDB';
const words = (version: string) => flavorOf({version, versionComment: ''}).commands;
const at = {file: 'bin.000007', position: 4};

describe.each([
  {
    version: '5.6.51',
    renamed: ['CHANGE MASTER TO MASTER_HOST = ?, MASTER_LOG_FILE = ?, MASTER_LOG_POS = ?', '//db1', 'bin.000007', 4],
    byGtid: 'CHANGE MASTER TO MASTER_AUTO_POSITION = 1',
    byPosition: ['CHANGE MASTER TO MASTER_AUTO_POSITION = ?, MASTER_LOG_FILE = ?, MASTER_LOG_POS = ?', 0, 'bin.000007', 4],
    delay: 'CHANGE MASTER TO MASTER_DELAY = ?',
    reset: 'RESET MASTER',
    history: 'SET GLOBAL gtid_purged = ?',
    skip: 'SET GLOBAL sql_slave_skip_counter = 1',
    wait: ['SELECT MASTER_POS_WAIT(?, ?, ?) AS waited', 'bin.000007', 4, 1],
    relay: 'SHOW RELAYLOG EVENTS IN ? FROM ? LIMIT ?',
    delaysWhileReceiving: false,
  },
  {
    version: '8.0.25',
    renamed: ["CHANGE MASTER TO MASTER_HOST = ?, MASTER_LOG_FILE = ?, MASTER_LOG_POS = ? FOR CHANNEL ''", '//db1', 'bin.000007', 4],
    byGtid: "CHANGE MASTER TO MASTER_AUTO_POSITION = 1 FOR CHANNEL ''",
    byPosition: ["CHANGE MASTER TO MASTER_AUTO_POSITION = ?, MASTER_LOG_FILE = ?, MASTER_LOG_POS = ? FOR CHANNEL ''", 0, 'bin.000007', 4],
    delay: "CHANGE MASTER TO MASTER_DELAY = ? FOR CHANNEL ''",
    reset: 'RESET MASTER',
    history: 'SET GLOBAL gtid_purged = ?',
    skip: 'SET GLOBAL sql_slave_skip_counter = 1',
    wait: ["SELECT MASTER_POS_WAIT(?, ?, ?, '') AS waited", 'bin.000007', 4, 1],
    relay: "SHOW RELAYLOG EVENTS IN ? FROM ? LIMIT ? FOR CHANNEL ''",
    delaysWhileReceiving: true,
  },
  {
    version: '8.0.33',
    renamed: [
      "CHANGE REPLICATION SOURCE TO SOURCE_HOST = ?, SOURCE_LOG_FILE = ?, SOURCE_LOG_POS = ? FOR CHANNEL ''",
      '//db1',
      'bin.000007',
      4,
    ],
    byGtid: "CHANGE REPLICATION SOURCE TO SOURCE_AUTO_POSITION = 1 FOR CHANNEL ''",
    byPosition: [
      "CHANGE REPLICATION SOURCE TO SOURCE_AUTO_POSITION = ?, SOURCE_LOG_FILE = ?, SOURCE_LOG_POS = ? FOR CHANNEL ''",
      0,
      'bin.000007',
      4,
    ],
    delay: "CHANGE REPLICATION SOURCE TO SOURCE_DELAY = ? FOR CHANNEL ''",
    reset: 'RESET MASTER',
    history: 'SET GLOBAL gtid_purged = ?',
    skip: 'SET GLOBAL sql_replica_skip_counter = 1',
    wait: ["SELECT SOURCE_POS_WAIT(?, ?, ?, '') AS waited", 'bin.000007', 4, 1],
    relay: "SHOW RELAYLOG EVENTS IN ? FROM ? LIMIT ? FOR CHANNEL ''",
    delaysWhileReceiving: true,
  },
  {
    version: '9.7.4',
    renamed: [
      "CHANGE REPLICATION SOURCE TO SOURCE_HOST = ?, SOURCE_LOG_FILE = ?, SOURCE_LOG_POS = ? FOR CHANNEL ''",
      '//db1',
      'bin.000007',
      4,
    ],
    byGtid: "CHANGE REPLICATION SOURCE TO SOURCE_AUTO_POSITION = 1 FOR CHANNEL ''",
    byPosition: [
      "CHANGE REPLICATION SOURCE TO SOURCE_AUTO_POSITION = ?, SOURCE_LOG_FILE = ?, SOURCE_LOG_POS = ? FOR CHANNEL ''",
      0,
      'bin.000007',
      4,
    ],
    delay: "CHANGE REPLICATION SOURCE TO SOURCE_DELAY = ? FOR CHANNEL ''",
    reset: 'RESET BINARY LOGS AND GTIDS',
    history: 'SET GLOBAL gtid_purged = ?',
    skip: 'SET GLOBAL sql_replica_skip_counter = 1',
    wait: ["SELECT SOURCE_POS_WAIT(?, ?, ?, '') AS waited", 'bin.000007', 4, 1],
    relay: "SHOW RELAYLOG EVENTS IN ? FROM ? LIMIT ? FOR CHANNEL ''",
    delaysWhileReceiving: true,
  },
  {
    version: MARIADB,
    renamed: ['CHANGE MASTER TO MASTER_HOST = ?, MASTER_LOG_FILE = ?, MASTER_LOG_POS = ?', '//db1', 'bin.000007', 4],
    byGtid: 'CHANGE MASTER TO MASTER_USE_GTID = slave_pos',
    byPosition: ['CHANGE MASTER TO MASTER_USE_GTID = no, MASTER_LOG_FILE = ?, MASTER_LOG_POS = ?', 'bin.000007', 4],
    delay: 'CHANGE MASTER TO MASTER_DELAY = ?',
    reset: 'RESET MASTER',
    history: 'SET GLOBAL gtid_binlog_state = ?',
    skip: 'SET GLOBAL sql_slave_skip_counter = 1',
    wait: ['SELECT MASTER_POS_WAIT(?, ?, ?) AS waited', 'bin.000007', 4, 0.2],
    relay: 'SHOW RELAYLOG EVENTS IN ? FROM ? LIMIT ?',
    delaysWhileReceiving: false,
  },
])('$version', ({version, ...expected}) => {
  const flat = ({text, values}: {text: string; values: readonly unknown[]}) => [text, ...values];
  test('says', () => {
    const said = words(version);
    expect({
      renamed: flat(said.renameSource('//db1', at)),
      byGtid: said.followByGtid.text,
      byPosition: flat(said.followByPosition(at)),
      delay: said.setDelay(5).text,
      reset: said.resetBinlog.text,
      history: said.setHistory('x').text,
      skip: said.skipNext.text,
      wait: flat(said.waitForPosition(at, 0.2)),
      relay: said.showRelayEvents({file: 'relay.000001', from: 4, limit: 10}).text,
      delaysWhileReceiving: said.delaysWhileReceiving,
    }).toEqual(expected);
  });

  test('by GTID another name for the source is all there is to say', () => {
    expect(words(version).renameSource('//db1', null).values).toEqual(['//db1']);
  });

  test('events are asked for from the beginning when no position is given', () => {
    expect(words(version).showBinlogEvents({file: 'bin.000001', limit: 4})).toEqual({
      text: 'SHOW BINLOG EVENTS IN ? LIMIT ?',
      values: ['bin.000001', 4],
    });
  });
});

test.each([
  {waited: 0, reached: true},
  {waited: 17, reached: true},
  {waited: -1, reached: false},
  {waited: null, reached: null},
])('a wait that ends with $waited: $reached', ({waited, reached}) => {
  expect(positionReached([{waited}])).toBe(reached);
});
