import {OrchestratorError} from '../errors/errors.ts';
import {mariadbCommands} from './commands/mariadb.ts';
import {COMMON, factsParser, mariadbGtid, selectFacts, showDumps} from './facts.ts';
import type {Flavor, Row} from './flavor.ts';
import {changeSource, type ChangeDialect} from './point-at.ts';
import {COLUMNS, replicaStatusParser} from './replica-status.ts';
import {switchSemiSync} from './semi-sync.ts';
import {say} from './statement.ts';
import {atLeast, type Version} from './version.ts';

const VARIABLES = {
  ...COMMON,
  logs_replica_updates: 'log_slave_updates',
  net_timeout: 'slave_net_timeout',
  gtid_current_pos: 'gtid_current_pos',
  gtid_replica_pos: 'gtid_slave_pos',
  gtid_binlog_state: 'gtid_binlog_state',
  gtid_binlog_pos: 'gtid_binlog_pos',
  gtid_strict_mode: 'gtid_strict_mode',
};

/** MariaDB 10 and later: the old words, GTIDs of its own, and semi-sync built in under the old names. */
export function mariadbFlavor(version: Version): Flavor {
  const change = changeDialect(version);
  return {
    name: 'MariaDB',
    words: 'old',
    gtid: 'domain-list',
    hasSuperReadOnly: false,
    repointsWhileApplying: false,
    dropsRelayLogWhenStopped: true,
    lastReceivedMayBeHalf: false,
    takesComments: true,
    mayListLost: false,
    // SHOW SLAVE STATUS hides all connections but the default one.
    showReplicaStatus: say('SHOW ALL SLAVES STATUS'),
    showBinlogStatus: say('SHOW MASTER STATUS'),
    showReplicas: say('SHOW SLAVE HOSTS'),
    showDumps,
    showFacts: selectFacts(atLeast(version, [10, 1, 6]) ? {...VARIABLES, binlog_row_image: 'binlog_row_image'} : VARIABLES),
    showReplicationAccount: null,
    showReplicationCredentials: null,
    showGroupMembers: null,
    showGroup: null,
    startReplication: say('START SLAVE'),
    stopReplication: say('STOP SLAVE'),
    startReceiver: say('START SLAVE IO_THREAD'),
    stopReceiver: say('STOP SLAVE IO_THREAD'),
    startApplier: say('START SLAVE SQL_THREAD'),
    stopApplier: say('STOP SLAVE SQL_THREAD'),
    startApplierUntil: ({file, position}) => say('START SLAVE SQL_THREAD UNTIL MASTER_LOG_FILE = ?, MASTER_LOG_POS = ?', file, position),
    forgetSource: say('RESET SLAVE ALL'),
    pointAt: (to) => changeSource(to, change),
    pointReceiverAt: () => {
      throw new OrchestratorError('NOT_SUPPORTED', 'MariaDB cannot point its receiver elsewhere while it applies', {
        hint: 'let it apply what it received, stop replication, then use pointAt',
      });
    },
    setReadOnly: (on) => [say('SET GLOBAL read_only = ?', on ? 1 : 0)],
    waitForGtid: (set, timeout) => say('SELECT MASTER_GTID_WAIT(?, ?) AS waited', set, Math.max(timeout, 0)),
    waited,
    setSemiSync: (role, on) => switchSemiSync(role, on, {source: 'old', replica: 'old'}),
    kill: (connectionId) => say('KILL ?', connectionId),
    commands: mariadbCommands(change),
    parseFacts: factsParser(mariadbGtid),
    parseReplicaStatus: replicaStatusParser({names: COLUMNS.old, mariadb: true, channel: 'Connection_name'}),
  };
}

function changeDialect(version: Version): ChangeDialect {
  const demotes = atLeast(version, [10, 10, 0]);
  return {
    change: 'CHANGE MASTER TO',
    prefix: 'MASTER',
    channel: '',
    hasRetryCount: false,
    hasPublicKey: false,
    byGtid: ({formerSource}) => {
      if (!formerSource) return [['MASTER_USE_GTID', 'slave_pos', true]];
      // What it wrote itself joins gtid_slave_pos, once; before 10.10 only the deprecated current_pos counts it.
      return demotes
        ? [
            ['MASTER_USE_GTID', 'slave_pos', true],
            ['MASTER_DEMOTE_TO_SLAVE', 1],
          ]
        : [['MASTER_USE_GTID', 'current_pos', true]];
    },
    byPosition: [['MASTER_USE_GTID', 'no', true]],
  };
}

/** 0 done, -1 timeout. */
function waited(rows: readonly Row[]): boolean {
  return Number(rows[0]?.['waited'] ?? -1) === 0;
}
