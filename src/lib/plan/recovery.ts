import type {Analysis} from '../analysis/analyze.ts';
import {unreachable} from '../errors/errors.ts';
import {GtidSet} from '../model/gtid-set.ts';
import {followsByPosition, isBinlogServer, isMariadb, type Instance} from '../model/instance.ts';
import {compareKeys, keyText, sameKey} from '../model/instance-key.ts';
import {IntervalSet} from '../model/interval-set.ts';
import type {Topology} from '../model/topology.ts';
import {choose, type Choice, type Option} from './choose.ts';
import {asDeadSource} from './co-source.ts';
import {contendersOf, type Case, type Contender, type PlanPolicy, type PlanWishes} from './contenders.ts';
import {losslessDoubt, outOfHand} from './lossless.ts';
import type {Candidate, Decision, RecoveryPlan, RefusalCode} from './plan.ts';
import {planOpening} from './mend/opening.ts';
import {planSemiSync} from './mend/semi-sync.ts';
import {planAdoption} from './orphans.ts';
import {stepsFor} from './steps.ts';

/**
 * What to do about a finding: a plan, or why nothing is done. Decides, never does; same inputs, same answer. Kill switch, cluster
 * filters, anti-flapping and the age of probes are not its business.
 *
 * Of the dead only those are recovered whose replicas use GTIDs; the rest is for people.
 */
export function planRecovery(analysis: Analysis, topology: Topology, policy: PlanPolicy, wishes: PlanWishes = {}): Decision {
  const who = keyText(analysis.instance.key);
  if (analysis.beingChangedBy !== null)
    return refuse('being-changed', `${who} or a replica of it is being changed by ${analysis.beingChangedBy}`);
  if (analysis.skippable && !wishes.forced) return refuse('downtimed', `${who} or all its replicas are downtimed`);
  switch (analysis.recovery) {
    case 'dead-source':
      return planPromotion(analysis, topology, {failed: topology.get(analysis.instance.key) ?? analysis.instance, policy, wishes});
    case 'dead-co-source': {
      const failed = topology.get(analysis.instance.key) ?? analysis.instance;
      return planPromotion(analysis, topology, asDeadSource({failed, policy, wishes}, topology));
    }
    case 'dead-intermediate-source':
    case 'dead-group-member':
      return planAdoption(analysis, topology, {failed: topology.get(analysis.instance.key) ?? analysis.instance, policy, wishes});
    case 'none':
      return refuse('nothing-to-do', `${who}: ${analysis.code} (${analysis.because}) calls for no recovery`);
    case 'detect-only':
      return refuse('needs-human', `${who}: ${analysis.code} (${analysis.because}) is told, and left to people`);
    case 'locked-semi-sync':
    case 'too-many-semi-sync':
      return planSemiSync(analysis, topology, {failed: topology.get(analysis.instance.key) ?? analysis.instance, policy, wishes});
    case 'non-writable-source':
      return planOpening(analysis, topology, {failed: topology.get(analysis.instance.key) ?? analysis.instance, policy, wishes});
    default:
      return unreachable(analysis.recovery);
  }
}

function planPromotion(analysis: Analysis, topology: Topology, at: Case): Decision {
  const known = topology.replicasOf(at.failed.key);
  const [reachable, away] = [known.filter((replica) => replica.check.valid), known.filter((replica) => !replica.check.valid)];
  const obstacle = reachable.length === 0 ? 'none of its replicas can be reached' : whyNotAlike(reachable, analysis);
  const absent = away.map((replica) => ({key: replica.key, chosen: false, verdict: 'cannot be reached'}));
  if (obstacle !== null)
    return refuse(reachable.length === 0 ? 'no-candidate' : 'needs-human', `${keyText(at.failed.key)}: ${obstacle}`, absent);
  const contenders = contendersOf(reachable, at);
  const choice = choose(contenders, at);
  const candidates = [...choice.verdicts, ...absent].sort((a, b) => compareKeys(a.key, b.key));
  const [best] = choice.options;
  if (best === undefined) return refuseAll(choice, candidates, at);
  const lost = givenUp(best, at);
  if (lost !== null) return refuse('needs-human', lost, candidates);
  const doubt = losslessDoubt(at.failed, known, contenders);
  if (doubt !== null && !at.wishes.allowDataLoss) return refuse('lossless-unprovable', doubt, candidates);
  return {
    act: true,
    plan: planFor(best, {analysis, contenders, away, candidates, doubt, at, unheard: outOfHand(at.failed, known, contenders).length}),
  };
}

/**
 * All by Oracle GTID, or all by MariaDB GTID: then any of them can follow any other, wherever it stands. Or all by file and position in
 * the log of a source that alone was written to.
 */
function whyNotAlike(replicas: readonly Instance[], {recovery}: Analysis): string | null {
  const binlogServer = replicas.find(isBinlogServer);
  if (binlogServer) return `${keyText(binlogServer.key)} is a binlog server: nothing tells what the replicas below it have received`;
  if (replicas.every(followsByPosition)) {
    if (recovery === 'dead-source') return null;
    return 'it has a co-source, and its replicas replicate by file and position: what that one wrote has no place in the log of the dead one';
  }
  const uses = (kind: 'usingOracleGtid' | 'usingMariadbGtid') => (replica: Instance) => replica.replication?.[kind] === true;
  if (replicas.every(uses('usingOracleGtid')) || replicas.every(uses('usingMariadbGtid'))) return null;
  const without = replicas.filter((replica) => !uses('usingOracleGtid')(replica) && !uses('usingMariadbGtid')(replica));
  if (without.length === 0) return 'some of its replicas use GTIDs of MySQL and some of MariaDB; they cannot follow each other';
  const who = without.map(({key}) => keyText(key)).join(', ');
  return `some of its replicas use GTIDs, and ${who} replicates by file and position: nobody could tell who of them has more`;
}

/** Those by file and position that could not follow would have to be provisioned anew: nobody is given up unless a person says so. */
function givenUp({contender, lost}: Option, {failed, wishes}: Case): string | null {
  if (!contender.byPosition || lost.length === 0 || (wishes.forced && wishes.candidate)) return null;
  const who = lost.map((one) => `${keyText(one.contender.replica.key)}, because ${one.because}`).join('; ');
  const [dead, successor] = [keyText(failed.key), keyText(contender.replica.key)];
  return `${dead}: ${successor} could be promoted, and would lose ${who}; recover -i ${dead} -d ${successor} gives them up`;
}

/** The most telling reason first: what a person can do something about. */
const TELLING: readonly RefusalCode[] = [
  'only-errant-has-latest',
  'applier-broken',
  'not-drained',
  'candidate-lags',
  'cross-data-center',
  'cross-region',
];

function refuseAll({vetoes, verdicts}: Choice, candidates: readonly Candidate[], {failed, wishes}: Case): Decision {
  const asked = wishes.candidate;
  const verdict = asked && verdicts.find((one) => sameKey(one.key, asked));
  if (asked && !verdict)
    return refuse('no-candidate', `${keyText(asked)} is not a reachable direct replica of ${keyText(failed.key)}`, candidates);
  const told = vetoes.map(({code}) => code);
  const code = TELLING.find((one) => told.includes(one)) ?? 'no-candidate';
  const reasons = (verdict ? [verdict] : verdicts).map((one) => `${keyText(one.key)} ${one.verdict}`);
  return refuse(code, `no replica of ${keyText(failed.key)} can be promoted: ${reasons.join('; ')}`, candidates);
}

interface Decided {
  readonly analysis: Analysis;
  readonly contenders: readonly Contender[];
  readonly away: readonly Instance[];
  readonly candidates: readonly Candidate[];
  readonly doubt: string | null;
  /** How many servers may have acknowledged what is on no replica at hand. */
  readonly unheard: number;
  readonly at: Case;
}

function planFor(best: Option, decided: Decided): RecoveryPlan {
  const {analysis, contenders, candidates, unheard, at} = decided;
  return {
    kind: 'promote',
    code: analysis.code,
    cluster: at.failed.cluster.name,
    failed: at.failed.key,
    successor: best.contender.replica.key,
    steps: stepsFor(best, contenders, at, unheard),
    candidates,
    lost: best.lost.map(({contender}) => contender.replica.key),
    remarks: remarksOn(best, decided),
  };
}

function remarksOn(best: Option, {contenders, away, doubt, at}: Decided): readonly string[] {
  const {replica, errant, undrainable} = best.contender;
  const successor = keyText(replica.key);
  const remark = (stands: boolean, sentence: string): readonly string[] => (stands ? [sentence] : []);
  const ignored = sameKey(at.wishes.candidate, replica.key) && replica.wishes.promotionRule === 'must_not';
  return [
    ...remark(!at.failed.check.valid, `${keyText(at.failed.key)} cannot be reached: unless it can be closed it is unfenced`),
    ...remark(at.failed.otherChannels.length > 0, feedsLost(at.failed, replica)),
    ...neverReceived(contenders, at),
    ...remark(errant !== '', `${successor} has errant transactions: ${errant}`),
    ...best.donors
      .filter((donor) => donor.errant !== '')
      .map((donor) => `${successor} takes over errant transactions of ${keyText(donor.replica.key)}: ${donor.errant}`),
    ...remark(best.dropped > 0, `${droppedText(best)}, as allowed`),
    ...byPositionRemarks(best),
    ...remark(undrainable !== null, `${successor} ${undrainable?.because ?? ''}; what it does not apply is dropped, as allowed`),
    ...remark(doubt !== null, `${doubt ?? ''}; going on, as allowed`),
    ...remark(ignored, `${successor} has promotion rule must_not and was asked for by name`),
    ...contenders
      .filter((one) => one.relayLogGone)
      .map((one) => `${keyText(one.replica.key)} had both threads stopped: it counts as being where it has applied to`),
    ...best.lost.map(
      ({contender, because}) => `${keyText(contender.replica.key)} is lost: it cannot follow ${successor}, because ${because}`,
    ),
    ...remark(
      away.length > 0,
      `${away.map(({key}) => keyText(key)).join(', ')} cannot be reached and will still point at ${keyText(at.failed.key)}`,
    ),
  ];
}

/** A replica that has such channels is no candidate: nobody takes these over. */
function feedsLost(failed: Instance, successor: Instance): string {
  const channels = failed.otherChannels.join(', ');
  return `${keyText(failed.key)} was fed through other channels too (${channels}): ${keyText(successor.key)} is not, until somebody sets them up there`;
}

function droppedText({contender, dropped}: Option): string {
  if (contender.byPosition) return 'part of the log that other replicas received is dropped';
  return `${dropped} transactions that other replicas received are dropped`;
}

function byPositionRemarks({contender: {byPosition, replica}}: Option): readonly string[] {
  if (!byPosition) return [];
  const unseen = isMariadb(replica) ? [] : ['replication is by file and position: errant transactions cannot be seen'];
  return [`who stands where ${keyText(replica.key)} does goes on where its log ends before it is opened`, ...unseen];
}

/** Gone with the old source, unless it comes back; MySQL alone can tell. */
function neverReceived(contenders: readonly Contender[], {failed}: Case): readonly string[] {
  const executed = GtidSet.read(failed.gtid.executed);
  if (!executed || executed.isEmpty || contenders.some(({byPosition}) => byPosition)) return [];
  const received = contenders.reduce((all, one) => all.union(one.received ?? IntervalSet.empty), IntervalSet.empty);
  const {count} = executed.intervals.subtract(received);
  return count === 0 ? [] : [`${count} transactions last seen on ${keyText(failed.key)} were received by no reachable replica`];
}

function refuse(code: RefusalCode, because: string, candidates: readonly Candidate[] = []): Decision {
  return {act: false, why: {code, because, candidates}};
}
