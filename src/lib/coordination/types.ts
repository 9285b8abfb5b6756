import type {InstanceKey} from '../model/instance-key.ts';
import type {BackendTime, Monotonic} from '../model/units.ts';

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

/** Why a lock was not given: who changes these instances already. An answer, not an error. */
export interface Contention {
  readonly contended: true;
  /** One of the wanted instances that is in use. */
  readonly instance: InstanceKey;
  readonly cluster: string;
  readonly holder: NodeId;
  readonly purpose: string;
  readonly since: BackendTime;
  /** null: a maintenance that is no lock of ours, begun by a person or by a 3.2.6 node. */
  readonly lockId: string | null;
}
