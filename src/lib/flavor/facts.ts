import type {Facts, Row, Statement} from './flavor.ts';
import {Columns, gtidText} from './rows.ts';
import {say} from './statement.ts';

/** A column of ours, and the global variable it shows. */
export type Variables = Readonly<Record<string, string>>;

/** What every family and version has. */
export const COMMON: Variables = {
  hostname: 'hostname',
  report_host: 'report_host',
  server_id: 'server_id',
  version: 'version',
  version_comment: 'version_comment',
  read_only: 'read_only',
  log_bin: 'log_bin',
  binlog_format: 'binlog_format',
  relay_log_recovery: 'relay_log_recovery',
};

/** Receivers of replicas, and whatever else reads the binary log. */
export const showDumps: Statement = say(
  "SELECT host FROM information_schema.processlist WHERE command IN ('Binlog Dump', 'Binlog Dump GTID') AND host IS NOT NULL",
);

/** One statement for all variables: a round trip, and one moment. */
export function selectFacts(variables: Variables): Statement {
  return say(
    `SELECT ${Object.entries(variables)
      .map(([column, variable]) => `@@global.${variable} AS ${column}`)
      .join(', ')}`,
  );
}

/** A parser of the one row of `selectFacts`. */
export function factsParser(gtid: (row: Columns) => Facts['gtid']): (rows: readonly Row[]) => Facts {
  return (rows) => {
    const row = new Columns(rows[0] ?? {}, 'answer about its global variables');
    return {
      hostname: row.text('hostname'),
      reportHost: row.text('report_host'),
      serverId: row.number('server_id'),
      serverUuid: optional(row, 'server_uuid'),
      version: row.text('version'),
      versionComment: row.text('version_comment'),
      readOnly: row.on('read_only'),
      superReadOnly: row.has('super_read_only') ? row.on('super_read_only') : null,
      binlog: {
        enabled: row.on('log_bin'),
        logsReplicaUpdates: row.on('logs_replica_updates'),
        format: row.text('binlog_format'),
        rowImage: optional(row, 'binlog_row_image'),
      },
      gtid: gtid(row),
      relayLogRecovery: row.on('relay_log_recovery'),
      netTimeout: row.number('net_timeout'),
    };
  };
}

export function mysqlGtid(row: Columns): Facts['gtid'] {
  const mode = row.text('gtid_mode');
  return {
    ...NO_GTID,
    mode,
    supported: mode !== '' && mode !== 'OFF',
    executed: gtidText(row.value('gtid_executed')),
    purged: gtidText(row.value('gtid_purged')),
  };
}

export function mariadbGtid(row: Columns): Facts['gtid'] {
  return {
    ...NO_GTID,
    currentPos: row.text('gtid_current_pos'),
    replicaPos: row.text('gtid_replica_pos'),
    binlogState: row.text('gtid_binlog_state'),
    binlogPos: row.text('gtid_binlog_pos'),
    strict: row.on('gtid_strict_mode'),
  };
}

export const NO_GTID: Facts['gtid'] = {
  mode: '',
  supported: false,
  executed: '',
  purged: '',
  errant: '',
  currentPos: '',
  replicaPos: '',
  binlogState: '',
  binlogPos: '',
  strict: false,
};

function optional(row: Columns, name: string): string {
  return row.has(name) ? row.text(name) : '';
}
