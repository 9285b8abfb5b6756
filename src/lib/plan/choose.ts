import {isMariadb, majorVersion, PROMOTION_RULES, type Instance} from '../model/instance.ts';
import {compareKeys, keyText, sameKey} from '../model/instance-key.ts';
import {IntervalSet} from '../model/interval-set.ts';
import {readVersion} from '../model/version.ts';
import {whyNoMatch, whyNoPlace} from './by-position.ts';
import {formatRank, whyCannotReplicate} from './can-replicate.ts';
import type {Case, Contender, Veto} from './contenders.ts';
import {servesOthers} from './holdings.ts';
import type {Candidate, RefusalCode} from './plan.ts';

/** One replica that may be promoted, with all that this entails. */
export interface Option {
  readonly contender: Contender;
  /** Whom it catches up with first, in this order, because they received what it did not. */
  readonly donors: readonly Contender[];
  /** Received by others, and dropped. Only where that is allowed. */
  readonly dropped: number;
  /** Reachable replicas that cannot follow it, with the reason. */
  readonly lost: readonly {readonly contender: Contender; readonly because: string}[];
}

export interface Choice {
  /** Best first; empty when nobody may be promoted. */
  readonly options: readonly Option[];
  /** One a reachable replica, in the order of keys. */
  readonly verdicts: readonly Candidate[];
  /** Of those rejected. */
  readonly vetoes: readonly Veto[];
}

/** Who may be promoted, and in which order. Everybody in `options` holds, or will hold, all that any reachable replica received. */
export function choose(contenders: readonly Contender[], at: Case): Choice {
  const needed = contenders.reduce((all, one) => all.union(one.received ?? IntervalSet.empty), IntervalSet.empty);
  const field = {contenders, needed, at};
  const judged = contenders.map((contender) => ({contender, judgement: judge(contender, field)}));
  const options = judged.flatMap(({judgement}) => ('donors' in judgement ? [judgement] : [])).sort((a, b) => compareOptions(a, b, field));
  const [best] = options;
  return {
    options,
    vetoes: judged.flatMap(({judgement}) => ('donors' in judgement ? [] : [judgement])),
    verdicts: judged.map(({contender, judgement}) => {
      const chosen = best !== undefined && sameKey(best.contender.replica.key, contender.replica.key);
      const verdict = 'donors' in judgement && best ? verdictOf(judgement, best, field) : 'because' in judgement ? judgement.because : '';
      return {key: contender.replica.key, chosen, verdict};
    }),
  };
}

interface Field {
  readonly contenders: readonly Contender[];
  /** Everything that any reachable replica received of the failed source. */
  readonly needed: IntervalSet;
  readonly at: Case;
}

function judge(contender: Contender, field: Field): Option | Veto {
  const {wishes} = field.at;
  if (wishes.candidate && !sameKey(wishes.candidate, contender.replica.key)) {
    return {code: 'no-candidate', because: `was not asked for: ${keyText(wishes.candidate)} was`};
  }
  if (contender.veto) return contender.veto;
  if (contender.errant !== '' && !mayBeErrant(field.at)) {
    return {code: 'only-errant-has-latest', because: `has errant transactions: ${contender.errant} (PromoteErrantIfMostAdvanced is off)`};
  }
  const sources = contender.undrainable ? contender.undrainable : donorsFor(contender, field);
  if (!('code' in sources)) return optionFor(contender, {donors: sources, has: field.needed}, field);
  return wishes.allowDataLoss ? optionFor(contender, {donors: [], has: offeredBy(contender)}, field) : sources;
}

/** What it can bring along without help. */
function offeredBy({received, applied, undrainable}: Contender): IntervalSet {
  return undrainable || !received ? applied : received;
}

/** @param given.has what it will have of the failed source's history in the end */
function optionFor(contender: Contender, given: {donors: readonly Contender[]; has: IntervalSet}, field: Field): Option {
  const dropped = field.needed.subtract(given.has).count;
  return {contender, donors: given.donors, dropped, lost: lostBelow(contender, given.has, field)};
}

function mayBeErrant({policy, wishes}: Case): boolean {
  return policy.PromoteErrantIfMostAdvanced || (wishes.candidate !== undefined && wishes.allowDataLoss === true);
}

/** From whom it gets what it lacks. One donor if one has all of it; on MySQL several if not, since sets add up there. */
function donorsFor(contender: Contender, field: Field): readonly Contender[] | Veto {
  const {contenders, needed, at} = field;
  let missing = needed.subtract(contender.received ?? IntervalSet.empty);
  if (missing.isEmpty) return [];
  const able = contenders.filter((donor) => whyNotDonor(donor, contender, at) === null).sort(compareDonors);
  const single = able.find((donor) => donor.received?.contains(needed));
  if (single) return [single];
  const donors: Contender[] = [];
  for (const donor of isMariadb(contender.replica) ? [] : able) {
    if (donor.received && !donor.received.intersect(missing).isEmpty) donors.push(donor);
    missing = missing.subtract(donor.received ?? IntervalSet.empty);
  }
  return missing.isEmpty && donors.length > 0 ? donors : outOfReach(contender, field, missing);
}

/** Clean ones first, then those with the least to apply before they can give it away. */
function compareDonors(a: Contender, b: Contender): number {
  return Number(a.errant !== '') - Number(b.errant !== '') || a.backlog - b.backlog || compareKeys(a.replica.key, b.replica.key);
}

function whyNotDonor(donor: Contender, taker: Contender, at: Case): Veto | null {
  const veto = (code: RefusalCode, because: string): Veto => ({code, because});
  if (donor.undrainable) return donor.undrainable;
  if (donor.errant !== '' && !mayBeErrant(at)) return veto('only-errant-has-latest', `has errant transactions: ${donor.errant}`);
  if (!servesOthers(donor)) return veto('no-candidate', 'does not log what it replicates');
  const obstacle =
    whyCannotReplicate(taker.replica, donor.replica, at.policy) ??
    whyPurged(taker, donor) ??
    (donor.byPosition ? whyNoMatch(taker.replica, donor.replica, at) : null);
  return obstacle === null ? null : veto('no-candidate', `cannot pass it on, because ${obstacle}`);
}

function whyPurged(taker: Contender, donor: Contender): string | null {
  const gone = donor.purged.subtract(taker.all);
  return gone.isEmpty
    ? null
    : `${keyText(taker.replica.key)} lacks ${gone.count} transactions that ${keyText(donor.replica.key)} has purged`;
}

function outOfReach(contender: Contender, {contenders, at}: Field, missing: IntervalSet): Veto {
  const holder = contenders.find((one) => one.received !== null && !one.received.intersect(missing).isEmpty);
  const why = holder && whyNotDonor(holder, contender, at);
  const who = holder ? `${keyText(holder.replica.key)} received and which ${why?.because ?? 'no single replica has'}` : 'others received';
  const lacks = contender.byPosition ? 'part of the log' : `${missing.count} transactions`;
  return {code: why?.code ?? 'no-candidate', because: `lacks ${lacks}, which ${who}`};
}

function lostBelow(successor: Contender, has: IntervalSet, {contenders, at}: Field): Option['lost'] {
  return contenders.flatMap((contender) => {
    if (contender === successor) return [];
    const because =
      whyCannotReplicate(contender.replica, successor.replica, at.policy) ??
      whyPurged(contender, successor) ??
      (contender.received && !has.contains(contender.received) ? 'it received what the successor never did' : null) ??
      whyNoPlace(contender, successor, {has, at});
    return because === null ? [] : [{contender, because}];
  });
}

interface Criterion {
  /** What the better one is or has, for people. */
  readonly because: string;
  /** Less is better. */
  by(option: Option, field: Field): number;
}

/**
 * In this order. All options end up with the same transactions, so what they received decides only between having it and having
 * to fetch it: a replica that somebody named (must, prefer) is worth a detour, one that merely stands closer is not.
 */
const CRITERIA: readonly Criterion[] = [
  {
    because: 'has no errant transactions',
    by: ({contender, donors}) => (contender.errant === '' ? 0 : 1) + (donors.some((one) => one.errant !== '') ? 2 : 0),
  },
  {because: 'drops fewer transactions', by: ({dropped}) => dropped},
  {because: 'applies what it received', by: ({contender}) => (contender.undrainable ? 1 : 0)},
  {because: 'is not delayed', by: ({contender}) => ((contender.replica.replication?.delay ?? 0) > 0 ? 1 : 0)},
  {because: 'can be followed by most of the others', by: ({lost}, {contenders}) => (lost.length > (contenders.length - 1) / 2 ? 1 : 0)},
  {because: 'has the better promotion rule', by: ({contender}) => standing(contender.replica)},
  {
    because: 'stands closer to the failed source',
    by: ({contender}, {at}) => (standing(contender.replica) === 0 ? distance(contender.replica, at.failed) : 0),
  },
  {because: 'received more itself', by: ({donors}) => donors.length},
  {because: 'stands closer to the failed source', by: ({contender}, {at}) => distance(contender.replica, at.failed)},
  {because: 'has the better promotion rule', by: ({contender}) => PROMOTION_RULES.indexOf(contender.replica.wishes.promotionRule)},
  {because: 'can be followed by more of the others', by: ({lost}) => lost.length},
  {because: 'is of an older version, which more can follow', by: ({contender}) => versionNumber(contender.replica)},
  {because: 'logs in a format that more can follow', by: ({contender}) => formatRank(contender.replica)},
  {because: 'has less to apply', by: ({contender}) => contender.backlog},
];

function compareOptions(a: Option, b: Option, field: Field): number {
  return decider(a, b, field)?.difference ?? compareKeys(a.contender.replica.key, b.contender.replica.key);
}

function decider(a: Option, b: Option, field: Field): {readonly difference: number; readonly because: string} | null {
  for (const criterion of CRITERIA) {
    const difference = criterion.by(a, field) - criterion.by(b, field);
    if (difference !== 0) return {difference, because: criterion.because};
  }
  return null;
}

/** Candidates of people, then the rest, then those people would rather not see. */
function standing({wishes: {promotionRule}}: Instance): number {
  return promotionRule === 'must' || promotionRule === 'prefer' ? 0 : promotionRule === 'neutral' ? 1 : 2;
}

function distance({place}: Instance, {place: from}: Instance): number {
  if (place.dataCenter === from.dataCenter) return place.environment === from.environment ? 0 : 1;
  return place.region === from.region ? 2 : 3;
}

function versionNumber(instance: Instance): number {
  const version = readVersion(instance.version) ?? readVersion(majorVersion(instance));
  return version ? version.major * 1000 + version.minor : 0;
}

function verdictOf(option: Option, best: Option, field: Field): string {
  if (option === best)
    return option.donors.length > 0
      ? `chosen; catches up with ${names(option.donors)} first`
      : 'chosen: it has everything that was received';
  const better = decider(best, option, field);
  const who = keyText(best.contender.replica.key);
  return better ? `could be promoted, but ${who} ${better.because}` : `is as good as ${who}, which comes first by name`;
}

function names(contenders: readonly Contender[]): string {
  return contenders.map(({replica}) => keyText(replica.key)).join(', ');
}
