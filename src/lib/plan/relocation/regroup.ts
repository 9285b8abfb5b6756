import {compareCoordinates, type BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import {isBinlogServer, type Instance} from '../../model/instance.ts';
import {keyText, sameKey} from '../../model/instance-key.ts';
import {choose} from '../choose.ts';
import {contendersOf} from '../contenders.ts';
import type {Candidate} from '../plan.ts';
import {stagesFor} from './hops.ts';
import {planOf, refuse, sorted, type Answered} from './journeys.ts';
import {
  isRefusal,
  no,
  type LeftAlone,
  type RegroupBy,
  type RelocationCase,
  type RelocationDecision,
  type RelocationPolicy,
  type RelocationRefusal,
} from './plan.ts';
import {needsPseudoGtid} from './position.ts';

import {wayByMatch, wayFor} from './ways.ts';

/** One of the replicas of an instance takes the others below itself. The instance may be dead; then nobody may have received more. */
export function regroup(it: Instance, how: RegroupBy, at: RelocationCase): RelocationDecision {
  const all = at.topology.replicasOf(it.key);
  const replicas = how === 'binlog-servers' ? all.filter(isBinlogServer) : all;
  const what = how === 'binlog-servers' ? 'binlog servers below it' : 'replicas';
  if (replicas.length === 0) return refuse(no('nothing-to-do', `${keyText(it.key)} has no ${what} to regroup`));
  const chosen = chooseLeader(it, {how}, at);
  if ('code' in chosen) return refuse(chosen);
  const {leader, candidates} = chosen;
  const others = replicas.filter(({key}) => !sameKey(key, leader.key));
  const {journeys, left} = sorted(others.map((one): Answered => [one, wayOf(how)(one, leader, at)]));
  const [first] = left;
  if (first && journeys.length === 0) return refuse(nobodyMoves(leader, left, first.why));
  const stages = stagesFor(journeys);
  return {act: true, plan: planOf(it, {journeys, left, stages, promoted: leader.key, candidates}, at)};
}

/** A plan that moves nobody would look as if all were well. */
function nobodyMoves(leader: Instance, left: readonly LeftAlone[], first: RelocationRefusal): RelocationRefusal {
  if (left.length === 1) return first;
  const reasons = left.map(({why}) => why.because).join('; ');
  return {...first, because: `none of ${left.length} replicas could follow ${keyText(leader.key)}: ${reasons}`};
}

export interface Leader {
  readonly leader: Instance;
  readonly candidates: readonly Candidate[];
}

/** Which replica of an instance would lead the others: by what it received, by rule, place, version and log format. */
export function chooseLeader(it: Instance, {how}: {readonly how: RegroupBy}, at: RelocationCase): Leader | RelocationRefusal {
  const all = at.topology.replicasOf(it.key);
  const reachable = all.filter(({check}) => check.valid);
  const wanted = how === 'binlog-servers' ? reachable.filter(isBinlogServer) : reachable;
  const [first] = wanted;
  if (!first) return no('no-candidate', `none of the replicas of ${keyText(it.key)} can be reached`);
  if (wanted.length === 1 && all.length === 1)
    return {leader: first, candidates: [{key: first.key, verdict: 'is the only one', chosen: true}]};
  if (wanted.every(isBinlogServer)) return mostAdvanced(wanted);
  const byGtid =
    wanted.every(({replication}) => replication?.usingOracleGtid) || wanted.every(({replication}) => replication?.usingMariadbGtid);
  if (byGtid && how !== 'pseudo-gtid') return bestByGtid(it, wanted, at);
  if (how === 'gtid') return no('no-gtid', `not all replicas of ${keyText(it.key)} use GTID`, 'regroup-replicas takes those that do not');
  return byPosition(it, wanted, {how, at});
}

function wayOf(how: RegroupBy): typeof wayFor {
  return how === 'pseudo-gtid' ? wayByMatch : wayFor;
}

/** A binlog server has no rule and no place: what it received is all there is. */
function mostAdvanced(servers: readonly Instance[]): Leader {
  const [leader, ...rest] = [...servers].sort((a, b) => compareExecuted(b, a));
  const best = leader as Instance;
  return {
    leader: best,
    candidates: [
      {key: best.key, verdict: 'has received most', chosen: true},
      ...rest.map(({key}) => ({key, verdict: 'has received less', chosen: false})),
    ],
  };
}

function compareExecuted(a: Instance, b: Instance): number {
  const [ours, theirs] = [a.replication?.executed, b.replication?.executed];
  return ours && theirs ? compareCoordinates(ours, theirs) : Number(!!ours) - Number(!!theirs);
}

function bestByGtid(it: Instance, replicas: readonly Instance[], at: RelocationCase): Leader | RelocationRefusal {
  const choosing = {failed: it, policy: withoutVetoes(at.policy), wishes: {}};
  const choice = choose(contendersOf(replicas, choosing), choosing);
  // A living source gives everybody what they lack; of a dead one only who has everything can lead without losing some.
  const option = it.check.valid ? choice.options[0] : choice.options.find(({donors}) => donors.length === 0);
  if (!option) {
    const reasons = choice.verdicts.map(({key, verdict}) => `${keyText(key)} ${verdict}`).join('; ');
    return no('no-candidate', `no replica of ${keyText(it.key)} can take the others: ${reasons}`);
  }
  const leader = option.contender.replica;
  return {leader, candidates: choice.verdicts.map((one) => ({...one, chosen: sameKey(one.key, leader.key)}))};
}

/** Nobody is promoted: what keeps a replica from becoming the source of a cluster keeps it from nothing here. */
function withoutVetoes(policy: RelocationPolicy): RelocationPolicy {
  return {
    ...policy,
    PreventCrossDataCenterMasterFailover: false,
    PreventCrossRegionMasterFailover: false,
    FailMasterPromotionOnLagMinutes: 0,
    FailMasterPromotionIfSQLThreadNotUpToDate: false,
  };
}

/**
 * By file and position a living source brings all to the same place; of a dead one only those who stand there already can follow. By
 * Pseudo-GTID all can who received no more than the one that leads, and who applies nothing any more leads nobody.
 */
function byPosition(
  it: Instance,
  replicas: readonly Instance[],
  {how, at}: {readonly how: RegroupBy; readonly at: RelocationCase},
): Leader | RelocationRefusal {
  const able = replicas.filter((one) => one.binlog.enabled && one.binlog.logsReplicaUpdates && !isBinlogServer(one));
  const followers = (one: Instance): number => replicas.filter((other) => other !== one && !isRefusal(wayOf(how)(other, one, at))).length;
  const ranked = able
    .filter(({wishes}) => wishes.promotionRule !== 'must_not')
    .map((one) => ({one, followers: followers(one)}))
    .sort((a, b) => (it.check.valid ? 0 : compareHeld(b.one, a.one)) || b.followers - a.followers || compareHeld(b.one, a.one));
  const [best] = ranked;
  if (!best) return no('no-candidate', `no replica of ${keyText(it.key)} logs what it replicates, so nobody could follow it`);
  const [other] = replicas.filter((one) => one !== best.one);
  if (best.followers === 0 && !it.check.valid) {
    const way = wayOf(how)(other ?? best.one, best.one, at);
    return isRefusal(way) ? way : needsPseudoGtid(other ?? best.one, best.one);
  }
  return {
    leader: best.one,
    candidates: ranked.map(({one, followers: count}) => ({
      key: one.key,
      verdict: `${count} of the others could follow it`,
      chosen: one === best.one,
    })),
  };
}

/** By what each will have, once it has applied what it received; one whose applier failed will have no more than it has. */
function compareHeld(a: Instance, b: Instance): number {
  const [ours, theirs] = [heldBy(a), heldBy(b)];
  return (ours && theirs ? compareCoordinates(ours, theirs) : Number(!!ours) - Number(!!theirs)) || compareExecuted(a, b);
}

function heldBy({replication}: Instance): BinlogCoordinates | null {
  return replication?.applier.errno === 0 ? (replication.read ?? replication.executed) : (replication?.executed ?? null);
}
