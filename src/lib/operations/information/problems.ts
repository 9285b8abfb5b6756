import type {Config} from '../../config/keys.ts';
import {isReplica, isReplicating, type Instance} from '../../model/instance.ts';

export type ProblemLimits = Pick<Config, 'ReasonableReplicationLagSeconds'>;

/** At most one about its reachability or replication, then one about its transactions and one about its group. */
export function problemsOf(instance: Instance, limits: ProblemLimits): readonly string[] {
  const {replication, check, group, gtid} = instance;
  const lag = Math.abs((replication?.lag ?? 0) - (replication?.delay ?? 0));
  const first = !check.valid
    ? ['last_check_invalid']
    : !check.recent
      ? ['not_recently_checked']
      : isReplica(instance) && !isReplicating(instance)
        ? ['not_replicating']
        : isReplica(instance) && lag > limits.ReasonableReplicationLagSeconds
          ? ['replication_lag']
          : [];
  const errant = gtid.errant === '' ? [] : ['errant_gtid'];
  const offline = group !== null && group.name !== '' && group.state !== 'ONLINE' ? ['group_replication_member_not_online'] : [];
  return [...first, ...errant, ...offline];
}
