import type {Instance} from '../../../sandbox/index.ts';
import type {Site} from '../site.ts';

/** One command that a worker ran, on our own monotonic clock. */
export interface Ran {
  readonly worker: number;
  readonly words: readonly string[];
  readonly status: number | null;
  readonly stderr: string;
  readonly from: number;
  readonly until: number;
}

/** A stretch in which a worker had been told that an instance is its own, from the answer that gave it to the question that gave it back. */
export interface Held {
  readonly worker: number;
  readonly server: string;
  readonly from: number;
  until: number;
}

/** What one worker was told. */
export interface Told {
  readonly ran: Ran[];
  readonly held: Held[];
  /** Tags it alone writes: by server, those values that the last answers leave possible. More than one after an answer that told nothing. */
  readonly tags: Map<string, readonly string[]>;
}

export interface Work {
  readonly at: Site;
  readonly servers: readonly Instance[];
  readonly worker: number;
  readonly random: () => number;
  /** Asked before each thing it does. */
  goesOn(): boolean;
}

/** Weights of what workers do. */
const DOES: readonly (readonly [weight: number, does: (work: Work, told: Told) => Promise<void>])[] = [
  [4, tag],
  [2, maintain],
  [7, relocate],
  [1, takeOver],
  [1, async (work, told) => void (await run(work, told, ['topology', '-i', nameOf(pick(work))]))],
];

/** One person at one box, who runs one command after the other for as long as it goes on. */
export async function workOn(work: Work): Promise<Told> {
  const told: Told = {ran: [], held: [], tags: new Map()};
  const total = DOES.reduce((sum, [weight]) => sum + weight, 0);
  while (work.goesOn()) {
    let left = work.random() * total;
    const [, does] = DOES.find(([weight]) => (left -= weight) < 0) ?? DOES[0]!;
    await does(work, told);
  }
  return told;
}

/** The name of the tag that only this worker writes. */
export function tagOf(worker: number): string {
  return `worker${worker}`;
}

export function nameOf({key}: Pick<Instance, 'key'>): string {
  return `${key.host}:${key.port}`;
}

function pick({servers, random}: Work): Instance {
  return servers[Math.floor(random() * servers.length)]!;
}

async function run({at, worker}: Work, told: Told, words: readonly string[]): Promise<Ran> {
  const from = performance.now();
  const {status, stderr} = await at.runAt(worker, ...words);
  const ran = {worker, words, status, stderr, from, until: performance.now()};
  told.ran.push(ran);
  return ran;
}

async function tag(work: Work, told: Told): Promise<void> {
  const server = nameOf(pick(work));
  const value = String(told.ran.length + 1);
  const before = told.tags.get(server) ?? [''];
  const {status} = await run(work, told, ['tag', '-i', server, '--tag', `${tagOf(work.worker)}=${value}`]);
  told.tags.set(server, status === 0 ? [value] : [...before, value]);
}

async function maintain(work: Work, told: Told): Promise<void> {
  const server = nameOf(pick(work));
  const begun = await run(work, told, ['begin-maintenance', '-i', server, '--duration', '10m', '--reason', tagOf(work.worker)]);
  if (begun.status !== 0) return;
  const held: Held = {worker: work.worker, server, from: begun.until, until: Infinity};
  told.held.push(held);
  let ended: Ran;
  do ended = await run(work, told, ['end-maintenance', '-i', server]);
  while (ended.status === 5);
  held.until = ended.from;
}

async function relocate(work: Work, told: Told): Promise<void> {
  const [server, below] = [pick(work), pick(work)];
  if (server !== below) await run(work, told, ['relocate', '-i', nameOf(server), '-d', nameOf(below)]);
}

async function takeOver(work: Work, told: Told): Promise<void> {
  const [server, designated] = [pick(work), pick(work)];
  if (server !== designated) await run(work, told, ['graceful-master-takeover-auto', '-i', nameOf(server), '-d', nameOf(designated)]);
}
