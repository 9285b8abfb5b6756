import {isBinlogServer, type Instance} from '../../model/instance.ts';
import {keyText, sameKey} from '../../model/instance-key.ts';
import {gtidCompatible, vetoOnGtid} from './gtid.ts';
import type {Hop} from './hops.ts';
import {matchHop, whyNoMatch} from './match.ts';
import {isRefusal, no, type RelocationCase, type RelocationRefusal} from './plan.ts';
import {hopBelow, hopUp, needsPseudoGtid, route} from './position.ts';
import {areSiblings, vetoOn} from './vetoes.ts';

type Answer = readonly Hop[] | RelocationRefusal;

/** One means of getting below another instance, and when it is the one to take. */
interface Way {
  applies(mover: Instance, target: Instance, at: RelocationCase): boolean;
  hops(mover: Instance, target: Instance, at: RelocationCase): Answer;
}

/** The first that applies is taken, and what it says counts: what only looks possible further down is no better. */
const WAYS: readonly Way[] = [
  {
    applies: (mover, target) => sameKey(mover.replication?.source, target.key),
    hops: (mover, target) => [repointHop(mover, target)],
  },
  {
    applies: (mover, target) => isBinlogServer(target) && areSiblings(mover, target),
    hops: (_, target) => [{by: 'same-log', to: target.key}],
  },
  {
    applies: (mover, target, {topology}) => {
      const source = topology.sourceOf(mover);
      return source !== undefined && isBinlogServer(source) && sameKey(source.replication?.source, target.key);
    },
    hops: (_, target) => [{by: 'same-log', to: target.key}],
  },
  {applies: (_, target) => isBinlogServer(target), hops: belowBinlogServer},
  {
    applies: (mover) => isBinlogServer(mover),
    hops: (mover, target) =>
      no(
        'binlog-server',
        `${keyText(mover.key)} is a binlog server: it can follow its source or a sibling that is one, not ${keyText(target.key)}`,
      ),
  },
  {
    applies: gtidCompatible,
    hops: (mover, target, at) => vetoOnGtid(mover, target, at) ?? [{by: 'gtid', to: target.key}],
  },
  {applies: (mover, target) => areSiblings(mover, target), hops: (mover, target, at) => one(hopBelow(mover, target, at))},
  {applies: () => true, hops: route},
];

/** How an instance gets below another: a way of one or more hops, or why there is none. */
export function wayFor(mover: Instance, target: Instance, at: RelocationCase): Answer {
  const veto = vetoOn(mover, target, at);
  if (veto) return veto;
  const way = WAYS.find(({applies}) => applies(mover, target, at));
  const answer = way ? way.hops(mover, target, at) : needsPseudoGtid(mover, target);
  // Last, because it only holds as long as the mover stands exactly there.
  if (!isRefusal(answer) || gtidCompatible(mover, target)) return answer;
  const known = equivalentHop(mover, target, at);
  if (known) return [known];
  const why = whyNoMatch(mover, target, at);
  if (why === null) return [matchHop(target)];
  return answer.code === 'needs-pseudo-gtid' && why.code === 'ahead' ? why : answer;
}

export function repointHop({replication}: Instance, target: Instance): Hop {
  return {by: 'repoint', to: target.key, gtid: replication?.usingOracleGtid === true || replication?.usingMariadbGtid === true};
}

/** A binlog server has the log of its source: who stands below one of both stands below the other at the same position. */
function belowBinlogServer(mover: Instance, target: Instance, at: RelocationCase): Answer {
  const own = at.topology.sourceOf(mover);
  if (own && isBinlogServer(own) && areSiblings(own, target)) return [{by: 'same-log', to: target.key}];
  const above = at.topology.sourceOf(target);
  if (!above) return no('unknown', `the source of the binlog server ${keyText(target.key)} is not known`, 'discover it');
  const way = wayFor(mover, above, at);
  return isRefusal(way) ? way : [...way, {by: 'same-log', to: target.key}];
}

/** Where somebody wrote down that the position where the mover stands is a certain one on the target. */
export function equivalentHop(mover: Instance, target: Instance, at: RelocationCase): Hop | null {
  const {source, executed} = mover.replication ?? {};
  if (!source || !executed || isBinlogServer(mover) || isBinlogServer(target)) return null;
  const found = at.equivalent({source, at: executed, target: target.key});
  return found && {by: 'equivalent', to: target.key, from: executed, at: found};
}

/** Up to the source of its source. */
export function wayUp(mover: Instance, at: RelocationCase): Answer {
  const over = at.topology.sourceOf(mover);
  if (!over) return no('unknown', `the source of ${keyText(mover.key)} is not known`, 'discover it');
  const to = at.topology.sourceOf(over);
  if (!to)
    return no('wrong-place', `${keyText(mover.key)} cannot move up: ${keyText(over.key)}, its source, is not a replica of a known server`);
  const veto = vetoOn(mover, to, at);
  if (veto) return veto;
  if (gtidCompatible(mover, to)) return vetoOnGtid(mover, to, at) ?? [{by: 'gtid', to: to.key}];
  return one(hopUp(mover, over, at));
}

/** Below a sibling, and nothing else. */
export function wayBelowSibling(mover: Instance, target: Instance, at: RelocationCase): Answer {
  const veto = vetoOn(mover, target, at);
  if (veto) return veto;
  if (!areSiblings(mover, target))
    return no(
      'wrong-place',
      `${keyText(mover.key)} and ${keyText(target.key)} do not replicate from the same source`,
      'relocate finds other ways',
    );
  if (!isBinlogServer(target) && gtidCompatible(mover, target)) return vetoOnGtid(mover, target, at) ?? [{by: 'gtid', to: target.key}];
  return one(hopBelow(mover, target, at));
}

/** By GTID, and nothing else. */
export function wayByGtid(mover: Instance, target: Instance, at: RelocationCase): Answer {
  return vetoOn(mover, target, at) ?? vetoOnGtid(mover, target, at) ?? [{by: 'gtid', to: target.key}];
}

/** By Pseudo-GTID, and nothing else. */
export function wayByMatch(mover: Instance, target: Instance, at: RelocationCase): Answer {
  return vetoOn(mover, target, at) ?? whyNoMatch(mover, target, at) ?? [matchHop(target)];
}

/** By Pseudo-GTID below its source again, as if it were another. */
export function wayByRematch(mover: Instance, target: Instance, at: RelocationCase): Answer {
  return vetoOn(mover, target, at) ?? whyNoMatch(mover, target, at) ?? [{...matchHop(target), again: true}];
}

/** By Pseudo-GTID up to the source of its source, which may be dead. */
export function wayByMatchUp(mover: Instance, at: RelocationCase): Answer {
  const over = at.topology.sourceOf(mover);
  const to = over && at.topology.sourceOf(over);
  if (to) return wayByMatch(mover, to, at);
  const known = over ? `${keyText(over.key)}, its source, is not a replica of a known server` : 'its source is not known';
  return no('wrong-place', `${keyText(mover.key)} cannot move up: ${known}`);
}

/** By a recorded equivalence, and nothing else. */
export function wayByEquivalence(mover: Instance, target: Instance, at: RelocationCase): Answer {
  const veto = vetoOn(mover, target, at);
  if (veto) return veto;
  const hop = equivalentHop(mover, target, at);
  if (hop) return [hop];
  return no(
    'no-equivalence',
    `nobody wrote down which position on ${keyText(target.key)} is the one where ${keyText(mover.key)} stands`,
    'equivalent positions are recorded when replicas are moved by file and position; relocate finds other ways',
  );
}

/**
 * To the same source again, by GTID to any, or at the same position to a server with the very same log: a binlog server or its
 * source, or the present source under another name.
 */
export function wayByRepoint(mover: Instance, target: Instance, at: RelocationCase): Answer {
  const veto = vetoOn(mover, target, at);
  if (veto) return veto;
  if (sameKey(mover.replication?.source, target.key)) return [repointHop(mover, target)];
  if (!isBinlogServer(target) && gtidCompatible(mover, target)) return vetoOnGtid(mover, target, at) ?? [{by: 'gtid', to: target.key}];
  if (sameLog(mover, target, at)) return [{by: 'same-log', to: target.key}];
  return no(
    'wrong-place',
    `${keyText(mover.key)} replicates by file and position, and those of its source mean nothing on ${keyText(target.key)}`,
    'relocate finds the right position',
  );
}

function sameLog(mover: Instance, target: Instance, {topology}: RelocationCase): boolean {
  const {source, sourceUuid, sourceServerId} = mover.replication ?? {};
  const own = topology.get(source);
  if (own === undefined || !own.check.valid) {
    const bySameName = sourceUuid ? sourceUuid === target.serverUuid : sourceServerId === target.serverId;
    if (bySameName) return true;
  }
  if (isBinlogServer(target))
    return sameKey(target.replication?.source, source) || (own !== undefined && areSiblings(own, target) && isBinlogServer(own));
  return own !== undefined && isBinlogServer(own) && sameKey(own.replication?.source, target.key);
}

function one(hop: Hop | RelocationRefusal | null): Answer {
  if (hop === null) return [];
  return isRefusal(hop) ? hop : [hop];
}
