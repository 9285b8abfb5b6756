import type {ChildProcess} from 'node:child_process';
import {existsSync, readdirSync, readFileSync} from 'node:fs';

const WITHIN = 60_000;

/**
 * SIGSTOP, and returns when the whole process stands still: on a busy machine its threads go on, and answer, until the one that is to
 * handle the signal gets the processor. Nothing where the process has ended.
 */
export function standStill(child: ChildProcess): void {
  const {pid} = child;
  if (pid === undefined || !child.kill('SIGSTOP') || !existsSync('/proc')) return;
  const until = performance.now() + WITHIN;
  while (!threadsOf(pid).every((thread) => STANDS.test(stateOf(pid, thread)))) {
    if (performance.now() > until) throw new Error(`Process ${pid} does not stand still ${WITHIN} ms after SIGSTOP.`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  }
}

/** Stopped, traced, or ended; the state is what follows the name, which may hold anything. */
const STANDS = /^$|\) [TtZXx] [^)]*$/;

function threadsOf(pid: number): readonly string[] {
  return unlessGone(() => readdirSync(`/proc/${pid}/task`), []);
}

function stateOf(pid: number, thread: string): string {
  return unlessGone(() => readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1'), '');
}

function unlessGone<Result>(read: () => Result, otherwise: Result): Result {
  try {
    return read();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return otherwise;
    throw error;
  }
}
