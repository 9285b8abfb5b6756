import type {BinlogCoordinates} from '../model/binlog-coordinates.ts';
import {isUsableKey, type InstanceKey} from '../model/instance-key.ts';
import type {Replication, Thread, ThreadState} from '../model/instance.ts';
import type {ReplicaStatus, Row} from './flavor.ts';
import {Columns, gtidText, textOf} from './rows.ts';

/** Column names that changed with the words; the others are the same everywhere. */
interface ColumnNames {
  readonly host: string;
  readonly port: string;
  readonly user: string;
  readonly readFile: string;
  readonly readPosition: string;
  readonly executedFile: string;
  readonly executedPosition: string;
  readonly receiver: string;
  readonly applier: string;
  readonly secondsBehind: string;
  readonly tls: string;
  readonly serverId: string;
  readonly uuid: string;
}

export const COLUMNS: Readonly<Record<'old' | 'new', ColumnNames>> = {
  new: {
    host: 'Source_Host',
    port: 'Source_Port',
    user: 'Source_User',
    readFile: 'Source_Log_File',
    readPosition: 'Read_Source_Log_Pos',
    executedFile: 'Relay_Source_Log_File',
    executedPosition: 'Exec_Source_Log_Pos',
    receiver: 'Replica_IO_Running',
    applier: 'Replica_SQL_Running',
    secondsBehind: 'Seconds_Behind_Source',
    tls: 'Source_SSL_Allowed',
    serverId: 'Source_Server_Id',
    uuid: 'Source_UUID',
  },
  old: {
    host: 'Master_Host',
    port: 'Master_Port',
    user: 'Master_User',
    readFile: 'Master_Log_File',
    readPosition: 'Read_Master_Log_Pos',
    executedFile: 'Relay_Master_Log_File',
    executedPosition: 'Exec_Master_Log_Pos',
    receiver: 'Slave_IO_Running',
    applier: 'Slave_SQL_Running',
    secondsBehind: 'Seconds_Behind_Master',
    tls: 'Master_SSL_Allowed',
    serverId: 'Master_Server_Id',
    uuid: 'Master_UUID',
  },
};

/** How one family and version writes its replica status. */
export interface StatusDialect {
  readonly names: ColumnNames;
  readonly mariadb: boolean;
  /** The column with the channel's name; null where there is only one channel. */
  readonly channel: string | null;
}

/** Channels of the group itself are no replication of their own: the group's facts say all about them. */
const GROUP_CHANNEL = /^group_replication_/;

/** A parser of the rows of `showReplicaStatus`. */
export function replicaStatusParser(dialect: StatusDialect): (rows: readonly Row[]) => ReplicaStatus {
  return (rows) => {
    const channels = rows
      .map((row) => new Columns(row, 'replica status'))
      .map((columns) => ({columns, name: dialect.channel === null ? '' : columns.text(dialect.channel)}));
    const managed = channels.find(({name}) => name === '');
    return {
      replication: managed ? replicationOf(managed.columns, dialect) : null,
      otherChannels: channels.map(({name}) => name).filter((name) => name !== '' && !GROUP_CHANNEL.test(name)),
    };
  };
}

function replicationOf(row: Columns, dialect: StatusDialect): Replication {
  const {names} = dialect;
  const host = row.text(names.host);
  const behind = row.numberOrNull(names.secondsBehind);
  return {
    source: sourceOf(host, row.number(names.port)),
    sourceHostAsWritten: host,
    sourceServerId: row.numberOrNull(names.serverId),
    receiver: thread(row, names.receiver, 'Last_IO'),
    applier: thread(row, names.applier, 'Last_SQL'),
    read: coordinates(row, names.readFile, names.readPosition),
    executed: coordinates(row, names.executedFile, names.executedPosition),
    relay: coordinates(row, 'Relay_Log_File', 'Relay_Log_Pos'),
    usesTls: row.text(names.tls) === 'Yes',
    user: row.text(names.user),
    hasCredentials: row.text(names.user) !== '',
    secondsBehind: behind === null ? null : Math.max(behind, 0),
    lag: behind === null ? null : Math.max(behind, 0),
    netTimeout: null,
    ...(dialect.mariadb ? mariadbParts(row) : mysqlParts(row, names)),
  };
}

type FamilyParts = Pick<
  Replication,
  'sourceUuid' | 'retrievedGtid' | 'usingOracleGtid' | 'usingMariadbGtid' | 'hasFilters' | 'delay' | 'heartbeatPeriod'
>;

function mysqlParts(row: Columns, names: ColumnNames): FamilyParts {
  return {
    sourceUuid: row.text(names.uuid),
    retrievedGtid: gtidText(row.value('Retrieved_Gtid_Set')),
    usingOracleGtid: row.number('Auto_Position') === 1,
    usingMariadbGtid: false,
    hasFilters: hasFilters(row, []),
    delay: row.number('SQL_Delay'),
    // Only mysql.slave_master_info knows it.
    heartbeatPeriod: null,
  };
}

function mariadbParts(row: Columns): FamilyParts {
  return {
    sourceUuid: '',
    retrievedGtid: row.text('Gtid_IO_Pos'),
    usingOracleGtid: false,
    usingMariadbGtid: row.text('Using_Gtid') !== 'No',
    hasFilters: hasFilters(row, ['Replicate_Do_Domain_Ids', 'Replicate_Ignore_Domain_Ids']),
    // Before 10.2.3 MariaDB cannot delay, and has no such column.
    delay: row.has('SQL_Delay') ? row.number('SQL_Delay') : 0,
    heartbeatPeriod: row.number('Slave_heartbeat_period'),
  };
}

const FILTERS = [
  'Replicate_Do_DB',
  'Replicate_Ignore_DB',
  'Replicate_Do_Table',
  'Replicate_Ignore_Table',
  'Replicate_Wild_Do_Table',
  'Replicate_Wild_Ignore_Table',
];

/** The two columns that came later count where they are. */
function hasFilters(row: Columns, more: readonly string[]): boolean {
  const later = ['Replicate_Ignore_Server_Ids', 'Replicate_Rewrite_DB', ...more].filter((name) => row.has(name));
  return [...FILTERS, ...later].some((name) => row.text(name) !== '');
}

function sourceOf(host: string, port: number): InstanceKey | null {
  const key = {host, port};
  return isUsableKey(key) ? key : null;
}

function thread(row: Columns, running: string, last: 'Last_IO' | 'Last_SQL'): Thread {
  return {state: threadState(row.text(running)), errno: row.number(`${last}_Errno`), error: row.text(`${last}_Error`)};
}

function threadState(text: string): ThreadState {
  return text === 'Yes' ? 'running' : text === 'No' ? 'stopped' : 'other';
}

function coordinates(row: Columns, file: string, position: string): BinlogCoordinates | null {
  const name = row.text(file);
  return name === '' ? null : {file: name, position: row.number(position)};
}

/** The position of SHOW BINARY LOG STATUS; null when the server writes no binary log. */
export function parseBinlogStatus(rows: readonly Row[]): BinlogCoordinates | null {
  const first = rows[0];
  return first && textOf(first['File']) !== '' ? coordinates(new Columns(first, 'binary log status'), 'File', 'Position') : null;
}
