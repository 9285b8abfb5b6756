import type {Knex} from 'knex';
import type {AnalysisCode} from '../../analysis/codes.ts';

/**
 * What a recovery is for, by the finding in its row. `replace`: the source of the cluster gets a successor. `move`: replicas get another
 * source. `mend`: a source that lives is put right and stays what it is.
 */
export type RecoveryPurpose = 'replace' | 'move' | 'mend';

const MENDED: readonly AnalysisCode[] = [
  'LockedSemiSyncMaster',
  'LockedSemiSyncMasterHypothesis',
  'MasterWithTooManySemiSyncReplicas',
  'NoWriteableMasterStructureWarning',
];
const MOVED: readonly AnalysisCode[] = [
  'DeadIntermediateMaster',
  'DeadIntermediateMasterAndSomeReplicas',
  'DeadIntermediateMasterAndReplicas',
  'DeadIntermediateMasterWithSingleReplica',
  'DeadIntermediateMasterWithSingleReplicaFailingToConnect',
  'AllIntermediateMasterReplicasFailingToConnectOrDead',
  'AllIntermediateMasterReplicasNotReplicating',
  'DeadReplicationGroupMemberWithReplicas',
];

export function purposeOf(code: string): RecoveryPurpose {
  const among = (codes: readonly string[]): boolean => codes.includes(code);
  return among(MENDED) ? 'mend' : among(MOVED) ? 'move' : 'replace';
}

/** Narrows rows of `topology_recovery` to those for one purpose. */
export function forPurpose(rows: Knex.QueryBuilder, purpose: RecoveryPurpose): Knex.QueryBuilder {
  if (purpose === 'replace') return rows.whereNotIn('analysis', [...MENDED, ...MOVED]);
  return rows.whereIn('analysis', purpose === 'mend' ? MENDED : MOVED);
}

/** The others: for more than putting something right. */
export function notMended(rows: Knex.QueryBuilder): Knex.QueryBuilder {
  return rows.whereNotIn('analysis', MENDED);
}
