import {touchLock} from '../../coordination/lock/hold.ts';
import {OrchestratorError} from '../../errors/errors.ts';
import {isSource, type Instance} from '../../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import type {Topology} from '../../model/topology.ts';
import type {Milliseconds} from '../../model/units.ts';
import {planTakeover} from '../../plan/takeover/decide.ts';
import {identityOf} from '../../plan/returned-source.ts';
import type {BusySession, TakeoverDecision, TakeoverPlan, TakeoverRefusal, TakeoverWish} from '../../plan/takeover/plan.ts';
import {readInstances, readWishes} from '../../store/instances.ts';
import {lostLock, openPlan} from '../../store/recovery/plans.ts';
import {registerRecovery, type Registration} from '../../store/recovery/recovery-registration.ts';
import {atWork, environmentOf, membersOf, type HandOptions} from '../by-hand.ts';
import type {Environment} from '../environment.ts';
import type {Prober} from '../eyes/prober.ts';
import {findingOf} from '../finding.ts';
import {factsOf, newUid} from '../recover.ts';
import {underLock, type Locked} from '../under-lock.ts';
import {busySessions} from './busy.ts';
import {conductTakeover} from './conduct.ts';
import {takeoverActs, takeoverActText, type TakeoverDocument} from './document.ts';
import {settle, type TakeoverEnding} from './settle.ts';

export interface TakeoverRequest {
  readonly wish: TakeoverWish;
  /** Plan, and do nothing. */
  readonly noop: boolean;
  /** How long to queue for the lock. */
  readonly wait: Milliseconds;
}

export type TakeoverAnswer =
  | (TakeoverEnding & {readonly plan: TakeoverPlan})
  | {readonly outcome: 'planned'; readonly plan: TakeoverPlan}
  | {readonly outcome: 'refused'; readonly why: TakeoverRefusal};

/** Enough for a server that is to hand over its role. */
const ASKED_WITHIN: Milliseconds = 2500;

/**
 * Replaces a source that works because a person asked: locks the whole cluster, looks at it, finds out beforehand whatever speaks
 * against it, plans, journals, and acts; takes everything back where it cannot be carried through. Nothing is changed on any server
 * before the plan is journaled. A plan alone is made without a lock.
 *
 * @throws OrchestratorError CONTENDED with who, what for and since when; BACKEND_*; DEADLINE_PASSED
 */
export async function takeOverByHand(options: HandOptions, request: TakeoverRequest): Promise<TakeoverAnswer> {
  if (request.noop) return atWork(options, (bench) => planAlone({...options, ...bench}, request));
  const heartbeats = await options.heartbeats();
  try {
    return await atWork(options, async (bench) => {
      const env = environmentOf(options, {...bench, heartbeats});
      const answer = await takeOverAt(env, request, bench.prober);
      await bench.publisher.flush();
      return answer;
    });
  } finally {
    await heartbeats.close();
  }
}

type Asking = Pick<Environment, 'config' | 'servers'>;

async function planAlone(at: HandOptions & Asking & {prober: Prober}, {wish}: TakeoverRequest): Promise<TakeoverAnswer> {
  await begin(at, at.prober);
  const topology = await lookAround(at.prober, wish);
  const decision = await decide(at, wish, topology);
  return decision.act ? {outcome: 'planned', plan: decision.plan} : {outcome: 'refused', why: decision.why};
}

async function takeOverAt(env: Environment, {wish, wait}: TakeoverRequest, prober: Prober): Promise<TakeoverAnswer> {
  await begin(env, prober);
  const source = sourcesOf(prober.model.topology(), wish.cluster)[0];
  let planIsOpen = false;
  const locking = {
    purpose: `${wish.command} of ${wish.cluster}`,
    cluster: wish.cluster,
    instances: source
      ? membersOf(prober, wish.cluster, source.key)
      : prober.model
          .topology()
          .inCluster(wish.cluster)
          .map(({key}) => key),
    wait,
    hasOpenPlan: () => planIsOpen,
  };
  return underLock(env, locking, async (locked): Promise<TakeoverAnswer> => {
    const topology = await lookAround(prober, wish);
    const decision = await decide(env, wish, topology);
    if (!decision.act) return {outcome: 'refused', why: decision.why};
    const {plan} = decision;
    const strangers = outside(plan, locking.instances);
    if (strangers.length > 0) return refusedFor(strangers);
    const document = documentOf(env, {plan, topology});
    const registration = await openBooks(env, document, locked);
    if (!registration.registered) {
      return {outcome: 'refused', why: {code: 'being-changed', because: registration.because, candidates: plan.candidates}};
    }
    planIsOpen = true;
    const ending = await act(env, {document, ...locked, topology});
    planIsOpen = false;
    return {...ending, plan};
  });
}

/** A failure that is no answer leaves plan and lock to whoever takes them over. */
async function act(env: Environment, what: {document: TakeoverDocument; topology: Topology} & Locked): Promise<TakeoverEnding> {
  const {lock} = what;
  const at = {...what, mayStillSend: (timeout: Milliseconds) => lock.mayStillSend(timeout)};
  const ending = await conductTakeover(env, {...at, progress: new Map()});
  if (ending.outcome === 'promoted') return ending;
  what.hands.release();
  return settle(env, at, ending.because);
}

async function begin({backend, config}: Pick<HandOptions, 'backend' | 'config'>, {model}: Prober): Promise<void> {
  model.begin(await readInstances(backend, config));
  model.wish(await readWishes(backend));
}

function sourcesOf(topology: Topology, cluster: string): readonly Instance[] {
  return topology.inCluster(cluster).filter(isSource);
}

/** The source, all its replicas as they say themselves, and those that it says it has. */
async function lookAround(prober: Prober, {cluster}: TakeoverWish): Promise<Topology> {
  const seen: InstanceKey[] = [];
  for (;;) {
    const topology = prober.model.topology();
    const sources = topology.inCluster(cluster).filter((one) => isSource(one) || one.cluster.isCoSource);
    const wanted = sources.flatMap((one) => [one.key, ...topology.replicasOf(one.key).map(({key}) => key), ...one.replicas]);
    const more = wanted.filter((key) => !seen.some((one) => sameKey(one, key)));
    if (more.length === 0) return topology;
    seen.push(...more);
    await prober.look(more);
  }
}

async function decide(at: Asking, wish: TakeoverWish, topology: Topology): Promise<TakeoverDecision> {
  const [source] = sourcesOf(topology, wish.cluster);
  const busy = source?.check.valid ? await askForBusy(at, source) : null;
  return planTakeover({topology, policy: at.config, wish, busy});
}

async function askForBusy({servers, config}: Asking, source: Instance): Promise<readonly BusySession[] | null> {
  try {
    const session = await servers.connect(source.key, {timeout: ASKED_WITHIN});
    try {
      const say = (statement: Parameters<typeof session.query>[0]) => session.query(statement, {timeout: ASKED_WITHIN});
      return await busySessions({say}, config.TakeoverTransactionLimitSeconds);
    } finally {
      session.destroy();
    }
  } catch (error) {
    if (error instanceof OrchestratorError) return null;
    throw error;
  }
}

function outside(plan: TakeoverPlan, locked: readonly InstanceKey[]): readonly InstanceKey[] {
  const touched = [plan.failed, plan.successor, ...plan.steps.map(({step}) => step.on)];
  return touched.filter((key) => !locked.some((one) => sameKey(one, key)));
}

function refusedFor(strangers: readonly InstanceKey[]): TakeoverAnswer {
  const because = `${strangers.map(keyText).join(', ')} was not known to belong to this cluster until just now`;
  return {outcome: 'refused', why: {code: 'being-changed', because, hint: 'ask again', candidates: []}};
}

function documentOf(env: Environment, {plan, topology}: {plan: TakeoverPlan; topology: Topology}): TakeoverDocument {
  const uid = newUid();
  const source = topology.get(plan.failed);
  const successor = topology.get(plan.successor);
  const finding = findingOf(env, topology, {key: plan.failed, overdue: new Set()});
  if (!source || !successor || !finding) throw new Error(`${keyText(plan.failed)} vanished from the model while it was planned for`);
  return {
    version: 1,
    uid,
    plan,
    acts: takeoverActs(plan),
    facts: {
      ...factsOf(env, finding, uid),
      failureType: 'DeadMaster',
      command: plan.command,
      replicas: topology.replicasOf(plan.failed).map(({key}) => key),
    },
    alias: source.cluster.suggestedAlias || source.cluster.name,
    identity: identityOf(source),
    before: {semiSync: successor.semiSync.sourceEnabled, writable: !successor.readOnly},
  };
}

/** Row, plan and steps in one transaction, fenced by the lock. */
async function openBooks({backend, me}: Environment, document: TakeoverDocument, {hold}: Locked): Promise<Registration> {
  const {uid, plan, acts, facts, alias} = document;
  const registration = await backend.transaction(async (work) => {
    if (!(await touchLock(work, hold))) return null;
    const row = {uid, failed: plan.failed, analysis: 'DeadMaster', cluster: plan.cluster, alias, replicas: facts.replicas, node: me};
    const registered = await registerRecovery(work, {...row, forced: true});
    if (!registered.registered) return registered;
    await openPlan(work, {
      uid,
      recoveryId: registered.recoveryId,
      lockId: hold.lockId,
      fence: hold.fence,
      cluster: plan.cluster,
      kind: plan.kind,
      document,
      steps: acts.map(({number, act: one}) => ({number, description: takeoverActText(one)})),
    });
    return registered;
  });
  if (registration === null) throw lostLock(uid);
  return registration;
}
