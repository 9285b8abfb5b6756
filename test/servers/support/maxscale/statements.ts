import type {Rows} from './packets.ts';

/** How a binlog server stands. */
export interface Standing {
  readonly serverId: number;
  readonly source: {readonly host: string; readonly port: number};
  readonly runs: boolean;
  readonly connected: boolean;
  /** What it has of its source's log. */
  readonly at: {readonly file: string; readonly position: number};
  readonly replicas: readonly {readonly serverId: number; readonly host: string; readonly port: number}[];
}

type Answer =
  | {readonly columns: readonly string[]; readonly rows: Rows}
  | {readonly errno: number; readonly message: string}
  | {readonly standing: Standing};

export const MAXSCALE_VERSION = '2.2.21';

/** What is understood; anything else, a comment before it or a second statement behind it included, is an error of syntax. */
const STATEMENTS: readonly (readonly [RegExp, (standing: Standing, match: RegExpExecArray) => Answer])[] = [
  [/^show variables like 'maxscale%'$/i, () => one({Variable_name: 'MAXSCALE_VERSION', Value: MAXSCALE_VERSION})],
  [/^select @@global\.server_id$/i, ({serverId}) => one({'@@global.server_id': String(serverId)})],
  [/^select @@global\.server_uuid$/i, ({serverId}) => one({'@@global.server_uuid': `maxscale-${serverId}`})],
  [/^show slave status$/i, (standing) => one(status(standing))],
  [/^show master status$/i, ({at}) => one({File: at.file, Position: String(at.position), Binlog_Do_DB: '', Binlog_Ignore_DB: ''})],
  [/^show slave hosts$/i, hosts],
  [/^start slave$/i, (standing) => ({standing: {...standing, runs: true}})],
  [/^stop slave$/i, (standing) => ({standing: {...standing, runs: false}})],
  [/^change master to (.+)$/i, change],
];

export function answerTo(sql: string, standing: Standing): Answer {
  for (const [pattern, answer] of STATEMENTS) {
    const match = pattern.exec(sql);
    if (match) return answer(standing, match);
  }
  return {errno: 1064, message: `You have an error in your SQL syntax; this binlog server does not know: ${sql.slice(0, 60)}`};
}

function one(row: Readonly<Record<string, string | null>>): Answer {
  return {columns: Object.keys(row), rows: [row]};
}

/** Nothing is executed, so nothing is said of that. */
function status({source, runs, connected, at}: Standing): Readonly<Record<string, string | null>> {
  const failing = runs && !connected;
  return {
    Slave_IO_State: runs ? 'Binlog Dump' : 'Stopped',
    Master_Host: source.host,
    Master_User: 'repl',
    Master_Port: String(source.port),
    Connect_Retry: '60',
    Master_Log_File: at.file,
    Read_Master_Log_Pos: String(at.position),
    Relay_Master_Log_File: '',
    Exec_Master_Log_Pos: '0',
    Slave_IO_Running: runs ? (connected ? 'Yes' : 'Connecting') : 'No',
    Slave_SQL_Running: runs ? 'Yes' : 'No',
    Seconds_Behind_Master: runs ? '0' : null,
    Last_IO_Errno: failing ? '2003' : '0',
    Last_IO_Error: failing ? `Error connecting to '${source.host}:${source.port}'` : '',
  };
}

/** One that does not say where it is has a row as well. */
function hosts({replicas, serverId}: Standing): Answer {
  const columns = ['Server_id', 'Host', 'Port', 'Master_id', 'Slave_UUID'];
  const rows = replicas.map((replica) => ({
    Server_id: String(replica.serverId),
    Host: replica.host,
    Port: String(replica.port),
    Master_id: String(serverId),
    Slave_UUID: '',
  }));
  return {columns, rows: [...rows, {Server_id: '99', Host: '', Port: '', Master_id: String(serverId), Slave_UUID: ''}]};
}

function change(standing: Standing, [, text = '']: RegExpExecArray): Answer {
  if (standing.runs) return {errno: 1198, message: 'Cannot change master with a running slave; run STOP SLAVE first'};
  const options = new Map(
    [...text.matchAll(/(\w+)\s*=\s*(?:'([^']*)'|(\d+))/g)].map(([, name = '', words, number]) => [name, words ?? number ?? '']),
  );
  const known = ['MASTER_HOST', 'MASTER_PORT', 'MASTER_LOG_FILE', 'MASTER_LOG_POS'];
  const strange = [...options.keys()].find((name) => !known.includes(name));
  if (strange) return {errno: 1064, message: `this binlog server has no option ${strange}`};
  return {
    standing: {
      ...standing,
      source: {host: options.get('MASTER_HOST') ?? standing.source.host, port: Number(options.get('MASTER_PORT') ?? standing.source.port)},
      at: {
        file: options.get('MASTER_LOG_FILE') ?? standing.at.file,
        position: Number(options.get('MASTER_LOG_POS') ?? standing.at.position),
      },
    },
  };
}
