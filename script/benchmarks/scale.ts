import {once} from 'node:events';
import {Agent, get, type IncomingMessage} from 'node:http';
import {setTimeout as sleep} from 'node:timers/promises';
import {ONLY_ANSWERS} from '../support/service.ts';
import {inTurn, type Line} from './command.ts';
import {FLEET, fillFleet} from './fleet.ts';
import {figure, median, type Figure, type Report} from './report.ts';
import type {Stage} from './stage.ts';

const COMMANDS: Readonly<Record<string, number>> = {'all-instances': 200, 'replication-analysis': 200, '--help': 150};
const ROUTES = ['clusters-info', 'all-instances'];
const RATE = 200;
const TARGET_MS = 50;
const WARM_UP_MS = 2_000;

export interface ScaleOptions {
  readonly runs: number;
  /** Of each route, milliseconds. */
  readonly period: number;
}

/** Commands and routes that show everything, on a thousand instances. */
export async function scale(stage: Stage, {runs, period}: ScaleOptions): Promise<Report> {
  const port = await stage.prepared({InstancePollSeconds: 3600});
  const many = await fillFleet(stage.program);
  const bare: Line = {command: process.execPath, args: ['-e', '0'], env: process.env};
  const lines = [['node -e 0', bare] as const, ...Object.keys(COMMANDS).map((name) => [name, stage.program.commandLine([name])] as const)];
  const took = inTurn(new Map(lines), runs);
  const service = await stage.program.serve(port, ONLY_ANSWERS);
  try {
    const figures: Figure[] = [...took].flatMap(([what, times]) => [
      figure(`${what}, whole process, median`, median(times), {unit: 'ms', target: COMMANDS[what] ?? null}),
      figure(`${what}, whole process, lowest`, Math.min(...times), {unit: 'ms'}),
    ]);
    for (const route of ROUTES)
      for (const packed of [true, false]) figures.push(...(await loaded(`${service.address}/api/${route}`, {route, packed, period})));
    return {
      title: `${many} instances in ${FLEET.clusters} clusters`,
      how: `Commands: the bundle under Node, ${runs} runs each, in turn, nothing else at work. Routes: ${RATE} requests a second arrive whether earlier ones are answered or not, for ${period / 1000} s each; from the moment a request was due to the last byte of its answer.`,
      cast: stage.cast,
      figures,
      runs: [],
    };
  } finally {
    await service.stop();
  }
}

interface Load {
  readonly route: string;
  readonly packed: boolean;
  readonly period: number;
}

/** Requests at a constant rate of arrival: one that waits delays no other, and its waiting counts. */
async function loaded(url: string, {route, packed, period}: Load): Promise<readonly Figure[]> {
  const agent = new Agent({keepAlive: true});
  const headers = packed ? {'Accept-Encoding': 'gzip'} : {};
  try {
    await arrive(WARM_UP_MS, (due) => answer(url, {agent, headers, due}));
    const took = await arrive(period, (due) => answer(url, {agent, headers, due}));
    const times = took.filter((one) => one !== null);
    const sorted = times.toSorted((one, other) => one - other);
    const at = (part: number): number => sorted[Math.ceil(sorted.length * part) - 1] ?? NaN;
    const what = `GET ${route}${packed ? ', gzip' : ''}`;
    return [
      figure(`${what}, median`, at(0.5), {unit: 'ms'}),
      figure(`${what}, p99`, at(0.99), {unit: 'ms', target: TARGET_MS}),
      figure(`${what}, refused`, took.length - times.length, {target: 0}),
    ];
  } finally {
    agent.destroy();
  }
}

/** Starts one each time one is due, also when we are late. @returns what they came to */
async function arrive(period: number, one: (due: number) => Promise<number | null>): Promise<readonly (number | null)[]> {
  const began = performance.now();
  const under: Promise<number | null>[] = [];
  for (let number = 0; number < (period / 1000) * RATE; number++) {
    const due = began + (number * 1000) / RATE;
    const early = due - performance.now();
    if (early > 0) await sleep(early);
    under.push(one(due));
  }
  return Promise.all(under);
}

/** @returns milliseconds from when it was due to its last byte; null when it failed */
async function answer(
  url: string,
  {agent, headers, due}: {readonly agent: Agent; readonly headers: Readonly<Record<string, string>>; readonly due: number},
): Promise<number | null> {
  const [response] = (await once(get(url, {agent, headers}), 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
  return response.statusCode === 200 ? performance.now() - due : null;
}
