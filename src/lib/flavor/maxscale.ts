import {OrchestratorError} from '../errors/errors.ts';
import {NO_GTID} from './facts.ts';
import type {Facts, Flavor, ReplicaStatus, Row, Statement} from './flavor.ts';
import {mysqlFlavor} from './mysql.ts';
import {changeSource, type ChangeDialect} from './point-at.ts';
import {COLUMNS, replicaStatusParser} from './replica-status.ts';
import {Columns, settings, textOf} from './rows.ts';
import {say} from './statement.ts';

/** Whether a server is MaxScale, and which: a row MAXSCALE_VERSION, nothing on other servers. */
export const showMaxscale: Statement = say("SHOW VARIABLES LIKE 'maxscale%'");

/** Its id, as most versions say it and as 1.1 does. */
export const SHOW_SERVER_ID: readonly Statement[] = ['@@global.server_id', '@@server_id'].map((name) => say(`SELECT ${name}`));

export const showServerUuid: Statement = say('SELECT @@global.server_uuid');

/** What rows of `showMaxscale` say; null: it is no MaxScale. */
export function maxscaleVersion(rows: readonly Row[]): string | null {
  const version = textOf(settings(rows).get('maxscale_version'));
  return version === '' ? null : version;
}

/**
 * MaxScale as a binlog server: it keeps the binary log of its source under the same names and positions, hands it on, and applies
 * nothing. It knows few statements, in the old words, one at a time, bare: no comments before them.
 */
export function maxscaleFlavor(): Flavor {
  const [start, stop] = [say('START SLAVE'), say('STOP SLAVE')];
  return {
    ...mysqlFlavor('unknown', [5, 6, 0]),
    name: 'MaxScale',
    gtid: 'none',
    takesComments: false,
    lastReceivedMayBeHalf: false,
    showReplicaStatus: say('SHOW SLAVE STATUS'),
    showReplicationAccount: null,
    showReplicationCredentials: null,
    // One thread is all there is.
    startReplication: start,
    stopReplication: stop,
    startReceiver: start,
    stopReceiver: stop,
    startApplier: start,
    stopApplier: stop,
    startApplierUntil: () => {
      throw notThere('cannot stop at a position');
    },
    pointAt: (to) => changeSource({...to, gtid: false}, CHANGE),
    setReadOnly: () => {
      throw notThere('takes no writes, so there is nothing to open or close');
    },
    parseFacts,
    parseReplicaStatus,
  };
}

/** By position, which is all it knows. */
const CHANGE: ChangeDialect = {
  change: 'CHANGE MASTER TO',
  prefix: 'MASTER',
  channel: '',
  hasRetryCount: false,
  hasPublicKey: false,
  byGtid: () => [],
  byPosition: [],
};

function notThere(what: string): OrchestratorError {
  return new OrchestratorError('NOT_SUPPORTED', `a binlog server ${what}`, {hint: 'name one of the replicas below it, or its source'});
}

/** @param rows what it said of itself, put together: `server_id`, `server_uuid`, `version` of MaxScale */
function parseFacts(rows: readonly Row[]): Facts {
  const row = new Columns(rows[0] ?? {}, 'answer about itself');
  return {
    hostname: '',
    reportHost: '',
    serverId: row.number('server_id'),
    serverUuid: row.text('server_uuid'),
    version: `${row.text('version')}-maxscale`,
    versionComment: '',
    readOnly: true,
    superReadOnly: null,
    // What it hands on is in whatever format its source wrote it.
    binlog: {enabled: true, logsReplicaUpdates: true, format: 'INHERIT', rowImage: ''},
    gtid: NO_GTID,
    relayLogRecovery: null,
    netTimeout: null,
  };
}

const parseFull = replicaStatusParser({names: COLUMNS.old, mariadb: false, channel: null});

/** Columns that some versions leave out, because nothing is ever applied or filtered. */
const LEFT_OUT: Row = {
  Relay_Log_File: '',
  Relay_Log_Pos: 0,
  Relay_Master_Log_File: '',
  Exec_Master_Log_Pos: 0,
  Seconds_Behind_Master: null,
  Master_SSL_Allowed: 'No',
  Master_Server_Id: null,
  Master_UUID: '',
  Last_IO_Errno: 0,
  Last_IO_Error: '',
  Last_SQL_Errno: 0,
  Last_SQL_Error: '',
  Retrieved_Gtid_Set: '',
  Auto_Position: 0,
  SQL_Delay: 0,
  Replicate_Do_DB: '',
  Replicate_Ignore_DB: '',
  Replicate_Do_Table: '',
  Replicate_Ignore_Table: '',
  Replicate_Wild_Do_Table: '',
  Replicate_Wild_Ignore_Table: '',
};

/** What it has received it can hand on: as far as others are concerned, that is what it has executed. */
function parseReplicaStatus(rows: readonly Row[]): ReplicaStatus {
  const {replication} = parseFull(rows.slice(-1).map((row) => ({...LEFT_OUT, ...row})));
  return {replication: replication && {...replication, executed: replication.executed ?? replication.read}, otherChannels: []};
}
