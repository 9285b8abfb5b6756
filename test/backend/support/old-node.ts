import {createHash, randomBytes} from 'node:crypto';
import type {Backend} from '../../../src/lib/store/backend.ts';

/**
 * A 3.2.6 node as far as the election goes: its statements, one after the other, as its health tick sends them each second.
 * "Affected" is by matched rows here, which its authors meant.
 */
export class OldNode {
  readonly hostname: string;
  readonly token = createHash('sha256').update(randomBytes(64)).digest('hex');
  readonly #backend: Backend;

  constructor(backend: Backend, hostname: string) {
    this.#backend = backend;
    this.hostname = hostname;
  }

  /** True when this tick finds it leading. */
  async tick(): Promise<boolean> {
    return (await this.#insert()) || (await this.#takeOver()) || (await this.#renew());
  }

  /** `grab-election`: replaces the row, and with it every column it does not know. */
  async grab(): Promise<void> {
    await this.#say(
      `replace into active_node (anchor, hostname, token, first_seen_active, last_seen_active) values (1, ?, ?, ${this.#now}, ${this.#now})`,
      [this.hostname, this.token],
    );
  }

  /** `reelect`. */
  async reelect(): Promise<void> {
    await this.#say('delete from active_node where anchor = 1', []);
  }

  async #insert(): Promise<boolean> {
    const ignore = this.#backend.dialect.kind === 'sqlite' ? 'or ignore' : 'ignore';
    return this.#say(
      `insert ${ignore} into active_node (anchor, hostname, token, first_seen_active, last_seen_active) values (1, ?, ?, ${this.#now}, ${this.#now})`,
      [this.hostname, this.token],
    );
  }

  async #takeOver(): Promise<boolean> {
    const limit = this.#backend.dialect.kind === 'sqlite' ? "datetime('now', '-5 seconds')" : 'now() - interval 5 second';
    return this.#say(
      `update active_node set hostname = ?, token = ?, first_seen_active = ${this.#now}, last_seen_active = ${this.#now} where anchor = 1 and last_seen_active < ${limit}`,
      [this.hostname, this.token],
    );
  }

  async #renew(): Promise<boolean> {
    return this.#say(`update active_node set last_seen_active = ${this.#now} where anchor = 1 and hostname = ? and token = ?`, [
      this.hostname,
      this.token,
    ]);
  }

  get #now(): string {
    return this.#backend.dialect.kind === 'sqlite' ? "datetime('now')" : 'now()';
  }

  async #say(sql: string, values: readonly string[]): Promise<boolean> {
    const answer: unknown = await this.#backend.run(({db}) => db.raw(sql, [...values]));
    const header = (Array.isArray(answer) ? answer[0] : answer) as {affectedRows?: number; changes?: number};
    return (header.affectedRows ?? header.changes ?? 0) > 0;
  }
}
