import {extendLock} from '../coordination/lock/acquire.ts';
import {contentionError} from '../coordination/lock/contention.ts';
import {touchLock} from '../coordination/lock/hold.ts';
import {touchLease} from '../coordination/lease.ts';
import {hookFacts} from '../hooks/facts.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Topology} from '../model/topology.ts';
import {RETURNED_SOURCE, type PlannedStep, type RecoveryPlan} from '../plan/plan.ts';
import {decideReturned, ownOf, type Demotion, type ReturnDecision, type ReturnMode, type ReturnOutcome} from '../plan/returned-source.ts';
import {openPlan} from '../store/recovery/plans.ts';
import {conduct, type Ending} from './conduct.ts';
import type {Environment} from './environment.ts';
import {actsOf, actText} from './journal/acts.ts';
import type {RecoveryDocument} from './journal/document.ts';
import {unlessHeld, type Locked} from './under-lock.ts';
import {newUid} from './recover.ts';

export interface ReturnWish {
  readonly demotion: Demotion;
  readonly mode: ReturnMode;
  /** Reads again whether its lost-in-recovery downtime stands; just before anything is decided. */
  downtimeStands(): Promise<boolean>;
}

/** What came of it: what was done, in order; empty when nothing was called for under the lock. */
export type ReturnAnswer = {readonly done: readonly ReturnOutcome[]; readonly because: string} | {readonly failed: string};

/**
 * Does what is called for about a replaced source that is back: closes it, and makes it a replica or quarantines it where that is
 * configured. Under a lock on it alone while it is closed, so that nothing delays that; with its successor for the rest. Each is a
 * journaled plan of its own.
 *
 * @throws OrchestratorError BACKEND_*, DEADLINE_PASSED
 */
export async function dealWithReturned(env: Environment, wish: ReturnWish): Promise<ReturnAnswer> {
  const {key, cluster} = wish.demotion;
  const answer = await unlessHeld(
    env,
    {
      purpose: `return of ${keyText(key)}`,
      cluster,
      instances: [key],
      wait: 0,
      whenHeld: 'answer',
      // Whatever went wrong: the lock goes stale with the plan, and whoever takes it over resumes.
      hasOpenPlan: () => true,
    },
    (held) => locked(env, wish, held),
  );
  return 'result' in answer ? answer.result : {failed: contentionError(answer.heldBy).message};
}

type Held = Pick<Locked, 'hold' | 'lock' | 'former'>;

async function locked(env: Environment, wish: ReturnWish, held: Held): Promise<ReturnAnswer> {
  const done: ReturnOutcome[] = [];
  let {demotion} = wish;
  const {key} = demotion;
  // At most two rounds: closed first, then judged by what is on it now that nobody writes there any more.
  for (;;) {
    const {topology, decision} = await decideNow(env, wish, demotion);
    if (decision.do === 'leave' || decision.do === 'report') return {done, because: decision.because};
    if (decision.do === 'fence' && done.length > 0) return {failed: `${keyText(key)} was closed and is open again`};
    if (decision.do === 'rejoin') {
      const more = await extendLock(env.backend, held.hold, [decision.successor]);
      if (more !== 'extended') return {failed: more === 'lost' ? 'the lock was lost' : contentionError(more).message};
    }
    const ending = await carryOut(env, {topology, decision, demotion, mode: wish.mode}, held);
    if (ending.outcome === 'failed') return {failed: ending.because};
    const handled = OUTCOMES[decision.do];
    done.push(handled);
    if (handled !== 'fenced' || wish.mode !== 'rejoin') return {done, because: decision.because};
    demotion = {...demotion, handled};
  }
}

const OUTCOMES: Readonly<Record<'fence' | 'rejoin' | 'quarantine', ReturnOutcome>> = {
  fence: 'fenced',
  rejoin: 'rejoined',
  quarantine: 'quarantined',
};

type Acting = Extract<ReturnDecision, {readonly successor: InstanceKey}>;

async function decideNow(
  env: Environment,
  {mode, downtimeStands}: ReturnWish,
  demotion: Demotion,
): Promise<{readonly topology: Topology; readonly decision: ReturnDecision}> {
  // First the one, then the other: what is on the first then, and came from the second, is on the second now.
  await env.eyes.look([demotion.key]);
  const topology = await env.eyes.look(demotion.successors.slice(-1));
  const returned = topology.get(demotion.key);
  if (!returned) return {topology, decision: {do: 'leave', because: `${keyText(demotion.key)} is not known any more`}};
  const at = {topology, mode, downtimeStands: await downtimeStands(), isFresh: () => true};
  return {topology, decision: decideReturned(returned, demotion, at)};
}

interface Deed {
  readonly topology: Topology;
  readonly decision: Acting;
  readonly demotion: Demotion;
  readonly mode: ReturnMode;
}

async function carryOut(env: Environment, deed: Deed, held: Held): Promise<Ending> {
  const document = documentOf(env, deed);
  if (!(await open(env, document, {held, recoveryId: deed.demotion.recoveryId}))) {
    return {outcome: 'failed', uid: document.uid, because: 'leadership or the lock was lost before it began'};
  }
  env.log('warn', document.plan.remarks.join('; '));
  return conduct(env, {document, ...held, topology: deed.topology, progress: new Map(), overdue: new Set()});
}

function documentOf(env: Environment, deed: Deed): RecoveryDocument {
  const {decision, demotion, mode} = deed;
  const uid = newUid();
  const plan = planOf(deed);
  // Closed only to be looked at more closely: hooks hear of what comes out of that.
  const skipHooks = decision.do === 'fence' && mode === 'rejoin';
  return {
    version: 1,
    uid,
    plan,
    acts: actsOf(plan, {skipHooks}),
    facts: hookFacts({
      failureType: RETURNED_SOURCE,
      failureDescription: plan.remarks.join('; '),
      failed: demotion.key,
      cluster: demotion.cluster,
      clusterAlias: deed.topology.get(decision.successor)?.cluster.suggestedAlias || demotion.cluster,
      isDowntimed: true,
      orchestratorHost: env.me.hostname,
      recoveryUid: uid,
    }),
    alias: demotion.cluster,
  };
}

function planOf({topology, decision, demotion}: Deed): RecoveryPlan {
  return {
    kind: 'return',
    code: RETURNED_SOURCE,
    cluster: demotion.cluster,
    failed: demotion.key,
    successor: decision.successor,
    steps: stepsOf(topology, decision, demotion.key),
    candidates: [],
    lost: [],
    remarks: [decision.because, ...remarksOn(topology, decision, demotion.key)],
    outcome: OUTCOMES[decision.do],
  };
}

function stepsOf(topology: Topology, decision: Acting, on: InstanceKey): readonly PlannedStep[] {
  switch (decision.do) {
    case 'fence':
      return [{step: {do: 'fence', on}, weight: 'must', stage: 0}];
    case 'rejoin': {
      const siblings = topology.replicasOf(decision.successor).filter(({check}) => check.valid);
      const semiSync = siblings.some((one) => one.semiSync.replicaEnabled);
      const step = {do: 'rejoin', on, source: decision.successor, siblings: siblings.map(({key}) => key), semiSync} as const;
      return [{step, weight: 'must', stage: 0}];
    }
    case 'quarantine':
      return [];
  }
}

/** Of one that is closed: whether it could follow, so that people know what they have. */
function remarksOn(topology: Topology, decision: Acting, key: InstanceKey): readonly string[] {
  const [returned, successor] = [topology.get(key), topology.get(decision.successor)];
  if (decision.do !== 'fence' || !returned || !successor) return [];
  const own = ownOf(returned, successor);
  return [own === null ? `it has nothing of its own and can be made a replica of ${keyText(successor.key)}` : `it ${own.because}`];
}

/** Fenced by the lock and by the lease: only a leader deals with returned sources. */
async function open(env: Environment, document: RecoveryDocument, {held, recoveryId}: {held: Held; recoveryId: number}): Promise<boolean> {
  const lease = env.lease();
  if (!lease) return false;
  return env.backend.transaction(async (work) => {
    if (!(await touchLock(work, held.hold)) || !(await touchLease(work, lease))) return false;
    await openPlan(work, {
      uid: document.uid,
      recoveryId,
      lockId: held.hold.lockId,
      fence: held.hold.fence,
      cluster: document.plan.cluster,
      kind: document.plan.kind,
      document,
      steps: document.acts.map(({number, act}) => ({number, description: actText(act)})),
    });
    return true;
  });
}
