import {GtidSet} from '../../model/gtid-set.ts';
import {isMariadb, type Instance} from '../../model/instance.ts';
import {keyText, sameKey} from '../../model/instance-key.ts';
import {BinlogState, mariadbGtidText, parseMariadbGtids} from '../../model/mariadb-gtid.ts';
import {isCode} from '../../errors/errors.ts';
import {no, type RelocationCase, type RelocationRefusal} from './plan.ts';
import {chainOf} from './vetoes.ts';

/** Whether the two can find their common place by GTID: the replica uses them, and the other has the same kind. */
export function gtidCompatible(mover: Instance, target: Instance): boolean {
  if (mover.replication?.usingMariadbGtid) return isMariadb(target);
  return mover.replication?.usingOracleGtid === true && !isMariadb(target) && target.gtid.supported;
}

/**
 * What speaks against moving by GTID: transactions the target has purged, transactions of its own that nobody above has, or a
 * history that is not the same one.
 */
export function vetoOnGtid(mover: Instance, target: Instance, at: RelocationCase): RelocationRefusal | null {
  if (!gtidCompatible(mover, target)) return notCompatible(mover, target);
  if (sameKey(mover.replication?.source, target.key)) return null;
  return whyPurged(mover, target) ?? whyErrant(mover, target, at) ?? whyDiverged(mover, target, at);
}

function notCompatible(mover: Instance, target: Instance): RelocationRefusal {
  const own = mover.replication;
  if (!own?.usingOracleGtid && !own?.usingMariadbGtid)
    return no('no-gtid', `${keyText(mover.key)} replicates by file and position, not by GTID`, 'enable-gtid switches it over');
  return no('no-gtid', `${keyText(target.key)} has no GTIDs of the kind that ${keyText(mover.key)} uses`);
}

/** MySQL alone says what it has purged; MariaDB is asked when it comes to it. */
function whyPurged(mover: Instance, target: Instance): RelocationRefusal | null {
  const [purged, executed] = [GtidSet.read(target.gtid.purged), GtidSet.read(mover.gtid.executed)];
  if (isMariadb(mover) || !purged || !executed) return null;
  const gone = purged.subtract(executed);
  if (gone.isEmpty) return null;
  return no(
    'purged',
    `${keyText(target.key)} has purged transactions that ${keyText(mover.key)} lacks: ${gone.toString()}`,
    'provision it anew',
  );
}

/** Transactions that exist only on the target, or above it up to where both meet, would become those of the one that is moved. */
export function whyErrant(mover: Instance, target: Instance, {topology, wish}: RelocationCase): RelocationRefusal | null {
  if (wish.allowErrant) return null;
  const above = chainOf(mover, topology);
  const side = chainOf(target, topology).filter((one) => !above.some(({key}) => sameKey(key, one.key)));
  for (const one of side) {
    const foreign = lackedBy(mover, one.gtid.errant);
    if (foreign === '') continue;
    return no(
      'errant',
      `${keyText(one.key)} has errant transactions, which ${keyText(mover.key)} would get too: ${foreign}`,
      'repair it first (which-gtid-errant, gtid-errant-inject-empty), or go on with --allow-errant',
    );
  }
  return null;
}

function lackedBy(mover: Instance, errant: string): string {
  if (errant === '') return '';
  if (!isMariadb(mover))
    return (
      GtidSet.read(errant)
        ?.subtract(GtidSet.read(mover.gtid.executed) ?? GtidSet.empty)
        .toString() ?? errant
    );
  const state = BinlogState.read(mover.gtid.binlogState) ?? BinlogState.empty;
  return readGtids(errant)
    .filter((gtid) => state.contains(gtid) !== 'yes')
    .map(mariadbGtidText)
    .join(',');
}

/**
 * Instances of one cluster share a history. Of two clusters that is proved by containment: then one was cut off the other, as a
 * replica that was lost in a recovery.
 */
function whyDiverged(mover: Instance, target: Instance, {topology}: RelocationCase): RelocationRefusal | null {
  const above = chainOf(target, topology);
  if (chainOf(mover, topology).some(({key}) => above.some((one) => sameKey(one.key, key)))) return null;
  const beside = isMariadb(mover) ? besideMariadb(mover, target) : besideMysql(mover, target);
  if (beside === '') return null;
  return no(
    'diverged',
    `${keyText(mover.key)} and ${keyText(target.key)} have no source in common, and ${keyText(mover.key)} has what the other lacks: ${beside}`,
    'provision it anew, or inject what it has beside the other',
  );
}

function besideMysql(mover: Instance, target: Instance): string {
  const [ours, theirs] = [GtidSet.read(mover.gtid.executed), GtidSet.read(target.gtid.executed)];
  return ours && theirs ? ours.subtract(theirs).toString() : 'positions that cannot be read';
}

function besideMariadb(mover: Instance, target: Instance): string {
  const [ours, theirs] = [BinlogState.read(mover.gtid.binlogState), BinlogState.read(target.gtid.binlogState)];
  if (!ours || !theirs) return 'positions that cannot be read';
  const held = [...ours.gtids(), ...readGtids(mover.gtid.replicaPos)];
  return [...new Set(held.filter((gtid) => theirs.contains(gtid) !== 'yes').map(mariadbGtidText))].join(',');
}

function readGtids(text: string): ReturnType<typeof parseMariadbGtids> {
  try {
    return parseMariadbGtids(text);
  } catch (error) {
    if (isCode(error, 'INPUT_INVALID')) return [];
    throw error;
  }
}
