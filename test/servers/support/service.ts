import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {standStill, waitFor} from '../../sandbox/index.ts';
import {programLine} from './program.ts';

const ENDS_WITHIN = 30_000;

/** One `orchestrator serve` process. */
export class Service {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #log = '';

  constructor(args: readonly string[], env: NodeJS.ProcessEnv) {
    const line = programLine(['serve', ...args]);
    this.#child = spawn(line.command, line.args, {env, stdio: ['ignore', 'pipe', 'pipe']});
    this.#ended = once(this.#child, 'close');
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#log += text));
    }
  }

  /** All it has written so far. */
  get log(): string {
    return this.#log;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  get signal(): NodeJS.Signals | null {
    return this.#child.signalCode;
  }

  /** Where it answers HTTP, as it says itself. */
  get address(): string {
    return /listening on (\S+)/.exec(this.#log)?.[1] ?? '';
  }

  /** Waits until it has written something. */
  async says(pattern: RegExp, within = 60_000): Promise<void> {
    await waitFor(
      `the service says ${pattern}`,
      () => {
        if (pattern.test(this.#log)) return true;
        throw new Error(`${this.alive ? 'its log ends with' : 'it has ended, saying'}: ${this.#log.split('\n').slice(-12).join('\n')}`);
      },
      {within},
    );
  }

  pause(): void {
    standStill(this.#child);
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** SIGTERM; returns when it has ended. One that does not end is killed, and that is an error. */
  async stop(): Promise<void> {
    if (!this.alive) return void (await this.#ended);
    const late = setTimeout(() => this.#child.kill('SIGKILL'), ENDS_WITHIN);
    this.#child.kill('SIGTERM');
    await this.#ended;
    clearTimeout(late);
    if (this.signal === 'SIGKILL') throw new Error(`A service did not end within ${ENDS_WITHIN} ms of SIGTERM: ${this.#log}`);
  }

  /** kill -9; returns when the process is gone. */
  async kill9(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** Returns when the process has ended by itself, or by its own hand. */
  async ended(within = 60_000): Promise<void> {
    await waitFor('the service has ended', () => !this.alive, {within});
    await this.#ended;
  }
}
