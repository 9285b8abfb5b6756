import {once} from 'node:events';
import {connect} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';
import {ACCOUNTS, Client} from '../../test/sandbox/index.ts';
import type {FromClient, ToClient} from './messages.ts';

/*
 * An application in a process of its own: writes unique ids all the time, kills the source when told, and measures with its own
 * clock when another server accepts its first write. It learns who is writable by trying.
 */

/** Connections that write at once, so that one slow commit does not lower the rate. */
const LANES = 3;
/** Between two tries on one server that does not accept writes. */
const TRY_EACH = 3;
/** After the first accepted write the other servers are still tried: a second writable one would be a fault. */
const TRY_OTHERS_EACH = 25;
const ANSWER_WITHIN = 5_000;

interface State {
  next: number;
  /** Ids and when they were acknowledged. */
  readonly acknowledged: {readonly id: number; readonly at: number}[];
  source: number;
  struckAt: number | null;
  /** When an idle connection to the source was closed. */
  closedAt: number | null;
  /** When the source last acknowledged a write. */
  lastOnSource: number;
  moved: boolean;
  stopped: boolean;
  readonly acceptedBy: Map<number, number>;
}

const state: State = {
  next: 1,
  acknowledged: [],
  source: 0,
  struckAt: null,
  closedAt: null,
  lastOnSource: 0,
  moved: false,
  stopped: false,
  acceptedBy: new Map(),
};
let work: Promise<unknown> = Promise.resolve();

process.on('disconnect', () => process.exit());
process.on('message', (message: ToClient) => void obey(message));

async function obey(message: ToClient): Promise<void> {
  switch (message.do) {
    case 'write':
      state.source = message.source;
      work = Promise.all(Array.from({length: LANES}, () => write(clientOf(message.source), message.ratePerSecond / LANES)));
      return tell({is: 'writing'});
    case 'strike':
      return strike(message);
    case 'follow':
      return follow(message.successors);
    case 'stop':
      state.stopped = true;
      await work;
      tell({
        is: 'report',
        ids: state.acknowledged.map(({id}) => id),
        ratePerSecond: rateBefore(),
        acceptedBy: [...state.acceptedBy],
        closedAfter: state.closedAt === null || state.struckAt === null ? null : state.closedAt - state.struckAt,
      });
  }
}

/** Writes at a rate until the source is struck or all is stopped. */
async function write(client: Client, ratePerSecond: number): Promise<void> {
  let due = performance.now();
  while (!state.stopped && !state.moved && state.struckAt === null) {
    const id = state.next++;
    try {
      await client.query('INSERT INTO test.t (id) VALUES (?)', [id], {timeout: ANSWER_WITHIN});
      state.lastOnSource = performance.now();
      state.acknowledged.push({id, at: state.lastOnSource});
    } catch {
      await sleep(TRY_EACH); // not acknowledged: it may be there or not
    }
    due = Math.max(due + 1000 / ratePerSecond, performance.now() - 200);
    const early = due - performance.now();
    if (early > 1) await sleep(early);
  }
  client.close();
}

/** Ends (or stops) the source's process and tries the other servers until told to stop. */
async function strike({pid, signal, replicas}: Extract<ToClient, {do: 'strike'}>): Promise<void> {
  const clients = replicas.map((port) => ({port, client: clientOf(port)}));
  await Promise.all(clients.map(({client}) => client.query('SELECT 1')));
  await watchClose(state.source);
  process.kill(pid, signal);
  state.struckAt = performance.now();
  tell({is: 'struck', at: performance.timeOrigin + state.struckAt});
  const trying = clients.map(({client, port}) => tryToWrite(client, port));
  work = Promise.all([work, ...trying]);
}

/** Opens a connection that nobody uses, and notes when it is closed: sockets outlive a killed process until its last thread is gone. */
async function watchClose(port: number): Promise<void> {
  const witness = connect(port, '127.0.0.1');
  await once(witness, 'data');
  const closed = (): void => void (state.closedAt ??= performance.now());
  witness.on('close', closed).on('error', closed);
}

/** Writes to whichever of these accepts it, beside the source. */
async function follow(successors: readonly number[]): Promise<void> {
  const clients = successors.map((port) => ({port, client: clientOf(port)}));
  await Promise.all(clients.map(({client}) => client.query('SELECT 1')));
  tell({is: 'following'});
  work = Promise.all([work, ...clients.map(({client, port}) => tryToFollow(client, port))]);
}

async function tryToFollow(client: Client, port: number): Promise<void> {
  while (!state.stopped) {
    const id = state.next++;
    try {
      await client.query('INSERT INTO test.t (id) VALUES (?)', [id], {timeout: ANSWER_WITHIN});
      const at = performance.now();
      state.acknowledged.push({id, at});
      if (!state.moved) tell({is: 'moved', port, gap: at - state.lastOnSource});
      state.moved = true;
    } catch {
      // read-only still
    }
    await sleep(TRY_EACH);
  }
  client.close();
}

async function tryToWrite(client: Client, port: number): Promise<void> {
  while (!state.stopped) {
    const id = state.next++;
    try {
      await client.query('INSERT INTO test.t (id) VALUES (?)', [id], {timeout: ANSWER_WITHIN});
      accepted(id, port);
    } catch {
      await sleep(state.acceptedBy.size === 0 ? TRY_EACH : TRY_OTHERS_EACH); // read-only still
    }
  }
  client.close();
}

function accepted(id: number, port: number): void {
  const at = performance.now();
  state.acknowledged.push({id, at});
  if (state.acceptedBy.has(port)) return;
  const after = at - (state.struckAt ?? at);
  state.acceptedBy.set(port, after);
  tell({is: 'accepted', port, after});
}

/** Acknowledged writes a second in the two seconds before the strike. */
function rateBefore(): number {
  const struck = state.struckAt ?? performance.now();
  return state.acknowledged.filter(({at}) => at < struck && at >= struck - 2_000).length / 2;
}

function clientOf(port: number): Client {
  return new Client(port, ACCOUNTS.app, {connectTimeout: ANSWER_WITHIN});
}

function tell(message: FromClient): void {
  process.send?.(message);
}
