import {extendLock} from '../../coordination/lock/acquire.ts';
import {contentionError} from '../../coordination/lock/contention.ts';
import {touchLock} from '../../coordination/lock/hold.ts';
import {keyText, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import type {Topology} from '../../model/topology.ts';
import type {Milliseconds} from '../../model/units.ts';
import {planRelocation} from '../../plan/relocation/decide.ts';
import type {RelocationCase, RelocationDecision, RelocationPlan, RelocationRefusal, RelocationWish} from '../../plan/relocation/plan.ts';
import {equivalentsOf, type LogPlace} from '../../store/equivalence.ts';
import {readInstances, readWishes} from '../../store/instances.ts';
import {lostLock, openPlan} from '../../store/recovery/plans.ts';
import {atWork, environmentOf, type HandOptions} from '../by-hand.ts';
import type {Environment} from '../environment.ts';
import type {Prober} from '../eyes/prober.ts';
import {newUid} from '../recover.ts';
import {underLock, type Locked} from '../under-lock.ts';
import {conductRelocation, type RelocationEnding} from './conduct.ts';
import {relocationActs, relocationActText, type RelocationDocument} from './document.ts';
import {involvedIn} from './involved.ts';
import {replacementIn} from './replacement.ts';

export interface RelocationRequest {
  readonly wish: RelocationWish;
  /** Plan, and do nothing. */
  readonly noop: boolean;
  /** How long to queue for the lock. */
  readonly wait: Milliseconds;
}

export type RelocationAnswer =
  | ({readonly outcome: 'relocated'; readonly plan: RelocationPlan} & RelocationEnding)
  | {readonly outcome: 'planned'; readonly plan: RelocationPlan}
  | {readonly outcome: 'refused'; readonly why: RelocationRefusal};

/**
 * Rearranges replicas because a person asked: locks whom it may touch, looks at them, plans, journals, acts, and looks again. Nothing
 * is changed on any server before the plan is journaled. A plan alone is made without a lock: it stands in nobody's way.
 *
 * @throws OrchestratorError CONTENDED with who, what for and since when; BACKEND_*; DEADLINE_PASSED
 */
export async function relocateByHand(options: HandOptions, request: RelocationRequest): Promise<RelocationAnswer> {
  if (request.noop) return atWork(options, async ({prober}) => planAlone(options, request, prober));
  const heartbeats = await options.heartbeats();
  try {
    return await atWork(options, async (bench) => {
      const env = environmentOf(options, {...bench, heartbeats});
      const answer = await relocateAt(env, request, bench.prober);
      await bench.publisher.flush();
      return answer;
    });
  } finally {
    await heartbeats.close();
  }
}

async function planAlone(options: HandOptions, {wish}: RelocationRequest, prober: Prober): Promise<RelocationAnswer> {
  await begin(options, prober);
  const topology = await lookAround(prober, wish, () => Promise.resolve());
  const decision = await decide(options, wish, topology);
  return decision.act ? {outcome: 'planned', plan: decision.plan} : {outcome: 'refused', why: decision.why};
}

async function relocateAt(env: Environment, request: RelocationRequest, prober: Prober): Promise<RelocationAnswer> {
  const {wish, wait} = request;
  await begin(env, prober);
  const known = prober.model.topology();
  let planOpen = false;
  const locking = {
    purpose: `${wish.command} of ${keyText(wish.instance)}`,
    cluster: known.get(wish.instance)?.cluster.name ?? keyText(wish.instance),
    instances: involvedIn(wish, known),
    wait,
    hasOpenPlan: () => planOpen,
  };
  return underLock(env, locking, async (locked): Promise<RelocationAnswer> => {
    const topology = await lookAround(prober, wish, (more) => extend(env, locked, more));
    const decision = await decide(env, wish, topology);
    if (!decision.act) return {outcome: 'refused', why: decision.why};
    const {plan} = decision;
    if (plan.steps.length === 0)
      return {outcome: 'relocated', plan, uid: '', outcomes: [], errors: [], subject: topology.get(wish.instance) ?? null};
    const replaces = replacementIn(plan, topology, env.me);
    const document: RelocationDocument = {version: 1, uid: newUid(), plan, acts: relocationActs(plan), ...(replaces ? {replaces} : {})};
    await open(env, document, locked);
    planOpen = true;
    const ending = await conductRelocation(env, {document, ...locked, topology, progress: new Map()});
    planOpen = false;
    return {outcome: 'relocated', plan, ...ending};
  });
}

async function begin({backend, config}: Pick<HandOptions, 'backend' | 'config'>, {model}: Prober): Promise<void> {
  model.begin(await readInstances(backend, config));
  model.wish(await readWishes(backend));
}

/**
 * Looks at all that are involved, and again at those that turn out to be once one has looked: what the backend knew may be old.
 *
 * @param before called with those that were not involved before
 */
async function lookAround(
  prober: Prober,
  wish: RelocationWish,
  before: (more: readonly InstanceKey[]) => Promise<void>,
): Promise<Topology> {
  const seen: InstanceKey[] = [];
  for (;;) {
    const more = involvedIn(wish, prober.model.topology()).filter((key) => !seen.some((one) => sameKey(one, key)));
    if (more.length === 0) return prober.model.topology();
    if (seen.length > 0) await before(more);
    seen.push(...more);
    await prober.look(more);
  }
}

async function extend({backend}: Environment, {hold}: Locked, more: readonly InstanceKey[]): Promise<void> {
  const answer = await extendLock(backend, hold, more);
  if (answer === 'lost') throw lostLock(hold.purpose);
  if (answer !== 'extended') throw contentionError(answer);
}

async function decide(
  {backend, config}: Pick<HandOptions, 'backend' | 'config'>,
  wish: RelocationWish,
  topology: Topology,
): Promise<RelocationDecision> {
  const equivalents = await equivalentsFor(backend, wish, topology);
  return planRelocation({topology, policy: config, wish, equivalent: equivalents});
}

/** What was written down of the place where each that may be moved stands. */
async function equivalentsFor(
  backend: HandOptions['backend'],
  wish: RelocationWish,
  topology: Topology,
): Promise<RelocationCase['equivalent']> {
  const known = new Map<string, readonly LogPlace[]>();
  const textOf = ({key, at}: LogPlace): string => `${keyText(key)} ${at.file}:${at.position}`;
  for (const key of involvedIn(wish, topology)) {
    const {source, executed, usingOracleGtid, usingMariadbGtid} = topology.get(key)?.replication ?? {};
    if (!source || !executed || usingOracleGtid || usingMariadbGtid) continue;
    const place = {key: source, at: executed};
    known.set(textOf(place), await equivalentsOf(backend, place));
  }
  return ({source, at, target}) => known.get(textOf({key: source, at}))?.find(({key}) => sameKey(key, target))?.at ?? null;
}

/** Plan and steps in one transaction, fenced by the lock. */
async function open({backend}: Environment, document: RelocationDocument, {hold}: Locked): Promise<void> {
  const {uid, plan, acts} = document;
  const ours = await backend.transaction(async (work) => {
    if (!(await touchLock(work, hold))) return false;
    await openPlan(work, {
      uid,
      recoveryId: 0,
      lockId: hold.lockId,
      fence: hold.fence,
      cluster: plan.cluster,
      kind: plan.kind,
      document,
      steps: acts.map(({number, act}) => ({number, description: relocationActText(act)})),
    });
    return true;
  });
  if (!ours) throw lostLock(uid);
}
