import {randomUUID} from 'node:crypto';
import type {Instance} from '../../../sandbox/index.ts';
import type {Site} from '../site.ts';
import type {Read, Write} from './registers.ts';

/** One command that a worker ran, on our own monotonic clock. */
export interface Ran {
  readonly worker: number;
  readonly words: readonly string[];
  readonly status: number | null;
  readonly stdout: string;
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

/** A command that acknowledged recoveries, by what it wrote beside them. */
export interface Acknowledging {
  readonly comment: string;
  /** How many it said it acknowledged; null: nothing was said. */
  readonly count: number | null;
  /** The recovery that was there before, and is acknowledged after it, whoever did it. */
  readonly uid: string;
}

/** What one worker was told. */
export interface Told {
  readonly ran: Ran[];
  readonly held: Held[];
  /** Tags it alone writes: by server, those values that the last answers leave possible. More than one after an answer that told nothing. */
  readonly tags: Map<string, readonly string[]>;
  /** Downtimes, by their reason, and the kill switch: everybody writes the same ones. */
  readonly writes: Write[];
  readonly reads: Read[];
  readonly acknowledging: Acknowledging[];
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
  [10, relocate],
  [2, takeOver],
  [2, downtime],
  [2, acknowledge],
  [2, throwSwitch],
  [1, async (work, told) => void (await run(work, told, ['topology', '-i', nameOf(pick(work))]))],
];

/** One person at one box, who runs one command after the other for as long as it goes on. */
export async function workOn(work: Work): Promise<Told> {
  const told: Told = {ran: [], held: [], tags: new Map(), writes: [], reads: [], acknowledging: []};
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

/** The register of the downtime of an instance. */
export function downtimeOf(server: string): string {
  return `the downtime of ${server}`;
}

export const KILL_SWITCH = 'the kill switch';
export const OFF = 'disabled';

/** What check-global-recoveries said, as the value of the register. */
export function switchAsRead({stdout}: Pick<Ran, 'stdout'>): string {
  return /disabled: true/.test(stdout) ? OFF : '';
}

function pick({servers, random}: Work): Instance {
  return servers[Math.floor(random() * servers.length)]!;
}

async function run({at, worker}: Work, told: Told, words: readonly string[]): Promise<Ran> {
  const from = performance.now();
  const {status, stdout, stderr} = await at.runAt(worker, ...words);
  const ran = {worker, words, status, stdout, stderr, from, until: performance.now()};
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

/** It takes the new source back into service as well. */
async function takeOver(work: Work, told: Told): Promise<void> {
  const [server, designated] = [pick(work), pick(work)];
  if (server === designated) return;
  const ran = await run(work, told, ['graceful-master-takeover-auto', '-i', nameOf(server), '-d', nameOf(designated)]);
  wrote(told, ran, {register: downtimeOf(nameOf(designated)), value: ''});
}

async function downtime(work: Work, told: Told): Promise<void> {
  const server = nameOf(pick(work));
  const [begins, reason] = [work.random() < 0.6, `${tagOf(work.worker)}-${told.ran.length}`];
  const words = begins ? ['begin-downtime', '-i', server, '--duration', '60m', '--reason', reason] : ['end-downtime', '-i', server];
  wrote(told, await run(work, told, words), {register: downtimeOf(server), value: begins ? reason : ''});
}

async function throwSwitch(work: Work, told: Told): Promise<void> {
  const disables = work.random() < 0.5;
  const thrown = await run(work, told, [disables ? 'disable-global-recoveries' : 'enable-global-recoveries']);
  wrote(told, thrown, {register: KILL_SWITCH, value: disables ? OFF : ''});
  const asked = await run(work, told, ['check-global-recoveries']);
  if (asked.status === 0) told.reads.push({register: KILL_SWITCH, value: switchAsRead(asked), from: asked.from, until: asked.until});
}

/** What was refused, or left to another, has not been written. */
function wrote({writes}: Told, {status, from, until}: Ran, what: Pick<Write, 'register' | 'value'>): void {
  if (status === 4 || status === 7) return;
  writes.push({...what, from, until: status === 0 ? until : Infinity, certain: status === 0});
}

/** A recovery that has ended is there, and several may acknowledge it: this worker, all others at once, and whoever replaces the source. */
async function acknowledge(work: Work, told: Told): Promise<void> {
  const server = pick(work);
  const [uid, comment] = [randomUUID(), `${tagOf(work.worker)}-${told.ran.length}`];
  await fileRecovery(work, server, {uid, number: work.worker * 100_000 + told.ran.length});
  const which = work.random() < 0.5 ? ['ack-all-recoveries'] : ['ack-instance-recoveries', '-i', nameOf(server)];
  const {status, stdout} = await run(work, told, [...which, '--reason', comment]);
  const said = /^(\d+) recoveries acknowledged$/m.exec(stdout)?.[1];
  told.acknowledging.push({comment, count: status === 0 && said !== undefined ? Number(said) : null, uid});
}

/** Takeovers acknowledge theirs as they end: without these there would be nothing to acknowledge. They block nothing. */
async function fileRecovery({at}: Work, {key}: Instance, {uid, number}: {uid: string; number: number}): Promise<void> {
  const backend = await at.backend();
  const empty = {
    acknowledged_by: '',
    acknowledge_comment: '',
    slave_hosts: '',
    participating_instances: '',
    lost_slaves: '',
    all_errors: '',
  };
  const by = {processing_node_hostname: 'contest', processcing_node_token: 'contest', analysis: 'DeadMaster', cluster_name: 'contest'};
  const counts = {cluster_alias: '', count_affected_slaves: 0, last_detection_id: 0};
  const ended = {in_active_period: 0, end_active_period_unixtime: number};
  const of = {hostname: key.host, port: key.port, uid};
  await backend.run(({db, dialect}) =>
    db('topology_recovery').insert({...empty, ...by, ...counts, ...ended, ...of, end_recovery: dialect.now()}),
  );
}
