import type {Knex} from 'knex';
import type {InstanceKey} from '../../model/instance-key.ts';
import type {BackendTime, Monotonic} from '../../model/units.ts';
import type {Backend, Work} from '../../store/backend.ts';
import {DEAD_AFTER, observe, type Observed, type Timing} from '../timing.ts';
import type {Contention, NodeId} from '../types.ts';

/** A cluster lock as everybody sees it. */
export interface LockRow extends NodeId {
  readonly lockId: string;
  readonly purpose: string;
  readonly cluster: string;
  readonly fence: number;
  /** Grows with every sign of life and every fenced write of its holder. */
  readonly heartbeat: number;
  readonly acquiredAt: BackendTime;
  /** It has a journaled plan that is neither done nor aborted: only the leader or a person may end it. */
  readonly planOpen: boolean;
}

/** Row of `cluster_lock`, exactly as read; never leaves this file. */
interface StoredLock {
  lock_id: string;
  holder_hostname: string;
  holder_token: string;
  purpose: string;
  cluster_name: string;
  fence: number | string;
  heartbeat: number | string;
  acquired_at: string;
  open_plans: number | string;
}

/** All locks as one process knows them, by lock id. */
export type LockObservations = ReadonlyMap<string, Observed<LockRow>>;

export interface ListedLock extends LockRow {
  readonly instances: readonly InstanceKey[];
}

/** Something that keeps the wanted instances from being locked. */
export type Blocker = {readonly contention: Contention; readonly lock: LockRow | null};

/** Every lock there is, oldest first, with what it locks. */
export async function listLocks(backend: Backend): Promise<readonly ListedLock[]> {
  return backend.run(async (work) => {
    const stored: readonly StoredLock[] = await selectLocks(work).orderBy('acquired_at').orderBy('lock_id');
    const members: readonly {lock_id: string; hostname: string; port: number}[] = await work
      .db('cluster_lock_member')
      .select('lock_id', 'hostname', 'port')
      .orderBy(['hostname', 'port']);
    const byLock = Map.groupBy(members, (member) => member.lock_id);
    return stored.map((row) => ({
      ...fromRow(row),
      instances: (byLock.get(row.lock_id) ?? []).map(({hostname, port}) => ({host: hostname, port})),
    }));
  });
}

/** Reads all locks and adds the reading to what is known of them; those that are gone are forgotten. */
export async function observeLocks(backend: Backend, before: LockObservations, timing: Timing): Promise<LockObservations> {
  const stored: readonly StoredLock[] = await backend.run((work) => selectLocks(work), {deadline: timing.attempt});
  const arrived = performance.now();
  return new Map(stored.map((row) => [row.lock_id, observe(before.get(row.lock_id), fromRow(row), arrived)]));
}

/** Whether a lock has stood still for so long that its holder has given it up by its own clock. */
export function isAbandoned(lock: Observed<LockRow>, timing: Timing, now: Monotonic): boolean {
  return now - lock.since >= timing.lease;
}

/** The lock of this id; null when there is none. */
export async function findLock(backend: Backend, lockId: string): Promise<LockRow | null> {
  const stored: StoredLock | undefined = await backend.run((work) => selectLocks(work).where('cluster_lock.lock_id', lockId).first());
  return stored === undefined ? null : fromRow(stored);
}

/**
 * All that is in the way of locking these instances: locks first, then maintenance that belongs to none, and recoveries of 3.2.6 nodes.
 * A lock hides nothing of the rest, for it may be one whose holder is gone.
 */
export async function blockersOf(backend: Backend, instances: readonly InstanceKey[]): Promise<readonly Blocker[]> {
  const wanted = wantedOf(instances);
  return backend.run(async (work) => {
    const locks: readonly (StoredLock & Member)[] = await selectLocks(work)
      .join('cluster_lock_member', 'cluster_lock_member.lock_id', 'cluster_lock.lock_id')
      .whereIn(['hostname', 'port'], wanted)
      .select('hostname', 'port')
      .orderBy(['hostname', 'port']);
    const blockers = new Map(locks.map((row) => [row.lock_id, lockBlocker(row)]));
    const rows = (await maintenanceOf(work, wanted).unionAll([recoveriesOfOldNodes(work, wanted)])) as readonly OtherRow[];
    return [...blockers.values(), ...rows.map(otherBlocker)];
  });
}

/** How many recoveries of 3.2.6 nodes are in the way of these instances, as a column `old`, of another query or by itself. */
export function countOldRecoveries(work: Work, instances: readonly InstanceKey[]): Knex.QueryBuilder {
  return recoveriesOfOldNodes(work, wantedOf(instances)).clearSelect().count({old: '*'}).as('old');
}

type Wanted = readonly [string, number][];

function wantedOf(instances: readonly InstanceKey[]): Wanted {
  return instances.map(({host, port}): [string, number] => [host, port]);
}

const MAINTENANCE = 'database_instance_maintenance';

function maintenanceOf({db, dialect}: Work, wanted: Wanted): Knex.QueryBuilder {
  return db(MAINTENANCE)
    .where('maintenance_active', 1)
    .where((query) => void query.whereNull('end_timestamp').orWhere('end_timestamp', '>=', dialect.now()))
    .whereIn(['hostname', 'port'], wanted)
    .whereNotExists(
      db('cluster_lock_member as m')
        .join('cluster_lock as l', 'l.lock_id', 'm.lock_id')
        .whereRaw(`m.hostname = ${MAINTENANCE}.hostname and m.port = ${MAINTENANCE}.port`)
        .whereRaw(`l.holder_token = ${MAINTENANCE}.processing_node_token and ${MAINTENANCE}.explicitly_bounded = 0`)
        .select(db.raw('1')),
    )
    .select('hostname', 'port', 'owner', 'reason', {
      since: 'begin_timestamp',
      holder: 'processing_node_hostname',
      token: 'processing_node_token',
    });
}

/**
 * Recoveries that 3.2.6 nodes have begun, in the clusters of these instances: an old node takes no lock of ours. They count until they end
 * or are acknowledged, and for as long as their node says that it lives.
 */
function recoveriesOfOldNodes({db, dialect}: Work, wanted: Wanted): Knex.QueryBuilder {
  const clusters = db('database_instance').whereIn(['hostname', 'port'], wanted).select('cluster_name');
  return db('topology_recovery as r')
    .join('node_health as n', (join) => join.on('n.hostname', 'r.processing_node_hostname').andOn('n.token', 'r.processcing_node_token'))
    .where('n.app_version', 'like', '3.%')
    .where('n.last_seen_active', '>', dialect.ago(DEAD_AFTER))
    .where({'r.in_active_period': 1, 'r.acknowledged': 0})
    .whereNull('r.end_recovery')
    .where((query) => void query.whereIn(['r.hostname', 'r.port'], wanted).orWhereIn('r.cluster_name', clusters))
    .select('r.hostname', 'r.port', db.raw('null as owner'), {
      reason: 'r.analysis',
      since: 'r.start_active_period',
      holder: 'r.processing_node_hostname',
      token: 'r.processcing_node_token',
    });
}

interface Member {
  hostname: string;
  port: number;
}

interface OtherRow extends Member {
  /** null: no maintenance, but a recovery of an old node. */
  owner: string | null;
  reason: string;
  since: string;
  holder: string;
  token: string;
}

function lockBlocker(row: StoredLock & Member): Blocker {
  const lock = fromRow(row);
  const {hostname, token, lockId, purpose, cluster, acquiredAt: since} = lock;
  const instance = {host: row.hostname, port: row.port};
  return {lock, contention: {contended: true, instance, cluster, holder: {hostname, token}, purpose, since, lockId}};
}

function otherBlocker({hostname, port, owner, reason, since, holder, token}: OtherRow): Blocker {
  const purpose = owner === null ? `recovery of ${reason} by a node of 3.2.6` : `maintenance by ${owner}: ${reason}`;
  const instance = {host: hostname, port};
  return {
    lock: null,
    contention: {contended: true, instance, cluster: '', holder: {hostname: holder, token}, purpose, since, lockId: null},
  };
}

/** Locks with the number of their plans that nobody has ended. */
function selectLocks({db}: Work): Knex.QueryBuilder<StoredLock, StoredLock[]> {
  const open = db('recovery_plan').whereNull('ended_at').whereRaw('recovery_plan.lock_id = cluster_lock.lock_id').count();
  return db<StoredLock, StoredLock[]>('cluster_lock').select('cluster_lock.*', open.as('open_plans'));
}

function fromRow(row: StoredLock): LockRow {
  return {
    lockId: row.lock_id,
    hostname: row.holder_hostname,
    token: row.holder_token,
    purpose: row.purpose,
    cluster: row.cluster_name,
    fence: Number(row.fence),
    heartbeat: Number(row.heartbeat),
    acquiredAt: row.acquired_at,
    planOpen: Number(row.open_plans) > 0,
  };
}
