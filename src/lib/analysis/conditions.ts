import type {Config} from '../config/keys.ts';
import type {Facts} from './facts.ts';

export type RulePolicy = Pick<Config, 'RecoverNonWriteableMaster' | 'EnforceExactSemiSyncReplicas'>;

/** One thing that has to be so for a rule to match. */
export interface Condition {
  holds(facts: Facts, policy: RulePolicy): boolean;
  /** Where it does not hold, what is so instead: a clause for people. */
  otherwise(facts: Facts): string;
}

function condition(holds: Condition['holds'], otherwise: string | ((facts: Facts) => string)): Condition {
  return {holds, otherwise: typeof otherwise === 'string' ? () => otherwise : otherwise};
}

/* What it is. */

export const aSource = condition((f) => f.isSource, 'it replicates from another instance');
export const noSource = condition((f) => !f.isSource, 'it replicates from nobody');
export const aCoSource = condition((f) => f.isCoSource, 'it is no co-source');
export const aBinlogServer = condition((f) => f.isBinlogServer, 'it is no binlog server');
export const directlyBelowSource = condition((f) => f.it.cluster.depth === 1, 'it does not stand directly below the source');
export const inGroup = condition((f) => f.isGroupMember, 'it is no member of a replication group');
export const outsideGroups = condition((f) => !f.isGroupMember, 'it is a member of a replication group');
export const readOnly = condition((f) => f.isReadOnly, 'it is writable');

/* Whether we reach it. */

export const reached = condition((f) => f.reachable, 'it cannot be reached');
export const notReached = condition((f) => !f.reachable, 'it can be reached');
/** We cannot reach it, and it sends no packet of its own. */
export const lost = condition(
  (f) => !f.reachable && !f.answers,
  (f) => (f.reachable ? 'it can be reached' : 'it refuses us with an answer of its own, so it is alive'),
);
export const refusesUs = condition(
  (f) => f.answers,
  (f) => (f.reachable ? 'it can be reached' : 'it does not answer at all'),
);
export const answeredNothing = condition((f) => !f.partial, 'its last check was answered in part');
export const answeredNothingOrShunned = condition(
  (f) => !f.partial || f.failingToConnect > 0,
  'its last check was answered in part, and no replica fails to connect to it',
);
export const failsToConnect = condition((f) => f.isFailingToConnect, 'it does not fail to connect to its source');

/* Its replicas. */

export const noReplicas = condition(
  (f) => f.replicas === 0,
  (f) => `it has ${replicas(f.replicas)}`,
);
export const hasReplicas = condition((f) => f.replicas > 0, 'it has no replicas');
export const oneReplica = condition(
  (f) => f.replicas === 1,
  (f) => `it has ${replicas(f.replicas)}`,
);
export const severalReplicas = condition(
  (f) => f.replicas > 1,
  (f) => `it has ${replicas(f.replicas)}`,
);
export const allReplicasReached = condition(
  (f) => f.reachableReplicas === f.replicas,
  (f) => `${f.replicas - f.reachableReplicas} of its ${replicas(f.replicas)} cannot be reached`,
);
export const someReplicaNotReached = condition((f) => f.reachableReplicas < f.replicas, 'all its replicas can be reached');
export const someReplicaReached = condition((f) => f.reachableReplicas > 0, 'none of its replicas can be reached');
export const noReplicaReached = condition(
  (f) => f.reachableReplicas === 0,
  (f) => `${f.reachableReplicas} of its ${replicas(f.replicas)} can be reached`,
);
export const someReplicates = condition((f) => f.replicating > 0, 'no replica replicates from it');
export const noneReplicates = condition(
  (f) => f.replicating === 0,
  (f) => `${replicas(f.replicating)} replicate${f.replicating === 1 ? 's' : ''} from it`,
);
export const itsReplicaFailsToConnect = condition((f) => f.failingToConnect === 1, 'its replica does not fail to connect to it');
export const allReachedFailToConnect = condition(
  (f) => f.failingToConnect > 0 && f.failingToConnect === f.reachableReplicas,
  (f) => `${f.failingToConnect} of its ${replicas(f.reachableReplicas)} that can be reached fail to connect to it`,
);
export const allReplicasLag = condition(
  (f) => f.lagging === f.replicas,
  (f) => `${f.lagging} of its ${replicas(f.replicas)} lag`,
);
/** Lag that was configured on all of them is none. */
export const notAllDelayed = condition((f) => f.delayed < f.replicas, 'all its replicas are delayed on purpose');
/** The replicas say so; the predecessor took replicas that do not replicate, for whatever reason, as saying so. */
export const agreedGone = condition(
  (f) => f.evidence.gone,
  ({evidence: {agrees, abstains, contradicts, unreachable}}) =>
    `its replicas do not prove that it is gone: ${agrees.length} say so, ${contradicts.length} say the opposite, ${abstains.length} cannot tell, ${unreachable.length} cannot be asked`,
);
export const agreedGoneOrNoneReached = condition((f) => f.reachableReplicas === 0 || f.evidence.gone, agreedGone.otherwise);

/* Semi-sync. */

export const lacksSemiSync = condition((f) => f.semiSyncWaits && f.it.semiSync.sourceClients < f.it.semiSync.sourceWaitCount, semiSyncText);
export const exceedsSemiSync = condition(
  (f) => f.semiSyncWaits && f.it.semiSync.sourceClients > f.it.semiSync.sourceWaitCount,
  semiSyncText,
);
export const standsStill = condition((f) => f.standsStill, 'its binary log goes on, or has not stood still for long enough');

/* Configuration. */

export const exactSemiSync = condition((_f, policy) => policy.EnforceExactSemiSyncReplicas, 'EnforceExactSemiSyncReplicas is off');
export const recoverReadOnly = condition((_f, policy) => policy.RecoverNonWriteableMaster, 'RecoverNonWriteableMaster is off');

/** Nobody takes it for alive: at least one replica is up, none replicates, and they agree that it is gone. */
export const givenUp: readonly Condition[] = [someReplicaReached, noneReplicates, agreedGone];

/** Lag on all of them for a reason other than a delay that was configured on all of them. */
export const lagging: readonly Condition[] = [someReplicates, allReplicasLag, notAllDelayed];

function semiSyncText({semiSyncWaits, it: {semiSync}}: Facts): string {
  return semiSyncWaits
    ? `it waits for ${replicas(semiSync.sourceWaitCount)} and has ${semiSync.sourceClients}`
    : 'its writes do not wait for semi-sync replicas';
}

function replicas(count: number): string {
  return `${count === 0 ? 'no' : count} replica${count === 1 ? '' : 's'}`;
}
