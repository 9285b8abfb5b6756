import type {Connection} from 'mysql2';
import type {InstanceKey} from '../../model/instance-key.ts';
import type {ServerRow} from './plan.ts';

export interface AdminLogin {
  readonly address: InstanceKey;
  readonly user: string;
  readonly password: string;
}

/** The admin interface of one ProxySQL. It speaks the protocol of MySQL, and no prepared statements. */
export class Admin {
  readonly #connection: Connection;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Does some work in a session of its own, which ends with it, or at once when the signal is aborted. */
  static async with<Result>(
    {address, user, password}: AdminLogin,
    signal: AbortSignal,
    work: (admin: Admin) => Promise<Result>,
  ): Promise<Result> {
    const {createConnection} = await import('mysql2');
    signal.throwIfAborted();
    const connection = createConnection({host: address.host, port: address.port, user, password, supportBigNumbers: true});
    const failed = new Promise<never>((_resolve, reject) => {
      connection.on('error', reject);
      signal.addEventListener('abort', () => reject(new Error('it did not answer in time')), {once: true});
    });
    try {
      return await Promise.race([work(new Admin(connection)), failed]);
    } finally {
      connection.destroy();
    }
  }

  async say(statement: string): Promise<void> {
    await this.#query(statement);
  }

  /** Servers as configured, in these hostgroups. */
  async servers(hostgroups: readonly number[]): Promise<readonly ServerRow[]> {
    const rows = await this.#query(`SELECT * FROM mysql_servers WHERE hostgroup_id IN (${hostgroups.join(', ')})`);
    return rows.map(({hostgroup_id: hostgroup, hostname: host, port, status, ...settings}) => ({
      hostgroup: Number(hostgroup),
      server: {host: String(host), port: Number(port)},
      status: String(status),
      settings,
    }));
  }

  #query(statement: string): Promise<readonly Record<string, string | number>[]> {
    return new Promise((resolve, reject) => {
      this.#connection.query(statement, (error, rows) => {
        if (error) reject(error);
        else resolve(Array.isArray(rows) ? (rows as Record<string, string | number>[]) : []);
      });
    });
  }
}
