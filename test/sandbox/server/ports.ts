import {readFileSync} from 'node:fs';
import {mkdir, readFile, rm, writeFile} from 'node:fs/promises';
import {createServer} from 'node:net';
import {tmpdir, userInfo} from 'node:os';
import {join} from 'node:path';
import {withLock} from './lock.ts';

/** Below the range the kernel gives to outgoing connections, so that a port stays ours while its server is down. */
const FIRST = 20_000;
const LAST = 31_999;

/** Ports of 127.0.0.1 that no other process of this user will get while we live. */
export interface ReservedPorts {
  readonly ports: readonly number[];
  release(): Promise<void>;
}

/** @throws Error when fewer than `count` ports are free */
export async function reservePorts(count: number): Promise<ReservedPorts> {
  const folder = join(tmpdir(), `orchestrator-ports-${userInfo().uid}`);
  await mkdir(folder, {recursive: true});
  const owner = `${process.pid} ${startTimeOf(process.pid)}`;
  const ports = await withLock(join(folder, 'lock'), async () => {
    const found: number[] = [];
    const start = Math.floor(Math.random() * (LAST - FIRST));
    for (let step = 0; found.length < count && step <= LAST - FIRST; step++) {
      const port = FIRST + ((start + step) % (LAST - FIRST + 1));
      if ((await isReserved(join(folder, String(port)))) || !(await isFree(port))) continue;
      await writeFile(join(folder, String(port)), owner);
      found.push(port);
    }
    return found;
  });
  const release = async (): Promise<void> => {
    await Promise.all(ports.map((port) => rm(join(folder, String(port)), {force: true})));
  };
  if (ports.length === count) return {ports, release};
  await release();
  throw new Error(`Only ${ports.length} of ${count} wanted ports are free between ${FIRST} and ${LAST}; stop other sandboxes.`);
}

/** A reservation ends with its process; the start time tells a reused process id from the owner. */
async function isReserved(path: string): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const [pid, started] = text.split(' ');
  return pid !== undefined && pid !== '' && started !== '' && startTimeOf(Number(pid)) === started;
}

/** Field 22 of /proc/PID/stat, in clock ticks since boot; '' when there is no such process. */
function startTimeOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({port, host: '127.0.0.1', exclusive: true}, () => probe.close(() => resolve(true)));
  });
}
