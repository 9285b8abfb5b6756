import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {randomOf} from '../../../backend/support/contenders.ts';
import {LOST_IN_RECOVERY} from '../../../../src/lib/model/lost.ts';
import {keyText} from '../../../../src/lib/model/instance-key.ts';
import {activeDowntimes, endDowntime} from '../../../../src/lib/store/downtime.ts';
import {enableRecoveries} from '../../../../src/lib/store/recovery/kill-switch.ts';
import {ACCOUNTS, Client, waitFor, type Instance, type Sandbox} from '../../../sandbox/index.ts';
import type {BackendHost} from '../backends.ts';
import {rows, site, watching, type Site} from '../site.ts';
import {idsOn, standingOf} from '../topology-now.ts';
import {changedBy, contradictionsIn, verdictOf, type Evidence} from './judge.ts';
import {downtimeOf, KILL_SWITCH, nameOf, switchAsRead, workOn, type Told} from './worker.ts';

export interface ContestOptions {
  readonly host: BackendHost;
  /** Of MariaDB. */
  readonly box: Sandbox;
  readonly services: number;
  readonly workers: number;
  /** Longer where the machine is too busy for anything to happen in it. */
  readonly milliseconds: number;
  readonly seed: number;
}

export interface Result {
  readonly contradictions: readonly string[];
  /** In one line. */
  readonly verdict: {readonly text: string; readonly good: boolean};
  /** How often each command ended with each status: `relocate 0`. */
  readonly counts: ReadonlyMap<string, number>;
  /** How long half of the commands took at most, in milliseconds. */
  readonly median: number;
  /** Rows that an application was told are kept. */
  readonly acknowledged: number;
}

const LOOK_EACH = 20;
const WRITE_EACH = 20;
const SETTLES_WITHIN = 60_000;
/** Fewer commands would show nothing: a busy machine gets more time for them, up to so much. */
const LEAST = 20;
const LONGER = 60_000;

/**
 * Persons at many boxes and several services, all at one cluster: they tag, maintain, downtime, acknowledge, throw the kill
 * switch, relocate and replace its source, while an application writes. What they were told is compared with the backend, with the servers, and with what servers were told.
 */
export async function contest({host, box, services, workers, milliseconds, seed}: ContestOptions): Promise<Result> {
  const {a, b, c, d, e} = await box.topology('a: b c d e');
  const servers = [a, b, c, d, e];
  await a.query('CREATE TABLE IF NOT EXISTS test.t (id BIGINT PRIMARY KEY)');
  await box.caughtUp();
  const at = await site({backend: host, servers, settings: {RecoveryPeriodBlockSeconds: 1}});
  try {
    const running = [];
    for (let way = 0; way < services; way += 1) running.push(await at.serve({way}));
    await watching(at, a);
    await logged(servers);
    const over = new AbortController();
    const [watched, writing] = [watchWritable(servers, over.signal), write(servers, over.signal)];
    const [began, done] = [performance.now(), {things: 0}];
    const goesOn = (): boolean => {
      const takes = performance.now() - began;
      return (takes < milliseconds || done.things < LEAST) && takes < milliseconds + LONGER && ++done.things > 0;
    };
    const told = await Promise.all(
      Array.from({length: workers}, (_, worker) => workOn({at, servers, worker, goesOn, random: randomOf(seed + worker)})),
    );
    over.abort();
    const [writable, acknowledged] = [await watched, await writing];
    // What a command without time to renew its lock has left behind is ended by the leader.
    await waitFor('nothing is left over', async () => (await leftOvers(at)).length === 0, {within: SETTLES_WITHIN}).catch(() => undefined);
    await waitFor('all replicate again', () => settled(servers), {within: SETTLES_WITHIN});
    const evidence: Evidence = {
      told,
      writable,
      tags: await tagsAt(at),
      last: [...(await downtimesAt(at)), ...(await switchAt(at, host.ways.length))],
      recoveries: await recoveriesAt(at),
      changed: changedBy(told, nameOf(a)),
      fences: new Map(await Promise.all(servers.map(async (server) => [nameOf(server), await fencesAt(server)] as const))),
      missing: new Map(await Promise.all(servers.map(async (server) => [nameOf(server), await missingOn(server, acknowledged)] as const))),
      terms: running.flatMap(({log}) => [...log.matchAll(/elected leader of term (\d+)/g)].map(([, term]) => Number(term))),
      leftOvers: await leftOvers(at),
    };
    await undone(at);
    const contradictions = contradictionsIn(evidence);
    const [verdict, counts] = [verdictOf(told, contradictions), counted(told)];
    return {contradictions, verdict, counts, median: medianOf(told), acknowledged: acknowledged.length};
  } finally {
    await at.down();
  }
}

function counted(told: readonly Told[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const {words, status} of told.flatMap(({ran}) => ran)) {
    const what = `${words[0]} ${status}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return new Map([...counts].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

function medianOf(told: readonly Told[]): number {
  const took = told.flatMap(({ran}) => ran.map(({from, until}) => until - from)).toSorted((one, other) => one - other);
  return Math.round(took[Math.floor(took.length / 2)] ?? 0);
}

/** From now on servers write down what they are sent, for `fencesAt`. */
export async function logged(servers: readonly Instance[]): Promise<void> {
  for (const server of servers) {
    await server.query('SET GLOBAL general_log_file = ?', [logOf(server)]);
    await server.query('SET GLOBAL general_log = ON');
  }
}

function logOf({datadir}: Instance): string {
  return join(datadir, 'contest.log');
}

/** Fences of the comments before our statements, in the order in which the server began them. */
export async function fencesAt(server: Instance): Promise<readonly number[]> {
  const text = await readFile(logOf(server), 'utf8');
  return [...text.matchAll(/\/\* orchestrator \S+ (\d+) \d+ \*\//g)].map(([, fence]) => Number(fence));
}

async function watchWritable(servers: readonly Instance[], signal: AbortSignal): Promise<Evidence['writable']> {
  const looks: {server: string; from: number; until: number; said: boolean}[] = [];
  const watch = async (server: Instance): Promise<void> => {
    while (!signal.aborted) {
      const from = performance.now();
      const said = Number(await server.value('SELECT @@global.read_only')) === 0;
      looks.push({server: nameOf(server), from, until: performance.now(), said});
      await sleep(LOOK_EACH);
    }
  };
  await Promise.all(servers.map(watch));
  return looks;
}

/** An application without privileges, which goes on to the next server when one does not take its row. */
async function write(servers: readonly Instance[], signal: AbortSignal): Promise<readonly number[]> {
  const clients = servers.map(({key}) => new Client(key.port, ACCOUNTS.app, {connectTimeout: 5000}));
  const acknowledged: number[] = [];
  for (let [id, turn] = [1, 0]; !signal.aborted; id += 1) {
    const taken = await clients[turn % clients.length]!.query('INSERT INTO test.t (id) VALUES (?)', [id], {timeout: 5000}).then(
      () => true,
      () => false, // whether that row is there is not known
    );
    if (taken) acknowledged.push(id);
    else turn += 1;
    await sleep(WRITE_EACH);
  }
  for (const client of clients) client.close();
  return acknowledged;
}

async function missingOn(server: Instance, acknowledged: readonly number[]): Promise<readonly number[]> {
  const there = new Set(await idsOn(server));
  return acknowledged.filter((id) => !there.has(id));
}

/** One takes writes; all others replicate, from whomever, and have what it has. */
async function settled(servers: readonly Instance[]): Promise<boolean> {
  const standings = await Promise.all(servers.map(standingOf));
  const sources = standings.filter(({writable}) => writable);
  const [source] = sources;
  if (!source || sources.length > 1) throw new Error(`${sources.length} take writes`);
  const behind = standings.filter(
    (one) =>
      one !== source && (one.source === null || one.receiver !== 'Yes' || one.applier !== 'Yes' || one.ids.length < source.ids.length),
  );
  if (behind.length > 0)
    throw new Error(behind.map(({instance, receiver, applier}) => `${nameOf(instance)}: ${receiver}/${applier}`).join('; '));
  return true;
}

async function tagsAt(at: Site): Promise<Evidence['tags']> {
  const found = new Map<string, Map<string, string>>();
  type Tag = {hostname: string; port: number; tag_name: string; tag_value: string};
  for (const {hostname, port, tag_name, tag_value} of await rows<Tag>(at, 'database_instance_tags')) {
    const server = `${hostname}:${port}`;
    found.set(server, (found.get(server) ?? new Map<string, string>()).set(tag_name, tag_value));
  }
  return found;
}

/** By their reasons. One that a recovery left behind, and downtimed itself, tells nothing of what people wrote. */
async function downtimesAt(at: Site): Promise<Evidence['last']> {
  const from = performance.now();
  const reasons = new Map((await activeDowntimes(await at.backend())).map(({key, reason}) => [keyText(key), reason] as const));
  const until = performance.now();
  return at.servers
    .map((server) => ({register: downtimeOf(nameOf(server)), value: reasons.get(nameOf(server)) ?? '', from, until}))
    .filter(({value}) => value !== LOST_IN_RECOVERY);
}

/** At each way into the backend. */
async function switchAt(at: Site, ways: number): Promise<Evidence['last']> {
  return Promise.all(
    Array.from({length: ways}, async (_, way) => {
      const from = performance.now();
      const said = await at.runAt(way, 'check-global-recoveries');
      if (said.status !== 0) throw new Error(said.stderr);
      return {register: KILL_SWITCH, value: switchAsRead(said), from, until: performance.now()};
    }),
  );
}

async function recoveriesAt(at: Site): Promise<Evidence['recoveries']> {
  type Recovery = {uid: string; acknowledged: number; acknowledge_comment: string};
  const all = await rows<Recovery>(at, 'topology_recovery');
  return new Map(all.map(({uid, acknowledged, acknowledge_comment}) => [uid, Number(acknowledged) === 1 ? acknowledge_comment : null]));
}

/** Who uses the backend next is not to find this one's downtimes, nor recoveries disabled. */
async function undone(at: Site): Promise<void> {
  const backend = await at.backend();
  for (const {key} of await activeDowntimes(backend)) await endDowntime(backend, key);
  await enableRecoveries(backend);
}

async function leftOvers(at: Site): Promise<readonly string[]> {
  const [locks, members, maintenance, plans] = [
    await rows(at, 'cluster_lock'),
    await rows(at, 'cluster_lock_member'),
    await rows(at, 'database_instance_maintenance', {maintenance_active: 1}),
    await rows(at, 'recovery_plan', {state: 'open'}),
  ];
  return [...locks, ...members, ...maintenance, ...plans].map((row) => JSON.stringify(row));
}
