import {isReplica, isReplicating, type Instance} from '../../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import type {Topology} from '../../model/topology.ts';
import type {Seconds} from '../../model/units.ts';
import {whyCannotReplicate} from '../can-replicate.ts';
import {no, type RelocationCase, type RelocationPolicy, type RelocationRefusal} from './plan.ts';

/** One reason against moving `mover` below `target`; null = it does not stand. */
type Check = (mover: Instance, target: Instance, at: RelocationCase) => RelocationRefusal | null;

/** In the order in which they are told. */
const VETOES: readonly Check[] = [
  (mover, target) => (sameKey(mover.key, target.key) ? no('would-loop', `${keyText(mover.key)} cannot replicate from itself`) : null),
  (mover) => unreachable(mover),
  (mover) => notAReplica(mover),
  (mover) => inGroup(mover),
  (_, target) => unreachable(target),
  (mover, target) => belowItsOwnGroup(mover, target),
  (mover, target, {topology}) => wouldLoop(mover, target, topology),
  (mover, target, {policy}) => cannotReplicate(mover, target, policy),
  (mover) => brokenApplier(mover),
];

/** What speaks against moving an instance below another, by whatever means. */
export function vetoOn(mover: Instance, target: Instance, at: RelocationCase): RelocationRefusal | null {
  for (const check of VETOES) {
    const veto = check(mover, target, at);
    if (veto) return veto;
  }
  return null;
}

export function unreachable({key, check}: Instance): RelocationRefusal | null {
  if (check.valid) return null;
  return no('unreachable', `${keyText(key)} could not be reached just now (${check.reach})`, 'nothing was changed; see which-instance');
}

export function notAReplica(instance: Instance): RelocationRefusal | null {
  if (isReplica(instance)) return null;
  const detached = instance.replication !== null;
  return no(
    'not-a-replica',
    `${keyText(instance.key)} ${detached ? `is detached (its source is written as ${instance.replication?.sourceHostAsWritten})` : 'is not a replica'}`,
    detached ? 'reattach-replica-master-host undoes that' : 'discover it, if it has become one just now',
  );
}

/** What a group does with its secondaries is the group's business. */
export function inGroup({key, group}: Instance): RelocationRefusal | null {
  const secondary = group !== null && group.state !== 'OFFLINE' && group.primary !== null && !sameKey(group.primary, key);
  return secondary ? no('group-member', `${keyText(key)} is a secondary of replication group ${group.name}: its group moves it`) : null;
}

function belowItsOwnGroup(mover: Instance, target: Instance): RelocationRefusal | null {
  const own = mover.group?.members.some((member) => sameKey(member, target.key)) ?? false;
  return own && !sameKey(mover.key, target.key)
    ? no('group-member', `${keyText(target.key)} is a member of the group of ${keyText(mover.key)}, which feeds it already`)
    : null;
}

export function wouldLoop(mover: Instance, target: Instance, topology: Topology): RelocationRefusal | null {
  if (!topology.below(mover.key).some(({key}) => sameKey(key, target.key))) return null;
  return no(
    'would-loop',
    `${keyText(target.key)} replicates from ${keyText(mover.key)}, directly or through others: they would follow each other`,
    'take-master turns a replica and its source round',
  );
}

function cannotReplicate(mover: Instance, target: Instance, policy: RelocationPolicy): RelocationRefusal | null {
  const because = whyCannotReplicate(mover, target, policy);
  return because === null
    ? null
    : no('cannot-replicate', `${keyText(mover.key)} cannot replicate from ${keyText(target.key)}, because ${because}`);
}

function brokenApplier({key, replication}: Instance): RelocationRefusal | null {
  const {state, errno, error} = replication?.applier ?? {state: 'none', errno: 0, error: ''};
  if (state === 'running' || errno === 0) return null;
  return no(
    'applier-broken',
    `${keyText(key)} stopped applying with error ${errno}${error && `: ${error}`}`,
    'it would meet the same transaction below its new source; repair it first',
  );
}

/** What positions need: both threads at work, and not far behind. */
export function notAtWork(instance: Instance, policy: RelocationPolicy): RelocationRefusal | null {
  const {key, replication} = instance;
  const gone = unreachable(instance) ?? notAReplica(instance);
  if (gone) return gone;
  if (!isReplicating(instance) || replication?.secondsBehind === null)
    return no('not-replicating', `${keyText(key)} does not replicate: ${threads(instance)}`, 'start-replica starts it');
  const delay = replication?.delay ?? 0;
  if (delay > policy.RecoveryDrainTimeoutSeconds)
    return no(
      'lagging',
      `${keyText(key)} applies ${delay} s late, more than RecoveryDrainTimeoutSeconds`,
      'delay-replication changes that',
    );
  const lag = lagOf(instance);
  if (lag <= policy.ReasonableMaintenanceReplicationLagSeconds) return null;
  return no(
    'lagging',
    `${keyText(key)} lags by ${lag} s, more than ReasonableMaintenanceReplicationLagSeconds (${policy.ReasonableMaintenanceReplicationLagSeconds})`,
    'wait until it has caught up',
  );
}

/** Beyond its configured delay. */
export function lagOf({replication}: Instance): Seconds {
  return Math.abs((replication?.secondsBehind ?? 0) - (replication?.delay ?? 0));
}

function threads({replication}: Instance): string {
  const [receiver, applier] = [replication?.receiver, replication?.applier];
  const errors = [receiver, applier].flatMap((thread) => (thread?.errno ? [`error ${thread.errno}: ${thread.error}`] : []));
  return [`receiver ${receiver?.state ?? 'none'}, applier ${applier?.state ?? 'none'}`, ...errors].join('; ');
}

/** Both replicate from the same source. */
export function areSiblings(one: Instance, other: Instance): boolean {
  return sameKey(one.replication?.source, other.replication?.source);
}

/** The instance itself, its source, the source of that, and so on; a ring ends where it closes. */
export function chainOf(from: Instance, topology: Topology): readonly Instance[] {
  const chain = [from];
  for (let next = topology.sourceOf(from); next && !chain.includes(next); next = topology.sourceOf(next)) chain.push(next);
  return chain;
}

export function names(keys: readonly {readonly key: InstanceKey}[]): string {
  return keys.map(({key}) => keyText(key)).join(', ');
}
