import type {Statement} from '../flavor.ts';
import {followFrom, renameSource, type ChangeDialect} from '../point-at.ts';
import {say} from '../statement.ts';
import {COMMON_WORDS, events} from './common.ts';
import type {CommandWords} from './words.ts';

/** What came with which version, of what these statements need. */
export interface CommandAbilities {
  readonly newWords: boolean;
  readonly channels: boolean;
  /** Workers say what they are at, instead of what they saw last (8.0+). */
  readonly applyingTransaction: boolean;
  /** RESET MASTER has a new name, and the old one is gone later (8.2+). */
  readonly binaryLogStatus: boolean;
  readonly repointsWhileApplying: boolean;
}

export function mysqlCommands(able: CommandAbilities, change: ChangeDialect): CommandWords {
  const {prefix, channel} = change;
  const wait = able.newWords ? 'SOURCE_POS_WAIT' : 'MASTER_POS_WAIT';
  return {
    ...COMMON_WORDS,
    renameSource: (host, at) => renameSource(host, at, change),
    followByGtid: say(`${change.change} ${prefix}_AUTO_POSITION = 1${channel}`),
    followByPosition: (at) => followFrom(at, change),
    setDelay: (delay) => say(`${change.change} ${prefix}_DELAY = ?${channel}`, delay),
    delaysWhileReceiving: able.repointsWhileApplying,
    resetBinlog: say(able.binaryLogStatus ? 'RESET BINARY LOGS AND GTIDS' : 'RESET MASTER'),
    showHistory: say('SELECT @@global.gtid_executed AS history'),
    setHistory: (gtids) => say('SET GLOBAL gtid_purged = ?', gtids),
    emptyTransactions,
    skipNext: say(`SET GLOBAL ${able.newWords ? 'sql_replica_skip_counter' : 'sql_slave_skip_counter'} = 1`),
    showFailedTransactions: failedTransactions(able),
    showApplierOrder: applierOrder(able),
    // Whole seconds; 0 would wait for ever.
    waitForPosition: (at, timeout) =>
      say(`SELECT ${wait}(?, ?, ?${able.channels ? ", ''" : ''}) AS waited`, at.file, at.position, Math.max(Math.ceil(timeout), 1)),
    showRelayEvents: (part) => events('RELAYLOG', part, channel),
  };
}

function applierOrder({newWords, channels}: CommandAbilities): Statement {
  const replica = newWords ? 'replica' : 'slave';
  return say(
    `SELECT @@global.${replica}_parallel_workers AS workers, ${channels ? `@@global.${replica}_preserve_commit_order` : 0} AS ordered`,
  );
}

function failedTransactions({channels, applyingTransaction}: CommandAbilities): Statement | null {
  if (!channels) return null;
  const column = applyingTransaction ? 'applying_transaction' : 'last_seen_transaction';
  return say(
    `SELECT ${column} AS gtid FROM performance_schema.replication_applier_status_by_worker WHERE channel_name = '' AND last_error_number <> 0`,
  );
}

function emptyTransactions(gtids: readonly string[]): readonly Statement[] {
  const each = gtids.flatMap((gtid) => [say('SET SESSION gtid_next = ?', gtid), say('BEGIN'), say('COMMIT')]);
  return [...each, say("SET SESSION gtid_next = 'AUTOMATIC'")];
}
