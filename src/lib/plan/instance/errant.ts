import {flavorOf} from '../../flavor/flavors.ts';
import {GtidSet} from '../../model/gtid-set.ts';
import {isMariadb, type Instance} from '../../model/instance.ts';
import {keyText} from '../../model/instance-key.ts';
import {BinlogState, mariadbGtidText, parseMariadbGtids, parseMariadbPosition, type MariadbGtid} from '../../model/mariadb-gtid.ts';
import {asBefore, both, expect} from './expectations.ts';
import {dropsWhenStopped, replicaIn, startAsBefore} from './threads.ts';
import type {InstanceDecision, InstanceRefusal, Seen} from './wish.ts';

/** One statement each: more than this many empty transactions are nobody's wish. */
const MOST_INJECTED = 10_000;

/** Why nothing is to be done about errant transactions; else which there are. */
function errantIn(seen: Seen): {readonly errant: string} | InstanceRefusal {
  const name = keyText(seen.instance.key);
  if (!seen.instance.replication) return {refused: `${name} is not a replica, so no transaction of it is errant`};
  if (seen.errant === null) return {refused: `the source of ${name} could not be read, so it is not known what is errant`};
  return seen.errant === '' ? {refused: `${name} has no errant transactions`} : {errant: seen.errant};
}

export function planResetErrant(seen: Seen): InstanceDecision {
  const found = errantIn(seen);
  const replica = replicaIn(seen);
  if ('refused' in found) return found;
  if ('refused' in replica) return replica;
  const {name, instance} = replica;
  if (seen.replicas.length > 0 && !seen.force) {
    const whom = seen.replicas.map(({key}) => keyText(key)).join(', ');
    return {refused: `${name} has replicas (${whom}), which would lose their place in its binary log`, hint: 'move them away first'};
  }
  return {
    acts: [
      {act: 'stop', about: `stop replication of ${name}`, drops: dropsWhenStopped(replica), mustApply: false},
      {act: 'rewrite-history', about: `empty the binary log of ${name}, and forget ${found.errant}`, without: found.errant},
      ...startAsBefore(replica),
    ],
    expects: both(expect(lacks(found.errant)), asBefore(instance)),
    remarks: [],
    record: `forgotten: ${found.errant}`,
  };
}

function lacks(errant: string): (after: Instance) => string | null {
  return (after) => {
    if (isMariadb(after)) {
      const state = BinlogState.read(after.gtid.binlogState);
      const left = state && parseMariadbGtids(errant).filter((gtid) => state.contains(gtid) === 'yes');
      return left?.length === 0 ? null : `its binary log still has ${left ? left.map(mariadbGtidText).join(',') : 'what cannot be read'}`;
    }
    const executed = GtidSet.read(after.gtid.executed);
    return executed?.intersect(GtidSet.parse(errant)).isEmpty ? null : `it still counts ${after.gtid.executed} as executed`;
  };
}

/**
 * What a server may say it wrote before its first binary log, so that errant transactions are forgotten and all else is not.
 *
 * @param has `@@gtid_executed`, or `@@gtid_binlog_state` of MariaDB
 * @param source the state of the source: MariaDB writes one number a pair, so what the source has of an errant pair stays
 */
export function historyWithout(
  errant: string,
  has: string,
  {mariadb, source}: {readonly mariadb: boolean; readonly source: string},
): string {
  if (!mariadb) return GtidSet.parse(has).subtract(GtidSet.parse(errant)).toString();
  const theirs = BinlogState.parse(source);
  const gone = new Set(parseMariadbGtids(errant).map(pairOf));
  return (
    parseMariadbGtids(has)
      .flatMap((gtid) => {
        if (!gone.has(pairOf(gtid))) return [gtid];
        const sequence = theirs.highestOf(gtid.domain, gtid.server);
        return sequence === undefined ? [] : [{...gtid, sequence}];
      })
      // The last of a domain is where it stands.
      .sort((a, b) => a.domain - b.domain || a.sequence - b.sequence)
      .map(mariadbGtidText)
      .join(',')
  );
}

function pairOf({domain, server}: MariadbGtid): string {
  return `${domain}-${server}`;
}

export function planInjectErrant(seen: Seen): InstanceDecision {
  const found = errantIn(seen);
  if ('refused' in found) return found;
  const top = seen.above.at(-1);
  if (!top) return {refused: `the source of ${keyText(seen.instance.key)} could not be read`};
  const gtids = isMariadb(top) ? mariadbInjections(found.errant, top) : mysqlInjections(found.errant);
  if ('refused' in gtids) return gtids;
  return {
    acts: [
      {
        act: 'say',
        about: `write ${gtids.length} transactions without effect on ${keyText(top.key)}: ${found.errant}`,
        on: top.key,
        statements: flavorOf(top).commands.emptyTransactions(gtids),
      },
    ],
    expects: {steadyFor: 0, on: top.key, check: has(found.errant)},
    remarks: [],
    record: `on ${keyText(top.key)}: ${found.errant}`,
  };
}

function has(errant: string): (after: Instance) => string | null {
  return (after) => {
    const there = isMariadb(after)
      ? BinlogState.read(after.gtid.binlogState)?.containsAll(BinlogState.parse(errant)) === 'yes'
      : GtidSet.read(after.gtid.executed)?.contains(GtidSet.parse(errant)) === true;
    return there ? null : `${keyText(after.key)} does not have all of ${errant}`;
  };
}

function mysqlInjections(errant: string): readonly string[] | InstanceRefusal {
  const set = GtidSet.parse(errant);
  if (set.count > MOST_INJECTED) {
    return {
      refused: `${set.count} transactions are errant, too many to be written one by one`,
      hint: 'let the replica forget them instead',
    };
  }
  return set.intervals
    .entries()
    .flatMap(([name, intervals]) =>
      intervals.flatMap(({first, last}) => Array.from({length: last - first + 1}, (_, at) => `${name}:${first + at}`)),
    );
}

/** One transaction a pair says all: states know the highest. Below the domain's own it would break replicas in strict mode. */
function mariadbInjections(errant: string, top: Instance): readonly string[] | InstanceRefusal {
  const position = parseMariadbPosition(top.gtid.binlogPos);
  const gtids = parseMariadbGtids(errant);
  const late = gtids.find(({domain, sequence}) => (position.get(domain)?.sequence ?? 0) >= sequence);
  if (late) {
    return {
      refused: `${mariadbGtidText(late)} comes before ${mariadbGtidText(position.get(late.domain) ?? late)}, which ${keyText(top.key)} has written already: it would be out of order`,
      hint: 'let the replica forget it instead',
    };
  }
  return gtids.toSorted((a, b) => a.domain - b.domain || a.sequence - b.sequence).map(mariadbGtidText);
}
