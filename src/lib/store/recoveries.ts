/** Recoveries as people see them: read, acknowledged, aged. They are registered and told by `recovery-registration.ts`. */
export {acknowledge, acknowledgeCrashed, type Acknowledgement, type WhichRecoveries} from './recovery/acknowledge.ts';
export {expireBlockedRecoveries, expireRecoveries, purgeRecoveries} from './recovery/expire.ts';
export {
  readBlockedRecoveries,
  readRecoveries,
  readRecoverySteps,
  type BlockedRecovery,
  type Recovery,
  type RecoveryFilter,
  type RecoveryStep,
} from './recovery/read.ts';
