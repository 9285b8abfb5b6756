import {setTimeout as sleep} from 'node:timers/promises';
import {ACCOUNTS, replicating, waitFor, type AccountName, type Client, type Instance} from '../../test/sandbox/index.ts';
import {figure, highest, median, type Figure, type Report} from './report.ts';
import {CONFIGURATION, type Scene, type Stage} from './stage.ts';

const GRACE = 2_000;
/** A restart that took longer than this is no restart "within a second", and may be failed over. */
const AWAY_AT_MOST = 1_000;
const PAUSED_FOR = 100;
const FULL_FOR = 300;
/** More than the least max_connections that every family takes. */
const CROWD = 14;
const LEAST_CONNECTIONS = 10;
const NO_SUCH_SESSION = 1094;
const TOO_MANY_CONNECTIONS = 1040;

/** Something short of death. */
interface Disturbance {
  readonly what: string;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** @returns milliseconds the source was away, where that is the point */
  disturb(scene: Scene): Promise<number | null>;
  /** How long the service is watched after each, milliseconds. */
  readonly watch: number;
}

const DISTURBANCES: readonly Disturbance[] = [
  {what: 'probe connections killed', disturb: async ({source}) => killSessions(source, ['orc']).then(() => null), watch: 300},
  {
    what: `source killed and restarted, FailureDetectionGraceMilliseconds ${GRACE}`,
    settings: {FailureDetectionGraceMilliseconds: GRACE},
    disturb: restart,
    watch: GRACE + 500,
  },
  {
    what: `max_connections full for ${FULL_FOR} ms, probes and replicas thrown out`,
    disturb: ({source}) => crowd(source).then(() => null),
    watch: 500,
  },
  {
    what: `source paused ${PAUSED_FOR} ms, probe connections killed just before`,
    disturb: ({source}) => pause(source).then(() => null),
    watch: 500,
  },
];

export interface CounterOptions {
  readonly times: number;
  say(sentence: string): void;
}

/** What must not be mistaken for a death, each many times on one source. Nothing may be recovered. */
export async function counter(stage: Stage, {times, say}: CounterOptions): Promise<Report> {
  const figures: Figure[] = [];
  for (const disturbance of DISTURBANCES) {
    const seen = await endure(stage, disturbance, times);
    say(`${disturbance.what}: ${seen.failovers} failovers in ${times}`);
    figures.push(figure(`failovers in ${times}: ${disturbance.what}`, seen.failovers, {target: 0}));
    figures.push(figure('    of them confirmed dead in the log', seen.confirmed));
    if (seen.away.length > 0) {
      figures.push(figure('    source away, median', median(seen.away), {unit: 'ms'}));
      figures.push(figure('    source away, highest', highest(seen.away), {unit: 'ms', target: AWAY_AT_MOST}));
      figures.push(figure(`    beside them, away for more than ${AWAY_AT_MOST} ms and not counted`, seen.tooLong));
    }
  }
  return {
    title: `counter-run: ${times} times each what is no death`,
    how: `${CONFIGURATION}, RecoverMasterClusterFilters ["*"]. Failovers are recoveries in the backend, or a source that is not the source any more.`,
    cast: stage.cast,
    figures,
    runs: [],
  };
}

interface Endured {
  readonly failovers: number;
  readonly confirmed: number;
  /** How long the source was away each time, where that is the point; milliseconds. */
  readonly away: readonly number[];
  /** Times it was away too long to count, because the machine was busy. */
  readonly tooLong: number;
}

async function endure(stage: Stage, disturbance: Disturbance, times: number): Promise<Endured> {
  const all: Endured[] = [];
  const total = (pick: (one: Endured) => number): number => all.reduce((sum, one) => sum + pick(one), 0);
  for (let done = 0; done < times;) {
    const scene = await stage.fresh({RecoverMasterClusterFilters: ['*'], ...disturbance.settings});
    try {
      const {counted, ...series} = await disturbUntilRecovered(scene, disturbance, times - done);
      done += counted;
      all.push({...series, confirmed: scene.service.log.filter(({text}) => text.startsWith('Dead')).length});
    } finally {
      await scene.service.stop();
    }
    if (total(({tooLong}) => tooLong) > times)
      throw new Error(`${disturbance.what}: the source hardly ever came back in time; is the machine busy?`);
  }
  return {
    failovers: total(({failovers}) => failovers),
    confirmed: total(({confirmed}) => confirmed),
    tooLong: total(({tooLong}) => tooLong),
    away: all.flatMap(({away}) => away),
  };
}

/** Again and again on the same servers; after a recovery they are of no use any more. */
async function disturbUntilRecovered(
  scene: Scene,
  {disturb, watch}: Disturbance,
  most: number,
): Promise<Omit<Endured, 'confirmed'> & {readonly counted: number}> {
  const away: number[] = [];
  let [counted, tooLong] = [0, 0];
  while (counted < most && tooLong <= most) {
    const gone = await disturb(scene);
    await sleep(watch);
    const recovered = await wasRecovered(scene);
    const late = gone !== null && gone > AWAY_AT_MOST;
    if (late) tooLong += 1;
    else counted += 1;
    if (gone !== null && !late) away.push(gone);
    if (recovered) return {counted, tooLong, away, failovers: late ? 0 : 1};
  }
  return {counted, tooLong, away, failovers: 0};
}

async function wasRecovered({service, source}: Scene): Promise<boolean> {
  const recoveries = await service.api<readonly unknown[]>('audit-recovery');
  return recoveries.length > 0 || Number(await source.value('SELECT @@global.read_only')) === 1;
}

/** Ends all sessions of some accounts. */
async function killSessions(source: Instance, users: readonly AccountName[]): Promise<void> {
  const names = users.map((name) => `'${ACCOUNTS[name].user}'`).join(', ');
  const sessions = await source.query<{id: number}>(`SELECT id AS id FROM information_schema.processlist WHERE user IN (${names})`);
  for (const {id} of sessions) {
    await source.query(`KILL ${id}`).catch((error: {errno?: number}) => {
      if (error.errno !== NO_SUCH_SESSION) throw error;
    });
  }
}

/** kill -9 and start. @returns milliseconds until it answered again */
async function restart({source, replicas}: Scene): Promise<number> {
  const began = performance.now();
  await source.kill9();
  await source.start();
  const away = performance.now() - began;
  await Promise.all(replicas.map((replica) => replicating(replica)));
  return away;
}

/** SIGSTOP for a moment in which the service, having lost its connections, looks. */
async function pause(source: Instance): Promise<void> {
  await killSessions(source, ['orc']);
  source.pause();
  await sleep(PAUSED_FOR);
  source.resume();
}

/** Nobody gets in, not even the one more that is kept for administrators; replicas and probes are thrown out. */
async function crowd(source: Instance): Promise<void> {
  const allowed = Number(await source.value('SELECT @@global.max_connections'));
  const clients = Array.from({length: CROWD}, () => source.connect('app'));
  try {
    await Promise.all(clients.map((client) => client.query('SELECT 1')));
    await source.query(`SET GLOBAL max_connections = ${LEAST_CONNECTIONS}`);
    await killSessions(source, ['orc', 'repl']);
    await waitFor('nobody gets in', () => isFull(source));
    await sleep(FULL_FOR);
  } finally {
    await source.query(`SET GLOBAL max_connections = ${allowed}`);
    for (const client of clients) client.close();
  }
}

async function isFull(source: Instance): Promise<boolean> {
  const client: Client = source.connect('orc');
  const error = await client.query('SELECT 1').then(
    () => null,
    (reason: {errno?: number}) => reason,
  );
  client.close();
  return error?.errno === TOO_MANY_CONNECTIONS;
}
