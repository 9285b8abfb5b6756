import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {chmod, mkdtemp} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

/** A folder whose processes and files end with us, however we end. */
export interface GuardedFolder {
  readonly path: string;
  /** What each process started in it must have in its environment, to be found again. */
  readonly mark: NodeJS.ProcessEnv;
  /** False after `close`. */
  readonly open: boolean;
  /** From now on nothing may be started in it. */
  close(): void;
  /** Kills all its processes, removes it, and returns when both are done. */
  end(): Promise<void>;
}

/**
 * Makes a temporary folder watched by a small process of its own session.
 * The watcher acts when our end of its pipe closes, which the kernel does even after kill -9, so it needs no exit handlers here.
 */
export async function guardedFolder(): Promise<GuardedFolder> {
  const path = await mkdtemp(join(tmpdir(), 'orchestrator-sandbox-'));
  await chmod(path, 0o755);
  const guard = spawn('bash', [join(import.meta.dirname, 'guard.sh'), path], {stdio: ['pipe', 'ignore', 'inherit'], detached: true});
  const ended = once(guard, 'exit');
  guard.unref();
  (guard.stdin as unknown as {unref(): void}).unref();
  let open = true;
  return {
    path,
    get open() {
      return open;
    },
    close() {
      open = false;
    },
    mark: {ORCHESTRATOR_SANDBOX: path},
    async end() {
      open = false;
      guard.ref();
      guard.stdin.end();
      await ended;
    },
  };
}
