/** Types of audit entries as 3.2.6 spells them: people and scripts search for them. */
export const RECOVER_DEAD_SOURCE = 'recover-dead-master';
export const RECOVER_DEAD_INTERMEDIATE = 'recover-dead-intermediate-master';

/** Ours: what was done about a source that came back after it was replaced, and about a replica that was left behind. */
export const RETURNED = 'returned-source';

/** What housekeeping audits; its other tasks leave no trace, as in 3.2.6. */
export const AUDITED_CHORES: ReadonlySet<string> = new Set([
  'expire-maintenance',
  'expire-downtime',
  'forget-unseen',
  'forget-unseen-differently-resolved',
  'forget-clustr-aliases',
  'inject-unseen-masters',
]);
