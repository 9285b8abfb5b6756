import type {Lease, LockHold} from '../../coordination/types.ts';
import type {Instance} from '../../model/instance.ts';
import type {InstanceKey} from '../../model/instance-key.ts';
import type {Milliseconds} from '../../model/units.ts';
import type {Sender} from '../steps/tag.ts';

/** Who restarts receivers to learn whether a source is dead, and until when (coordination.md §3). */
export interface Permit {
  readonly sender: Sender;
  /** Whether a statement that reaches its server within this time may still be sent. */
  mayStillSend(within: Milliseconds): boolean;
  /** Somebody else is changing it. */
  isOthers(replica: Instance): boolean;
  /** Writes down a connection before its first use, for whoever takes over and has to kill it. Null: nobody would read it. */
  readonly journal: ((key: InstanceKey, connectionId: number) => Promise<void>) | null;
}

const PURPOSE = 'is-its-source-dead';
/** What a command that holds no lock read of locks counts for so long. */
const BY_HAND: Milliseconds = 15_000;

/** A leader's that holds no lock: as long as the lease, by our own clock. */
export function permitOfLeader(lease: () => Lease | null): Permit {
  return {
    get sender() {
      return {what: PURPOSE, fence: lease()?.term ?? 0, step: 0};
    },
    mayStillSend(within) {
      const now = lease();
      return now !== null && performance.now() + within < now.validUntil;
    },
    isOthers: ({wishes}) => wishes.lockedBy !== null,
    journal: null,
  };
}

/** A person's, who holds no lock. */
export function permitByHand(): Permit {
  const until = performance.now() + BY_HAND;
  return {
    sender: {what: PURPOSE, fence: 0, step: 0},
    mayStillSend: (within) => performance.now() + within < until,
    isOthers: ({wishes}) => wishes.lockedBy !== null,
    journal: null,
  };
}

/** Whoever's that holds the lock. */
export function permitOfHolder(
  {purpose}: Pick<LockHold, 'purpose'>,
  how: Pick<Permit, 'sender' | 'mayStillSend'> & {readonly journal: NonNullable<Permit['journal']>},
): Permit {
  // What was read of a lock that was just taken over names its former holder still; its purpose stays.
  return {...how, isOthers: ({wishes: {lockedBy}}) => lockedBy !== null && !lockedBy.endsWith(`(${purpose})`)};
}
