import type {Config} from '../../config/keys.ts';
import type {BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import type {InstanceKey} from '../../model/instance-key.ts';
import type {Topology} from '../../model/topology.ts';
import type {Seconds} from '../../model/units.ts';
import type {ReplicatePolicy} from '../can-replicate.ts';
import type {PlanPolicy} from '../contenders.ts';
import type {Candidate, Weight} from '../plan.ts';

/** What a person asks for. `command` is its name on the command line, for the audit and for sentences. */
export type RelocationWish = Asked & {
  readonly command: string;
  /** Move below an instance although it has errant transactions, which the moved ones will then have too. */
  readonly allowErrant?: boolean;
};

type Asked =
  /** The best way there is. */
  | {readonly do: 'relocate'; readonly instance: InstanceKey; readonly below: InstanceKey}
  | {readonly do: 'relocate-replicas'; readonly instance: InstanceKey; readonly below: InstanceKey; readonly only: Only}
  | {readonly do: 'take-siblings'; readonly instance: InstanceKey}
  | {readonly do: 'move-up'; readonly instance: InstanceKey}
  | {readonly do: 'move-up-replicas'; readonly instance: InstanceKey; readonly only: Only}
  | {readonly do: 'move-below'; readonly instance: InstanceKey; readonly below: InstanceKey}
  | {readonly do: 'move-equivalent'; readonly instance: InstanceKey; readonly below: InstanceKey}
  | {readonly do: 'move-gtid'; readonly instance: InstanceKey; readonly below: InstanceKey}
  | {readonly do: 'move-replicas-gtid'; readonly instance: InstanceKey; readonly below: InstanceKey; readonly only: Only}
  /** `below` null: its present source. */
  | {readonly do: 'repoint'; readonly instance: InstanceKey; readonly below: InstanceKey | null}
  | {readonly do: 'repoint-replicas'; readonly instance: InstanceKey; readonly below: InstanceKey | null; readonly only: Only}
  | {readonly do: 'take-source'; readonly instance: InstanceKey}
  | {readonly do: 'make-co-source'; readonly instance: InstanceKey}
  | {readonly do: 'make-source'; readonly instance: InstanceKey}
  /** By Pseudo-GTID, and nothing else; `match-up` below the source of its source, `rematch` below its source again. */
  | {readonly do: 'match'; readonly instance: InstanceKey; readonly below: InstanceKey}
  | {readonly do: 'match-up'; readonly instance: InstanceKey}
  | {readonly do: 'rematch'; readonly instance: InstanceKey}
  | {readonly do: 'match-replicas'; readonly instance: InstanceKey; readonly below: InstanceKey; readonly only: Only}
  | {readonly do: 'match-up-replicas'; readonly instance: InstanceKey; readonly only: Only}
  | {readonly do: 'make-local-source'; readonly instance: InstanceKey}
  /** `how`: by GTID alone, by Pseudo-GTID alone, among binlog servers alone, or whichever is possible. */
  | {readonly do: 'regroup'; readonly instance: InstanceKey; readonly how: RegroupBy};

export type RegroupBy = 'any' | 'gtid' | 'pseudo-gtid' | 'binlog-servers';

/** Which of the replicas; null = all of them. */
export type Only = ((key: InstanceKey) => boolean) | null;

/** The part of the configuration that relocations read. */
export type RelocationPolicy = ReplicatePolicy &
  PlanPolicy &
  Pick<
    Config,
    'ReasonableMaintenanceReplicationLagSeconds' | 'RecoveryDrainTimeoutSeconds' | 'MaxConcurrentReplicaOperations' | 'PseudoGTIDPattern'
  >;

export interface RelocationCase {
  readonly topology: Topology;
  readonly policy: RelocationPolicy;
  readonly wish: RelocationWish;
  /** Where on `target` a replica goes on that has applied up to `at` of `source`; null = nobody ever wrote that down. */
  equivalent(found: {readonly source: InstanceKey; readonly at: BinlogCoordinates; readonly target: InstanceKey}): BinlogCoordinates | null;
}

/**
 * One act on one server. Data, like the steps of a recovery; each bears repetition, and each makes sure by itself that what it
 * relies on still holds. After a plan that ended early nobody is left stopped: `go-on` follows whatever came before.
 */
export type RelocationStep =
  /** By GTID. What was received is applied first where the server would drop it, unless the source is seen to have it. */
  | {readonly do: 'follow'; readonly on: InstanceKey; readonly source: InstanceKey}
  /** At the file and position where it is: the source is the same one, or a binlog server of the same log. */
  | {readonly do: 'follow-same-log'; readonly on: InstanceKey; readonly source: InstanceKey}
  /** Stop the applier alone, so that its own log stands still. */
  | {readonly do: 'hold'; readonly on: InstanceKey}
  /** Apply up to where the furthest of these, all replicas of one source and all on hold, has come. */
  | {readonly do: 'level'; readonly on: InstanceKey; readonly among: readonly InstanceKey[]}
  /** From a source to a sibling that stands at the same position and on hold. */
  | {readonly do: 'settle-below'; readonly on: InstanceKey; readonly source: InstanceKey}
  /** From a source that is on hold, and of whose log everything is applied, to where that source reads. */
  | {readonly do: 'climb'; readonly on: InstanceKey; readonly over: InstanceKey; readonly source: InstanceKey}
  /** To where another server has the same, as was written down; only from exactly there. */
  | {
      readonly do: 'settle-at';
      readonly on: InstanceKey;
      readonly source: InstanceKey;
      readonly from: BinlogCoordinates;
      readonly at: BinlogCoordinates;
    }
  /**
   * To where another server has the same, as a comparison of their logs finds out. All that was received is applied first. `again`:
   * also if it follows that source already.
   */
  | {readonly do: 'match'; readonly on: InstanceKey; readonly source: InstanceKey; readonly again?: true}
  /** Start both threads, and see it replicate from `source`. */
  | {readonly do: 'go-on'; readonly on: InstanceKey; readonly source: InstanceKey}
  /** A source begins to replicate from one of its replicas. */
  | {readonly do: 'join-ring'; readonly on: InstanceKey; readonly source: InstanceKey}
  /** Stop the receiver, apply everything received. */
  | {readonly do: 'drain'; readonly on: InstanceKey; readonly source: InstanceKey}
  | {readonly do: 'make-writable'; readonly on: InstanceKey; readonly semiSync: boolean}
  | {readonly do: 'forget-source'; readonly on: InstanceKey; readonly source: InstanceKey};

export interface PlannedRelocationStep {
  readonly step: RelocationStep;
  readonly weight: Weight;
  /** Steps of one stage run at the same time; a stage starts when the one before has ended. */
  readonly stage: number;
}

/** How an instance gets to its new source. */
export type Method = 'repoint' | 'gtid' | 'same-log' | 'up' | 'below' | 'equivalent' | 'pseudo-gtid' | 'co-source';

export interface Move {
  readonly key: InstanceKey;
  readonly from: InstanceKey | null;
  readonly to: InstanceKey;
  readonly by: readonly Method[];
}

export interface LeftAlone {
  readonly key: InstanceKey;
  readonly why: RelocationRefusal;
}

export interface RelocationPlan {
  readonly kind: 'relocate';
  /** Name of the command. */
  readonly command: string;
  readonly cluster: string;
  /** The instance that the command names. */
  readonly subject: InstanceKey;
  readonly moves: readonly Move[];
  /** Instances that were meant and cannot be moved. */
  readonly left: readonly LeftAlone[];
  readonly steps: readonly PlannedRelocationStep[];
  /** Regrouping, and making somebody a source: who is on top afterwards. */
  readonly promoted: InstanceKey | null;
  /** The dead source whose place the subject takes; absent: nobody's. */
  readonly replaces?: InstanceKey;
  /** Who took the place of whom, for the hooks of take-master. */
  readonly takeover: {readonly successor: InstanceKey; readonly demoted: InstanceKey} | null;
  readonly candidates: readonly Candidate[];
  /** Sentences for people. */
  readonly remarks: readonly string[];
  /** A rough one, from the lag seen. */
  readonly estimate: Seconds;
}

export type RelocationRefusalCode =
  | 'nothing-to-do'
  | 'unknown'
  | 'not-a-replica'
  | 'unreachable'
  | 'would-loop'
  | 'cannot-replicate'
  | 'not-replicating'
  | 'applier-broken'
  | 'lagging'
  | 'errant'
  | 'purged'
  | 'diverged'
  | 'group-member'
  | 'binlog-server'
  | 'no-gtid'
  | 'uses-gtid'
  | 'needs-pseudo-gtid'
  | 'ahead'
  | 'no-equivalence'
  | 'wrong-place'
  | 'co-source'
  | 'writable'
  | 'alive'
  | 'no-candidate';

/** Why something is not done. Refusing is an answer, not an error. */
export interface RelocationRefusal {
  readonly code: RelocationRefusalCode;
  /** One sentence: what, which instance, expected and found. */
  readonly because: string;
  /** What could be done instead. */
  readonly hint?: string;
}

export type RelocationDecision =
  {readonly act: true; readonly plan: RelocationPlan} | {readonly act: false; readonly why: RelocationRefusal};

export function no(code: RelocationRefusalCode, because: string, hint?: string): RelocationRefusal {
  return {code, because, ...(hint === undefined ? {} : {hint})};
}

/** A refusal and anything else are told apart by this. */
export function isRefusal(answer: object | null): answer is RelocationRefusal {
  return answer !== null && 'code' in answer && 'because' in answer;
}
