import type {SemiSync} from '../model/instance.ts';
import type {Seconds} from '../model/units.ts';
import type {Statement} from './flavor.ts';
import {setSemiSyncValue} from './semi-sync.ts';
import {showPrivilegedSessions} from './sessions.ts';
import {say} from './statement.ts';

/**
 * Keeps everybody from writing, whatever they may do, until `unlockWrites` or the end of the session: for servers without
 * super_read_only. Waits for statements that are running, at most for what `limitLockWait` says, and makes others wait meanwhile.
 */
export const lockWrites: Statement = say('FLUSH TABLES WITH READ LOCK');
export const unlockWrites: Statement = say('UNLOCK TABLES');

/** How long statements of this session wait for locks of tables and of the whole server. */
export function limitLockWait(limit: Seconds): Statement {
  return say('SET SESSION lock_wait_timeout = ?', Math.max(1, limit));
}

/** Sent by client sessions other than ours: columns `id`, `user`, `host`, `lasting` in seconds, `what`. */
const NOT_OURS = `p.id <> CONNECTION_ID() AND p.command NOT LIKE 'Binlog Dump%'
      AND p.user NOT IN ('system user', 'event_scheduler', 'unauthenticated user')`;

/**
 * Statements that have run for longer than this, and transactions that have lasted longer and have changed or locked something: they
 * keep the server from being closed, or lose their work when it is. Mere readers in a transaction do neither.
 */
export function showBusySessions(limit: Seconds): Statement {
  return say(
    `SELECT p.id AS id, p.user AS user, p.host AS host, p.time AS lasting FROM information_schema.processlist p
      WHERE ${NOT_OURS} AND p.command NOT IN ('Sleep', 'Daemon', 'Connect', 'Slave_SQL', 'Slave_IO') AND p.time > ?
    UNION
    SELECT p.id, p.user, p.host, TIMESTAMPDIFF(SECOND, t.trx_started, NOW())
      FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
      WHERE ${NOT_OURS} AND t.trx_rows_modified + t.trx_rows_locked > 0 AND TIMESTAMPDIFF(SECOND, t.trx_started, NOW()) > ?`,
    limit,
    limit,
  );
}

/**
 * Client sessions of accounts that may write under read_only, but for those of our own account, which only look: columns `id`, `user`,
 * `host`, and `state`, which says so when a session waits for a lock.
 */
export const showPrivilegedClients: Statement = say(
  `SELECT s.id AS id, s.user AS user, s.host AS host, p.state AS state
    FROM (${showPrivilegedSessions.text}) s JOIN information_schema.processlist p ON p.id = s.id
    WHERE s.user <> SUBSTRING_INDEX(USER(), '@', 1)`,
);

/** All that a server has in its binary log: column `position`. */
export function selectWritten(gtid: 'uuid-set' | 'domain-list' | 'none'): Statement {
  return say(`SELECT ${gtid === 'domain-list' ? '@@global.gtid_binlog_pos' : '@@global.gtid_executed'} AS position`);
}

/** Every transaction that a server has logged, whoever wrote it: column `state`. */
export const selectBinlogState: Statement = say('SELECT @@global.gtid_binlog_state AS state');

/** Statements that give a source's role of semi-sync the settings of another server, one for each that differs; not the switch itself. */
export function carrySemiSync(from: SemiSync, to: SemiSync): readonly Statement[] {
  const words = to.words?.source ?? 'old';
  return [
    ...(from.sourceTimeout === to.sourceTimeout ? [] : [setSemiSyncValue(words, 'timeout', from.sourceTimeout)]),
    ...(from.waitPoint === to.waitPoint || from.waitPoint === '' ? [] : [setSemiSyncValue(words, 'wait_point', from.waitPoint)]),
    ...(from.sourceWaitCount === to.sourceWaitCount ? [] : [setSemiSyncValue(words, 'waitCount', from.sourceWaitCount)]),
    ...(from.waitNoReplica === to.waitNoReplica || from.waitNoReplica === null
      ? []
      : [setSemiSyncValue(words, 'waitNoReplica', from.waitNoReplica ? 1 : 0)]),
  ];
}
