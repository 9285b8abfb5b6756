import {matchesCluster} from '../../config/filters.ts';
import type {Config} from '../../config/keys.ts';
import type {ClusterInfo} from '../../operations/reads.ts';
import type {Json} from './values.ts';

export type RecoveryFilters = Pick<Config, 'RecoverMasterClusterFilters' | 'RecoverIntermediateMasterClusterFilters'>;

export function clusterInfoJson(info: ClusterInfo, filters: RecoveryFilters): Json {
  return {
    ClusterName: info.name,
    ClusterAlias: info.alias,
    ClusterDomain: info.domain,
    CountInstances: info.instances,
    HeuristicLag: 0,
    HasAutomatedMasterRecovery: matchesCluster(filters.RecoverMasterClusterFilters, info),
    HasAutomatedIntermediateMasterRecovery: matchesCluster(filters.RecoverIntermediateMasterClusterFilters, info),
  };
}
