import {compareCoordinates} from '../../model/binlog-coordinates.ts';
import {isBinlogServer, type Instance} from '../../model/instance.ts';
import {keyText, sameKey} from '../../model/instance-key.ts';
import {whyCannotReplicate} from '../can-replicate.ts';
import {isRefusal, no, type RelocationCase, type RelocationRefusal} from './plan.ts';
import {areSiblings, chainOf, notAtWork, unreachable} from './vetoes.ts';
import type {Hop} from './hops.ts';

/** From a replica of `over` to a replica of the source of that, by stopping `over`. */
export function hopUp(mover: Instance, over: Instance, at: RelocationCase): Hop | RelocationRefusal {
  const to = at.topology.sourceOf(over);
  if (!to) return no('wrong-place', `${keyText(over.key)}, the source of ${keyText(mover.key)}, has no known source to move up to`);
  const cannot = whyCannotReplicate(mover, to, at.policy);
  if (cannot !== null) return no('cannot-replicate', `${keyText(mover.key)} cannot replicate from ${keyText(to.key)}, because ${cannot}`);
  if (isBinlogServer(over)) return unreachable(to) ?? {by: 'same-log', to: to.key};
  return notAtWork(mover, at.policy) ?? notAtWork(over, at.policy) ?? unreachable(to) ?? {by: 'up', over: over.key, to: to.key};
}

/** From a source to a sibling, by stopping both where the further one is. */
export function hopBelow(mover: Instance, to: Instance, at: RelocationCase): Hop | RelocationRefusal {
  const cannot = whyCannotReplicate(mover, to, at.policy);
  if (cannot !== null) return no('cannot-replicate', `${keyText(mover.key)} cannot replicate from ${keyText(to.key)}, because ${cannot}`);
  if (isBinlogServer(to)) return unreachable(to) ?? {by: 'same-log', to: to.key};
  if (to.cluster.isCoSource && !to.readOnly)
    return no('co-source', `${keyText(to.key)} is a writable co-source: its log does not stand still`, 'make it read-only first');
  const source = at.topology.sourceOf(mover);
  if (!source) return no('unknown', `the source of ${keyText(mover.key)} is not known`, 'discover it');
  const hop: Hop = {by: 'below', from: source.key, to: to.key};
  if (!source.check.valid || (areStopped(mover) && areStopped(to))) {
    if (standAlike(mover, to)) return hop;
    if (!source.check.valid) return needsPseudoGtid(mover, to);
  }
  return notAtWork(mover, at.policy) ?? notAtWork(to, at.policy) ?? hop;
}

function areStopped({replication}: Instance): boolean {
  return replication?.receiver.state === 'stopped' && replication.applier.state === 'stopped' && replication.applier.errno === 0;
}

/** Both have applied all they received, up to the very same place of their source: they need it no more to be brought level. */
function standAlike(one: Instance, other: Instance): boolean {
  const [a, b] = [one.replication, other.replication];
  if (!a?.executed || !b?.executed || !a.read || !b.read || !areSiblings(one, other)) return false;
  const drained = compareCoordinates(a.executed, a.read) === 0 && compareCoordinates(b.executed, b.read) === 0;
  return drained && compareCoordinates(a.executed, b.executed) === 0 && one.check.valid && other.check.valid;
}

/**
 * The way from one place of a tree to another by file and position: up until both have a source in common, then down. Every hop
 * leaves the mover at a proper place, should the next one fail.
 */
export function route(mover: Instance, target: Instance, at: RelocationCase): readonly Hop[] | RelocationRefusal {
  const {topology} = at;
  const down = chainOf(target, topology);
  if (!chainOf(mover, topology).some((one) => down.includes(one))) return needsPseudoGtid(mover, target);
  const hops: Hop[] = [];
  let source = topology.sourceOf(mover);
  while (source && !down.some(({key}) => sameKey(key, source?.key))) {
    const hop = hopUp(mover, source, at);
    if (isRefusal(hop)) return hop;
    hops.push(hop);
    source = topology.sourceOf(source);
  }
  if (!source) return needsPseudoGtid(mover, target);
  const top = source.key;
  const below = down
    .slice(
      0,
      down.findIndex(({key}) => sameKey(key, top)),
    )
    .reverse();
  for (const next of below) {
    const hop = hopBelow(mover, next, at);
    if (isRefusal(hop)) return hop;
    hops.push(hop.by === 'below' ? {...hop, from: topology.sourceOf(next)?.key ?? hop.from} : hop);
  }
  return hops;
}

/** Where neither GTIDs nor positions of a common source tell where to go on, nor is Pseudo-GTID in use. */
export function needsPseudoGtid(mover: Instance, target: Instance): RelocationRefusal {
  const bySource = areSiblings(mover, target)
    ? ', and their source cannot bring them level'
    : ', and no source in common whose positions would tell';
  return no(
    'needs-pseudo-gtid',
    `${keyText(mover.key)} and ${keyText(target.key)} have no GTIDs to compare${bySource}: only Pseudo-GTID could match them, and it is not known to be in use there`,
    'switch Pseudo-GTID on for the next time (AutoPseudoGTID), switch replication over to GTID, or provision it anew',
  );
}
