import type {Account} from './client.ts';

export type Flavor = 'mariadb' | 'mysql9' | 'mysql56';

/** Where a replica reads from. `at` is given when GTIDs are not used. */
export interface Pointing {
  readonly port: number;
  /** '' is the default channel. */
  readonly channel: string;
  readonly account: Account;
  /** Seconds between heartbeats of an idle source; 0 sends none. */
  readonly heartbeat: number;
  readonly at: {readonly file: string; readonly position: number} | 'gtid';
}

/** The statements of one server family, written apart from the product's so that each can prove the other wrong. */
export interface Words {
  point(to: Pointing): string;
  start(channel: string): string;
  stop(channel: string): string;
  readonly stopAll: readonly string[];
  /** Forgets one source; threads stopped. */
  forget(channel: string): string;
  readonly showReplicas: string;
  readonly showBinlog: string;
  /** Empties binary logs and GTID sets. */
  readonly resetBinlog: readonly string[];
  readonly gtidOfSource: string;
  /** One placeholder for the set and one for seconds. */
  readonly waitForGtid: string;
  /** Placeholders: file, position, seconds, and the channel where there are channels. */
  readonly waitForPosition: string;
  /** Columns and statements say `Source` or `Master`. */
  readonly columns: 'Source' | 'Master';
  /** How to switch one side on: the plugin if it is not built in, the variable, and the option that does it at a start. */
  semiSync(role: 'source' | 'replica'): {readonly install?: string; readonly set: string; readonly configured: string};
  /** Undoes `install`; error 1305 when there is nothing to undo. */
  readonly uninstallSemiSync: readonly string[];
  readOnly(on: boolean): readonly string[];
  readonly configuredReadOnly: readonly string[];
}

function settings(prefix: 'SOURCE' | 'MASTER', to: Pointing): string[] {
  const {user, password} = to.account;
  return [
    `${prefix}_HOST='127.0.0.1'`,
    `${prefix}_PORT=${to.port}`,
    `${prefix}_USER='${user}'`,
    `${prefix}_PASSWORD='${password}'`,
    `${prefix}_CONNECT_RETRY=1`,
    `${prefix}_HEARTBEAT_PERIOD=${to.heartbeat}`,
    ...(to.at === 'gtid' ? [] : [`${prefix}_LOG_FILE='${to.at.file}'`, `${prefix}_LOG_POS=${to.at.position}`]),
  ];
}

const mariadb: Words = {
  point: (to) =>
    `CHANGE MASTER ${named(to.channel)}TO ${[...settings('MASTER', to), `MASTER_USE_GTID=${to.at === 'gtid' ? 'slave_pos' : 'no'}`].join(', ')}`,
  start: (channel) => `START SLAVE ${named(channel)}`,
  stop: (channel) => `STOP SLAVE ${named(channel)}`,
  stopAll: ['STOP ALL SLAVES'],
  forget: (channel) => `RESET SLAVE ${named(channel)}ALL`,
  showReplicas: 'SHOW ALL SLAVES STATUS',
  showBinlog: 'SHOW MASTER STATUS',
  // RESET MASTER waits until InnoDB has flushed, by itself once a second; the flush of a table's creation spares that wait.
  resetBinlog: [
    'SET GLOBAL innodb_flush_log_at_trx_commit=1',
    'CREATE TABLE test.flush (i INT) ENGINE=InnoDB',
    'DROP TABLE test.flush',
    'SET GLOBAL innodb_flush_log_at_trx_commit=2',
    'RESET MASTER',
    "SET GLOBAL gtid_slave_pos=''",
  ],
  gtidOfSource: 'SELECT @@gtid_binlog_pos',
  waitForGtid: 'SELECT MASTER_GTID_WAIT(?, ?)',
  waitForPosition: 'SELECT MASTER_POS_WAIT(?, ?, ?, ?)',
  columns: 'Master',
  semiSync: (role) => {
    const side = role === 'source' ? 'master' : 'slave';
    return {set: `SET GLOBAL rpl_semi_sync_${side}_enabled=ON`, configured: `--rpl-semi-sync-${side}-enabled=ON`};
  },
  uninstallSemiSync: [],
  readOnly: (on) => [`SET GLOBAL read_only=${on ? 'ON' : 'OFF'}`],
  configuredReadOnly: ['--read-only=ON'],
};

function named(channel: string): string {
  return channel === '' ? '' : `'${channel}' `;
}

const mysql9: Words = {
  point: (to) =>
    `CHANGE REPLICATION SOURCE TO ${[
      ...settings('SOURCE', to),
      'SOURCE_RETRY_COUNT=86400',
      'GET_SOURCE_PUBLIC_KEY=1',
      `SOURCE_AUTO_POSITION=${to.at === 'gtid' ? 1 : 0}`,
    ].join(', ')} ${forChannel(to.channel)}`,
  start: (channel) => `START REPLICA ${forChannel(channel)}`,
  stop: (channel) => `STOP REPLICA ${forChannel(channel)}`,
  stopAll: ['STOP REPLICA'],
  forget: (channel) => `RESET REPLICA ALL ${forChannel(channel)}`,
  showReplicas: 'SHOW REPLICA STATUS',
  showBinlog: 'SHOW BINARY LOG STATUS',
  resetBinlog: ['RESET BINARY LOGS AND GTIDS'],
  gtidOfSource: 'SELECT @@global.gtid_executed',
  waitForGtid: 'SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?)',
  waitForPosition: 'SELECT SOURCE_POS_WAIT(?, ?, ?, ?)',
  columns: 'Source',
  semiSync: (role) => ({
    install: `INSTALL PLUGIN rpl_semi_sync_${role} SONAME 'semisync_${role}.so'`,
    set: `SET GLOBAL rpl_semi_sync_${role}_enabled=ON`,
    configured: `--loose-rpl-semi-sync-${role}-enabled=ON`,
  }),
  uninstallSemiSync: ['UNINSTALL PLUGIN rpl_semi_sync_source', 'UNINSTALL PLUGIN rpl_semi_sync_replica'],
  readOnly: (on) => (on ? ['SET GLOBAL super_read_only=ON'] : ['SET GLOBAL super_read_only=OFF', 'SET GLOBAL read_only=OFF']),
  configuredReadOnly: ['--super-read-only=ON'],
};

function forChannel(channel: string): string {
  return `FOR CHANNEL '${channel}'`;
}

const mysql56: Words = {
  ...mariadb,
  point: (to) =>
    `CHANGE MASTER TO ${[...settings('MASTER', to), 'MASTER_RETRY_COUNT=86400', `MASTER_AUTO_POSITION=${to.at === 'gtid' ? 1 : 0}`].join(', ')}`,
  start: () => 'START SLAVE',
  stop: () => 'STOP SLAVE',
  stopAll: ['STOP SLAVE'],
  forget: () => 'RESET SLAVE ALL',
  showReplicas: 'SHOW SLAVE STATUS',
  resetBinlog: ['RESET MASTER'],
  gtidOfSource: 'SELECT @@global.gtid_executed',
  waitForGtid: 'SELECT WAIT_UNTIL_SQL_THREAD_AFTER_GTIDS(?, ?)',
  waitForPosition: 'SELECT MASTER_POS_WAIT(?, ?, ?)',
  semiSync: () => {
    throw new Error('This build of MySQL 5.6 comes without semi-sync; use mariadb or mysql9.');
  },
};

export const WORDS: Readonly<Record<Flavor, Words>> = {mariadb, mysql9, mysql56};
