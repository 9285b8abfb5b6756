import {spawn} from 'node:child_process';
import {once} from 'node:events';

/** How a command of the program ended. */
export interface Ended {
  /** Null when it was ended by a signal. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const ENDS_WITHIN = 60_000;

/** Command and arguments of the program as it is shipped. */
export function programLine(args: readonly string[]): {readonly command: string; readonly args: readonly string[]} {
  const bin = process.env['ORCHESTRATOR_BIN'];
  if (bin === undefined) throw new Error('ORCHESTRATOR_BIN is not set: test/setup/bundle.ts sets it before any test.');
  // As bin/orchestrator calls it.
  return {command: process.execPath, args: ['--disable-warning=ExperimentalWarning', bin, ...args]};
}

/** Runs one command to its end; one that does not end is killed, and that fails the test. */
export async function runProgram(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  const line = programLine(args);
  const child = spawn(line.command, line.args, {env, stdio: ['ignore', 'pipe', 'pipe']});
  const late = setTimeout(() => child.kill('SIGKILL'), ENDS_WITHIN);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  try {
    const [status] = (await once(child, 'close')) as [number | null];
    return {status, stdout, stderr};
  } finally {
    clearTimeout(late);
  }
}
