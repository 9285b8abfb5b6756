import {isMariadb, type Instance} from '../model/instance.ts';
import {compareKeys, keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Topology} from '../model/topology.ts';
import type {Analysis} from './analyze.ts';
import {NOTHING_OBSERVED, type Observations} from './evidence.ts';

/**
 * What should be looked at or nudged at once, instead of at the next poll. Data: whoever carries it out throttles (the same
 * probe once a second, the same receiver once in 30 s) and checks lease and lock before a restart.
 */
export interface EmergentWishes {
  readonly reprobe: readonly InstanceKey[];
  /** Stop and start only the receiver; the applier goes on running. */
  readonly restartReceivers: readonly InstanceKey[];
  /** Note the binary log position of these sources, to see later whether it stood still. */
  readonly watchPosition: readonly InstanceKey[];
}

/** Two timeouts on connections of their own make a source silent: what its replicas believe is no longer news then. */
const TIMEOUTS_OF_A_SILENT_SOURCE = 2;

/** What findings call for at once. Nothing is done to instances that are downtimed or being changed. */
export function emergentWishes(
  analyses: readonly Analysis[],
  topology: Topology,
  observations: Observations = NOTHING_OBSERVED,
): EmergentWishes {
  const alone = analyses.filter((analysis) => !analysis.skippable).map((analysis) => wishesFor(analysis, topology, observations));
  return {
    reprobe: distinct(alone.flatMap((wish) => wish.reprobe)),
    restartReceivers: distinct(alone.flatMap((wish) => wish.restartReceivers)),
    watchPosition: distinct(alone.flatMap((wish) => wish.watchPosition)),
  };
}

const NOTHING: EmergentWishes = {reprobe: [], restartReceivers: [], watchPosition: []};

function wishesFor(analysis: Analysis, topology: Topology, observations: Observations): EmergentWishes {
  const {key} = analysis.instance;
  const replicas = topology.replicasOf(key);
  const family = [key, ...replicas.map((replica) => replica.key)];
  switch (analysis.code) {
    case 'DeadMasterAndReplicas':
      return {...NOTHING, reprobe: family};
    case 'UnreachableMaster':
    case 'UnreachableCoMaster':
    case 'UnreachableIntermediateMaster':
      return {...NOTHING, reprobe: family, restartReceivers: isSilent(analysis, observations) ? restartable(analysis, replicas) : []};
    case 'UnreachableMasterWithLaggingReplicas':
    case 'UnreachableIntermediateMasterWithLaggingReplicas':
      return {...NOTHING, reprobe: family, restartReceivers: restartable(analysis, replicas)};
    case 'LockedSemiSyncMasterHypothesis':
      return {...NOTHING, reprobe: [key], watchPosition: [key]};
    case 'AllMasterReplicasNotReplicating':
    case 'AllMasterReplicasNotReplicatingOrDead':
      return {...NOTHING, reprobe: [key]};
    case 'FirstTierReplicaFailingToConnectToMaster':
      return {...NOTHING, reprobe: analysis.instance.replication?.source ? [analysis.instance.replication.source] : []};
    default:
      return NOTHING;
  }
}

/** No answer whatsoever, neither yes nor no: the replicas' own patience (slave_net_timeout) may last a minute longer. */
function isSilent({instance, facts}: Analysis, {timeouts}: Observations): boolean {
  return !facts.reachable && !facts.answers && (timeouts.get(keyText(instance.key)) ?? 0) >= TIMEOUTS_OF_A_SILENT_SOURCE;
}

/**
 * Replicas whose receiver may be restarted to find out whether the source still shakes hands. One that somebody stopped stays
 * stopped. On MariaDB the applier must run: with both threads stopped, what was received and not applied is gone.
 */
function restartable({beingChangedBy}: Analysis, replicas: readonly Instance[]): readonly InstanceKey[] {
  if (beingChangedBy !== null) return [];
  return replicas.filter((replica) => replica.check.valid && mayRestartReceiver(replica)).map((replica) => replica.key);
}

/** Whether restarting its receiver costs nothing that was received, and may tell something. */
export /** Whether restarting the receiver of a reachable replica tells something, and loses nothing. */
function mayRestartReceiver(replica: Instance): boolean {
  const {receiver, applier} = replica.replication ?? {};
  if (!receiver || replica.wishes.inMaintenance) return false;
  const believesOrTries = receiver.state === 'running' || (receiver.state === 'other' && receiver.errno === 0);
  return believesOrTries && (!isMariadb(replica) || applier?.state === 'running');
}

function distinct(keys: readonly InstanceKey[]): readonly InstanceKey[] {
  return [...new Map(keys.map((key) => [keyText(key), key])).values()].sort(compareKeys);
}
