import {parseMariadbGtids} from '../../model/mariadb-gtid.ts';
import type {Statement} from '../flavor.ts';
import {followFrom, renameSource, type ChangeDialect} from '../point-at.ts';
import {say} from '../statement.ts';
import {COMMON_WORDS, events} from './common.ts';
import type {CommandWords} from './words.ts';

export function mariadbCommands(change: ChangeDialect): CommandWords {
  return {
    ...COMMON_WORDS,
    renameSource: (host, at) => renameSource(host, at, change),
    followByGtid: say('CHANGE MASTER TO MASTER_USE_GTID = slave_pos'),
    followByPosition: (at) => followFrom(at, change),
    setDelay: (delay) => say('CHANGE MASTER TO MASTER_DELAY = ?', delay),
    delaysWhileReceiving: false,
    resetBinlog: say('RESET MASTER'),
    showHistory: say('SELECT @@global.gtid_binlog_state AS history'),
    setHistory: (gtids) => say('SET GLOBAL gtid_binlog_state = ?', gtids),
    emptyTransactions,
    skipNext: say('SET GLOBAL sql_slave_skip_counter = 1'),
    showFailedTransactions: null,
    showApplierOrder: null,
    waitForPosition: (at, timeout) => say('SELECT MASTER_POS_WAIT(?, ?, ?) AS waited', at.file, at.position, Math.max(timeout, 0.001)),
    showRelayEvents: (part) => events('RELAYLOG', part),
  };
}

/** A commit of nothing is not written to its log; flushing the cache of host names is, and does no harm anywhere. */
function emptyTransactions(gtids: readonly string[]): readonly Statement[] {
  const each = gtids
    .flatMap(parseMariadbGtids)
    .flatMap(({domain, server, sequence}) => [
      say('SET SESSION gtid_domain_id = ?', domain),
      say('SET SESSION server_id = ?', server),
      say('SET SESSION gtid_seq_no = ?', sequence),
      say('FLUSH HOSTS'),
    ]);
  return [...each, say('SET SESSION gtid_domain_id = DEFAULT'), say('SET SESSION server_id = DEFAULT')];
}
