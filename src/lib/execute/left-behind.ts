import {touchLock} from '../coordination/lock/hold.ts';
import {touchLease} from '../coordination/lease.ts';
import {isCode} from '../errors/errors.ts';
import {hookFacts} from '../hooks/facts.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Topology} from '../model/topology.ts';
import {decideLeftBehind} from '../plan/left-behind.ts';
import {RETURNED_SOURCE, type RecoveryPlan} from '../plan/plan.ts';
import type {Demotion} from '../plan/returned-source.ts';
import {openPlan} from '../store/recovery/plans.ts';
import {conduct} from './conduct.ts';
import type {Environment} from './environment.ts';
import {actsOf, actText} from './journal/acts.ts';
import type {RecoveryDocument} from './journal/document.ts';
import {newUid} from './recover.ts';
import {underLock, type Locked} from './under-lock.ts';

export interface LeftBehindWish {
  readonly replica: InstanceKey;
  readonly successor: InstanceKey;
  readonly demotion: Demotion;
}

/**
 * Lets a replica that a recovery left behind follow the new source, as a journaled plan under a lock on the two.
 *
 * @returns null when it follows or needs nothing any more; else why not
 * @throws OrchestratorError BACKEND_*, DEADLINE_PASSED
 */
export async function fetchLeftBehind(env: Environment, wish: LeftBehindWish): Promise<string | null> {
  const {replica, successor, demotion} = wish;
  let planOpen = false;
  const locking = {
    purpose: `return of ${keyText(replica)}`,
    cluster: demotion.cluster,
    instances: [replica, successor],
    wait: 0,
    hasOpenPlan: () => planOpen,
  };
  try {
    return await underLock(env, locking, async (locked) => {
      await env.eyes.look([replica]);
      const topology = await env.eyes.look([successor]);
      const now = topology.get(replica);
      const at = {topology, isFresh: () => true, within: env.config.RetryLostReplicasSeconds};
      // We hold its lock: whoever is changing it is this very operation.
      const free = now && {...now, wishes: {...now.wishes, lockedBy: null}};
      const decision = free && decideLeftBehind(free, demotion, at);
      if (decision?.do !== 'follow') return decision?.because ?? `${keyText(replica)} is not known any more`;
      const document = documentOf(env, wish, decision.because);
      if (!(await open(env, document, {locked, demotion}))) return 'leadership or the lock was lost before it began';
      planOpen = true;
      const ending = await carryOut(env, {document, locked, topology});
      planOpen = false;
      return ending;
    });
  } catch (error) {
    if (isCode(error, 'CONTENDED')) return error.message;
    throw error;
  }
}

async function carryOut(
  env: Environment,
  {document, locked, topology}: {document: RecoveryDocument; locked: Locked; topology: Topology},
): Promise<string | null> {
  const ending = await conduct(env, {document, ...locked, topology, progress: new Map(), overdue: new Set()});
  return ending.outcome === 'failed' ? ending.because : null;
}

function documentOf(env: Environment, {replica, successor, demotion}: LeftBehindWish, because: string): RecoveryDocument {
  const uid = newUid();
  const plan: RecoveryPlan = {
    kind: 'return',
    code: RETURNED_SOURCE,
    cluster: demotion.cluster,
    failed: replica,
    successor,
    steps: [{step: {do: 'follow', on: replica, source: successor, others: []}, weight: 'must', stage: 0}],
    candidates: [],
    lost: [],
    remarks: [because],
    outcome: 'rejoined',
  };
  return {
    version: 1,
    uid,
    plan,
    // It was no source: the hooks for those are not for it.
    acts: actsOf(plan, {skipHooks: true}),
    alias: demotion.cluster,
    facts: hookFacts({
      failureType: RETURNED_SOURCE,
      instanceType: 'intermediate-master',
      failed: replica,
      cluster: demotion.cluster,
      orchestratorHost: env.me.hostname,
      recoveryUid: uid,
    }),
  };
}

async function open(
  env: Environment,
  document: RecoveryDocument,
  {locked, demotion}: {locked: Locked; demotion: Demotion},
): Promise<boolean> {
  const lease = env.lease();
  if (!lease) return false;
  return env.backend.transaction(async (work) => {
    if (!(await touchLock(work, locked.hold)) || !(await touchLease(work, lease))) return false;
    await openPlan(work, {
      uid: document.uid,
      recoveryId: demotion.recoveryId,
      lockId: locked.hold.lockId,
      fence: locked.hold.fence,
      cluster: document.plan.cluster,
      kind: document.plan.kind,
      document,
      steps: document.acts.map(({number, act}) => ({number, description: actText(act)})),
    });
    return true;
  });
}
