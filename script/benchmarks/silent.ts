import {setTimeout as sleep} from 'node:timers/promises';
import {OutsideClient} from './outside-client.ts';
import {figure, highest, median, type Report} from './report.ts';
import {CONFIGURATION, type Stage} from './stage.ts';

const WRITES_PER_SECOND = 100;
const PROMOTED_WITHIN = 60_000;
/** InstancePollSeconds + MySQLDiscoveryReadTimeoutSeconds + MySQLConnectTimeoutSeconds + 3, all at their defaults. */
const BOUND_SECONDS = 5 + 10 + 2 + 3;

export interface SilentOptions {
  readonly runs: number;
  readonly idle: number;
  say(sentence: string): void;
}

/** A source that keeps its connections and answers nothing (SIGSTOP), with replicas that would notice after a minute. */
export async function silent(stage: Stage, {runs, idle, say}: SilentOptions): Promise<Report> {
  const promotions: number[] = [];
  for (let number = 1; number <= runs; number++) {
    const seconds = await once(stage, idle);
    if (seconds !== null) promotions.push(seconds);
    say(`run ${number} of ${runs}: ${seconds === null ? 'NOT PROMOTED' : `${seconds.toFixed(1)} s`}`);
  }
  return {
    title: 'silent source: SIGSTOP, slave_net_timeout 60',
    how: `${CONFIGURATION}, RecoverMasterClusterFilters ["*"]; ${runs} runs, each with fresh servers, backend and service. From SIGSTOP to the first write that a replica accepts. Target = InstancePollSeconds + MySQLDiscoveryReadTimeoutSeconds + MySQLConnectTimeoutSeconds + 3.`,
    cast: stage.cast,
    figures: [
      figure('stopped to first accepted write, median', median(promotions), {unit: 's'}),
      figure('stopped to first accepted write, highest', highest(promotions), {unit: 's', target: BOUND_SECONDS}),
      figure('runs without a promotion', runs - promotions.length, {target: 0}),
    ],
    runs: [],
  };
}

/** @returns seconds; null: nobody was promoted */
async function once(stage: Stage, idle: number): Promise<number | null> {
  const {source, replicas, service} = await stage.fresh({RecoverMasterClusterFilters: ['*']});
  await sleep(idle + Math.random() * 5_000); // anywhere between two polls
  const client = await OutsideClient.start(source.key.port, WRITES_PER_SECOND);
  try {
    await sleep(1_000);
    const struck = await client.strike(
      {pid: source.pid ?? 0, signal: 'SIGSTOP', replicas: replicas.map(({key}) => key.port)},
      PROMOTED_WITHIN,
    );
    const first = await struck.accepted;
    return first === null ? null : first.after / 1000;
  } finally {
    client.kill();
    await service.stop();
  }
}
