import {spawn, type ChildProcessWithoutNullStreams} from 'node:child_process';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';
import {createInterface} from 'node:readline';
import type {Config} from '../../../src/lib/config/keys.ts';
import {standStill, waitFor} from '../../sandbox/index.ts';

const PROGRAM = fileURLToPath(new URL('standing-process.ts', import.meta.url));

/** A process in the middle of a transaction, which can be stopped there. */
export class Standing {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: string[] = [];
  #complaints = '';

  constructor(config: Config) {
    const child = spawn(process.execPath, ['--no-warnings', PROGRAM, JSON.stringify(config)]);
    createInterface({input: child.stdout}).on('line', (line) => this.#lines.push(line));
    child.stderr.on('data', (text: Buffer) => (this.#complaints += text.toString()));
    this.#child = child;
  }

  async says(line: string): Promise<void> {
    const said = (): boolean => {
      if (this.#lines.includes(line)) return true;
      if (this.#child.exitCode === null) return false;
      throw new Error(`It said "${this.#lines.join(', ')}", not "${line}". ${this.#complaints}`);
    };
    await waitFor(`it says "${line}"`, said, {within: 60_000});
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    if (name === 'SIGSTOP') standStill(this.#child);
    else this.#child.kill(name);
  }

  goOn(): void {
    this.#child.stdin.write('go\n');
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
