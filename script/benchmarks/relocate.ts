import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {waitFor, type Instance} from '../../test/sandbox/index.ts';
import {allFollow} from './losses.ts';
import {OutsideClient} from './outside-client.ts';
import {figure, highest, median, type Report} from './report.ts';
import {addressOf, CONFIGURATION, type Stage} from './stage.ts';

/** Enough that every replica has something to apply while it is moved. */
const WRITES_PER_SECOND = 50;
const FOLLOW_WITHIN = 30_000;

export interface RelocateOptions {
  readonly runs: number;
  readonly replicas: number;
  say(sentence: string): void;
}

interface Run {
  /** Milliseconds that the whole command took. */
  readonly took: number;
  readonly faults: readonly string[];
}

/** All replicas of a source but one go below that one, and back, while somebody writes. */
export async function relocate(stage: Stage, options: RelocateOptions): Promise<Report> {
  const {source, replicas, service} = await stage.fresh({}, {replicas: options.replicas + 1});
  const [home, ...movers] = replicas;
  if (!home) throw new Error('there is no replica');
  const client = await OutsideClient.start(source.key.port, WRITES_PER_SECOND);
  const runs: Run[] = [];
  try {
    for (let number = 1; number <= options.runs; number++) {
      const [from, to] = number % 2 === 1 ? [source, home] : [home, source];
      const run = await move(stage, {from, to, movers});
      runs.push(run);
      options.say(`run ${number} of ${options.runs}: ${[`${Math.round(run.took)} ms`, ...run.faults].join('; ')}`);
    }
    const {ids} = await client.stop();
    await stage.box.caughtUp({within: FOLLOW_WITHIN});
    return report(stage, {options, runs, lacking: await lackingOn(movers, ids)});
  } finally {
    client.kill();
    await service.stop();
  }
}

async function move(stage: Stage, {from, to, movers}: {from: Instance; to: Instance; movers: readonly Instance[]}): Promise<Run> {
  const line = stage.program.commandLine(['relocate-replicas', '-i', addressOf(from), '-d', addressOf(to)]);
  const began = performance.now();
  const child = spawn(line.command, [...line.args], {env: line.env, stdio: ['ignore', 'ignore', 'pipe']});
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const [status] = (await once(child, 'close')) as [number | null];
  const took = performance.now() - began;
  const unsettled = await waitFor('all follow', () => allFollow(movers, to), {within: FOLLOW_WITHIN}).then(
    () => [],
    (error: unknown) => [error instanceof Error ? error.message : String(error)],
  );
  return {took, faults: [...(status === 0 ? [] : [`status ${status}: ${said.trim()}`]), ...unsettled]};
}

/** Acknowledged rows that a replica has not. */
async function lackingOn(movers: readonly Instance[], ids: readonly number[]): Promise<number> {
  const counts = await Promise.all(movers.map(async (one) => Number(await one.value('SELECT COUNT(*) FROM test.t'))));
  return counts.filter((count) => count < ids.length).length;
}

function report(stage: Stage, {options, runs, lacking}: {options: RelocateOptions; runs: readonly Run[]; lacking: number}): Report {
  const took = runs.map((run) => run.took);
  return {
    title: `relocate-replicas of ${options.replicas} replicas by GTID`,
    how: `${CONFIGURATION}; a process writes ${WRITES_PER_SECOND} rows a second to the source. ${options.runs} runs, down below a sibling and up again: the whole command, from the start of its process to its end. Then all replicas are asked whom they follow.`,
    cast: stage.cast,
    figures: [
      figure('whole command, median', median(took), {unit: 'ms', target: 2_000}),
      figure('whole command, highest', highest(took), {unit: 'ms', target: 2_000}),
      figure('runs that failed, or after which a replica does not follow', runs.filter(({faults}) => faults.length > 0).length, {
        target: 0,
      }),
      figure('replicas that lack rows at the end', lacking, {target: 0}),
    ],
    runs: [['run', 'took', 'faults'], ...runs.map((run, at) => [String(at + 1), `${Math.round(run.took)} ms`, String(run.faults.length)])],
  };
}
