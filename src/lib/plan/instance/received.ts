import {compareCoordinates} from '../../model/binlog-coordinates.ts';
import {GtidSet} from '../../model/gtid-set.ts';
import type {Instance, Replication} from '../../model/instance.ts';
import {BinlogState, parseMariadbGtids} from '../../model/mariadb-gtid.ts';
import type {Flavor} from '../../flavor/flavor.ts';

/** Whether a source has everything a replica has received from it, so that it can send it once more. Unknown is no. */
export function canSendAgain(source: Instance, replica: Replication): boolean {
  if (replica.usingMariadbGtid) {
    const state = BinlogState.read(source.gtid.binlogState);
    return state !== null && parseMariadbGtids(replica.retrievedGtid).every((gtid) => state.contains(gtid) === 'yes');
  }
  if (replica.usingOracleGtid) {
    const [has, received] = [GtidSet.read(source.gtid.executed), GtidSet.read(replica.retrievedGtid)];
    return has !== null && received !== null && has.contains(received);
  }
  return source.binlog.at !== null && replica.read !== null && compareCoordinates(source.binlog.at, replica.read) >= 0;
}

/** The statements of a restart of what runs now, with another statement in between, each with its semicolon. */
export function restartStatements(flavor: Flavor, {replication}: Instance, between: string | null): readonly string[] | null {
  if (!replication) return null;
  const receives = replication.receiver.state !== 'stopped';
  const applies = replication.applier.state !== 'stopped';
  return [
    ...(receives ? [flavor.stopReceiver.text] : []),
    ...(applies ? [flavor.stopApplier.text] : []),
    ...(between === null ? [] : [between.trim().replace(/[;\s]+$/, '')]),
    // The applier first: MariaDB drops what was received when its receiver starts alone.
    ...(applies ? [flavor.startApplier.text] : []),
    ...(receives ? [flavor.startReceiver.text] : []),
  ].map((text) => `${text};`);
}
