/** Instances as the backend knows them: written by probes, read by everything. */
export {
  allKeys,
  byImportance,
  keysLike,
  outdatedKeys,
  readInstance,
  readInstances,
  type InstanceFilter,
  type ReadPolicy,
} from './instances/read.ts';
export {
  markAttempted,
  markUnreachable,
  upsertInstances,
  writeClusterFacts,
  type SeenInstance,
  type UnreachableInstance,
} from './instances/write.ts';
export {expireForgotten, keptOut, letIn} from './instances/forgotten.ts';
export {LastWritten} from './instances/last-written.ts';
export {
  dropPlaceholder,
  forgetCluster,
  forgetDifferentlyResolved,
  forgetInstance,
  forgetUnseen,
  placeInstances,
  unseenSources,
} from './instances/place.ts';
export {readUnresolvedNames, readWishes} from './instances/wishes.ts';
