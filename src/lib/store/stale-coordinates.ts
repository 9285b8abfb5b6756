import type {BinlogCoordinates} from '../model/binlog-coordinates.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {Seconds} from '../model/units.ts';
import type {Backend} from './backend.ts';
import {fitter} from './fit.ts';

const TABLE = 'database_instance_stale_binlog_coordinates';
const fit = fitter(TABLE);

/** Notes where a source's binary log stands; the time of a position is that of its first note. */
export async function noteCoordinates(backend: Backend, key: InstanceKey, at: BinlogCoordinates): Promise<void> {
  const row = fit({hostname: key.host, port: key.port, binary_log_file: at.file, binary_log_pos: at.position});
  await backend.transaction(async ({db, dialect}) => {
    await db(TABLE)
      .where({hostname: key.host, port: key.port})
      .whereRaw('not (binary_log_file = ? and binary_log_pos = ?)', [at.file, at.position])
      .delete();
    await db(TABLE)
      .insert({...row, first_seen: dialect.now()})
      .onConflict(['hostname', 'port'])
      .ignore();
  });
}

/** Sources whose binary log has stood at its present position for longer than this. */
export async function standingStill(backend: Backend, lasting: Seconds): Promise<readonly InstanceKey[]> {
  const rows: readonly {host: string; port: number}[] = await backend.run(({db, dialect}) =>
    db(`${TABLE} as stale`)
      .join('database_instance as instance', (join) =>
        join
          .on('instance.hostname', 'stale.hostname')
          .andOn('instance.port', 'stale.port')
          .andOn('instance.binary_log_file', 'stale.binary_log_file')
          .andOn('instance.binary_log_pos', 'stale.binary_log_pos'),
      )
      .where('stale.first_seen', '<', dialect.ago(lasting))
      .orderBy(['stale.hostname', 'stale.port'])
      .select({host: 'stale.hostname', port: 'stale.port'}),
  );
  return rows;
}

export async function expireCoordinates(backend: Backend, lasting: Seconds): Promise<number> {
  return backend.run(({db, dialect}) => db(TABLE).where('first_seen', '<', dialect.ago(lasting)).delete());
}
