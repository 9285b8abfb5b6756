import type {BinlogCoordinates} from '../model/binlog-coordinates.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {Seconds} from '../model/units.ts';
import type {Backend} from './backend.ts';

/** Where the logs of an instance ended some time ago. */
export interface FormerCoordinates {
  /** Of its binary logs; null where it had none. */
  readonly binlog: BinlogCoordinates | null;
  /** Of what it had applied of its relay logs; null where it had none. */
  readonly relay: BinlogCoordinates | null;
}

/** Row of `database_instance_coordinates_history`; never leaves this file. */
interface HistoryRow {
  binary_log_file: string;
  binary_log_pos: number | string;
  relay_log_file: string;
  relay_log_pos: number | string;
}

const TABLE = 'database_instance_coordinates_history';
const COORDINATES = ['binary_log_file', 'binary_log_pos', 'relay_log_file', 'relay_log_pos'];
/** An entry that was written before this is surely behind the coordinates noted then. */
const OLD_ENOUGH: Seconds = 120;

/** Notes where the logs of all instances stood when they were last seen; those that did not answer stand still. */
export async function noteAllCoordinates(backend: Backend): Promise<void> {
  await backend.run(async ({db}) => {
    const columns = ['hostname', 'port', 'last_seen', ...COORDINATES];
    const seen = db('database_instance').whereRaw('last_checked <= last_seen').whereNotNull('last_seen').select(columns);
    await db(db.raw(`${TABLE} (${columns.join(', ')})`)).insert(seen);
  });
}

/** The latest note that is some minutes old; null when there is none. */
export async function formerCoordinates(backend: Backend, {host, port}: InstanceKey): Promise<FormerCoordinates | null> {
  const row: HistoryRow | undefined = await backend.run(({db, dialect}) =>
    db(TABLE)
      .where({hostname: host, port})
      .where('recorded_timestamp', '<=', dialect.ago(OLD_ENOUGH))
      .orderBy('recorded_timestamp', 'desc')
      .first(COORDINATES),
  );
  if (!row) return null;
  return {binlog: placeOf(row.binary_log_file, row.binary_log_pos), relay: placeOf(row.relay_log_file, row.relay_log_pos)};
}

function placeOf(file: string, position: number | string): BinlogCoordinates | null {
  return file === '' ? null : {file, position: Number(position)};
}
