import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdir} from 'node:fs/promises';
import {dirname} from 'node:path';

const PATIENCE_SECONDS = 600;

/**
 * Runs `work` while holding a lock file against every other process of this machine.
 * The lock is held by a child that lives as long as our end of its pipe, so it can never be left behind, not even by kill -9.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), {recursive: true});
  const holder = spawn('flock', ['--wait', String(PATIENCE_SECONDS), path, 'sh', '-c', 'echo held; cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const ended = once(holder, 'exit');
  const held = await Promise.race([once(holder.stdout, 'data').then(() => true), ended.then(() => false)]);
  if (!held) throw new Error(`The lock ${path} was not free within ${PATIENCE_SECONDS} s; look for a process that hangs with it.`);
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
