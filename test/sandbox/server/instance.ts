import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {closeSync, openSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {waitFor} from '../wait.ts';
import {ACCOUNTS, Client, type Account, type AccountName, type QueryOptions, type Row, type Value} from './client.ts';
import type {Program} from './program.ts';
import {standStill} from './stand-still.ts';
import {WORDS, type Flavor, type Words} from './words.ts';

const READY_WITHIN = 60_000;
const STOP_WITHIN = 20_000;

export type BeforeStart = (program: Program, folder: string) => Promise<readonly string[]>;

export interface InstanceSetup {
  readonly name: string;
  readonly flavor: Flavor;
  readonly serverId: number;
  readonly port: number;
  readonly version: string;
  /** Own folder; holds `data`, `error.log` and the socket. */
  readonly folder: string;
  /** The whole command line and environment of the server. */
  readonly program: Program;
  /** False once the sandbox is being removed: a process started then would never be found. */
  readonly mayStart: () => boolean;
  /** Asked before each start for options of that start, e.g. where a crashed cluster member had got to. */
  readonly beforeStart?: BeforeStart | undefined;
}

/** One real server process on 127.0.0.1. Its data, port and identity outlive the process. */
export class Instance {
  readonly name: string;
  readonly flavor: Flavor;
  readonly words: Words;
  readonly serverId: number;
  readonly key: {readonly host: string; readonly port: number};
  readonly version: string;
  readonly folder: string;
  readonly datadir: string;
  readonly socket: string;
  /** Options of every later start, as a configuration file would hold them. */
  readonly configured: string[] = [];
  /** Environment of every later start, beside what the program needs. */
  environment: NodeJS.ProcessEnv = {};
  private readonly setup: InstanceSetup;
  private readonly clients = new Map<string, Client>();
  private child: ChildProcess | null = null;
  private asked = false;
  private fell: string | null = null;

  constructor(setup: InstanceSetup) {
    this.setup = setup;
    this.name = setup.name;
    this.flavor = setup.flavor;
    this.words = WORDS[setup.flavor];
    this.serverId = setup.serverId;
    this.key = {host: '127.0.0.1', port: setup.port};
    this.version = setup.version;
    this.folder = setup.folder;
    this.datadir = join(setup.folder, 'data');
    this.socket = join(setup.folder, 's.sock');
  }

  /** The process id, null when not running. */
  get pid(): number | null {
    return this.child?.pid ?? null;
  }

  /** True until the process has ended; a stopped (SIGSTOP) process is alive. */
  alive(): boolean {
    return this.child !== null;
  }

  /** Starts the server and returns when it answers. `extra` options hold for this run only. */
  async start(extra: readonly string[] = []): Promise<void> {
    if (this.child) return;
    const {command, args, env} = this.setup.program;
    const now = (await this.setup.beforeStart?.(this.setup.program, this.folder)) ?? [];
    if (!this.setup.mayStart()) throw new Error(`${this.name} does not start: its sandbox is being removed.`);
    const output = openSync(join(this.folder, 'output.log'), 'a');
    const child = spawn(command, [...args, ...this.configured, ...now, ...extra], {
      env: {...process.env, ...env, ...this.environment},
      stdio: ['ignore', output, output],
      detached: true,
      cwd: this.folder,
    });
    closeSync(output); // the child has its own
    this.child = child;
    this.asked = false;
    this.fell = null;
    child.once('exit', (code, signal) => this.forget(child, signal ?? `status ${code}`));
    await once(child, 'spawn');
    await this.ready(child);
  }

  /** Orderly shutdown; a server that does not comply is killed. */
  async stop(): Promise<void> {
    const ended = this.ended();
    this.asked = true;
    this.child?.kill('SIGTERM');
    const patience = new AbortController();
    const late = sleep(STOP_WITHIN, 'late', {signal: patience.signal}).catch(() => 'ended');
    if ((await Promise.race([ended, late])) === 'late') this.child?.kill('SIGKILL');
    await ended;
    patience.abort();
  }

  /** kill -9; returns when the process is gone. */
  async kill9(): Promise<void> {
    const ended = this.ended();
    this.asked = true;
    this.child?.kill('SIGKILL');
    await ended;
  }

  /** SIGSTOP: the server keeps its connections and answers nothing. */
  pause(): void {
    if (this.child) standStill(this.child);
  }

  resume(): void {
    this.child?.kill('SIGCONT');
  }

  /** As root, who may write even when read_only is set. One connection an account is kept and renewed. */
  query<R = Row>(sql: string, values?: readonly Value[], options?: QueryOptions): Promise<R[]> {
    return this.as('root').query<R>(sql, values, options);
  }

  /** The first column of the first row. */
  async value(sql: string, values?: readonly Value[]): Promise<unknown> {
    const [row] = await this.query(sql, values);
    return row && Object.values(row)[0];
  }

  as(account: AccountName | Account): Client {
    const {user, password} = typeof account === 'string' ? ACCOUNTS[account] : account;
    const known = this.clients.get(`${user}:${password}`);
    if (known) return known;
    const client = new Client(this.key.port, {user, password});
    this.clients.set(`${user}:${password}`, client);
    return client;
  }

  /** A connection of one's own, for tests that hold a lock or a session variable. Close it. */
  connect(account: AccountName | Account = 'root'): Client {
    return new Client(this.key.port, typeof account === 'string' ? ACCOUNTS[account] : account);
  }

  /** Drops our connections; the server is left alone. */
  disconnect(): void {
    for (const client of this.clients.values()) client.close();
    this.clients.clear();
  }

  /** Resolves when the process has ended, at once when it is not running. */
  async ended(): Promise<void> {
    if (this.child) await once(this.child, 'exit');
  }

  /** What a server that has ended of itself said last; null when it runs, or was asked to end, or killed. */
  async crash(): Promise<string | null> {
    return this.fell === null
      ? null
      : `${this.name} (port ${this.key.port}) ended by itself with ${this.fell}: ${await this.lastWords(60)}`;
  }

  private forget(child: ChildProcess, how: string): void {
    if (this.child === child) {
      this.child = null;
      if (!this.asked && how !== 'SIGKILL') this.fell = how;
    }
    this.disconnect();
  }

  private async ready(child: ChildProcess): Promise<void> {
    const answers = async (): Promise<boolean> => this.child !== child || (await this.query('SELECT 1')).length > 0;
    await waitFor(`${this.name} answers on port ${this.key.port}`, answers, {within: READY_WITHIN});
    if (this.child !== child) throw new Error(`${this.name} ended while starting; its log ends with: ${await this.lastWords(8)}`);
  }

  private async lastWords(lines: number): Promise<string> {
    const text = await readFile(join(this.folder, 'error.log'), 'utf8').catch(() => readFile(join(this.folder, 'output.log'), 'utf8'));
    return text.trim().split('\n').slice(-lines).join('\n');
  }
}
