import type {Knex} from 'knex';
import type {InstanceKey} from '../../model/instance-key.ts';
import type {Milliseconds, Seconds} from '../../model/units.ts';
import type {Backend, Work} from '../../store/backend.ts';
import type {NodeId} from '../types.ts';

const TABLE = 'database_instance_maintenance';
/** How long 3.2.6 gives an operation of its own; the holder of a lock prolongs it. */
const LENGTH: Seconds = 600;

export interface MaintenanceOf extends NodeId {
  readonly lockId: string;
  /** For the people who see the row. */
  readonly reason: string;
  /** Only these instances of the lock; all when absent. */
  readonly instances?: readonly InstanceKey[];
}

/**
 * Writes what a 3.2.6 node writes before it changes an instance, for every instance of a lock, so that old nodes and people see it.
 * Rows that have run out are removed first: they exclude nobody.
 *
 * @throws the driver's duplicate key error when an instance is in maintenance already
 */
export async function beginMaintenance(work: Work, {hostname, token, lockId, reason, instances}: MaintenanceOf): Promise<void> {
  const {db, dialect} = work;
  const members = db('cluster_lock_member').where('cluster_lock_member.lock_id', lockId);
  if (instances !== undefined) {
    void members.whereIn(
      ['hostname', 'port'],
      instances.map(({host, port}) => [host, port]),
    );
  }
  await db(TABLE).where('maintenance_active', 1).where('end_timestamp', '<', dialect.now()).where(isMember(db, lockId)).delete();
  const columns = {
    maintenance_active: 1,
    begin_timestamp: dialect.now(),
    end_timestamp: dialect.ahead(LENGTH),
    owner: 'orchestrator',
    reason,
    processing_node_hostname: hostname,
    processing_node_token: token,
    explicitly_bounded: 0,
  };
  const values = Object.values(columns);
  const rows = members.select('hostname', 'port', ...values.map((value) => db.raw('?', [value]))).orderBy(['hostname', 'port']);
  await db(db.raw('?? (??)', [TABLE, ['hostname', 'port', ...Object.keys(columns)]])).insert(rows);
}

/** Removes the rows that the holder of a lock wrote, all or that of one instance; the lock's members must still be there. */
export async function endMaintenance({db}: Work, lock: NodeId & {readonly lockId: string}, only?: InstanceKey): Promise<void> {
  const rows = writtenBy(db, lock);
  if (only) void rows.where({hostname: only.host, port: only.port});
  await rows.delete();
}

/** Keeps the rows of a long operation from running out. */
export async function prolongMaintenance(
  backend: Backend,
  lock: NodeId & {readonly lockId: string},
  deadline: Milliseconds,
): Promise<void> {
  await backend.run(({db, dialect}) => writtenBy(db, lock).update({end_timestamp: dialect.ahead(LENGTH)}), {deadline});
}

function writtenBy(db: Work['db'], {lockId, token}: NodeId & {readonly lockId: string}): Knex.QueryBuilder {
  return db(TABLE).where({maintenance_active: 1, processing_node_token: token, explicitly_bounded: 0}).where(isMember(db, lockId));
}

function isMember(db: Work['db'], lockId: string): (query: Knex.QueryBuilder) => void {
  return (query) => {
    void query.whereExists(
      db('cluster_lock_member')
        .where('cluster_lock_member.lock_id', lockId)
        .whereRaw(`cluster_lock_member.hostname = ${TABLE}.hostname and cluster_lock_member.port = ${TABLE}.port`)
        .select(db.raw('1')),
    );
  };
}
