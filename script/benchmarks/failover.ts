import {setTimeout as sleep} from 'node:timers/promises';
import {waitFor, type Client, type Instance} from '../../test/sandbox/index.ts';
import {allFollow, balance, watchReceived, type Balance} from './losses.ts';
import {OutsideClient} from './outside-client.ts';
import {rateFor, report, REPOINTED_WITHIN, text, type FailoverOptions, type Run} from './failover-report.ts';
import type {Report} from './report.ts';
import type {Scene, Stage} from './stage.ts';

const PROMOTED_WITHIN = 30_000;
/** Writing goes on before the strike and after the promotion, milliseconds. */
const WRITE_FOR = 3_000;

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
  return report(stage.cast, options, runs);
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
  const {ids, ratePerSecond, acceptedBy, closedAfter} = await client.stop();
  const promoted = replicas.find(({key}) => key.port === first?.port);
  const log = service.log.slice(before);
  const logged = (pattern: RegExp): number | null => {
    const line = log.find((one) => pattern.test(one.text));
    return line ? line.at - struck.at : null;
  };
  return {
    writable: first?.after ?? null,
    repointed: repointed === null ? null : repointed - struck.at,
    closed: closedAfter,
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
