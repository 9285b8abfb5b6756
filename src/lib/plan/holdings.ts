import {GtidSet} from '../model/gtid-set.ts';
import {compareCoordinates, fileNumber, type BinlogCoordinates} from '../model/binlog-coordinates.ts';
import {followsByPosition, isMariadb, logsReplicaUpdates, type Instance} from '../model/instance.ts';
import {IntervalSet} from '../model/interval-set.ts';
import {
  BinlogState,
  mariadbGtidText,
  readMariadbPosition,
  strangersIn,
  type MariadbGtid,
  type MariadbPosition,
} from '../model/mariadb-gtid.ts';

/** What one replica of a failed source holds, made comparable across server families. */
export interface Holding {
  readonly replica: Instance;
  /**
   * What it received of the failed source's own history: MySQL transactions by UUID, on MariaDB 1 to the last sequence by
   * domain; by file and position the bytes of the source's log up to where it has read. Null when its positions cannot be read.
   */
  readonly received: IntervalSet | null;
  /** The part of `received` that it has applied too. */
  readonly applied: IntervalSet;
  /** `received` and what it has beside it. */
  readonly all: IntervalSet;
  /** All of them replicate by file and position: numbers are of bytes, and only who stands where follows whom. */
  readonly byPosition: boolean;
  /** Received and not yet applied: number of transactions. */
  readonly backlog: number;
  /** What it has beside that history, in the server's notation; '' = clean. On MariaDB also what cannot be told. */
  readonly errant: string;
  /**
   * MariaDB with both threads stopped: what was received and not applied is gone at the next start, so it does not count. Not where the
   * applier has an error: a recovery may have stopped the receiver itself just before, and what was received is still on disk.
   */
  readonly relayLogGone: boolean;
  /** Not in its binary logs any more, so nobody who lacks it can follow. Empty where the server does not say. */
  readonly purged: IntervalSet;
}

/** Of each replica, in the order given; all of one family and reachable. */
export function holdingsOf(failed: Instance, replicas: readonly Instance[]): readonly Holding[] {
  const byGtid = isMariadb(failed) || replicas.some(isMariadb) ? mariadbHoldings(failed, replicas) : mysqlHoldings(failed, replicas);
  return replicas.length > 0 && replicas.every(followsByPosition) ? byGtid.map(byPositionInstead) : byGtid;
}

/**
 * Who asks for what comes after a place in a log is compared by such places, all in the log of the same source. Errant is what GTIDs
 * tell where there are any: MariaDB writes them in any case, MySQL without them tells nothing.
 */
function byPositionInstead(holding: Holding): Holding {
  const {read, executed} = holding.replica.replication ?? {};
  const applied = upTo(executed);
  // One that has read nothing yet since it was started has what it has applied.
  const received = read && executed ? upTo(compareCoordinates(read, executed) < 0 ? executed : read) : null;
  return {
    ...holding,
    byPosition: true,
    received,
    applied,
    all: received ?? applied,
    backlog: received?.subtract(applied).count ?? 0,
    relayLogGone: false,
    purged: IntervalSet.empty,
  };
}

/** More than any file of a log holds: what comes in a later file comes after all of an earlier one. */
const LONGEST_FILE = 2 ** 32;

function upTo(at: BinlogCoordinates | null | undefined): IntervalSet {
  if (!at) return IntervalSet.empty;
  return IntervalSet.from([['log', [{first: 1, last: fileNumber(at.file) * LONGEST_FILE + at.position}]] as const]);
}

/** What waits to be applied, for sentences. */
export function backlogText({backlog, byPosition}: Pick<Holding, 'backlog' | 'byPosition'>): string {
  return byPosition ? 'part of what it received to apply' : `${backlog} transactions to apply`;
}

function mysqlHoldings(failed: Instance, replicas: readonly Instance[]): readonly Holding[] {
  const all = replicas.map((replica) => readSets(replica));
  const known = all.flatMap((one) => one?.received ?? []);
  // What all of them received came down the same stream, even if the source was last read before it was written.
  const common = known.length > 1 ? known.reduce((shared, one) => shared.intersect(one)) : GtidSet.empty;
  return replicas.map((replica, at) => {
    const sets = all[at] ?? null;
    if (sets === null) return unreadable(replica);
    const errant = errantIn(failed, replica, sets).subtract(common);
    return {
      replica,
      received: sets.received.subtract(errant).intervals,
      applied: sets.executed.subtract(errant).intervals,
      byPosition: false,
      all: sets.received.intervals,
      backlog: sets.received.subtract(sets.executed).count,
      errant: errant.toString(),
      relayLogGone: false,
      purged: sets.purged.intervals,
    };
  });
}

interface Sets {
  readonly executed: GtidSet;
  /** In the relay log, applied or not. */
  readonly retrieved: GtidSet;
  /** Executed or still in the relay log. */
  readonly received: GtidSet;
  readonly purged: GtidSet;
}

function readSets(replica: Instance): Sets | null {
  const executed = GtidSet.read(replica.gtid.executed);
  const retrieved = GtidSet.read(replica.replication?.retrievedGtid ?? '');
  const purged = GtidSet.read(replica.gtid.purged);
  return executed && retrieved && purged ? {executed, retrieved, received: executed.union(retrieved), purged} : null;
}

/**
 * Neither written on the failed source itself nor ever seen there. Where nothing was ever seen there: as the probe found.
 *
 * The source may have been read a while ago and have passed on transactions of others since, if it replicates too: what came
 * through the replica's own receiver, from a server that the source knows transactions of, is taken for that.
 */
function errantIn(failed: Instance, replica: Instance, {received, retrieved}: Sets): GtidSet {
  const history = GtidSet.read(failed.gtid.executed);
  if (!history || history.isEmpty) return GtidSet.read(replica.gtid.errant) ?? GtidSet.empty;
  const beside = received.withoutFrom([failed.serverUuid, replica.replication?.sourceUuid ?? '']).subtract(history);
  return beside.subtract(retrieved.onlyFrom(history.servers()));
}

function mariadbHoldings(failed: Instance, replicas: readonly Instance[]): readonly Holding[] {
  const history = BinlogState.read(failed.gtid.binlogState) ?? BinlogState.empty;
  const states = replicas.map((replica) => BinlogState.read(replica.gtid.binlogState));
  const loggers = states.flatMap((state, at) => (state && replicas.at(at)?.binlog.logsReplicaUpdates ? [state] : []));
  const isCommon = (gtid: MariadbGtid): boolean => loggers.length > 1 && loggers.every((state) => state.contains(gtid) === 'yes');
  return replicas.map((replica, at) => {
    const state = states[at] ?? null;
    const positions = readPositions(replica);
    if (state === null || positions === null) return unreadable(replica);
    const {errant, unknown} = strangersIn(state, history, [failed.serverId]);
    const where = {failed, history, replica, state};
    const received = trusted(where, positions.received);
    const intervals = asIntervals(received);
    return {
      replica,
      received: intervals,
      applied: asIntervals(trusted(where, [...positions.applied.values()])),
      byPosition: false,
      all: intervals,
      backlog: [...received].reduce((sum, [domain, upTo]) => sum + Math.max(0, upTo - (positions.applied.get(domain)?.sequence ?? 0)), 0),
      errant: [...errant.filter((gtid) => !cameThrough(replica, gtid)), ...unknown]
        .filter((gtid) => !isCommon(gtid))
        .map(mariadbGtidText)
        .join(','),
      relayLogGone: positions.relayLogGone,
      purged: IntervalSet.empty,
    };
  });
}

interface Positions {
  readonly received: readonly MariadbGtid[];
  readonly applied: MariadbPosition;
  readonly relayLogGone: boolean;
}

function readPositions(replica: Instance): Positions | null {
  const {receiver, applier, retrievedGtid = ''} = replica.replication ?? {};
  const [applied, received] = [readMariadbPosition(replica.gtid.replicaPos), readMariadbPosition(retrievedGtid)];
  if (!applied || !received) return null;
  const relayLogGone = receiver?.state === 'stopped' && applier?.state === 'stopped' && applier.errno === 0;
  return {received: relayLogGone ? [...applied.values()] : [...received.values(), ...applied.values()], applied, relayLogGone};
}

interface Where {
  readonly failed: Instance;
  readonly history: BinlogState;
  readonly replica: Instance;
  readonly state: BinlogState;
}

/**
 * Up to which sequence each domain came from the failed source. A position may have been written beside its history, on the
 * replica itself for one; then only what the replica logged of that history counts.
 */
function trusted(where: Where, positions: readonly MariadbGtid[]): ReadonlyMap<number, number> {
  const believed = [...positions, ...where.state.gtids()].filter((gtid) => isOfHistory(where, gtid));
  const upTo = new Map<number, number>();
  for (const {domain, sequence} of believed) upTo.set(domain, Math.max(sequence, upTo.get(domain) ?? 0));
  return upTo;
}

function isOfHistory({failed, history, replica}: Where, gtid: MariadbGtid): boolean {
  if (gtid.server === failed.serverId) return true;
  if (history.isEmpty) return gtid.server !== replica.serverId;
  const contained = history.contains(gtid);
  return contained === 'yes' || (contained === 'no' && cameThrough(replica, gtid));
}

/** The replica's receiver stands at this very server's transactions, and no earlier: the source passed them on. */
function cameThrough({serverId, replication}: Instance, {domain, server, sequence}: MariadbGtid): boolean {
  const at = readMariadbPosition(replication?.retrievedGtid ?? '')?.get(domain);
  return server !== serverId && at?.server === server && at.sequence >= sequence;
}

function asIntervals(upTo: ReadonlyMap<number, number>): IntervalSet {
  return IntervalSet.from([...upTo].map(([domain, last]) => [String(domain), [{first: 1, last}]] as const));
}

function unreadable(replica: Instance): Holding {
  return {
    replica,
    received: null,
    byPosition: false,
    applied: IntervalSet.empty,
    all: IntervalSet.empty,
    backlog: 0,
    errant: '',
    relayLogGone: false,
    purged: IntervalSet.empty,
  };
}

/** Whether others can fetch from it what it has. */
export function servesOthers({replica}: Pick<Holding, 'replica'>): boolean {
  return logsReplicaUpdates(replica) && replica.flavor !== 'MaxScale';
}
