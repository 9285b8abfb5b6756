import type {InstanceKey} from '../model/instance-key.ts';
import type {Seconds} from '../model/units.ts';
import type {Backend} from './backend.ts';

const TABLE = 'database_instance_topology_history';
const COLUMNS = ['hostname', 'port', 'master_host', 'master_port', 'cluster_name', 'version'] as const;

/** An instance as it stood when a snapshot was taken. */
export interface PastInstance {
  readonly key: InstanceKey;
  /** Null where it named nobody. */
  readonly source: InstanceKey | null;
}

/** Row of the table; never leaves this file. */
interface HistoryRow {
  hostname: string;
  port: number;
  master_host: string;
  master_port: number;
}

/** Writes down where every instance stands now, under the present second; a snapshot of that second that is there stays. */
export async function takeSnapshot(backend: Backend): Promise<void> {
  await backend.run(({db, dialect}) => {
    const ignore = dialect.kind === 'sqlite' ? 'or ignore' : 'ignore';
    const into = ['snapshot_unix_timestamp', ...COLUMNS];
    return db.raw(`insert ${ignore} into ?? (${into.map(() => '??').join(', ')}) select ?, ${COLUMNS.map(() => '??').join(', ')} from ??`, [
      TABLE,
      ...into,
      dialect.unix(),
      ...COLUMNS,
      'database_instance',
    ]);
  });
}

/** The same, unless the last one is younger than so many seconds. @returns how many snapshots were taken: 0 or 1 */
export async function takeSnapshotWhenDue(backend: Backend, each: Seconds): Promise<number> {
  const [row] = (await backend.run(({db, dialect}) =>
    db(TABLE).select({age: db.raw('? - max(??)', [dialect.unix(), 'snapshot_unix_timestamp'])}),
  )) as readonly {age: number | string | null}[];
  const age = row?.age ?? null;
  if (age !== null && Number(age) < each) return 0;
  await takeSnapshot(backend);
  return 1;
}

/** Seconds since 1970 of all snapshots a cluster is in, latest first. */
export async function snapshotsOf(backend: Backend, cluster: string): Promise<readonly number[]> {
  const rows: readonly {at: number | string}[] = await backend.run(({db}) =>
    db(TABLE).where('cluster_name', cluster).distinct({at: 'snapshot_unix_timestamp'}).orderBy('at', 'desc'),
  );
  return rows.map((row) => Number(row.at));
}

/** A cluster as it was in one snapshot. */
export async function readSnapshot(backend: Backend, cluster: string, at: number): Promise<readonly PastInstance[]> {
  const rows: readonly HistoryRow[] = await backend.run(({db}) =>
    db(TABLE).where({snapshot_unix_timestamp: at, cluster_name: cluster}).select('hostname', 'port', 'master_host', 'master_port'),
  );
  return rows.map((row) => ({
    key: {host: row.hostname, port: row.port},
    source: row.master_host === '' || row.master_host === '_' ? null : {host: row.master_host, port: row.master_port},
  }));
}
