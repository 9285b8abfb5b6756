import {once} from 'node:events';
import {get, type IncomingMessage} from 'node:http';
import {ONLY_ANSWERS, type Service} from '../../support/service.ts';
import {inTurn, type Line} from '../command.ts';
import {residentOf} from '../process.ts';
import {figure, median, type Figure, type Report} from '../report.ts';
import type {Stage} from '../stage.ts';
import {FLEET, fillFleet, liveFleet} from './fleet.ts';
import type {LoadWish} from './load.ts';
import {floor, loaded, TARGET_MS} from './loaded.ts';

const COMMANDS: Readonly<Record<string, number>> = {'all-instances': 200, 'replication-analysis': 200, '--help': 150};
const ROUTES = ['clusters-info', 'all-instances'];
const RATE = 200;
const WARM_UP_MS = 3_000;
/** How a client asks. */
const WAYS: readonly (Pick<LoadWish, 'packed' | 'conditional'> & {readonly name: string})[] = [
  {name: 'gzip', packed: true, conditional: false},
  {name: 'plain', packed: false, conditional: false},
  {name: 'gzip, If-None-Match', packed: true, conditional: true},
];

export interface ScaleOptions {
  readonly runs: number;
  /** Of each way to ask for each route, milliseconds. */
  readonly period: number;
  say(sentence: string): void;
}

/** Commands and routes that show everything, on a thousand instances. */
export async function scale(stage: Stage, options: ScaleOptions): Promise<readonly Report[]> {
  const port = await stage.prepared({InstancePollSeconds: 3600});
  const many = await fillFleet(stage.program);
  const asked = async (how: string, figures: () => Promise<readonly Figure[]>): Promise<Report> => ({
    title: `${many} instances in ${FLEET.clusters} clusters: ${how}`,
    how: `${RATE} requests a second arrive over kept connections whether earlier ones are answered or not, for ${options.period / 1000} s each; from the moment a request was due to the last byte of its answer. Processor time of all threads.`,
    figures: await figures(),
    cast: stage.cast,
    runs: [],
  });
  options.say('commands');
  const commands = ofCommands(stage, {...options, many});
  const service = await stage.program.serve(port, ONLY_ANSWERS);
  try {
    const still = await asked('routes, nobody writes', () => ofRoutes(service, {...options, port}));
    const leader = await liveFleet(stage.program);
    try {
      const live = await asked('routes, a leader writes 200 of them a second', () => ofRoutes(service, {...options, port}));
      const least = await asked('the least: a server of Node that sends the same bytes', () => ofFloor(service, options));
      return [commands, still, live, least];
    } finally {
      await leader.stop();
    }
  } finally {
    await service.stop();
  }
}

function ofCommands(stage: Stage, {runs, many}: {readonly runs: number; readonly many: number}): Report {
  const bare: Line = {command: process.execPath, args: ['-e', '0'], env: process.env};
  const lines = [['node -e 0', bare] as const, ...Object.keys(COMMANDS).map((name) => [name, stage.program.commandLine([name])] as const)];
  const figures = [...inTurn(new Map(lines), runs)].flatMap(([what, times]) => [
    figure(`${what}, whole process, median`, median(times), {unit: 'ms', target: COMMANDS[what] ?? null}),
    figure(`${what}, whole process, lowest`, Math.min(...times), {unit: 'ms'}),
  ]);
  return {
    title: `${many} instances in ${FLEET.clusters} clusters: commands`,
    how: `The bundle under Node, ${runs} runs each, in turn, nothing else at work.`,
    cast: stage.cast,
    figures,
    runs: [],
  };
}

async function ofRoutes(service: Service, {port, period, say}: ScaleOptions & {readonly port: number}): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const route of ROUTES)
    for (const {name, ...way} of WAYS) {
      say(`${route}, ${name}`);
      const wish = {port, path: `/api/${route}`, ...way, rate: RATE, warmUp: WARM_UP_MS, period};
      figures.push(...(await loaded({what: `${route}, ${name}`, pid: service.pid, wish, target: TARGET_MS})));
    }
  return [...figures, figure('resident memory of the service', residentOf(service.pid), {unit: 'MB'})];
}

async function ofFloor({address}: Service, {period, say}: ScaleOptions): Promise<readonly Figure[]> {
  const plain = await bodyOf(`${address}/api/all-instances`, 'identity');
  const packed = await bodyOf(`${address}/api/all-instances`, 'gzip');
  const server = await floor({'/plain': plain.toString('base64'), '/gzip': packed.toString('base64')});
  try {
    const figures: Figure[] = [];
    for (const name of ['gzip', 'plain']) {
      say(`the least, ${name}`);
      const wish = {port: server.port, path: `/${name}`, packed: false, conditional: false, rate: RATE, warmUp: WARM_UP_MS, period};
      figures.push(...(await loaded({what: `all-instances, ${name}`, pid: server.pid, wish})));
    }
    return figures;
  } finally {
    server.stop();
  }
}

/** As it is sent, packed or not. */
async function bodyOf(url: string, encoding: string): Promise<Buffer> {
  const [response] = (await once(get(url, {headers: {'Accept-Encoding': encoding}}), 'response')) as [IncomingMessage];
  return Buffer.concat(await response.toArray());
}
