import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';
import {createInterface} from 'node:readline';
import {standStill} from '../../sandbox/index.ts';
import type {ContenderLine, ContenderSettings} from './contender-process.ts';

const PROGRAM = fileURLToPath(new URL('contender-process.ts', import.meta.url));

/** A process of its own that contends for the lease or a lock. */
export class Contender {
  readonly name: string;
  /** All it said so far, in order. */
  readonly lines: ContenderLine[] = [];
  readonly #child: ChildProcess;
  #complaints = '';

  constructor(settings: ContenderSettings) {
    this.name = settings.name;
    const child = spawn(process.execPath, ['--no-warnings', PROGRAM, JSON.stringify(settings)], {stdio: ['ignore', 'pipe', 'pipe']});
    createInterface({input: child.stdout}).on('line', (line) => this.lines.push(JSON.parse(line) as ContenderLine));
    child.stderr.on('data', (text: Buffer) => (this.#complaints += text.toString()));
    this.#child = child;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What it wrote to standard error. */
  get complaints(): string {
    return this.#complaints;
  }

  /** Whether it has said within the last moments that it can rely on what it contends for. */
  get holds(): boolean {
    const last = this.lines.at(-1);
    return this.alive && last !== undefined && sharedClock() < last.until;
  }

  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): void {
    if (name === 'SIGSTOP') standStill(this.#child);
    else this.#child.kill(name);
  }

  async end(): Promise<void> {
    if (!this.alive) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}

/** The monotonic clock that all processes of this machine share, in milliseconds. */
export function sharedClock(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Moments in which two could rely on the same thing, and numbers that did not grow; one sentence each, at most a few. */
export function overlaps(contenders: readonly Contender[]): readonly string[] {
  const lines = contenders.flatMap((contender) => contender.lines).toSorted((a, b) => a.at - b.at);
  const found: string[] = [];
  let holder: ContenderLine | undefined;
  for (const line of lines) {
    if (holder !== undefined && holder.name !== line.name) {
      if (line.at < holder.until) found.push(`${line.name} relied on ${line.number} while ${holder.name} could rely on ${holder.number}`);
      if (line.number <= holder.number) found.push(`${line.number} of ${line.name} followed ${holder.number} of ${holder.name}`);
    }
    holder = line;
  }
  return found.slice(0, 5);
}
