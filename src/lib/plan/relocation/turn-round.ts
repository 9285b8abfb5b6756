import {isBinlogServer, isReplica, isReplicating, type Instance} from '../../model/instance.ts';
import {keyText, sameKey} from '../../model/instance-key.ts';
import {whyCannotReplicate} from '../can-replicate.ts';
import {gtidCompatible, vetoOnGtid, whyErrant} from './gtid.ts';
import {goOn, type Hop, type Stage} from './hops.ts';
import {journeyOf, planOf, refuse} from './journeys.ts';
import {no, type RelocationCase, type RelocationDecision, type RelocationRefusal} from './plan.ts';
import {inGroup, notAReplica, notAtWork, unreachable} from './vetoes.ts';

/** A replica and its source change places: the replica goes below the source of its source, which goes below it. */
export function takeSource(it: Instance, at: RelocationCase): RelocationDecision {
  const source = at.topology.sourceOf(it);
  const veto = unreachable(it) ?? notAReplica(it) ?? inGroup(it);
  if (veto) return refuse(veto);
  if (!source) return refuse(no('unknown', `the source of ${keyText(it.key)} is not known`, 'discover it'));
  const top = at.topology.sourceOf(source);
  const why = whyNotTake(it, source, top, at);
  if (why || !top) return refuse(why ?? noTop(source));
  const byGtid = gtidCompatible(it, top) && gtidCompatible(source, it);
  const obstacle = byGtid ? (vetoOnGtid(it, top, at) ?? whyErrant(source, it, at)) : whyNotByPosition(it, source, at);
  if (obstacle) return refuse(obstacle);
  const [up, down] = byGtid ? gtidHops(it, source, top) : positionHops(it, source, top);
  const journeys = [journeyOf(it, [up]), journeyOf(source, [down])];
  const stages = byGtid ? gtidStages(it, source, top) : positionStages(it, source, top);
  return {act: true, plan: planOf(it, {journeys, stages, promoted: it.key, takeover: {successor: it.key, demoted: source.key}}, at)};
}

function whyNotTake(it: Instance, source: Instance, top: Instance | undefined, at: RelocationCase): RelocationRefusal | null {
  if (source.cluster.isCoSource)
    return no(
      'co-source',
      `${keyText(source.key)} is a co-source, which is not taken from its partner`,
      'graceful-master-takeover changes who writes',
    );
  if (!isReplica(source) || !top) return noTop(source);
  const cannot =
    [source, it].map((one) => unreachable(one)).find(Boolean) ??
    unreachable(top) ??
    inGroup(source) ??
    (isBinlogServer(it) || isBinlogServer(source) ? no('binlog-server', `${keyText(it.key)} or its source is a binlog server`) : null);
  if (cannot) return cannot;
  const because = whyCannotReplicate(source, it, at.policy);
  if (because !== null)
    return no('cannot-replicate', `${keyText(source.key)} cannot replicate from ${keyText(it.key)}, because ${because}`);
  const above = whyCannotReplicate(it, top, at.policy);
  return above === null ? null : no('cannot-replicate', `${keyText(it.key)} cannot replicate from ${keyText(top.key)}, because ${above}`);
}

function noTop(source: Instance): RelocationRefusal {
  return no('wrong-place', `${keyText(source.key)} is the source of its cluster`, 'graceful-master-takeover changes who that is');
}

function whyNotByPosition(it: Instance, source: Instance, {policy}: RelocationCase): RelocationRefusal | null {
  const mixed = [it, source].find(({replication}) => replication?.usingOracleGtid || replication?.usingMariadbGtid);
  if (mixed)
    return no('no-gtid', `only ${keyText(mixed.key)} uses GTID: either both do or none`, 'enable-gtid or disable-gtid on one of them');
  return notAtWork(it, policy) ?? notAtWork(source, policy);
}

function gtidHops(it: Instance, _source: Instance, top: Instance): readonly [Hop, Hop] {
  return [
    {by: 'gtid', to: top.key},
    {by: 'gtid', to: it.key},
  ];
}

function gtidStages(it: Instance, source: Instance, top: Instance): readonly Stage[] {
  return [[['must', {do: 'follow', on: it.key, source: top.key}]], [['must', {do: 'follow', on: source.key, source: it.key}]]];
}

function positionHops(it: Instance, source: Instance, top: Instance): readonly [Hop, Hop] {
  return [
    {by: 'up', over: source.key, to: top.key},
    {by: 'below', from: top.key, to: it.key},
  ];
}

/** Once the replica has climbed, both stand on hold at the same position of the same source. */
function positionStages(it: Instance, source: Instance, top: Instance): readonly Stage[] {
  return [
    [['lost', {do: 'hold', on: source.key}]],
    [['lost', {do: 'climb', on: it.key, over: source.key, source: top.key}]],
    [['lost', {do: 'settle-below', on: source.key, source: it.key}]],
    [goOn(it.key, top.key)],
    [goOn(source.key, it.key)],
  ];
}

/** The source of a replica begins to replicate from it. */
export function coSourceDecision(it: Instance, at: RelocationCase): RelocationDecision {
  const source = at.topology.sourceOf(it);
  const veto = unreachable(it) ?? notAReplica(it) ?? inGroup(it);
  if (veto) return refuse(veto);
  if (!source) return refuse(no('unknown', `the source of ${keyText(it.key)} is not known`, 'discover it'));
  const why = whyNotJoin(it, source, at);
  if (why) return refuse(why);
  const by = source.replication === null && !it.replication?.usingOracleGtid && !it.replication?.usingMariadbGtid ? 'position' : 'gtid';
  return {
    act: true,
    plan: {
      ...planOf(it, {journeys: [], stages: [[['must', {do: 'join-ring', on: source.key, source: it.key}]]]}, at),
      moves: [{key: source.key, from: source.replication?.source ?? null, to: it.key, by: ['co-source']}],
      remarks: [`${keyText(source.key)} replicates from ${keyText(it.key)} by ${by}; ${keyText(it.key)} stays read-only`],
    },
  };
}

function whyNotJoin(it: Instance, source: Instance, at: RelocationCase): RelocationRefusal | null {
  const gone = unreachable(source) ?? inGroup(source);
  if (gone) return gone;
  if (sameKey(source.replication?.source, it.key))
    return no('nothing-to-do', `${keyText(it.key)} and ${keyText(source.key)} are co-sources already`);
  if (!it.readOnly)
    return no('writable', `${keyText(it.key)} is writable: two writable sources would contradict each other`, 'set-read-only first');
  if (!isReplicating(it)) return notAtWork(it, at.policy);
  const partner = at.topology.sourceOf(source);
  if (source.cluster.isCoSource && partner?.check.valid && !partner.readOnly)
    return no('co-source', `${keyText(source.key)} has a co-source that is writable: ${keyText(partner.key)}`, 'set it read-only first');
  if (!source.cluster.isCoSource && isReplica(source) && partner)
    return no('wrong-place', `${keyText(source.key)} replicates from ${keyText(partner.key)}, so it is no source of a cluster`);
  const because = whyCannotReplicate(source, it, at.policy);
  if (because !== null)
    return no('cannot-replicate', `${keyText(source.key)} cannot replicate from ${keyText(it.key)}, because ${because}`);
  return whyErrant(source, it, at);
}
