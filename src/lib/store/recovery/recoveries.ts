/** Recoveries as people see them: read, acknowledged, aged. They are registered and told by `recovery-registration.ts`. */
export {acknowledge, acknowledgeCrashed, type Acknowledgement, type WhichRecoveries} from './acknowledge.ts';
export {expireBlockedRecoveries, expireRecoveries, purgeRecoveries} from './expire.ts';
export {
  readBlockedRecoveries,
  readRecoveries,
  readRecoverySteps,
  type BlockedRecovery,
  type Recovery,
  type RecoveryFilter,
  type RecoveryStep,
} from './read.ts';
