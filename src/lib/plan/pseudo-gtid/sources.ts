import {isReplica, type Instance} from '../../model/instance.ts';
import type {Topology} from '../../model/topology.ts';

/** What is known of an instance beside what it says itself. */
export interface Standing {
  /** It answered in this term. */
  isFresh(instance: Instance): boolean;
  /** A recovery replaced it, and nobody has dealt with it yet. */
  isLost(instance: Instance): boolean;
}

/**
 * Instances that Pseudo-GTID entries are written to: open sources that somebody replicates from. Not one that a recovery replaced, nor
 * one that nobody follows: there an entry would be a transaction that nobody else has. Nor one whose commits wait for a replica.
 */
export function sourcesToMark(topology: Topology, {isFresh, isLost}: Standing): readonly Instance[] {
  return topology.instances.filter((one) => {
    const open = one.check.valid && isFresh(one) && !one.readOnly && one.superReadOnly !== true && one.binlog.enabled;
    const source = (!isReplica(one) || one.cluster.isCoSource) && one.flavor !== 'MaxScale';
    return open && source && !isLost(one) && !commitsWait(one) && topology.replicasOf(one.key).length > 0;
  });
}

function commitsWait({semiSync}: Instance): boolean {
  return semiSync.sourceEnabled && semiSync.sourceStatus && semiSync.sourceClients < semiSync.sourceWaitCount;
}
