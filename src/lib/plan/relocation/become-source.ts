import type {Instance} from '../../model/instance.ts';
import {compareCoordinates} from '../../model/binlog-coordinates.ts';
import {keyText, sameKey} from '../../model/instance-key.ts';
import {usesPseudoGtid} from '../pseudo-gtid/marks.ts';
import {contendersOf, type Contender} from '../contenders.ts';
import {IntervalSet} from '../../model/interval-set.ts';
import {gtidCompatible, vetoOnGtid} from './gtid.ts';
import type {Hop, Journey, Stage} from './hops.ts';
import {planOf, refuse, sorted, type Answered} from './journeys.ts';
import {matchHop, whyNoMatch} from './match.ts';
import {isRefusal, no, type RelocationCase, type RelocationDecision, type RelocationRefusal} from './plan.ts';
import {needsPseudoGtid} from './position.ts';
import {names, notAReplica, unreachable, vetoOn} from './vetoes.ts';

/**
 * A replica takes the place of its dead source, by hand: its siblings go below it. `make-source` opens it for writes,
 * `make-local-source` puts it below the source of its source. By GTID, or by Pseudo-GTID where nobody uses GTIDs.
 */
export function promoteDecision(it: Instance, how: 'make-source' | 'make-local-source', at: RelocationCase): RelocationDecision {
  const source = at.topology.sourceOf(it);
  const veto = unreachable(it) ?? notAReplica(it);
  if (veto) return refuse(veto);
  if (!source) return refuse(no('unknown', `the source of ${keyText(it.key)} is not known`));
  const siblings = at.topology.replicasOf(source.key).filter(({key}) => !sameKey(key, it.key));
  if (how === 'make-local-source') return localSource(it, {source, siblings}, at);
  const why = whyNotSource(it, {source, siblings}, at);
  if (why) return refuse(why);
  const {journeys, left} = sorted(siblings.map((one) => [one, siblingWay(one, it, at)]));
  const stages: readonly Stage[] = [
    [['must', {do: 'drain', on: it.key, source: source.key}]],
    [['must', {do: 'make-writable', on: it.key, semiSync: source.semiSync.sourceEnabled}]],
    journeys.map(followStep),
    [['must', {do: 'forget-source', on: it.key, source: source.key}]],
  ];
  const remarks = [`${keyText(source.key)} cannot be reached: unless it can be closed it is unfenced`];
  return {act: true, plan: planOf(it, {journeys, left, stages, promoted: it.key, replaces: source.key, remarks}, at)};
}

interface Around {
  readonly source: Instance;
  readonly siblings: readonly Instance[];
}

function whyNotSource(it: Instance, {source, siblings}: Around, at: RelocationCase): RelocationRefusal | null {
  const {reach} = source.check;
  if (source.check.valid || reach === 'alive')
    return no(
      'alive',
      `${keyText(source.key)}, the source of ${keyText(it.key)}, is alive`,
      'graceful-master-takeover hands over from one that is',
    );
  if (at.topology.sourceOf(source))
    return no(
      'wrong-place',
      `${keyText(source.key)} is a replica itself, so its cluster has a source`,
      'make-local-master takes its place',
    );
  return heldBySiblings(it, siblings, {...at, source});
}

/** What siblings received and it did not would be lost. */
function heldBySiblings(
  it: Instance,
  siblings: readonly Instance[],
  {source, policy}: RelocationCase & {readonly source: Instance},
): RelocationRefusal | null {
  const reachable = [it, ...siblings.filter(({check}) => check.valid)];
  if (reachable.every((one) => usesPseudoGtid(one, policy) && !usesGtid(one))) return receivedBySiblings(it, reachable);
  if (!reachable.every(usesGtid)) return needsPseudoGtid(it, reachable.find((one) => !usesGtid(one)) ?? it);
  const [own, ...others] = contendersOf(reachable, {failed: source, policy, wishes: {}});
  if (!own?.received) return no('diverged', `the GTIDs of ${keyText(it.key)} cannot be read`);
  const ahead = others.filter((one) => !lackedOf(own, one).isEmpty);
  return ahead.length === 0
    ? null
    : wouldLose(
        it,
        ahead.map(({replica}) => replica),
      );
}

/** By file and position: all of them name places in the log of the same source. */
function receivedBySiblings(it: Instance, reachable: readonly Instance[]): RelocationRefusal | null {
  const own = it.replication?.read;
  const ahead = reachable.filter(({replication}) => !own || (replication?.read && compareCoordinates(replication.read, own) > 0));
  return ahead.length === 0 ? null : wouldLose(it, ahead);
}

function wouldLose(it: Instance, ahead: readonly Instance[]): RelocationRefusal {
  return no(
    'no-candidate',
    `${names(ahead)} received transactions that ${keyText(it.key)} did not: they would be lost`,
    'recover chooses and catches up',
  );
}

function lackedOf(own: Contender, other: Contender): IntervalSet {
  return (other.received ?? IntervalSet.empty).subtract(own.received ?? IntervalSet.empty);
}

function siblingWay(sibling: Instance, it: Instance, at: RelocationCase): readonly Hop[] | RelocationRefusal {
  const veto = vetoOn(sibling, it, at);
  if (veto) return veto;
  if (gtidCompatible(sibling, it)) return vetoOnGtid(sibling, it, at) ?? [{by: 'gtid', to: it.key}];
  const why = whyNoMatch(sibling, it, at);
  if (why === null) return [matchHop(it)];
  return why.code === 'ahead' ? why : needsPseudoGtid(sibling, it);
}

/** Onto the last of its hops, which is the only one. */
function followStep({key, hops}: Journey): Stage[number] {
  const [hop] = hops;
  const source = hop?.to ?? key;
  return ['lost', hop?.by === 'pseudo-gtid' ? {do: 'match', on: key, source} : {do: 'follow', on: key, source}];
}

function usesGtid({replication}: Instance): boolean {
  return replication?.usingOracleGtid === true || replication?.usingMariadbGtid === true;
}

function localSource(it: Instance, {source, siblings}: Around, at: RelocationCase): RelocationDecision {
  const top = at.topology.sourceOf(source);
  if (!top) return refuse(no('wrong-place', `${keyText(source.key)} is the source of its cluster`, 'make-master, or recover, replaces it'));
  const own = siblingWay(it, top, at);
  if (isRefusal(own)) return refuse(own);
  const answered: readonly Answered[] = [[it, own], ...siblings.map((one): Answered => [one, siblingWay(one, it, at)])];
  const {journeys, left} = sorted(answered);
  const stages: readonly Stage[] = [
    journeys.filter(({key}) => sameKey(key, it.key)).map((journey) => ['must', followStep(journey)[1]]),
    journeys.filter(({key}) => !sameKey(key, it.key)).map(followStep),
  ];
  return {act: true, plan: planOf(it, {journeys, left, stages, promoted: it.key}, at)};
}
