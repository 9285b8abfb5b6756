import {isReplicating, type Instance} from '../model/instance.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Topology} from '../model/topology.ts';

/** What only somebody with a clock knows; instances by `keyText`. */
export interface Observations {
  /**
   * Replicas whose receiver we restarted so long ago that a handshake would be complete (MySQLConnectTimeoutSeconds), and that
   * were probed since. Restarted a moment ago does not count: every receiver is Connecting for a moment.
   */
  readonly handshakeOverdue: ReadonlySet<string>;
  /** Probes in a row that got no answer at all (timed out, or no route), each on a connection of its own. */
  readonly timeouts: ReadonlyMap<string, number>;
  /** Sources whose binary log position stood still for ReasonableLockedSemiSyncMasterSeconds. */
  readonly standingStill: ReadonlySet<string>;
}

export const NOTHING_OBSERVED: Observations = {handshakeOverdue: new Set(), timeouts: new Map(), standingStill: new Set()};

/** What one replica says about its source being gone. */
export interface Voice {
  readonly key: InstanceKey;
  readonly says: 'agrees' | 'abstains' | 'contradicts' | 'unreachable';
  /** Its receiver is connected, as far as it knows: while that holds the source is not taken for dead. */
  readonly stillReceives: boolean;
  readonly because: string;
}

/** What all direct replicas say about their source, in the order of their keys. */
export interface Evidence {
  readonly agrees: readonly Voice[];
  readonly abstains: readonly Voice[];
  readonly contradicts: readonly Voice[];
  readonly unreachable: readonly Voice[];
  /** At least one agrees and none of those we reach still receives. Says nothing about whether we can reach the source. */
  readonly gone: boolean;
}

/** Client errors that say: nobody there. Any other number came from somebody, or from the replica itself. */
const NETWORK_ERRORS: ReadonlySet<number> = new Set([2002, 2003, 2005, 2006, 2013]);

/** Who agrees that an instance is gone, who abstains and who contradicts, each with the reason in words. */
export function evidenceOf(topology: Topology, key: InstanceKey, observations: Observations = NOTHING_OBSERVED): Evidence {
  const voices = topology.replicasOf(key).map((replica) => voiceOf(replica, observations));
  const saying = (says: Voice['says']): readonly Voice[] => voices.filter((voice) => voice.says === says);
  const agrees = saying('agrees');
  return {
    agrees,
    abstains: saying('abstains'),
    contradicts: saying('contradicts'),
    unreachable: saying('unreachable'),
    gone: agrees.length > 0 && !voices.some((voice) => voice.stillReceives),
  };
}

/** Cannot connect to its source for a reason of the network, while all else works: what 3.2.6 read from the error's text. */
export function isFailingToConnect(instance: Instance): boolean {
  const {receiver, applier} = instance.replication ?? {};
  return receiver !== undefined && receiver.state !== 'running' && applier?.state === 'running' && NETWORK_ERRORS.has(receiver.errno);
}

function voiceOf(replica: Instance, observations: Observations): Voice {
  const {key} = replica;
  const voice = (says: Voice['says'], because: string): Voice => ({
    key,
    says,
    because: `${keyText(key)} ${because}`,
    stillReceives: says !== 'unreachable' && replica.replication?.receiver.state === 'running',
  });
  if (!replica.check.valid) return voice('unreachable', 'cannot be reached');
  if (isReplicating(replica)) return voice('contradicts', 'still replicates from it');
  return voice(...opinionOf(replica, observations));
}

function opinionOf(replica: Instance, {handshakeOverdue}: Observations): readonly [says: Voice['says'], because: string] {
  const {state, errno} = replica.replication?.receiver ?? {state: 'none', errno: 0};
  if (state === 'running') return ['abstains', 'still receives from it; only its applier does not run'];
  if (NETWORK_ERRORS.has(errno)) return ['agrees', `cannot connect to it (error ${errno})`];
  if (errno !== 0) return ['abstains', `does not receive for another reason (error ${errno})`];
  if (state !== 'other') return ['abstains', 'had its receiver stopped by somebody'];
  return handshakeOverdue.has(keyText(replica.key))
    ? ['agrees', 'did not complete a handshake with it after its receiver was restarted']
    : ['abstains', 'is connecting to it and has not said how that ended'];
}
