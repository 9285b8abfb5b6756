import {setTimeout as sleep} from 'node:timers/promises';
import {ACCOUNTS, waitFor, type Instance} from '../../test/sandbox/index.ts';
import {OutsideClient} from './outside-client.ts';
import {figure, highest, median, type Report} from './report.ts';
import {addressOf, CONFIGURATION, type Scene, type Stage} from './stage.ts';

const WRITES_PER_SECOND = 600;
const MOVED_WITHIN = 60_000;
/** Writing goes on before the takeover and after it, milliseconds. */
const WRITE_FOR = 2_000;

export interface TakeoverOptions {
  readonly runs: number;
  say(sentence: string): void;
}

interface Run {
  /** Milliseconds from the last write that the old source acknowledged to the first that the new one did; null: it did not move. */
  readonly gap: number | null;
  /** Milliseconds that the request took. */
  readonly took: number;
  /** What the service says of closing, catching up and opening. */
  readonly told: readonly string[];
  /** Acknowledged rows that the new source has not, and servers that do not follow it. */
  readonly faults: readonly string[];
}

/** A source with four replicas hands over to one of them under write load, again and again, each time from a fresh start. */
export async function takeover(stage: Stage, options: TakeoverOptions): Promise<Report> {
  const runs: Run[] = [];
  for (let number = 1; number <= options.runs; number++) {
    const run = await once(stage);
    runs.push(run);
    options.say(`run ${number} of ${options.runs}: ${[text(run.gap), ...run.told, ...run.faults].join('; ')}`);
  }
  return report(stage, options, runs);
}

async function once(stage: Stage): Promise<Run> {
  const {user, password} = ACCOUNTS.repl;
  const scene = await stage.fresh({ReplicationCredentialsQuery: `SELECT '${user}', '${password}'`});
  const client = await OutsideClient.start(scene.source.key.port, WRITES_PER_SECOND);
  try {
    await sleep(WRITE_FOR);
    return await handOver(scene, client);
  } finally {
    client.kill();
    await scene.service.stop();
  }
}

async function handOver({source, replicas, service}: Scene, client: OutsideClient): Promise<Run> {
  const [successor] = replicas;
  if (!successor) throw new Error('there is no replica');
  const {moved} = await client.follow([successor.key.port], MOVED_WITHIN);
  const began = performance.now();
  const path = [source, successor].map(({key}) => `${key.host}/${key.port}`).join('/');
  const said = await service.api<{readonly Code: string; readonly Message: string}>(`graceful-master-takeover-auto/${path}`);
  const took = performance.now() - began;
  if (said.Code !== 'OK') return {gap: null, took, told: [], faults: [said.Message]};
  const first = await moved;
  await sleep(WRITE_FOR / 2);
  const {ids} = await client.stop();
  const told = service.log.flatMap(({text: line}) => / (?:is closed|has all that \S+ has|is writable), .*$/.exec(line)?.[0].trim() ?? []);
  return {gap: first?.gap ?? null, took, told, faults: await faultsOf({successor, others: [source, ...replicas.slice(1)]}, ids)};
}

async function faultsOf(
  {successor, others}: {successor: Instance; others: readonly Instance[]},
  ids: readonly number[],
): Promise<readonly string[]> {
  const there = new Set((await successor.query<{id: number}>('SELECT id FROM test.t')).map(({id}) => Number(id)));
  const lost = ids.filter((id) => !there.has(id)).length;
  const follow = await Promise.all(others.map((one) => hasRows(one, there.size)));
  return [
    ...(lost > 0 ? [`${lost} acknowledged rows are not on ${addressOf(successor)}`] : []),
    ...others.filter((_, at) => !follow[at]).map((one) => `${addressOf(one)} does not follow`),
  ];
}

async function hasRows(instance: Instance, rows: number): Promise<boolean> {
  const all = async (): Promise<boolean> => Number(await instance.value('SELECT COUNT(*) FROM test.t')) === rows;
  return waitFor(`${instance.name} has ${rows} rows`, all, {within: 15_000}).then(
    () => true,
    () => false,
  );
}

function report(stage: Stage, {runs: wanted}: TakeoverOptions, runs: readonly Run[]): Report {
  const gaps = runs.flatMap(({gap}) => (gap === null ? [] : [gap]));
  return {
    title: 'takeover: a source hands over under load, 4 replicas',
    how: `${CONFIGURATION} and ReplicationCredentialsQuery; ${wanted} runs of graceful-master-takeover-auto over HTTP, each with fresh servers, backend and service. A client process writes ${WRITES_PER_SECOND} rows a second to the source and tries the successor each 3 ms: the gap is from the last write that the one acknowledged to the first that the other did.`,
    cast: stage.cast,
    figures: [
      figure('gap between accepted writes, median', median(gaps), {unit: 'ms', target: 30}),
      figure('gap between accepted writes, highest', highest(gaps), {unit: 'ms', target: 100}),
      figure('runs without a takeover', runs.length - gaps.length, {target: 0}),
      figure('acknowledged writes lost, or servers that do not follow', runs.flatMap(({faults}) => faults).length, {target: 0}),
      figure('whole request, median', median(runs.map(({took}) => took)), {unit: 'ms'}),
    ],
    runs: [
      ['run', 'gap', 'request', 'faults'],
      ...runs.map((run, at) => [String(at + 1), text(run.gap), text(run.took), String(run.faults.length)]),
    ],
  };
}

function text(milliseconds: number | null): string {
  return milliseconds === null ? 'never' : `${Math.round(milliseconds)} ms`;
}
