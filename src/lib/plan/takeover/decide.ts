import {followsByPosition, isSource, type Instance} from '../../model/instance.ts';
import {compareKeys, keyText, sameKey} from '../../model/instance-key.ts';
import {IntervalSet} from '../../model/interval-set.ts';
import {choose, type Choice, type Option} from '../choose.ts';
import {contendersOf, type Case, type Contender} from '../contenders.ts';
import type {Candidate} from '../plan.ts';
import {
  MANNERS,
  type Manner,
  type TakeoverCase,
  type TakeoverDecision,
  type TakeoverPlan,
  type TakeoverRefusal,
  type TakeoverRefusalCode,
} from './plan.ts';
import {stepsFor, type Cast} from './steps.ts';
import {candidateVeto, clusterVetoes, sourceVeto, type Objection, type Scene} from './vetoes.ts';

/**
 * How the source of a cluster that works would be replaced, or why it is not: everything that speaks against it is found before
 * anything is touched. Decides, never does; same inputs, same answer.
 */
export function planTakeover(at: TakeoverCase): TakeoverDecision {
  const {topology, wish, policy} = at;
  const manner = MANNERS[wish.command];
  const sources = topology.inCluster(wish.cluster).filter((one) => isSource(one) || one.cluster.isCoSource);
  const [source] = sources;
  if (!source) return refuse(objection('no-source', `cluster ${wish.cluster} has no source that is known`));
  if (sources.length > 1) return refuse(severalSources(wish.cluster, sources));
  const early = sourceVeto(source, topology);
  if (early) return refuse(early);
  const replicas = topology.replicasOf(source.key);
  const reachable = replicas.filter((replica) => replica.check.valid);
  const ambiguous = whoIsMeant(at, {source, replicas, manner});
  if (ambiguous) return refuse(ambiguous);
  const scene: Scene = {source, replicas, policy, manner, busy: at.busy, killWriters: wish.killWriters};
  const chosen = chooseFrom(reachable, at, scene);
  const candidates = candidatesOf(chosen.choice, replicas);
  if ('objection' in chosen) return refuse(chosen.objection, candidates);
  const cast = castOf(chosen.option, scene, reachable);
  const [veto] = clusterVetoes(cast, scene);
  if (veto) return refuse(veto, candidates);
  return {act: true, plan: planFor(at, {cast, scene, candidates})};
}

function severalSources(cluster: string, sources: readonly Instance[]): Objection {
  const names = sources.map(({key}) => keyText(key)).join(', ');
  return objection(
    'several-sources',
    `cluster ${cluster} has ${sources.length} sources: ${names}`,
    'repair that first, with relocate or reset-replica',
  );
}

function whoIsMeant(
  {wish}: TakeoverCase,
  {source, replicas, manner}: {source: Instance; replicas: readonly Instance[]; manner: Manner},
): Objection | null {
  const name = keyText(source.key);
  if (replicas.length === 0) return objection('no-replica', `${name} has no replica that could take over`);
  const {designated} = wish;
  if (designated) {
    if (replicas.some(({key}) => sameKey(key, designated))) return null;
    return objection('not-a-replica', `${keyText(designated)} is not a direct replica of ${name}`, `${name} has ${names(replicas)}`);
  }
  if (manner.chooses || replicas.length === 1) return null;
  return objection(
    'several-replicas',
    `${name} has ${replicas.length} replicas, and none of them was designated`,
    `name one of ${names(replicas)} with -d, or let graceful-master-takeover-auto choose`,
  );
}

type Chosen = {readonly choice: Choice; readonly option: Option} | {readonly choice: Choice; readonly objection: Objection};

/** The best that could be promoted by the rules of recoveries, and that is in order. */
function chooseFrom(reachable: readonly Instance[], {wish, policy}: TakeoverCase, scene: Scene): Chosen {
  const {manner, source, replicas} = scene;
  const candidate = wish.designated ?? (manner.chooses ? null : (replicas[0]?.key ?? null));
  const at: Case = {
    failed: source,
    // What is on its way now will have been applied before anybody is opened.
    policy: {...policy, FailMasterPromotionIfSQLThreadNotUpToDate: false},
    wishes: {...(candidate ? {candidate} : {}), allowDataLoss: wish.allowDataLoss, forced: true},
  };
  const contenders = asIfAllReceived(contendersOf(reachable, at)).map((contender) => inOrder(contender, scene));
  const choice = choose(contenders, at);
  const [option] = choice.options;
  return option ? {choice, option} : {choice, objection: whyNobody(choice, {candidate, scene})};
}

/** What one has not received yet it gets from the source, which lives: nobody is passed over for it. */
function asIfAllReceived(contenders: readonly Contender[]): readonly Contender[] {
  const all = contenders.reduce((union, one) => union.union(one.received ?? IntervalSet.empty), IntervalSet.empty);
  return contenders.map((one) => (one.received === null ? one : {...one, received: all}));
}

function inOrder(contender: Contender, scene: Scene): Contender {
  const objected = contender.veto ? null : candidateVeto(contender.replica, scene);
  return objected ? {...contender, veto: {code: 'no-candidate', because: objected.because}} : contender;
}

function whyNobody(choice: Choice, {candidate, scene}: {candidate: Scene['source']['key'] | null; scene: Scene}): Objection {
  const {source, replicas} = scene;
  const asked = candidate && replicas.find(({key}) => sameKey(key, candidate));
  if (asked && !asked.check.valid) {
    return objection('no-candidate', `${keyText(asked.key)} could not be reached just now (${asked.check.reach})`);
  }
  const own = asked && candidateVeto(asked, scene);
  if (asked && own) return {...own, because: `${keyText(asked.key)} ${own.because}`};
  const verdicts = asked ? choice.verdicts.filter(({key}) => sameKey(key, asked.key)) : choice.verdicts;
  const codes = choice.vetoes.map(({code}) => CODES[code]).filter((code) => code !== undefined);
  return objection(
    codes.find((code) => code !== 'no-candidate') ?? 'no-candidate',
    `no replica of ${keyText(source.key)} can take over: ${verdicts.map(({key, verdict}) => `${keyText(key)} ${verdict}`).join('; ') || 'none can be reached'}`,
  );
}

/** What keeps a replica from being promoted by the rules of recoveries, in words of takeovers. */
const CODES: Readonly<Record<string, TakeoverRefusalCode>> = {
  'no-candidate': 'no-candidate',
  'only-errant-has-latest': 'errant',
  'cross-data-center': 'cross-data-center',
  'cross-region': 'cross-region',
  'candidate-lags': 'candidate-lags',
  'applier-broken': 'applier-broken',
  'not-drained': 'candidate-lags',
};

function castOf({contender, lost}: Option, {source, replicas}: Scene, reachable: readonly Instance[]): Cast {
  const unable = lost.map(({contender: {replica}, because}) => ({replica, because}));
  const away = replicas
    .filter(({check}) => !check.valid)
    .map((replica) => ({replica, because: `it could not be reached just now (${replica.check.reach})`}));
  const siblings = reachable.filter((one) => !sameKey(one.key, contender.replica.key) && !unable.some(({replica}) => replica === one));
  return {source, successor: contender.replica, siblings, left: [...unable, ...away]};
}

function candidatesOf(choice: Choice, replicas: readonly Instance[]): readonly Candidate[] {
  const away = replicas.filter(({check}) => !check.valid).map(({key}) => ({key, chosen: false, verdict: 'cannot be reached'}));
  const judged = choice.verdicts.map((one) => (one.chosen ? {...one, verdict: 'chosen'} : one));
  return [...judged, ...away].sort((a, b) => compareKeys(a.key, b.key));
}

function planFor({wish}: TakeoverCase, made: {cast: Cast; scene: Scene; candidates: readonly Candidate[]}): TakeoverPlan {
  const {cast, scene, candidates} = made;
  const {source, successor, siblings, left} = cast;
  return {
    kind: 'takeover',
    command: wish.command,
    cluster: source.cluster.name,
    failed: source.key,
    successor: successor.key,
    wasReadOnly: source.readOnly,
    ...(followsByPosition(successor) ? {byPosition: true} : {}),
    steps: stepsFor(cast, {manner: scene.manner, killWriters: wish.killWriters}),
    candidates,
    lost: [...left.map(({replica}) => replica.key), ...(scene.manner.oldSource === 'leave' ? [source.key] : [])],
    remarks: remarksOn(cast, scene),
    estimate: Math.ceil(1 + (successor.replication?.lag ?? 0) + siblings.length / 20),
  };
}

function remarksOn({source, successor, left}: Cast, {manner, busy, killWriters}: Scene): readonly string[] {
  const remark = (stands: boolean, sentence: string): readonly string[] => (stands ? [sentence] : []);
  const name = keyText(source.key);
  return [
    ...remark(source.readOnly, `${name} is read-only already; ${keyText(successor.key)} will be writable`),
    ...remark(manner.oldSource === 'point', `${name} will be pointed at ${keyText(successor.key)} and not started (start-replica does)`),
    ...remark(manner.oldSource === 'leave', `${name} will be left closed and downtimed`),
    ...remark(
      followsByPosition(successor),
      `replication is by file and position: who follows goes on where the binary log of ${keyText(successor.key)} ends once it has all that ${name} has`,
    ),
    ...remark(killWriters && (busy?.length ?? 0) > 0, `${busy?.length ?? 0} sessions on ${name} will be ended`),
    ...left.map(({replica, because}) => `${keyText(replica.key)} will be left behind: ${because}`),
  ];
}

function objection(code: TakeoverRefusalCode, because: string, hint?: string): Objection {
  return {code, because, ...(hint === undefined ? {} : {hint})};
}

function names(instances: readonly Instance[]): string {
  return instances.map(({key}) => keyText(key)).join(', ');
}

function refuse(why: Objection, candidates: readonly Candidate[] = []): {act: false; why: TakeoverRefusal} {
  return {act: false, why: {...why, candidates}};
}
