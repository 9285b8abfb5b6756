import type {Monotonic} from '../model/units.ts';

/** One process of ours: host name and a random token made at its start. */
export interface NodeId {
  readonly hostname: string;
  readonly token: string;
}

/** Leadership of one term. Past `validUntil` on our own clock it is over, whatever the database says. */
export interface Lease extends NodeId {
  readonly term: number;
  readonly validUntil: Monotonic;
}

/** Permission to change the instances of one lock, until `validUntil` on our own clock. */
export interface LockHold extends NodeId {
  readonly lockId: string;
  readonly fence: number;
  readonly purpose: string;
  readonly validUntil: Monotonic;
}
