import {setTimeout as sleep} from 'node:timers/promises';
import {waitFor, type Client, type Instance} from '../../test/sandbox/index.ts';
import type {Service} from './service.ts';

/** How long a promotion may take before the demo has failed, milliseconds. */
const PROMOTED_WITHIN = 60_000;
const TRY_EACH = 3;

/** Something that happened, milliseconds after the kill. */
export interface Happening {
  readonly after: number;
  readonly what: string;
}

export interface Story {
  readonly uid: string;
  /** `host:port` */
  readonly failed: string;
  readonly promoted: string;
  /** First write that another server accepted, milliseconds after the kill. */
  readonly writable: number;
  /** In order of time. */
  readonly happenings: readonly Happening[];
}

/** What the API says of a recovery, as far as it is read here. */
interface Recovery {
  readonly UID: string;
  readonly IsSuccessful: boolean;
  readonly RecoveryEndTimestamp: string;
  readonly SuccessorKey: {readonly Hostname: string; readonly Port: number};
}

/**
 * Kills the source and watches, from outside, until the recovery has ended and another server accepts writes.
 *
 * @throws Error when that does not happen within a minute
 */
export async function failSource(service: Service, source: Instance, replicas: readonly Instance[]): Promise<Story> {
  const clients = replicas.map((replica) => replica.connect('app'));
  await Promise.all(clients.map((client) => client.query('SELECT 1')));
  const before = service.log.length;
  const began = {at: Date.now(), clock: performance.now()};
  const over = new AbortController();
  try {
    const killed = source.kill9();
    const [writable, seen] = await Promise.all([firstWrite(clients, began.clock, over.signal), watch(service, began.clock), killed]);
    // The log tells of steps too: those are shown as anybody sees them, over HTTP.
    const isStep = (text: string): boolean => seen.steps.some(({what}) => text.endsWith(`: ${what}`));
    const said = service.log.slice(before).filter(({text}) => !isStep(text));
    const logged = said.map(({at, text}) => ({after: at - began.at, what: text}));
    const accepted = {after: writable, what: 'an application, trying all the time, has its first write accepted'};
    return {
      uid: seen.uid,
      failed: `${source.key.host}:${source.key.port}`,
      promoted: seen.promoted,
      writable,
      happenings: [...logged, ...seen.steps, accepted].sort((one, other) => one.after - other.after),
    };
  } finally {
    over.abort();
    for (const client of clients) client.close();
  }
}

/** Tries to write to every server until one accepts. @returns milliseconds after the kill */
async function firstWrite(clients: readonly Client[], killed: number, over: AbortSignal): Promise<number> {
  let accepted: number | null = null;
  const attempt = async (client: Client, lane: number): Promise<void> => {
    for (let turn = 0; accepted === null && !over.aborted; turn++) {
      try {
        await client.query('INSERT INTO test.t (id) VALUES (?)', [turn * clients.length + lane], {timeout: 2_000});
        accepted ??= performance.now() - killed;
      } catch {
        await sleep(TRY_EACH); // it is read-only still, which is what is being waited out
      }
    }
  };
  await Promise.race([Promise.all(clients.map(attempt)), sleep(PROMOTED_WITHIN, undefined, {ref: false})]);
  if (accepted === null) throw new Error(`no server accepted a write within ${PROMOTED_WITHIN / 1000} s of the kill`);
  return accepted;
}

interface Seen {
  readonly uid: string;
  readonly promoted: string;
  readonly steps: readonly Happening[];
}

/** Follows the recovery over HTTP: the backend keeps whole seconds, so a step's time is when it first showed. */
async function watch(service: Service, killed: number): Promise<Seen> {
  const seen = new Map<string, Happening>();
  const ended = await waitFor('a recovery that promoted a replica', () => look(service, killed, seen), {within: PROMOTED_WITHIN});
  const {Hostname, Port} = ended.SuccessorKey;
  return {uid: ended.UID, promoted: `${Hostname}:${Port}`, steps: [...seen.values()]};
}

async function look(service: Service, killed: number, seen: Map<string, Happening>): Promise<Recovery | null> {
  const [recovery] = await service.api<readonly Recovery[]>('audit-recovery');
  if (!recovery) return null;
  const steps = await service.api<readonly {readonly Id: number; readonly Message: string}[]>(`audit-recovery-steps/${recovery.UID}`);
  for (const {Id, Message} of steps) {
    const known = seen.has(String(Id)) || Message.startsWith('begin: ');
    if (!known) seen.set(String(Id), {after: performance.now() - killed, what: Message});
  }
  if (recovery.RecoveryEndTimestamp === '') return null;
  if (recovery.IsSuccessful) return recovery;
  const words = service.log.slice(-3).map(({text}) => text);
  throw new Error(`the recovery ended without a promotion: ${words.join(' | ')}`);
}
