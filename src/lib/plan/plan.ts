import type {AnalysisCode} from '../analysis/codes.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {ReturnOutcome} from './returned-source.ts';

/**
 * One act on one server. Data, so a plan can be printed, stored, resumed, and compared in a test. Every step bears repetition:
 * whoever resumes a plan repeats the step that was started and not marked done.
 */
export type Step =
  /** Make the old source refuse writes, if it can be reached at all; unreachable is an outcome (`unfenced`), not a failure. */
  | {readonly do: 'close-source'; readonly on: InstanceKey}
  /** Stop the receiver, apply everything received, with the applier running; fails when it cannot be applied in time. */
  | {readonly do: 'drain'; readonly on: InstanceKey; readonly source: InstanceKey}
  /** Let `on` fetch and apply what `from` has and it has not; `match`: from where Pseudo-GTID finds that it stands. */
  | {readonly do: 'catch-up'; readonly on: InstanceKey; readonly from: InstanceKey; readonly match?: true}
  /** Stop only the receiver, so that nothing more comes from the old source and nothing more is acknowledged to it. */
  | {readonly do: 'stop-receiver'; readonly on: InstanceKey}
  /**
   * Drain `on`, point it at `source` and start it. `refetch`: the source has all that `on` received, so where draining would
   * take long, what is not applied may be dropped and fetched again.
   */
  | {readonly do: 'repoint'; readonly on: InstanceKey; readonly source: InstanceKey; readonly refetch?: true}
  /**
   * By file and position: close `on`, if it was not, and write down that where `stands` has applied to in the log of `source` is where the
   * log of `on` ends. Must come before `on` is opened.
   */
  | {readonly do: 'note-place'; readonly on: InstanceKey; readonly source: InstanceKey; readonly stands: InstanceKey}
  /**
   * By file and position: drain `on`, point it at the place of `source` that was noted for where it stands, and start it. `match`: where
   * none was, at the one that Pseudo-GTID finds.
   */
  | {readonly do: 'place'; readonly on: InstanceKey; readonly source: InstanceKey; readonly match: boolean}
  /**
   * See that `on` has what the `others` received, also what came after the plan was made, and that nobody goes on acknowledging for
   * a lossless source. Fails otherwise.
   */
  | Proof
  /** Point `on` at a host that does not exist (`//host`), so that nobody starts it by accident. */
  | {readonly do: 'detach'; readonly on: InstanceKey}
  /** Stop both threads, switch semi-sync on where the old source had it, read_only off; seen writable afterwards or failed. */
  | {readonly do: 'make-writable'; readonly on: InstanceKey; readonly semiSync: boolean}
  /** Forget the old source: RESET REPLICA ALL. */
  | {readonly do: 'forget-source'; readonly on: InstanceKey; readonly source: InstanceKey}
  /**
   * Follow `source` by GTID, or where that fails the first of `others` that it can; keeps what was received. `match`: by Pseudo-GTID
   * instead.
   */
  | {
      readonly do: 'follow';
      readonly on: InstanceKey;
      readonly source: InstanceKey;
      readonly others: readonly InstanceKey[];
      readonly match?: true;
      /** All of them have the log of its former source: it goes on at the position it has. */
      readonly sameLog?: true;
    }
  /** Close a former source that has come back; unlike `close-source` it stays closed whatever else fails. */
  | {readonly do: 'fence'; readonly on: InstanceKey}
  /** Make a former source a replica of `source`, with what the `siblings` replicate with. It has nothing of its own. */
  | {
      readonly do: 'rejoin';
      readonly on: InstanceKey;
      readonly source: InstanceKey;
      readonly siblings: readonly InstanceKey[];
      readonly semiSync: boolean;
    }
  /** Switch one role of semi-sync; a replica's receiver is started anew with it, and seen to be connected as wished. */
  | {readonly do: 'switch-semi-sync'; readonly on: InstanceKey; readonly role: 'source' | 'replica'; readonly enabled: boolean}
  /** See that a source has so many replicas that acknowledge; `atMost` null: more are welcome. Fails otherwise. */
  | {readonly do: 'count-acknowledging'; readonly on: InstanceKey; readonly atLeast: number; readonly atMost: number | null}
  /**
   * Let commits on a source go that wait since before these replicas acknowledged: each of them, which follow by GTID, asks by file and
   * position for a moment. Fails while commits are held.
   */
  | {readonly do: 'release-commits'; readonly on: InstanceKey; readonly through: readonly InstanceKey[]}
  /** Open a source that is read-only; one that follows somebody meanwhile stays closed. */
  | {readonly do: 'open-source'; readonly on: InstanceKey};

export interface Proof {
  readonly do: 'prove';
  readonly on: InstanceKey;
  readonly source: InstanceKey;
  /** By file and position: who stands in the log of `source` where `on` has caught up to; absent: GTIDs tell. */
  readonly stands?: InstanceKey;
  /** Replicas of `source` beside `on`, what each had received when the plan was made, and whether it acknowledges. */
  readonly others: readonly {readonly on: InstanceKey; readonly received: string; readonly acknowledges: boolean}[];
  /** As many acknowledgements out of our hands may hide a transaction that a client believes safe; 0: none was promised. */
  readonly needed: number;
  /** Replicas that may have acknowledged and were out of our hands when the plan was made. */
  readonly outOfHand: number;
}

/** What happens to the plan when a step fails: `must` ends it, `lost` reports the instance as lost and goes on, `note` goes on. */
export type Weight = 'must' | 'lost' | 'note';

export interface PlannedStep {
  readonly step: Step;
  readonly weight: Weight;
  /** Steps of one stage run at the same time; a stage starts when the one before has ended. */
  readonly stage: number;
  /** What is told of the successor does not wait for it: it stands in the last of the stages. */
  readonly postponed?: true;
}

/** The facts a plan rests on, kept with it so that it can be explained later. */
export interface Candidate {
  readonly key: InstanceKey;
  /** Why it was chosen, or why it was not. */
  readonly verdict: string;
  readonly chosen: boolean;
}

export interface RecoveryPlan {
  /**
   * `adopt`: the replicas of a dead intermediate source, or of a dead member of a group, follow others. `mend`: a source that lives is put
   * right, and stays what it is. `return`: not a recovery, but what is done about a source that a recovery replaced and that has come back.
   */
  readonly kind: 'promote' | 'adopt' | 'mend' | 'return';
  readonly code: AnalysisCode | typeof RETURNED_SOURCE;
  readonly cluster: string;
  /** What the plan is about: the instance that failed, or the one that returned. */
  readonly failed: InstanceKey;
  readonly successor: InstanceKey;
  readonly steps: readonly PlannedStep[];
  readonly candidates: readonly Candidate[];
  /** Replicas that cannot follow the successor; downtimed and detached. */
  readonly lost: readonly InstanceKey[];
  /** Sentences for people: errant sets, positions taken for granted, unfenced source. */
  readonly remarks: readonly string[];
  /** Of a `return`. */
  readonly outcome?: ReturnOutcome;
}

/** What hooks are told in place of a finding when a replaced source has come back. */
export const RETURNED_SOURCE = 'ReturnedSource';

/** Why nothing is done. Refusing is an answer, not an error. */
export type RefusalCode =
  | 'nothing-to-do'
  | 'needs-human'
  | 'downtimed'
  | 'recovery-disabled'
  | 'filtered-out'
  | 'recently-recovered'
  | 'being-changed'
  | 'not-probed-in-this-term'
  | 'no-longer-failed'
  | 'no-candidate'
  | 'only-errant-has-latest'
  | 'cross-data-center'
  | 'cross-region'
  | 'candidate-lags'
  | 'not-drained'
  | 'applier-broken'
  | 'lossless-unprovable'
  | 'pre-hook-failed';

export interface Refusal {
  readonly code: RefusalCode;
  /** One sentence: what, which instance, expected and found. */
  readonly because: string;
  readonly candidates: readonly Candidate[];
}

export type Decision = {readonly act: true; readonly plan: RecoveryPlan} | {readonly act: false; readonly why: Refusal};
