import {setTimeout as sleep} from 'node:timers/promises';
import {cpuSecondsOf, residentOf} from './process.ts';
import {figure, highest, type Report} from './report.ts';
import {CONFIGURATION, type Stage} from './stage.ts';

export interface IdleOptions {
  /** Before the measurement begins, milliseconds: starting costs, and is over by then. */
  readonly settle: number;
  /** Of the measurement, milliseconds. */
  readonly period: number;
}

/** What a service costs that watches five servers and has nothing to do. */
export async function idle(stage: Stage, {settle, period}: IdleOptions): Promise<Report> {
  const {service} = await stage.fresh({RecoverMasterClusterFilters: ['*']});
  try {
    await sleep(settle);
    const before = {at: performance.now(), cpu: cpuSecondsOf(service.pid)};
    const memory: number[] = [];
    while (performance.now() - before.at < period) {
      memory.push(residentOf(service.pid));
      await sleep(1_000);
    }
    const percent = (100 * (cpuSecondsOf(service.pid) - before.cpu)) / ((performance.now() - before.at) / 1000);
    return {
      title: 'idle service on a source with 4 replicas',
      how: `${CONFIGURATION}. Processor time of the process over ${period / 1000} s, after ${settle / 1000} s, from /proc/PID/stat; memory once a second from /proc/PID/status (VmRSS).`,
      cast: stage.cast,
      figures: [
        figure('of one core', percent, {unit: '%', target: 2}),
        figure('resident memory, highest', highest(memory), {unit: 'MB', target: 120}),
        figure('resident memory, last', memory.at(-1) ?? NaN, {unit: 'MB'}),
      ],
      runs: [],
    };
  } finally {
    await service.stop();
  }
}
