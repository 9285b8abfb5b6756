/** Types of audit entries as 3.2.6 spells them: people and scripts search for them. */
export const RECOVER_DEAD_SOURCE = 'recover-dead-master';
export const RECOVER_DEAD_INTERMEDIATE = 'recover-dead-intermediate-master';

export const RECOVER_DEAD_GROUP_MEMBER = 'recover-dead-replication-group-member-with-replicas';
export const RECOVER_NON_WRITEABLE_SOURCE = 'recover-non-writeable-master';

/** Ours: semi-sync switched on or off, as a source waits for more or fewer replicas than it has. */
export const RECOVER_SEMI_SYNC = 'recover-semi-sync-master';

/** Ours: what was done about a source that came back after it was replaced, and about a replica that was left behind. */
export const RETURNED = 'returned-source';

/** Ours: a server that was made anew from another. */
export const REPROVISION = 'reprovision';

/** Ours: sessions of a former holder of a lock that could not be ended. */
export const KILL_SESSIONS = 'kill-former-sessions';

/** What housekeeping audits; its other tasks leave no trace, as in 3.2.6. */
export const AUDITED_CHORES: ReadonlySet<string> = new Set([
  'expire-maintenance',
  'expire-downtime',
  'forget-unseen',
  'forget-unseen-differently-resolved',
  'forget-clustr-aliases',
  'inject-unseen-masters',
]);
