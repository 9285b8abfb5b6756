import {randomBytes} from 'node:crypto';
import {hostname as hostName} from 'node:os';
import {messageOf, OrchestratorError} from '../errors/errors.ts';
import type {BackendTime, Milliseconds, Monotonic, Seconds} from '../model/units.ts';
import type {Backend, Work} from '../store/backend.ts';
import {pause, type Log} from './keep-renewing.ts';
import {DEAD_AFTER} from './timing.ts';
import type {NodeId} from './types.ts';

/** Words of `node_health.extra_info`, as 3.2.6 writes them. */
export type NodeMode = 'HttpMode' | 'CLIMode';

/** What a process says about itself. */
export interface Registration {
  readonly me: NodeId;
  readonly mode: NodeMode;
  /** The command that runs, without its arguments; '' in a service. */
  readonly command: string;
  readonly version: string;
}

/** A row of node_health, or of the election, as read. */
export interface NodeRecord extends NodeId {
  readonly version: string;
  readonly firstSeen: BackendTime;
  readonly lastSeen: BackendTime;
  readonly mode: string;
  readonly command: string;
  readonly backend: string;
}

export interface NodeHealth {
  /** What we wrote was there when we read it back. */
  readonly healthy: boolean;
  readonly leader: NodeRecord | null;
  readonly nodes: readonly NodeRecord[];
  /** One sentence; '' when healthy. */
  readonly error: string;
}

/** Row of `node_health`, exactly as stored; never leaves this file. */
interface StoredNode {
  hostname: string;
  token: string;
  last_seen_active: string;
  first_seen_active: string;
  extra_info: string | null;
  command: string | null;
  app_version: string | null;
  db_backend: string | null;
}

/** Seconds since its last sign of life after which a node is not listed (as 3.2.6). */
const ABSENT_AFTER: Seconds = 2;
const BEAT_EACH: Milliseconds = 1000;
/** Proxies and monitoring wait for the answer. */
const HEALTH_DEADLINE: Within = {deadline: 600};

/** How long work is repeated; the backend's own measure when absent. */
interface Within {
  readonly deadline?: Milliseconds;
}

/** Names this process; call it once at its start. */
export function makeNodeId(hostname: string = hostName()): NodeId {
  return {hostname, token: randomBytes(32).toString('hex')};
}

/** Registers this process, before it does anything that others may want to attribute to a living process. */
export async function registerNode(backend: Backend, registration: Registration): Promise<void> {
  const {me, mode, command, version} = registration;
  await backend.run(({db, dialect}) =>
    db('node_health_history')
      .insert({...idOf(me), first_seen_active: dialect.now(), extra_info: mode, command, app_version: version})
      .onConflict(['hostname', 'token'])
      .ignore(),
  );
  await backend.run((work) => writeSignOfLife(work, registration, backend.where));
}

/** A process that says each second that it lives. */
export interface SignsOfLife {
  /** When it could say so last, where it could not the last time it tried; null where it could. */
  readonly failingSince: () => Monotonic | null;
  readonly stop: () => Promise<void>;
}

/**
 * Registers, then says each second that this process lives, until stopped. A failed write is told and tried again at the next turn.
 */
export async function startNodeHealth(backend: Backend, registration: Registration, log: Log): Promise<SignsOfLife> {
  await registerNode(backend, registration);
  const stopping = new AbortController();
  const last = {said: performance.now(), failed: false};
  const onSaid = (ok: boolean): void => {
    last.failed = !ok;
    if (ok) last.said = performance.now();
  };
  const ended = keepAlive(backend, registration, {log, signal: stopping.signal, onSaid});
  return {
    failingSince: () => (last.failed ? last.said : null),
    stop: async () => {
      stopping.abort();
      await ended;
    },
  };
}

/**
 * Whether this node can do its work: writes one of our tables and reads it back, which `SELECT 1` on a database node without a
 * majority would not tell. Answers within about two seconds, whatever the backend does; a backend that cannot be asked is an
 * answer too.
 */
export async function checkNodeHealth(backend: Backend, registration: Registration): Promise<NodeHealth> {
  try {
    await backend.run((work) => writeSignOfLife(work, registration, backend.where), HEALTH_DEADLINE);
    const [leader, nodes] = [await readLeader(backend, HEALTH_DEADLINE), await listNodes(backend, {mode: 'any', ...HEALTH_DEADLINE})];
    const {hostname, token} = registration.me;
    const healthy = nodes.some((node) => node.hostname === hostname && node.token === token);
    return {healthy, leader, nodes, error: healthy ? '' : `what this node wrote to the backend ${backend.where} is not there`};
  } catch (error) {
    if (!(error instanceof OrchestratorError)) throw error;
    return {healthy: false, leader: null, nodes: [], error: error.message};
  }
}

/** Processes that said within the last two seconds that they live, by host name. */
export async function listNodes(
  backend: Backend,
  {mode, ...within}: Within & {readonly mode: NodeMode | 'any'},
): Promise<readonly NodeRecord[]> {
  const rows: readonly StoredNode[] = await backend.run(({db, dialect}) => {
    const query = db<StoredNode>('node_health').where('last_seen_active', '>', dialect.ago(ABSENT_AFTER)).orderBy(['hostname', 'token']);
    return mode === 'any' ? query : query.where('extra_info', mode);
  }, within);
  return rows.map(fromRow);
}

/** Who the row of the leader names, whether or not it still relies on it; null when the row is free. */
export async function readLeader(backend: Backend, within: Within = {}): Promise<NodeRecord | null> {
  const row: StoredNode | undefined = await backend.run(
    ({db}) =>
      db('active_node as a')
        .leftJoin('node_health as n', (join) => join.on('n.hostname', 'a.hostname').andOn('n.token', 'a.token'))
        .where('a.anchor', 1)
        .whereNot('a.hostname', '')
        .first('a.hostname', 'a.token', 'a.last_seen_active', 'a.first_seen_active', 'extra_info', 'command', 'app_version', 'db_backend'),
    within,
  );
  return row === undefined ? null : fromRow(row);
}

/**
 * Removes processes that have not been heard of for so long that their open recoveries count as those of dead ones: an open recovery
 * whose process has no row is acknowledged, and keeps nobody from locking its instances. The leader does so each minute.
 */
export async function forgetAbsentNodes(backend: Backend): Promise<void> {
  await backend.run(({db, dialect}) => db('node_health').where('last_seen_active', '<', dialect.ago(DEAD_AFTER)).delete());
}

async function keepAlive(
  backend: Backend,
  registration: Registration,
  {log, signal, onSaid}: {readonly log: Log; readonly signal: AbortSignal; readonly onSaid: (ok: boolean) => void},
): Promise<void> {
  while (await pause(BEAT_EACH, signal)) {
    try {
      await backend.run((work) => writeSignOfLife(work, registration, backend.where), {deadline: BEAT_EACH});
      onSaid(true);
    } catch (error) {
      onSaid(false);
      log('warn', `this node could not say that it lives: ${messageOf(error)}`);
    }
  }
}

async function writeSignOfLife({db, dialect}: Work, {me, mode, command, version}: Registration, where: string): Promise<void> {
  const now = dialect.now();
  const said = {last_seen_active: now, extra_info: mode, app_version: version};
  const matched = await db('node_health')
    .where(idOf(me))
    .update({...said, incrementing_indicator: db.raw('incrementing_indicator + 1')});
  if (matched > 0) return;
  await db('node_health')
    .insert({...idOf(me), ...said, command, first_seen_active: now, db_backend: where})
    .onConflict(['hostname', 'token'])
    .ignore();
}

function idOf({hostname, token}: NodeId): NodeId {
  return {hostname, token};
}

function fromRow(row: StoredNode): NodeRecord {
  return {
    hostname: row.hostname,
    token: row.token,
    version: row.app_version ?? '',
    firstSeen: row.first_seen_active,
    lastSeen: row.last_seen_active,
    mode: row.extra_info ?? '',
    command: row.command ?? '',
    backend: row.db_backend ?? '',
  };
}
