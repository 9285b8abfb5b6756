import type {InstanceKey} from '../model/instance-key.ts';
import {LOST_IN_RECOVERY} from '../model/lost.ts';
import type {BackendTime, Seconds} from '../model/units.ts';
import type {Backend, Work} from './backend.ts';
import {fitter} from './fit.ts';

const TABLE = 'database_instance_downtime';
const fit = fitter(TABLE);

/** How long those last, and are prolonged to. */
export const LOST_IN_RECOVERY_LASTING: Seconds = 365 * 24 * 3600;

export interface ActiveDowntime {
  readonly key: InstanceKey;
  readonly owner: string;
  readonly reason: string;
  readonly since: BackendTime;
  readonly endsAt: BackendTime;
}

/** Row of `database_instance_downtime`, exactly as stored; never leaves this file. */
interface DowntimeRow {
  hostname: string;
  port: number;
  begin_timestamp: string;
  end_timestamp: string;
  owner: string;
  reason: string;
}

/** Keeps orchestrator from acting on an instance for so long, from now; replaces a downtime that is there. */
export async function beginDowntime(
  backend: Backend,
  key: InstanceKey,
  downtime: {readonly owner: string; readonly reason: string; readonly lasting: Seconds},
): Promise<void> {
  await backend.run((work) => writeDowntime(work, key, downtime));
}

/** The same inside somebody's transaction. */
export async function writeDowntime(
  {db, dialect}: Work,
  key: InstanceKey,
  {owner, reason, lasting}: {readonly owner: string; readonly reason: string; readonly lasting: Seconds},
): Promise<void> {
  await db(TABLE)
    .insert({
      ...fit({hostname: key.host, port: key.port, owner, reason}),
      downtime_active: 1,
      begin_timestamp: dialect.now(),
      end_timestamp: dialect.ahead(lasting),
    })
    .onConflict(['hostname', 'port'])
    .merge();
}

/** @returns false when there was none in force */
export async function endDowntime(backend: Backend, key: InstanceKey): Promise<boolean> {
  return backend.transaction(async ({db, dialect}) => {
    const row = db(TABLE).where({hostname: key.host, port: key.port});
    const wasActive = await row.clone().where('downtime_active', 1).where('end_timestamp', '>', dialect.now()).delete();
    await row.delete();
    return wasActive > 0;
  });
}

/** People, or an operation of theirs, take instances that a recovery left behind back into service: nobody closes them any more. */
export async function takeBackIntoService(backend: Backend, keys: readonly InstanceKey[]): Promise<void> {
  const wanted = keys.map(({host, port}) => [host, port]);
  if (wanted.length > 0)
    await backend.run(({db}) => db(TABLE).where({reason: LOST_IN_RECOVERY}).whereIn(['hostname', 'port'], wanted).delete());
}

/** Downtimes in force now, soonest to end first. */
export async function activeDowntimes(backend: Backend): Promise<readonly ActiveDowntime[]> {
  const rows: readonly DowntimeRow[] = await backend.run(({db, dialect}) =>
    db(TABLE)
      .where('downtime_active', 1)
      .where('end_timestamp', '>', dialect.now())
      .orderBy(['end_timestamp', 'hostname', 'port'])
      .select('hostname', 'port', 'begin_timestamp', 'end_timestamp', 'owner', 'reason'),
  );
  return rows.map(fromRow);
}

/** Removes downtimes that have run out. @returns how many */
export async function expireDowntimes(backend: Backend): Promise<number> {
  return backend.run(({db, dialect}) => db(TABLE).where('end_timestamp', '<', dialect.now()).delete());
}

/**
 * Keeps what a recovery left behind downtimed until somebody ends it: its downtime starts its year again. One that was given less runs out.
 */
export async function prolongLostInRecovery(backend: Backend): Promise<number> {
  return backend.run(({db, dialect}) =>
    db(TABLE)
      .where({downtime_active: 1, reason: LOST_IN_RECOVERY})
      .where('end_timestamp', '>', dialect.now())
      .whereRaw('? - ? > ?', [dialect.unix('end_timestamp'), dialect.unix('begin_timestamp'), LOST_IN_RECOVERY_LASTING / 2])
      .update({end_timestamp: dialect.ahead(LOST_IN_RECOVERY_LASTING)}),
  );
}

function fromRow(row: DowntimeRow): ActiveDowntime {
  return {
    key: {host: row.hostname, port: row.port},
    owner: row.owner,
    reason: row.reason,
    since: row.begin_timestamp,
    endsAt: row.end_timestamp,
  };
}
