import {createHash} from 'node:crypto';
import {once} from 'node:events';
import type {AddressInfo, Server} from 'node:net';
import {DatabaseSync} from 'node:sqlite';
import {createServer} from 'mysql2';

/** A row of `mysql_servers` as tests look at it. */
export interface Routed {
  readonly group: number;
  readonly port: number;
  readonly status: string;
  readonly weight: number;
}

/** Something that speaks as the admin interface of ProxySQL does: its tables are SQLite's, and count once they are loaded. */
export interface ProxyAdmin {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  readonly user: string;
  readonly password: string;
  /** What was said to it, in order. */
  readonly statements: readonly string[];
  /** Where traffic goes, by hostgroup and port. */
  routed(): readonly Routed[];
  /** What it would begin with after a restart. */
  saved(): readonly Routed[];
  add(group: number, port: number, weight?: number): void;
  clear(): void;
  down(): Promise<void>;
}

const TABLE = `(hostgroup_id INT NOT NULL, hostname VARCHAR NOT NULL, port INT NOT NULL DEFAULT 3306, gtid_port INT NOT NULL DEFAULT 0,
  status VARCHAR CHECK (status IN ('ONLINE', 'SHUNNED', 'OFFLINE_SOFT', 'OFFLINE_HARD')) NOT NULL DEFAULT 'ONLINE',
  weight INT NOT NULL DEFAULT 1, compression INT NOT NULL DEFAULT 0, max_connections INT NOT NULL DEFAULT 1000,
  max_replication_lag INT NOT NULL DEFAULT 0, use_ssl INT NOT NULL DEFAULT 0, max_latency_ms INT NOT NULL DEFAULT 0,
  comment VARCHAR NOT NULL DEFAULT '', PRIMARY KEY (hostgroup_id, hostname, port))`;
const PLACES = ['mysql_servers', 'runtime_mysql_servers', 'disk_mysql_servers'] as const;
const COPIES: Readonly<Record<string, (typeof PLACES)[number]>> = {
  'LOAD MYSQL SERVERS TO RUNTIME': 'runtime_mysql_servers',
  'SAVE MYSQL SERVERS TO DISK': 'disk_mysql_servers',
};
const [USER, PASSWORD] = ['radmin', 'proxy-secret'];

export async function proxyAdmin(): Promise<ProxyAdmin> {
  const db = new DatabaseSync(':memory:');
  for (const place of PLACES) db.exec(`CREATE TABLE ${place} ${TABLE}`);
  const statements: string[] = [];
  const server = createServer((connection) => welcome(connection as unknown as ServerSide, (sql) => answer(db, statements, sql)));
  const {_server: socket} = server as unknown as {_server: Server};
  socket.listen(0, '127.0.0.1');
  await once(socket, 'listening');
  const rowsOf = (place: (typeof PLACES)[number]): Routed[] =>
    db.prepare(`SELECT hostgroup_id AS "group", port, status, weight FROM ${place} ORDER BY 1, 2`).all() as unknown as Routed[];
  return {
    address: `127.0.0.1:${(socket.address() as AddressInfo).port}`,
    user: USER,
    password: PASSWORD,
    statements,
    routed: () => rowsOf('runtime_mysql_servers'),
    saved: () => rowsOf('disk_mysql_servers'),
    add(group, port, weight = 1) {
      for (const place of PLACES)
        db.prepare(`INSERT INTO ${place} (hostgroup_id, hostname, port, weight) VALUES (?, '127.0.0.1', ?, ?)`).run(group, port, weight);
    },
    clear() {
      for (const place of PLACES) db.exec(`DELETE FROM ${place}`);
      statements.length = 0;
    },
    async down() {
      const ended = once(socket, 'close');
      socket.close();
      await ended;
      db.close();
    },
  };
}

/** What mysql2 gives a server to talk with; its types know only clients. */
interface ServerSide {
  serverHandshake(hello: object): void;
  on(event: 'query', listener: (sql: string) => void): void;
  on(event: 'error', listener: (error: Error) => void): void;
  /** Of the next packet; every command begins with 0, which it would take for one that is out of order. */
  sequenceId: number;
  writeTextResult(rows: readonly object[], columns: readonly object[]): void;
  writeOk(result?: object): void;
  writeError(error: {readonly message: string; readonly code: number}): void;
}

type Answer = {readonly rows: readonly object[]} | {readonly affectedRows: number};
type Checking = Readonly<Record<'user', string>> & Readonly<Record<'authPluginData1' | 'authPluginData2' | 'authToken', Buffer>>;

function welcome(connection: ServerSide, ask: (sql: string) => Answer): void {
  connection.serverHandshake({
    protocolVersion: 10,
    serverVersion: '8.0.11',
    connectionId: 1,
    statusFlags: 2,
    characterSet: 33,
    capabilityFlags: 0xffffff & ~0x800,
    authCallback({user, authPluginData1, authPluginData2, authToken}: Checking, done: (error: null, refusal?: object) => void) {
      const expected = scramble(Buffer.concat([authPluginData1, authPluginData2]).subarray(0, 20));
      done(null, user === USER && expected.equals(authToken) ? undefined : {message: 'ProxySQL Error: Access denied', code: 1045});
      connection.sequenceId = 0;
    },
  });
  connection.on('error', () => undefined); // a client that is gone
  connection.on('query', (sql) => {
    try {
      const answered = ask(sql);
      if ('rows' in answered) connection.writeTextResult(answered.rows, columnsOf(answered.rows));
      else connection.writeOk(answered);
    } catch (error) {
      connection.writeError({message: `ProxySQL Admin Error: ${(error as Error).message}`, code: 1045});
    }
    connection.sequenceId = 0;
  });
}

/** What a client that knows the password answers. */
function scramble(seed: Buffer): Buffer {
  const sha = (...parts: readonly Buffer[]): Buffer => createHash('sha1').update(Buffer.concat(parts)).digest();
  const once = sha(Buffer.from(PASSWORD));
  const mask = sha(seed, sha(once));
  return Buffer.from(once.map((byte, at) => byte ^ (mask[at] ?? 0)));
}

function answer(db: DatabaseSync, statements: string[], sql: string): Answer {
  statements.push(sql);
  const place = COPIES[sql];
  if (place) {
    db.exec(`DELETE FROM ${place}; INSERT INTO ${place} SELECT * FROM mysql_servers`);
    return {affectedRows: 0};
  }
  if (sql.startsWith('SELECT')) return {rows: db.prepare(sql).all()};
  return {affectedRows: Number(db.prepare(sql).run().changes)};
}

/** Every value is a text there. */
function columnsOf(rows: readonly object[]): readonly object[] {
  return Object.keys(rows[0] ?? {hostgroup_id: 0}).map((name) => ({
    catalog: 'def',
    schema: 'main',
    table: 'mysql_servers',
    orgTable: 'mysql_servers',
    name,
    orgName: name,
    characterSet: 33,
    columnLength: 255,
    columnType: 253,
    flags: 0,
    decimals: 0,
  }));
}
