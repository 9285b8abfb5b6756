import {spawnSync} from 'node:child_process';
import {figure, median, type Figure, type Report} from './report.ts';
import {addressOf, type Stage} from './stage.ts';

const TARGET_MS = 130;

/** A process that ends by itself. */
export interface Line {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Whole processes, from their start to their end, of commands that only read. */
export async function command(stage: Stage, {runs}: {readonly runs: number}): Promise<Report> {
  const {source, service} = await stage.fresh();
  try {
    const bare: Line = {command: process.execPath, args: ['-e', '0'], env: process.env};
    const lines = new Map<string, Line>([
      ['node -e 0', bare],
      ['clusters', stage.program.commandLine(['clusters'])],
      ['which-replicas', stage.program.commandLine(['which-replicas', '-i', addressOf(source)])],
    ]);
    const took = inTurn(lines, runs);
    return {
      title: 'a command that reads, whole process',
      how: `The bundle under Node, on a backend that the service uses at the same time; ${runs} runs each, in turn. Wall time from start to end.`,
      cast: stage.cast,
      figures: [...took].flatMap(([what, times]) => figuresOf(what, times)),
      runs: [],
    };
  } finally {
    await service.stop();
  }
}

/** One after the other, so that a busy moment meets all alike; two rounds before the first counted one warm the file cache. */
export function inTurn(lines: ReadonlyMap<string, Line>, runs: number): ReadonlyMap<string, readonly number[]> {
  const took = new Map([...lines.keys()].map((what) => [what, [] as number[]]));
  for (let round = -2; round < runs; round++) {
    for (const [what, line] of lines) took.get(what)?.push(timed(line));
    if (round < 0) for (const times of took.values()) times.length = 0;
  }
  return took;
}

function timed({command: program, args, env}: Line): number {
  const began = performance.now();
  const {status, stderr} = spawnSync(program, [...args], {env, encoding: 'utf8', timeout: 30_000});
  const took = performance.now() - began;
  if (status !== 0) throw new Error(`${args.at(-1)} failed: ${stderr}`);
  return took;
}

function figuresOf(what: string, times: readonly number[]): Figure[] {
  const target = what.startsWith('node') ? null : TARGET_MS;
  return [figure(`${what}, median`, median(times), {unit: 'ms', target}), figure(`${what}, lowest`, Math.min(...times), {unit: 'ms'})];
}
