import type {Analysis} from '../analysis/analyze.ts';
import {matchesInstance} from '../config/filters.ts';
import {followsByPosition, isBinlogServer, isReplicating, type Instance} from '../model/instance.ts';
import {compareKeys, keyText, sameKey, type InstanceKey} from '../model/instance-key.ts';
import type {Topology} from '../model/topology.ts';
import {whyCannotReplicate} from './can-replicate.ts';
import {whyNoMatch} from './by-position.ts';
import type {Case} from './contenders.ts';
import {servesOthers} from './holdings.ts';
import type {Candidate, Decision, PlannedStep, RecoveryPlan, RefusalCode} from './plan.ts';

/**
 * What to do about the replicas of a dead intermediate source, or of a dead member of a replication group, which lost nothing but their
 * way to the source on top. Those of a member follow another member, in the same place if possible, and rather a secondary than the
 * primary. All others, in this order:
 * below a sibling of the dead one in its place; below one of themselves, which takes its place below its source; below a sibling
 * elsewhere; below its source. Those of a binlog server follow another one of the same source, or that source, where they stand. Each
 * replica goes to the first of these that it can follow, and what one cannot take now, the next may.
 *
 * @param at.wishes.heir who took the place of the source above, where that one is dead too
 */
export function planAdoption(analysis: Analysis, topology: Topology, at: Case): Decision {
  const {failed, wishes} = at;
  const known = topology.replicasOf(failed.key);
  const [orphans, away] = [known.filter(({check}) => check.valid), known.filter(({check}) => !check.valid)];
  if (orphans.length === 0) return refuse('no-candidate', `none of the replicas of ${keyText(failed.key)} can be reached`);
  const homes = homesFor(orphans, topology, at);
  const judged = homes.filter(({key}) => !wishes.candidate || sameKey(wishes.candidate, key));
  const placed = orphans.map((orphan) => ({orphan, ...placeFor(orphan, judged, at)}));
  const [first] = placed.filter(({targets}) => targets.length > 0);
  if (!first) {
    const reasons = placed.map(({orphan, because}) => `${keyText(orphan.key)} ${because}`);
    return refuse('no-candidate', `the replicas of ${keyText(failed.key)} have nobody to follow: ${reasons.join('; ')}`, told(homes, null));
  }
  const successor = judged.find(({key}) => placed.some(({targets}) => sameKey(targets[0], key)))?.key ?? failed.key;
  return {
    act: true,
    plan: {
      kind: 'adopt',
      code: analysis.code,
      cluster: failed.cluster.name,
      failed: failed.key,
      successor,
      steps: stepsFor(placed, successor, isBinlogServer(failed) ? {sameLog: true} : {match: true}),
      candidates: told(homes, successor),
      lost: placed.filter(({targets}) => targets.length === 0).map(({orphan}) => orphan.key),
      remarks: [
        ...placed.flatMap(({orphan, targets, because}) => (targets.length === 0 ? [`${keyText(orphan.key)} is lost: it ${because}`] : [])),
        ...away.map(({key}) => `${keyText(key)} cannot be reached and will still point at ${keyText(failed.key)}`),
      ],
    },
  };
}

interface Home {
  readonly key: InstanceKey;
  readonly instance: Instance;
  readonly why: string;
}

/** Whom the orphans could follow, best first. */
function homesFor(orphans: readonly Instance[], topology: Topology, at: Case): readonly Home[] {
  const {failed, wishes} = at;
  const home = (why: string) => (instance: Instance) => ({key: instance.key, instance, why});
  const asked = [topology.get(wishes.candidate)].filter((one) => one !== undefined).map(home('asked for'));
  const all = isBinlogServer(failed)
    ? sameLogFor(topology, at)
    : [...(isMember(failed) ? membersFor(topology, at) : placesFor(orphans, topology, at)), ...asked];
  return all.filter((one, index) => all.findIndex(({key}) => sameKey(key, one.key)) === index);
}

/** A binlog server and its source have the same log, and so has every other binlog server of that source. */
function sameLogFor(topology: Topology, {failed}: Case): readonly Home[] {
  const source = topology.get(failed.replication?.source);
  if (!source) return [];
  const siblings = topology
    .replicasOf(source.key)
    .filter((one) => isBinlogServer(one) && !sameKey(one.key, failed.key) && one.check.valid && isReplicating(one))
    .sort((a, b) => compareKeys(a.key, b.key));
  return [
    ...siblings.map((instance) => ({key: instance.key, instance, why: 'a binlog server of the same source'})),
    ...(source.check.valid ? [{key: source.key, instance: source, why: 'the source above'}] : []),
  ];
}

/** The other members of its group that are in it now. */
function membersFor(topology: Topology, at: Case): readonly Home[] {
  const {failed} = at;
  const rank = (one: Instance): number => standing(one, failed) * 2 + (one.group?.role === 'PRIMARY' ? 1 : 0);
  return topology.instances
    .filter((one) => !sameKey(one.key, failed.key) && one.group?.name === failed.group?.name && one.group?.state === 'ONLINE')
    .filter((one) => mayServe(one, at))
    .sort((a, b) => rank(a) - rank(b) || compareKeys(a.key, b.key))
    .map((instance) => ({key: instance.key, instance, why: `${instance.group?.role.toLowerCase() ?? ''} of the same group`}));
}

function isMember({group}: Instance): boolean {
  return group !== null && group.name !== '' && group.state !== 'OFFLINE';
}

/** Outside of groups. */
function placesFor(orphans: readonly Instance[], topology: Topology, at: Case): readonly Home[] {
  const {failed} = at;
  const above = liveSource(topology, at);
  const siblings = [...new Set([failed.replication?.source, above?.key])]
    .flatMap((key) => (key ? topology.replicasOf(key) : []))
    .filter(({key}) => !sameKey(key, failed.key) && !orphans.some((orphan) => sameKey(orphan.key, key)))
    .filter((sibling) => isReplicating(sibling) && mayServe(sibling, at))
    .sort(
      (a, b) => standing(a, failed) - standing(b, failed) || replicasOf(topology, b) - replicasOf(topology, a) || compareKeys(a.key, b.key),
    );
  const near = siblings.filter((sibling) => isNear(sibling, failed));
  const home = (why: string) => (instance: Instance) => ({key: instance.key, instance, why});
  const own = above && orphans.length > 1 ? orphans.filter((orphan) => mayServe(orphan, at) && isPlaceable(orphan, above, at)) : [];
  const leader = [...own].sort((a, b) => standing(a, failed) - standing(b, failed) || compareKeys(a.key, b.key)).slice(0, 1);
  return [
    ...near.map(home('replicates from the same source, in the same place')),
    ...leader.map(home('one of them, which takes its place')),
    ...siblings.filter((one) => !near.includes(one)).map(home('replicates from the same source, elsewhere')),
    ...(above ? [above] : []).map(home('the source above')),
  ];
}

/** The source above, or who took its place. */
function liveSource(topology: Topology, {failed, wishes}: Case): Instance | undefined {
  const above = topology.get(failed.replication?.source);
  const heir = topology.get(wishes.heir);
  return [above, heir].find((one) => one?.check.valid);
}

function mayServe(instance: Instance, {policy}: Case): boolean {
  const banned = instance.wishes.promotionRule === 'must_not' || matchesInstance(policy.PromotionIgnoreHostnameFilters, instance.key);
  return instance.check.valid && !banned && !instance.wishes.inMaintenance && servesOthers({replica: instance});
}

function standing({wishes, ...instance}: Instance, failed: Instance): number {
  return (wishes.isCandidate ? 0 : 2) + (isNear(instance, failed) ? 0 : 1);
}

function isNear({place}: Pick<Instance, 'place'>, {place: other}: Instance): boolean {
  return place.dataCenter === other.dataCenter && place.environment === other.environment;
}

function replicasOf(topology: Topology, {key}: Instance): number {
  return topology.replicasOf(key).length;
}

function isPlaceable(orphan: Instance, home: Instance, at: Case): boolean {
  return whyNotBelow(orphan, home, at) === null;
}

/**
 * By GTID anybody finds where to go on, without it only by Pseudo-GTID: the positions of the dead one mean nothing elsewhere, unless it
 * was a binlog server.
 */
function whyNotBelow(orphan: Instance, home: Instance, at: Case): string | null {
  const because = whyCannotReplicate(orphan, home, at.policy);
  if (because !== null) return because;
  if (!followsByPosition(orphan)) return isBinlogServer(home) ? `${keyText(home.key)} is a binlog server, which knows no GTIDs` : null;
  if (isBinlogServer(at.failed)) return null;
  return isBinlogServer(orphan) ? 'it is a binlog server, whose logs cannot be compared' : whyNoMatch(orphan, home, at);
}

interface Place {
  /** In the order in which they are tried. */
  readonly targets: readonly InstanceKey[];
  /** Why there is none. */
  readonly because: string;
}

/** One that takes the dead one's place follows somebody above; the others may follow it. */
function placeFor(orphan: Instance, homes: readonly Home[], at: Case): Place {
  const obstacles = homes.map((home) => ({home, because: whyNotBelow(orphan, home.instance, at)}));
  // Its own place in the order is its own: what comes after it is above it.
  const self = homes.findIndex(({key}) => sameKey(key, orphan.key));
  const open = obstacles.filter(({because}, index) => because === null && index !== self);
  const reasons = obstacles.filter(({because}, index) => because !== null && index !== self).map(({because}) => because);
  return {targets: open.map(({home}) => home.key), because: [...new Set(reasons)].join('; ') || 'has nobody left to follow'};
}

function stepsFor(
  placed: readonly {readonly orphan: Instance; readonly targets: readonly InstanceKey[]}[],
  successor: InstanceKey,
  byPosition: {readonly sameLog: true} | {readonly match: true},
): readonly PlannedStep[] {
  const movers = placed.filter(({targets}) => targets.length > 0);
  const leads = movers.some(({orphan}) => sameKey(orphan.key, successor));
  return movers.map(({orphan, targets: [source = successor, ...others]}) => ({
    step: {do: 'follow', on: orphan.key, source, others, ...(followsByPosition(orphan) ? byPosition : {})},
    weight: 'lost',
    // Whoever takes the dead one's place stands there before others come.
    stage: leads && !sameKey(orphan.key, successor) ? 1 : 0,
  }));
}

function told(homes: readonly Home[], successor: InstanceKey | null): readonly Candidate[] {
  return homes.map(({key, why}) => ({key, chosen: sameKey(key, successor), verdict: sameKey(key, successor) ? `chosen: ${why}` : why}));
}

function refuse(code: RefusalCode, because: string, candidates: RecoveryPlan['candidates'] = []): Decision {
  return {act: false, why: {code, because, candidates}};
}
