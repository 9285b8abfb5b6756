import type {ErrorCode} from '../../errors/errors.ts';
import type {Statement} from '../../flavor/flavor.ts';
import type {Instance} from '../../model/instance.ts';
import type {InstanceKey} from '../../model/instance-key.ts';
import type {Milliseconds, Seconds} from '../../model/units.ts';

/** What a person may want of one instance; the names are those of the commands. */
export type InstanceWish =
  | {
      readonly do:
        | 'start-replica'
        | 'stop-replica'
        | 'stop-replica-nice'
        | 'restart-replica'
        | 'reset-replica'
        | 'detach-replica-source-host'
        | 'reattach-replica-source-host'
        | 'enable-gtid'
        | 'disable-gtid'
        | 'gtid-errant-reset'
        | 'gtid-errant-inject-empty'
        | 'skip-query'
        | 'set-read-only'
        | 'set-writeable';
    }
  | {readonly do: 'delay-replication'; readonly delay: Seconds}
  | {readonly do: 'flush-binary-logs'; readonly until: string | null}
  | {readonly do: 'purge-binary-logs'; readonly before: string}
  | {readonly do: 'semi-sync'; readonly role: 'source' | 'replica'; readonly on: boolean};

/** What was seen just now of everything a decision rests on. */
export interface Seen {
  readonly instance: Instance;
  /** Its source, the source of that, and so on; empty: it has none, or its source could not be read. */
  readonly above: readonly Instance[];
  /** What replicates from it or was detached from it, as far as anybody knows; null: it could not be read. */
  readonly replicas: readonly {readonly key: InstanceKey; readonly instance: Instance | null}[];
  /** Transactions it has and its source has not, in the server's notation; null when the source could not be read. */
  readonly errant: string | null;
  /** Its binary logs, oldest first; asked only where it matters. */
  readonly binlogs: readonly string[];
  readonly useSuperReadOnly: boolean;
  /** Go on where something received, or needed by others, may be lost. */
  readonly force: boolean;
}

/** One thing to do, in words that people are shown. */
export type InstanceAct =
  | {
      readonly act: 'say';
      readonly about: string;
      /** Another instance than the one the command names. */
      readonly on?: InstanceKey;
      readonly statements: readonly Statement[];
    }
  /** Stops both threads. What was received and not applied is applied first where it would be dropped, or where that is the wish. */
  | {readonly act: 'stop'; readonly about: string; readonly drops: boolean; readonly mustApply: boolean}
  /** Until the server says where in the log of its source it has applied to: MariaDB by GTID does not right after a start. */
  | {readonly act: 'await-position'; readonly about: string}
  /** Tells it another host name for its source, where it has applied to by then. */
  | {readonly act: 'rename-source'; readonly about: string; readonly host: string}
  /** From where it has applied to by then. */
  | {readonly act: 'follow-by-position'; readonly about: string}
  /** Empties the binary log, and lets everything but these transactions count as written before it. */
  | {readonly act: 'rewrite-history'; readonly about: string; readonly without: string}
  | {readonly act: 'purge'; readonly about: string; readonly before: string}
  /** Leaves the failed transaction out, and starts replication. */
  | {readonly act: 'skip'; readonly about: string; readonly how: 'empty-transaction' | 'counter'};

/** What has to be seen afterwards; says what is seen instead, or null when all is as it should be. */
export interface Expectation {
  readonly check: (after: Instance) => string | null;
  /** How long it has to stay so: an applier that failed may run for a moment. */
  readonly steadyFor: Milliseconds;
  /** Looked at on another instance than the one the command names. */
  readonly on?: InstanceKey;
}

export interface InstancePlan {
  readonly acts: readonly InstanceAct[];
  readonly expects: Expectation;
  /** What people should know although nothing is wrong. */
  readonly remarks: readonly string[];
  /** What exactly, for the audit; '' = the command says it all. */
  readonly record: string;
}

/** Why nothing is done. A value: whoever asked is told. */
export interface InstanceRefusal {
  readonly refused: string;
  readonly hint?: string;
  readonly code?: Extract<ErrorCode, 'REFUSED' | 'NOT_SUPPORTED' | 'INPUT_INVALID' | 'NOT_FOUND'>;
}

export type InstanceDecision = InstancePlan | InstanceRefusal;
