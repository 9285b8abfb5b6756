import {fork, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import path from 'node:path';
import {cpuSecondsOf} from '../process.ts';
import {figure, type Figure} from '../report.ts';
import type {FloorWish} from './floor.ts';
import type {LoadNews, LoadWish} from './load.ts';

const TARGET_MS = 50;

export interface Loading {
  /** The beginning of each line of the report. */
  readonly what: string;
  readonly pid: number;
  readonly wish: LoadWish;
  /** Absent: told, and held to nothing. */
  readonly target?: typeof TARGET_MS;
}

/** Asks a service as often as wished from a process of its own, and says what it took, both in time and in work of both processes. */
export async function loaded({what, pid, wish, target}: Loading): Promise<readonly Figure[]> {
  const child = forked('load.ts');
  try {
    child.send(wish);
    await told(child, 'measuring');
    const before = cpuSecondsOf(pid);
    const {times, failed, unchanged, connections, bytes, cpu} = await told(child, 'done');
    const worked = (cpuSecondsOf(pid) - before) * 1000;
    const sorted = times.toSorted((one, other) => one - other);
    const at = (part: number): number => sorted[Math.ceil(sorted.length * part) - 1] ?? NaN;
    const each = (sum: number): number => sum / Math.max(1, times.length + failed);
    return [
      figure(`${what}: median`, at(0.5), {unit: 'ms'}),
      figure(`${what}: p99`, at(0.99), {unit: 'ms', target: target ?? null}),
      figure(`${what}: refused`, failed, {target: target === undefined ? null : 0}),
      figure(`${what}: processor a request, server`, each(worked), {unit: 'ms'}),
      figure(`${what}: processor a request, whoever asks`, each(cpu), {unit: 'ms'}),
      figure(`${what}: a request`, each(bytes) / 1000, {unit: 'kB'}),
      figure(`${what}: connections`, connections),
      ...(wish.conditional ? [figure(`${what}: unchanged`, (100 * unchanged) / times.length, {unit: '%'})] : []),
    ];
  } finally {
    child.kill();
  }
}

export {TARGET_MS};

/** A server that does nothing but send bodies. */
export async function floor(bodies: FloorWish): Promise<{readonly pid: number; readonly port: number; stop(): void}> {
  const child = forked('floor.ts');
  const listening = once(child, 'message') as Promise<[{readonly port: number}]>;
  child.send(bodies);
  const [{port}] = await listening;
  return {pid: child.pid ?? 0, port, stop: () => void child.kill()};
}

function forked(file: string): ChildProcess {
  return fork(path.join(import.meta.dirname, file), {execArgv: ['--disable-warning=ExperimentalWarning']});
}

async function told<Wanted extends LoadNews['news']>(child: ChildProcess, wanted: Wanted): Promise<Extract<LoadNews, {news: Wanted}>> {
  const ended = once(child, 'exit').then(() => {
    throw new Error('whoever asks has ended by itself');
  });
  for (;;) {
    const [news] = (await Promise.race([once(child, 'message'), ended])) as [LoadNews];
    if (news.news === wanted) return news as Extract<LoadNews, {news: Wanted}>;
  }
}
