import {setTimeout as sleep} from 'node:timers/promises';
import {ACCOUNTS, Client} from './server/client.ts';
import type {Instance} from './server/instance.ts';

export interface WriterOptions {
  /** Inserts a second, 100 unless given; fewer when the server is slower. */
  readonly ratePerSecond?: number;
  /** First id, 1 unless given. */
  readonly from?: number;
}

const ANSWER_WITHIN = 2_000;
const AFTER_FAILURE = 5;

/** An application: inserts ever new ids into `test.t` as `app` and remembers which the server acknowledged. */
export class Writer {
  /** Ids whose insert was answered with OK, ascending. */
  readonly acknowledged: number[] = [];
  /** Inserts that failed or whose answer was lost: they may or may not be in the table. */
  readonly failed: {readonly id: number; readonly errno: number; readonly message: string}[] = [];
  /** Longest time between two acknowledged inserts, milliseconds. */
  longestPause = 0;
  private next: number;
  private readonly interval: number;
  private target: Instance;
  private client: Client;
  private stopped = false;
  private work: Promise<void> = Promise.resolve();

  constructor(target: Instance, {ratePerSecond = 100, from = 1}: WriterOptions) {
    this.target = target;
    this.client = clientOf(target);
    this.interval = 1000 / ratePerSecond;
    this.next = from;
  }

  /** Makes the table if need be and begins to write. */
  async start(): Promise<this> {
    await this.target.query("CREATE TABLE IF NOT EXISTS test.t (id BIGINT PRIMARY KEY, note VARCHAR(64) NOT NULL DEFAULT '')");
    this.work = this.run();
    return this;
  }

  /** Writes to another server from now on. */
  moveTo(target: Instance): void {
    this.target = target;
    this.client.close();
    this.client = clientOf(target);
  }

  /** Returns when the last insert has been answered. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.work;
    this.client.close();
  }

  /** Acknowledged ids that a server does not have. */
  async missingOn(instance: Instance): Promise<number[]> {
    const rows = await instance.query<{id: number}>('SELECT id FROM test.t');
    const there = new Set(rows.map((row) => Number(row.id)));
    return this.acknowledged.filter((id) => !there.has(id));
  }

  private async run(): Promise<void> {
    let last = performance.now();
    let due = last;
    while (!this.stopped) {
      if (await this.insert(this.next++)) {
        this.longestPause = Math.max(this.longestPause, performance.now() - last);
        last = performance.now();
      } else {
        await sleep(AFTER_FAILURE);
      }
      due = Math.max(due + this.interval, performance.now() - 100 * this.interval);
      const early = due - performance.now();
      if (early > 1) await sleep(early);
    }
  }

  private async insert(id: number): Promise<boolean> {
    try {
      await this.client.query('INSERT INTO test.t (id) VALUES (?)', [id], {timeout: ANSWER_WITHIN});
      this.acknowledged.push(id);
      return true;
    } catch (error) {
      const {errno = 0, message} = error as Error & {errno?: number};
      this.failed.push({id, errno, message});
      return false;
    }
  }
}

function clientOf(target: Instance): Client {
  return new Client(target.key.port, ACCOUNTS.app, {connectTimeout: ANSWER_WITHIN});
}
