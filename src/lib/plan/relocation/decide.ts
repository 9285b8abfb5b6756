import {unreachable as never} from '../../errors/errors.ts';
import type {Instance} from '../../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import {promoteDecision} from './become-source.ts';
import type {Hop} from './hops.ts';
import {decisionFor, refuse, type Answered} from './journeys.ts';
import {isRefusal, no, type Only, type RelocationCase, type RelocationDecision, type RelocationRefusal} from './plan.ts';
import {regroup} from './regroup.ts';
import {coSourceDecision, takeSource} from './turn-round.ts';
import {unreachable} from './vetoes.ts';
import {wayBelowSibling, wayByEquivalence, wayByGtid, wayByMatch, wayByMatchUp, wayByRematch, wayByRepoint, wayFor, wayUp} from './ways.ts';

/**
 * What to do about a wish to rearrange replicas: a plan, or why nothing is done. Decides, never does; same inputs, same answer.
 * Rests on servers that were looked at a moment ago; who is locked by whom is not its business.
 *
 * Of many replicas those that cannot be moved are left alone and told (`left`); when none can, nothing is done.
 */
export function planRelocation(at: RelocationCase): RelocationDecision {
  const {wish, topology} = at;
  const it = topology.get(wish.instance);
  if (!it) return refuse(no('unknown', `${keyText(wish.instance)} is not known`, 'discover it'));
  switch (wish.do) {
    case 'relocate':
      return below(it, wish.below, {at, way: wayFor});
    case 'move-below':
      return below(it, wish.below, {at, way: wayBelowSibling});
    case 'move-equivalent':
      return below(it, wish.below, {at, way: wayByEquivalence});
    case 'move-gtid':
      return below(it, wish.below, {at, way: wayByGtid});
    case 'repoint':
      return below(it, wish.below ?? it.replication?.source ?? it.key, {at, way: wayByRepoint});
    case 'move-up':
      return single(it, wayUp(it, at), at);
    case 'relocate-replicas':
      return replicasBelow(it, wish, {at, way: sameKey(wish.instance, wish.below) ? wayByRepoint : wayFor});
    case 'move-replicas-gtid':
      return replicasBelow(it, wish, {at, way: wayByGtid});
    case 'repoint-replicas':
      return replicasBelow(it, {...wish, below: wish.below ?? it.key}, {at, way: wayByRepoint});
    case 'move-up-replicas':
      return many(
        it,
        replicas(it, wish.only, at).map((one) => [one, wayUp(one, at)]),
        at,
      );
    case 'match':
      return below(it, wish.below, {at, way: wayByMatch});
    case 'match-up':
      return single(it, wayByMatchUp(it, at), at);
    case 'rematch':
      return below(it, it.replication?.source ?? it.key, {at, way: wayByRematch});
    case 'match-replicas':
      return replicasBelow(it, wish, {at, way: wayByMatch});
    case 'match-up-replicas':
      return many(
        it,
        replicas(it, wish.only, at).map((one) => [one, wayByMatchUp(one, at)]),
        at,
      );
    case 'take-siblings':
      return takeSiblings(it, at);
    case 'take-source':
      return takeSource(it, at);
    case 'make-co-source':
      return coSourceDecision(it, at);
    case 'make-source':
    case 'make-local-source':
      return promoteDecision(it, wish.do, at);
    case 'regroup':
      return regroup(it, wish.how, at);
    default:
      return never(wish);
  }
}

interface Means {
  readonly at: RelocationCase;
  way(mover: Instance, target: Instance, at: RelocationCase): readonly Hop[] | RelocationRefusal;
}

function below(it: Instance, to: InstanceKey, {at, way}: Means): RelocationDecision {
  const target = at.topology.get(to);
  if (!target) return refuse(no('unknown', `${keyText(to)} is not known`, 'discover it'));
  return single(it, way(it, target, at), at);
}

function single(it: Instance, way: readonly Hop[] | RelocationRefusal, at: RelocationCase): RelocationDecision {
  return isRefusal(way) ? refuse(way) : decisionFor(it, {answered: [[it, way]], at});
}

function replicasBelow(
  it: Instance,
  {below: to, only}: {readonly below: InstanceKey; readonly only: Only},
  {at, way}: Means,
): RelocationDecision {
  const target = at.topology.get(to);
  if (!target) return refuse(no('unknown', `${keyText(to)} is not known`, 'discover it'));
  const gone = unreachable(target);
  if (gone) return refuse(gone);
  const movers = replicas(it, only, at).filter(({key}) => !sameKey(key, to));
  return many(
    it,
    movers.map((one) => [one, way(one, target, at)]),
    at,
  );
}

function takeSiblings(it: Instance, at: RelocationCase): RelocationDecision {
  const source = at.topology.sourceOf(it);
  if (!source) return refuse(no('not-a-replica', `${keyText(it.key)} has no known source, so it has no siblings`));
  const siblings = at.topology.replicasOf(source.key).filter(({key}) => !sameKey(key, it.key));
  return many(
    it,
    siblings.map((one) => [one, wayFor(one, it, at)]),
    at,
  );
}

function replicas({key}: Instance, only: Only, {topology}: RelocationCase): readonly Instance[] {
  return topology.replicasOf(key).filter((one) => only === null || only(one.key));
}

/** Nobody to move is an answer too: a plan without steps. */
function many(it: Instance, answered: readonly Answered[], at: RelocationCase): RelocationDecision {
  const [first] = answered.flatMap(([, way]) => (isRefusal(way) ? [way] : []));
  const none = answered.length > 0 && answered.every(([, way]) => isRefusal(way));
  return none && first ? refuse(allRefused(answered, first)) : decisionFor(it, {answered, at});
}

function allRefused(answered: readonly Answered[], first: RelocationRefusal): RelocationRefusal {
  const reasons = answered.flatMap(([, way]) => (isRefusal(way) ? [way.because] : []));
  return answered.length === 1 ? first : {...first, because: `none of ${answered.length} replicas can be moved: ${reasons.join('; ')}`};
}
