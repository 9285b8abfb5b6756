import type {InstanceKey} from '../model/instance-key.ts';
import type {BackendTime, Seconds} from '../model/units.ts';
import type {Backend, Work} from './backend.ts';
import {isDuplicateKey} from './connection/errors.ts';
import type {Processor} from './processor.ts';
import {fitter} from './fit.ts';

const TABLE = 'database_instance_maintenance';
const fit = fitter(TABLE);
/** How long ended rows are kept. */
const HISTORY: Seconds = 7 * 24 * 3600;

export interface Maintenance {
  readonly id: number;
  readonly key: InstanceKey;
  readonly owner: string;
  readonly reason: string;
  readonly since: BackendTime;
  readonly endsAt: BackendTime;
  readonly elapsed: Seconds;
}

/** Row of `database_instance_maintenance`, exactly as stored; never leaves this file. */
interface MaintenanceRow {
  database_instance_maintenance_id: number;
  hostname: string;
  port: number;
  owner: string;
  reason: string;
  begin_timestamp: string;
  end_timestamp: string;
  elapsed: number | string;
}

export interface BeginMaintenance {
  readonly owner: string;
  readonly reason: string;
  readonly lasting: Seconds;
  readonly processor: Processor;
}

/**
 * Takes an instance for oneself for so long, from now: at most one may have it.
 *
 * @returns false when somebody has it already
 */
export async function beginMaintenance(backend: Backend, key: InstanceKey, wish: BeginMaintenance): Promise<boolean> {
  const {owner, reason, lasting, processor} = wish;
  let written: number | undefined;
  try {
    await backend.transaction(async ({db, dialect}) => {
      // one that has run out excludes nobody, and is in the way of the next until it is purged
      await db(TABLE)
        .where({hostname: key.host, port: key.port, maintenance_active: 1})
        .where('end_timestamp', '<', dialect.now())
        .delete();
      [written] = await db(TABLE).insert({
        ...fit({
          hostname: key.host,
          port: key.port,
          owner,
          reason,
          processing_node_hostname: processor.hostname,
          processing_node_token: processor.token,
        }),
        maintenance_active: 1,
        begin_timestamp: dialect.now(),
        end_timestamp: dialect.ahead(lasting),
        explicitly_bounded: 1,
      });
    });
    return true;
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    return written !== undefined && isInForce(backend, {database_instance_maintenance_id: written, processing_node_token: processor.token});
  }
}

/** Whether it is our own row that was in the way: that of an attempt whose COMMIT took effect, and whose answer was lost. */
async function isInForce(backend: Backend, which: Readonly<Record<string, string | number>>): Promise<boolean> {
  const found: unknown = await backend.run(({db}) =>
    db(TABLE)
      .where({...which, maintenance_active: 1})
      .first('port'),
  );
  return found !== undefined;
}

/** Ends the maintenance of an instance, whoever began it; that of a lock in force is its holder's. @returns false when there was none */
export async function endMaintenance(backend: Backend, key: InstanceKey): Promise<boolean> {
  const ended = await backend.run(({db, dialect}) =>
    db(TABLE)
      .where({hostname: key.host, port: key.port, maintenance_active: 1})
      .whereNotExists(lockOf(db))
      .update({maintenance_active: null, end_timestamp: dialect.now()}),
  );
  return ended > 0;
}

/** The same by the number that `activeMaintenance` shows. @returns whose it is, and whether it was ended; null when there is none */
export async function endMaintenanceById(
  backend: Backend,
  id: number,
): Promise<{readonly key: InstanceKey; readonly ended: boolean} | null> {
  return backend.transaction(async ({db, dialect}) => {
    const which = {database_instance_maintenance_id: id, maintenance_active: 1};
    const row: {hostname: string; port: number} | undefined = await db(TABLE).where(which).first('hostname', 'port');
    if (row === undefined) return null;
    const change = {maintenance_active: null, end_timestamp: dialect.now()};
    const ended = await db(TABLE).where(which).whereNotExists(lockOf(db)).update(change);
    return {key: {host: row.hostname, port: row.port}, ended: ended > 0};
  });
}

/** The lock of ours that wrote a row of maintenance and is still in force. */
function lockOf(db: Work['db']) {
  return db('cluster_lock_member as member')
    .join('cluster_lock', 'cluster_lock.lock_id', 'member.lock_id')
    .whereRaw(`member.hostname = ${TABLE}.hostname and member.port = ${TABLE}.port`)
    .whereRaw(`cluster_lock.holder_token = ${TABLE}.processing_node_token and ${TABLE}.explicitly_bounded = 0`)
    .select(db.raw('1'));
}

export async function isInMaintenance(backend: Backend, key: InstanceKey): Promise<boolean> {
  const found: unknown = await backend.run(({db, dialect}) =>
    db(TABLE).where({hostname: key.host, port: key.port, maintenance_active: 1}).where('end_timestamp', '>', dialect.now()).first('port'),
  );
  return found !== undefined;
}

/** Maintenance in force, in the order in which it began. */
export async function activeMaintenance(backend: Backend): Promise<readonly Maintenance[]> {
  const rows: readonly MaintenanceRow[] = await backend.run(({db, dialect}) =>
    db(TABLE)
      .where('maintenance_active', 1)
      .where('end_timestamp', '>', dialect.now())
      .orderBy('database_instance_maintenance_id')
      .select('*', {elapsed: db.raw('? - ?', [dialect.unix(), dialect.unix('begin_timestamp')])}),
  );
  return rows.map(fromRow);
}

/** Removes what has run out, what belongs to operations of processes that are gone, and old history. */
export async function expireMaintenance(backend: Backend): Promise<number> {
  return backend.transaction(async ({db, dialect}) => {
    const old = await db(TABLE).whereNull('maintenance_active').where('end_timestamp', '<', dialect.ago(HISTORY)).delete();
    const over = await db(TABLE).where('maintenance_active', 1).where('end_timestamp', '<', dialect.now()).delete();
    const orphaned = await db(TABLE)
      .where('explicitly_bounded', 0)
      .whereNotExists(
        db('node_health')
          .whereRaw(`node_health.hostname = ${TABLE}.processing_node_hostname and node_health.token = ${TABLE}.processing_node_token`)
          .select(db.raw('1')),
      )
      .delete();
    return old + over + orphaned;
  });
}

function fromRow(row: MaintenanceRow): Maintenance {
  return {
    id: row.database_instance_maintenance_id,
    key: {host: row.hostname, port: row.port},
    owner: row.owner,
    reason: row.reason,
    since: row.begin_timestamp,
    endsAt: row.end_timestamp,
    elapsed: Number(row.elapsed),
  };
}
