/** Reason of the downtimes a recovery puts on what it left behind, as 3.2.6 spells it. */
export const LOST_IN_RECOVERY = 'lost-in-recovery';
