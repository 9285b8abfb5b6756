import {createConnection, type Connection} from 'mysql2/promise';

export type Row = Record<string, unknown>;
/** The channel a row of replica status speaks of; MariaDB calls it a connection, 5.6 has none. */
export function channelOf(row: Row): string {
  const name = row['Connection_name'] ?? row['Channel_Name'];
  return typeof name === 'string' ? name : '';
}

export type Value = string | number | bigint | boolean | null | Date | Buffer;

export interface Account {
  readonly user: string;
  readonly password: string;
}

export type AccountName = 'root' | 'orc' | 'repl' | 'app';

/** The accounts every sandbox server has, at any host. `app` may read and write the schema `test` and has no global privilege. */
export const ACCOUNTS: Readonly<Record<AccountName, Account>> = {
  root: {user: 'root', password: ''},
  orc: {user: 'orc', password: 'orcpw'},
  repl: {user: 'repl', password: 'replpw'},
  app: {user: 'app', password: 'apppw'},
};

const CONNECT_TIMEOUT = 5_000;
const QUERY_TIMEOUT = 15_000;

export interface QueryOptions {
  /** Milliseconds until the call fails and its connection is destroyed. */
  readonly timeout?: number;
}

/** One connection to one server as one account, made when needed and made again after it was lost. */
export class Client {
  private readonly port: number;
  private readonly account: Account;
  private readonly connectTimeout: number;
  private connecting: Promise<Connection> | null = null;

  constructor(port: number, account: Account, {connectTimeout = CONNECT_TIMEOUT}: {readonly connectTimeout?: number} = {}) {
    this.connectTimeout = connectTimeout;
    this.port = port;
    this.account = account;
  }

  /**
   * The rows of a statement, none for one that returns no rows. Values are quoted by the client.
   * @throws the driver's error, with the server's number in `errno`
   */
  async query<R = Row>(sql: string, values: readonly Value[] = [], options: QueryOptions = {}): Promise<R[]> {
    const connection = await this.connection();
    try {
      const [rows] = await connection.query({sql, timeout: options.timeout ?? QUERY_TIMEOUT, values: [...values]});
      return Array.isArray(rows) ? (rows as R[]) : [];
    } catch (error) {
      // After a timeout the connection stays blocked, and after a fatal error it is of no use.
      if ((error as {code?: string; fatal?: boolean}).code === 'PROTOCOL_SEQUENCE_TIMEOUT' || (error as {fatal?: boolean}).fatal)
        this.close();
      throw error;
    }
  }

  /** Ends the connection without goodbye; a later query makes a new one. */
  close(): void {
    this.connecting?.then(
      (connection) => connection.destroy(),
      () => undefined,
    );
    this.connecting = null;
  }

  private connection(): Promise<Connection> {
    if (this.connecting) return this.connecting;
    const connecting = this.connect();
    this.connecting = connecting;
    const forget = (): void => {
      if (this.connecting === connecting) this.connecting = null;
    };
    connecting.then((connection) => {
      connection.on('error', forget);
      (connection as unknown as {connection: NodeJS.EventEmitter}).connection.on('end', forget);
    }, forget);
    return connecting;
  }

  private connect(): Promise<Connection> {
    return createConnection({
      host: '127.0.0.1',
      port: this.port,
      ...this.account,
      connectTimeout: this.connectTimeout,
      maxPreparedStatements: 16,
      supportBigNumbers: true,
      dateStrings: true,
    });
  }
}
