import {setTimeout as sleep} from 'node:timers/promises';
import {waitFor, type Client, type Instance} from '../../test/sandbox/index.ts';
import {allFollow, balance, watchReceived, type Balance} from './losses.ts';
import {OutsideClient} from './outside-client.ts';
import {figure, highest, median, type Report} from './report.ts';
import {CONFIGURATION, type Scene, type Stage} from './stage.ts';

/** With four replicas; with more, all of which apply on the same cores, so many fewer. */
const WRITES_PER_SECOND = 600;
const FEW_REPLICAS = 4;
const REPOINTED_WITHIN = 30_000;
const PROMOTED_WITHIN = 30_000;
/** Writing goes on before the strike and after the promotion, milliseconds. */
const WRITE_FOR = 3_000;

export interface FailoverOptions {
  readonly runs: number;
  /** How long the service does nothing but watch before each run, milliseconds. */
  readonly idle: number;
  /** Transactions that one replica has received and not applied when the source dies; 0 = none. */
  readonly backlog: number;
  readonly replicas: number;
  say(sentence: string): void;
}

interface Run {
  /** From the kill to the first accepted write; null: nobody was promoted. */
  readonly writable: number | null;
  /** From the kill until all survivors follow the successor with both threads; null: they never did. */
  readonly repointed: number | null;
  /** Milliseconds after the kill at which the service logged that the source is dead, and who replaces it. */
  readonly confirmed: number | null;
  readonly decided: number | null;
  readonly ratePerSecond: number;
  /** Servers that accepted writes: 1 unless something is very wrong. */
  readonly writers: number;
  readonly balance: Balance;
  readonly log: readonly string[];
}

/** kill -9 of a source with replicas under write load, again and again, each time from a fresh start. */
export async function failover(stage: Stage, options: FailoverOptions): Promise<Report> {
  const runs: Run[] = [];
  for (let number = 1; number <= options.runs; number++) {
    const run = await once(stage, options);
    runs.push(run);
    const problems = [...run.balance.lost, ...(run.writable === null ? ['NOT PROMOTED', ...run.log] : [])];
    options.say(
      `run ${number} of ${options.runs}: ${[text(run.writable), `all follow after ${text(run.repointed)}`, ...problems].join('; ')}`,
    );
  }
  return report(stage, options, runs);
}

async function once(stage: Stage, options: FailoverOptions): Promise<Run> {
  const scene = await stage.fresh({RecoverMasterClusterFilters: ['*']}, {replicas: options.replicas});
  await sleep(options.idle);
  const client = await OutsideClient.start(scene.source.key.port, rateFor(options.replicas));
  let blocker: Client | null = null;
  try {
    await sleep(WRITE_FOR);
    blocker = await backlogOn(scene, options.backlog);
    return await strike(stage, scene, {client, blocker});
  } finally {
    blocker?.close();
    client.kill();
    await scene.service.stop();
  }
}

async function strike(stage: Stage, scene: Scene, {client, blocker}: {client: OutsideClient; blocker: Client | null}): Promise<Run> {
  const {source, replicas, service} = scene;
  const before = service.log.length;
  const over = new AbortController();
  const watching = watchReceived(source, replicas, over.signal);
  blocker?.close();
  const struck = await client.strike(
    {pid: source.pid ?? 0, signal: 'SIGKILL', replicas: replicas.map(({key}) => key.port)},
    PROMOTED_WITHIN,
  );
  const first = await struck.accepted;
  const repointed = await followedAt(replicas, first?.port ?? null);
  over.abort();
  const received = await watching;
  await sleep(WRITE_FOR / 3);
  const {ids, ratePerSecond, acceptedBy} = await client.stop();
  const promoted = replicas.find(({key}) => key.port === first?.port);
  const log = service.log.slice(before);
  const logged = (pattern: RegExp): number | null => {
    const line = log.find((one) => pattern.test(one.text));
    return line ? line.at - struck.at : null;
  };
  return {
    writable: first?.after ?? null,
    repointed: repointed === null ? null : repointed - struck.at,
    confirmed: logged(/^Dead/),
    decided: logged(/ is promoted in place of /),
    ratePerSecond,
    writers: acceptedBy.length,
    balance: promoted ? await balance(stage.box, {promoted, received, acknowledged: ids}).catch(unsettled) : {lost: [], neverReceived: 0},
    log: log.slice(-10).map(({level, text: said}) => `${level} ${said}`),
  };
}

/** When all others were seen to follow it, milliseconds since 1970. */
async function followedAt(replicas: readonly Instance[], port: number | null): Promise<number | null> {
  const promoted = replicas.find(({key}) => key.port === port);
  if (!promoted) return null;
  const others = replicas.filter((replica) => replica !== promoted);
  const all = waitFor('all follow', () => allFollow(others, promoted), {within: REPOINTED_WITHIN});
  return all.then(
    () => Date.now(),
    () => null,
  );
}

function rateFor(replicas: number): number {
  return Math.round((WRITES_PER_SECOND * FEW_REPLICAS) / Math.max(FEW_REPLICAS, replicas));
}

function unsettled(error: unknown): Balance {
  return {lost: [error instanceof Error ? error.message : String(error)], neverReceived: 0};
}

/** Keeps a replica from applying until so many transactions wait; closing the client lets it go on. */
async function backlogOn({source, replicas}: Scene, transactions: number): Promise<Client | null> {
  const replica = replicas.at(-1);
  if (!replica || transactions === 0) return null;
  const blocker = replica.connect('root');
  await blocker.query('LOCK TABLES test.t READ');
  const behind = async (): Promise<boolean> => (await countOf(source)) - (await countOf(replica)) >= transactions;
  await waitFor(`${transactions} transactions wait on ${replica.name}`, behind, {within: 60_000});
  return blocker;
}

async function countOf(instance: Instance): Promise<number> {
  return Number(await instance.value('SELECT COUNT(*) FROM test.t'));
}

function report(stage: Stage, {runs: wanted, idle, backlog, replicas}: FailoverOptions, runs: readonly Run[]): Report {
  const promotions = runs.flatMap(({writable}) => (writable === null ? [] : [writable]));
  const part = (pick: (run: Run) => number | null): number => median(runs.flatMap((run) => pick(run) ?? []));
  const beside = backlog > 0 ? `, one replica ${backlog} transactions behind` : '';
  const target = (value: number): number | null => (backlog > 0 ? null : value);
  const many = replicas > FEW_REPLICAS;
  const least = (rateFor(replicas) * 5) / 6;
  return {
    title: `failover: source killed under load, ${replicas} replicas${beside}`,
    how: `${CONFIGURATION}, RecoverMasterClusterFilters ["*"]; ${wanted} runs, each with fresh servers, backend and service, which idles ${idle / 1000} s before. A client process writes, kills (-9) and measures from there to its first accepted write, trying every replica each 3 ms.`,
    cast: stage.cast,
    figures: [
      figure('kill to first accepted write, median', median(promotions), {unit: 'ms', target: target(many ? 500 : 200)}),
      figure('kill to first accepted write, highest', highest(promotions), {unit: 'ms', target: many ? null : target(500)}),
      figure('kill to all survivors following, highest', highest(runs.map(({repointed}) => repointed ?? REPOINTED_WITHIN)), {
        unit: 'ms',
        target: target(3_000),
      }),
      figure('runs without a promotion', runs.length - promotions.length, {target: 0}),
      figure('received writes lost, or replicas that do not follow', runs.flatMap(({balance: {lost}}) => lost).length, {target: 0}),
      figure('runs with two writable servers', runs.filter(({writers}) => writers > 1).length, {target: 0}),
      figure(`runs below ${Math.round(least)} writes a second`, runs.filter((run) => run.ratePerSecond < least).length, {target: 0}),
      figure(
        'writes a second before the kill, median',
        part(({ratePerSecond}) => ratePerSecond),
      ),
      figure(
        'acknowledged by the dead source and received by nobody',
        runs.reduce((sum, run) => sum + run.balance.neverReceived, 0),
      ),
      figure(
        'kill to confirmed dead (log), median',
        part(({confirmed}) => confirmed),
        {unit: 'ms'},
      ),
      figure(
        'kill to plan journaled (log), median',
        part(({decided}) => decided),
        {unit: 'ms'},
      ),
    ],
    runs: [
      ['run', 'confirmed', 'decided', 'writable', 'all follow', 'writes/s', 'lost'],
      ...runs.map((run, at) => [
        String(at + 1),
        text(run.confirmed),
        text(run.decided),
        text(run.writable),
        text(run.repointed),
        String(Math.round(run.ratePerSecond)),
        String(run.balance.lost.length),
      ]),
    ],
  };
}

function text(milliseconds: number | null): string {
  return milliseconds === null ? 'never' : `${Math.round(milliseconds)} ms`;
}
