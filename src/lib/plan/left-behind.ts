import {followsByPosition, isReplica, isReplicating, type Instance} from '../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../model/instance-key.ts';
import type {Seconds} from '../model/units.ts';
import {ownOf, type Demotion, type ReturnCase} from './returned-source.ts';

export type LeftBehindDecision =
  {readonly do: 'leave'; readonly because: string} | {readonly do: 'follow'; readonly successor: InstanceKey; readonly because: string};

export interface LeftBehindCase extends Pick<ReturnCase, 'topology' | 'isFresh'> {
  /** RetryLostReplicasSeconds. */
  readonly within: Seconds;
}

/**
 * What to do about a replica that still points at a source which a recovery of ours replaced, or whose other replicas it gave another
 * source: it was away then, or could not follow at once. Pure.
 *
 * @param demotion of the source that it points at
 */
export function decideLeftBehind(replica: Instance, demotion: Demotion, at: LeftBehindCase): LeftBehindDecision {
  const who = keyText(replica.key);
  const none = whyNone(replica, demotion, at);
  if (none !== null) return {do: 'leave', because: `${who} ${none}`};
  const successor = at.topology.get(demotion.successors.at(-1));
  if (demotion.adopted) return decideOrphan(replica, demotion, {at, successor});
  if (!successor?.check.valid || successor.readOnly || !at.isFresh(successor.key)) {
    return {
      do: 'leave',
      because: `${who} still points at ${keyText(demotion.key)}, and its successor is not known to be there and writable`,
    };
  }
  if (sameKey(successor.key, replica.key)) return {do: 'leave', because: `${who} is the source now`};
  const own = ownOf(replica, successor);
  if (own !== null) return {do: 'leave', because: `${who} still points at ${keyText(demotion.key)}: it ${own.because}`};
  return {
    do: 'follow',
    successor: successor.key,
    because: `${who} still points at ${keyText(demotion.key)}, which ${keyText(successor.key)} replaced`,
  };
}

/** It lost nothing but its way to the source on top, and finds it where the others found it. */
function decideOrphan(
  replica: Instance,
  demotion: Demotion,
  {at, successor}: {readonly at: LeftBehindCase; readonly successor: Instance | undefined},
): LeftBehindDecision {
  const points = `${keyText(replica.key)} still points at ${keyText(demotion.key)}`;
  if (at.topology.get(demotion.key)?.check.valid) return {do: 'leave', because: `${points}, which is back`};
  if (!successor?.check.valid || !at.isFresh(successor.key) || (isReplica(successor) && !isReplicating(successor)))
    return {do: 'leave', because: `${points}, and whom the others follow is not known to be there and to replicate`};
  if (sameKey(successor.key, replica.key)) return {do: 'leave', because: `${keyText(replica.key)} is whom the others follow`};
  return {do: 'follow', successor: successor.key, because: `${points}, whose replicas follow ${keyText(successor.key)}`};
}

function whyNone({key, check, replication, wishes}: Instance, demotion: Demotion, {isFresh, within}: LeftBehindCase): string | null {
  if (!check.valid || !isFresh(key)) return 'has not been seen in this term';
  if (!sameKey(replication?.source, demotion.key)) return `does not point at ${keyText(demotion.key)}`;
  if (demotion.promotedSince) return `follows ${keyText(demotion.key)}, which was made a source again since`;
  if (demotion.age > within) return `was left behind more than ${within} s ago (RetryLostReplicasSeconds)`;
  if (!demotion.replicas.some((one) => sameKey(one, key))) return 'was no part of that recovery';
  if (replication?.receiver.state === 'running') return `receives from ${keyText(demotion.key)}`;
  if (wishes.inMaintenance || wishes.lockedBy !== null) return 'is in use by somebody';
  if (followsByPosition({replication}))
    return `still points at ${keyText(demotion.key)}, by file and position: match finds its place by Pseudo-GTID`;
  return null;
}
