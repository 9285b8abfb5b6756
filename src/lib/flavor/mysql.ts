import {OrchestratorError} from '../errors/errors.ts';
import type {Seconds} from '../model/units.ts';
import {mysqlCommands} from './commands/mysql.ts';
import {COMMON, factsParser, mysqlGtid, selectFacts, showDumps, type Variables} from './facts.ts';
import type {Flavor, Row, Statement} from './flavor.ts';
import {changeReceiver, changeSource, type ChangeDialect} from './point-at.ts';
import {COLUMNS, replicaStatusParser} from './replica-status.ts';
import {switchSemiSync} from './semi-sync.ts';
import {say} from './statement.ts';
import {atLeast, type Version} from './version.ts';

/** What came with which version; everything else is the same from 5.6 on. */
function abilities(version: Version) {
  return {
    // 8.0.22 to 8.0.25 know some of the new statements; all of the old ones still work there.
    newWords: atLeast(version, [8, 0, 26]),
    binaryLogStatus: atLeast(version, [8, 2, 0]),
    channels: atLeast(version, [5, 7, 6]),
    superReadOnly: atLeast(version, [5, 7, 8]),
    repointsWhileApplying: atLeast(version, [5, 7, 6]),
    waitsForExecuted: atLeast(version, [5, 7, 5]),
    publicKey: atLeast(version, [8, 0, 4]),
    applyingTransaction: atLeast(version, [8, 0, 2]),
    groups: atLeast(version, [8, 0, 2]),
    listsOnlyConnected: atLeast(version, [8, 0, 2]),
  };
}

type Abilities = ReturnType<typeof abilities>;

/** MySQL and Percona Server, 5.6 to 9. */
export function mysqlFlavor(name: 'MySQL' | 'Percona' | 'unknown', version: Version): Flavor {
  const able = abilities(version);
  const words = able.newWords ? 'new' : 'old';
  const change = changeDialect(able);
  return {
    name,
    words,
    gtid: 'uuid-set',
    hasSuperReadOnly: able.superReadOnly,
    repointsWhileApplying: able.repointsWhileApplying,
    dropsRelayLogWhenStopped: false,
    lastReceivedMayBeHalf: !atLeast(version, [5, 7, 0]),
    takesComments: true,
    mayListLost: !able.listsOnlyConnected,
    ...statements(able),
    startApplierUntil: ({file, position}) => say(applierUntil(able), file, position),
    pointAt: (to) => changeSource(to, change),
    pointReceiverAt: (source) => {
      if (able.repointsWhileApplying) return changeReceiver(source, change);
      throw new OrchestratorError('NOT_SUPPORTED', `MySQL ${version.join('.')} cannot point its receiver elsewhere while it applies`, {
        hint: 'stop replication, then use pointAt',
      });
    },
    setReadOnly: (on, superToo) => [
      // Super implies the other, and switching that one off ends both: never a half.
      on && superToo && able.superReadOnly ? say('SET GLOBAL super_read_only = 1') : say('SET GLOBAL read_only = ?', on ? 1 : 0),
    ],
    waitForGtid: able.waitsForExecuted ? waitForExecuted : waitForApplier,
    waited: able.waitsForExecuted ? executedWasReached : applierWasDone,
    setSemiSync: (role, on, known) => switchSemiSync(role, on, known?.words ?? {source: words, replica: words}),
    kill: (connectionId) => say('KILL ?', connectionId),
    commands: mysqlCommands(able, change),
    parseFacts: factsParser(mysqlGtid),
    parseReplicaStatus: replicaStatusParser({
      names: COLUMNS[words],
      mariadb: false,
      channel: able.channels ? 'Channel_Name' : null,
    }),
  };
}

type Statements = {[Name in keyof Flavor as Flavor[Name] extends Statement | null ? Name : never]: Flavor[Name]};

function statements(able: Abilities): Statements {
  const replica = able.newWords ? 'REPLICA' : 'SLAVE';
  // Without it a server with several channels starts, stops or forgets all of them.
  const channel = able.channels ? " FOR CHANNEL ''" : '';
  const account = `FROM mysql.slave_master_info${able.channels ? " WHERE Channel_name = ''" : ''}`;
  return {
    showReplicaStatus: say(`SHOW ${replica} STATUS`),
    showBinlogStatus: say(able.binaryLogStatus ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS'),
    showReplicas: say(able.newWords ? 'SHOW REPLICAS' : 'SHOW SLAVE HOSTS'),
    showDumps,
    showFacts: selectFacts(variables(able)),
    showReplicationAccount: say(`SELECT User_name <> '' AS has_user, Heartbeat AS heartbeat ${account}`),
    showReplicationCredentials: say(`SELECT User_name, User_password, Ssl_ca, Ssl_cert, Ssl_key ${account}`),
    showGroupMembers: able.groups
      ? say('SELECT member_id, member_host, member_port, member_state, member_role FROM performance_schema.replication_group_members')
      : null,
    showGroup: able.groups
      ? say('SELECT @@global.group_replication_group_name AS name, @@global.group_replication_single_primary_mode AS single_primary')
      : null,
    startReplication: say(`START ${replica}${channel}`),
    stopReplication: say(`STOP ${replica}${channel}`),
    startReceiver: say(`START ${replica} IO_THREAD${channel}`),
    stopReceiver: say(`STOP ${replica} IO_THREAD${channel}`),
    startApplier: say(`START ${replica} SQL_THREAD${channel}`),
    stopApplier: say(`STOP ${replica} SQL_THREAD${channel}`),
    forgetSource: say(`RESET ${replica} ALL${channel}`),
  };
}

function applierUntil({newWords, channels}: Abilities): string {
  const [replica, source] = newWords ? ['REPLICA', 'SOURCE'] : ['SLAVE', 'MASTER'];
  return `START ${replica} SQL_THREAD UNTIL ${source}_LOG_FILE = ?, ${source}_LOG_POS = ?${channels ? " FOR CHANNEL ''" : ''}`;
}

function variables(able: Abilities): Variables {
  return {
    ...COMMON,
    server_uuid: 'server_uuid',
    gtid_mode: 'gtid_mode',
    gtid_executed: 'gtid_executed',
    gtid_purged: 'gtid_purged',
    binlog_row_image: 'binlog_row_image',
    logs_replica_updates: able.newWords ? 'log_replica_updates' : 'log_slave_updates',
    net_timeout: able.newWords ? 'replica_net_timeout' : 'slave_net_timeout',
    ...(able.superReadOnly ? {super_read_only: 'super_read_only'} : {}),
  };
}

function changeDialect(able: Abilities): ChangeDialect {
  const prefix = able.newWords ? 'SOURCE' : 'MASTER';
  return {
    change: able.newWords ? 'CHANGE REPLICATION SOURCE TO' : 'CHANGE MASTER TO',
    prefix,
    channel: able.channels ? " FOR CHANNEL ''" : '',
    hasRetryCount: true,
    hasPublicKey: able.publicKey,
    byGtid: () => [[`${prefix}_AUTO_POSITION`, 1]],
    byPosition: [[`${prefix}_AUTO_POSITION`, 0]],
  };
}

/** 0 would wait for ever. */
const SHORTEST: Seconds = 0.001;

function waitForExecuted(set: string, timeout: Seconds): Statement {
  return say('SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?) AS waited', set, Math.max(timeout, SHORTEST));
}

function executedWasReached(rows: readonly Row[]): boolean {
  return Number(rows[0]?.['waited'] ?? 1) === 0;
}

/** 5.6 takes whole seconds. */
function waitForApplier(set: string, timeout: Seconds): Statement {
  return say('SELECT WAIT_UNTIL_SQL_THREAD_AFTER_GTIDS(?, ?) AS waited', set, Math.max(Math.ceil(timeout), 1));
}

/** Success is a count of transactions, -1 a timeout, NULL an applier that does not run. */
function applierWasDone(rows: readonly Row[]): boolean {
  const waited = rows[0]?.['waited'] ?? null;
  if (waited !== null) return Number(waited) >= 0;
  throw new OrchestratorError('REPLICATION_BROKEN', 'the server cannot wait for transactions to be applied: its applier does not run', {
    hint: 'start the applier; if it stops again, the replication status says why',
  });
}
