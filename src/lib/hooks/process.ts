import {spawn, type ChildProcess} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {chmodSync, rmSync, writeFileSync} from 'node:fs';
import {Socket} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {messageOf} from '../errors/errors.ts';
import type {Milliseconds} from '../model/units.ts';
import {BoundedOutput} from './output.ts';

export interface HookCommand {
  /** What the shell finds in the file it is given. */
  readonly text: string;
  /** Arguments after the file: `$1`, `$2`, … */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Program that runs the file. */
  readonly shell: string;
  readonly timeout: Milliseconds;
  /** Do not keep our own process alive for it. */
  readonly background: boolean;
}

export interface Ended {
  readonly how: 'ok' | 'failed' | 'timed-out' | 'not-started';
  /** Null when it was ended by a signal or never started. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Standard output and error together; at most 64 KiB of it. */
  readonly output: string;
  readonly droppedBytes: number;
  /** Why it did not end well, as the end of a sentence; null when it did. */
  readonly problem: string | null;
}

type How = Pick<Ended, 'how'> & Partial<Ended>;

/** Between asking a process group to end and ending it, and between that and no longer waiting. */
const PATIENCE: Milliseconds = 2000;
/** How long output is read on after the shell has ended: something it left running may hold its pipe for ever. */
const LAST_OUTPUT: Milliseconds = 200;

/** Runs one command as a shell script, in a process group of its own. Never rejects: what went wrong is part of the answer. */
export async function runCommand(command: HookCommand): Promise<Ended> {
  const file = path.join(tmpdir(), `orchestrator-process-cmd-${randomUUID()}`);
  const output = new BoundedOutput();
  try {
    writeFileSync(file, command.text, {mode: 0o640, flag: 'wx'});
    chmodSync(file, 0o640); // whatever the umask is
    return await run(start(file, command), output, command);
  } catch (error) {
    return ended({how: 'not-started', problem: `could not be started: ${messageOf(error)}`}, output);
  } finally {
    rmSync(file, {force: true});
  }
}

function start(file: string, {shell, args, env}: HookCommand): ChildProcess {
  return spawn(shell, [file, ...args], {detached: true, env, stdio: ['ignore', 'pipe', 'pipe']});
}

function run(child: ChildProcess, output: BoundedOutput, {shell, timeout, background}: HookCommand): Promise<Ended> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const next = (delay: Milliseconds, act: () => void): void => {
      clearTimeout(timer);
      timer = setTimeout(act, delay);
      if (background) timer.unref();
    };
    const finish = (how: How): void => {
      clearTimeout(timer);
      release(child);
      resolve(ended(how, output));
    };
    let late = false;
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => output.add(chunk));
    child.once('error', (error) => finish({how: 'not-started', problem: `could not be started with ${shell}: ${error.message}`}));
    child.once('exit', (exitCode, signal) => {
      if (late) signalGroup(child, 'SIGKILL'); // what the shell started may have ignored the first one
      const how = verdict({exitCode, signal, late, timeout});
      next(LAST_OUTPUT, () => finish(how));
      child.once('close', () => finish(how));
    });
    next(timeout, () => {
      late = true;
      signalGroup(child, 'SIGTERM');
      next(PATIENCE, () => {
        signalGroup(child, 'SIGKILL');
        next(PATIENCE, () => finish({how: 'timed-out', problem: `took longer than ${timeout / 1000} s and could not be killed`}));
      });
    });
    if (background) release(child);
  });
}

interface Exit {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly late: boolean;
  readonly timeout: Milliseconds;
}

function verdict({exitCode, signal, late, timeout}: Exit): How {
  if (late) return {how: 'timed-out', exitCode, signal, problem: `was killed after ${timeout / 1000} s`};
  if (exitCode === 0) return {how: 'ok', exitCode};
  const problem = signal === null ? `ended with status ${exitCode}` : `was ended by ${signal}`;
  return {how: 'failed', exitCode, signal, problem};
}

function ended(how: How, output: BoundedOutput): Ended {
  return {exitCode: null, signal: null, problem: null, output: output.text, droppedBytes: output.droppedBytes, ...how};
}

/** Lets our own process end although the child, or something that holds its pipes, has not. Output is still read. */
function release(child: ChildProcess): void {
  child.unref();
  for (const stream of [child.stdout, child.stderr]) {
    if (stream instanceof Socket) stream.unref();
  }
}

function signalGroup(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error; // already gone: what was wanted
  }
}
