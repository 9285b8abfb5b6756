import type {Config} from '../../config/keys.ts';
import type {InstanceKey} from '../../model/instance-key.ts';
import type {Topology} from '../../model/topology.ts';
import type {Seconds} from '../../model/units.ts';
import type {PlanPolicy} from '../contenders.ts';
import type {Candidate, Weight} from '../plan.ts';

/** Names of the commands, which hooks are told as `{command}`. */
export type TakeoverCommand =
  'graceful-master-takeover' | 'graceful-master-takeover-auto' | 'force-master-failover' | 'force-master-takeover';

/** What a person asks for. */
export interface TakeoverWish {
  readonly command: TakeoverCommand;
  readonly cluster: string;
  /** Who is to be the source; null: whoever is best, or the only replica there is. */
  readonly designated: InstanceKey | null;
  /** End sessions whose work would not be done in time, instead of refusing. */
  readonly killWriters: boolean;
  /** Accept a candidate with errant transactions. */
  readonly allowDataLoss: boolean;
}

export type TakeoverPolicy = PlanPolicy & Pick<Config, 'TakeoverTransactionLimitSeconds'>;

/** A session of a client on the source that would stand in the way of closing it, or lose its work. */
export interface BusySession {
  readonly id: number;
  readonly user: string;
  readonly host: string;
  readonly lasting: Seconds;
}

export interface TakeoverCase {
  readonly topology: Topology;
  readonly policy: TakeoverPolicy;
  readonly wish: TakeoverWish;
  /** On the source, for longer than TakeoverTransactionLimitSeconds; null: it could not be asked. */
  readonly busy: readonly BusySession[] | null;
}

/** One act on one server. Bears repetition. */
export type TakeoverStep =
  /** Open sessions on both, and let the successor catch up with what is written now. `semiSync`: switch the source's role on already. */
  | {readonly do: 'prepare'; readonly on: InstanceKey; readonly source: InstanceKey; readonly semiSync: boolean}
  /** Make the source refuse writes of everybody (coordination.md §7). */
  | {readonly do: 'close-source'; readonly on: InstanceKey; readonly killWriters: boolean}
  /** Apply all that the closed source has. */
  | {readonly do: 'catch-up'; readonly on: InstanceKey; readonly source: InstanceKey}
  /** Make the successor writable, and see it. */
  | {readonly do: 'open'; readonly on: InstanceKey}
  /** Let go of what kept writers of the closed source waiting, and see that its binary log stands still. */
  | {readonly do: 'release'; readonly on: InstanceKey}
  /** Stop both threads of the successor. */
  | {readonly do: 'stop-replication'; readonly on: InstanceKey}
  /** Drain a sibling, point it at the successor, start it. */
  | {readonly do: 'repoint'; readonly on: InstanceKey; readonly source: InstanceKey}
  /** Point the old source at the successor with what the others replicate with; `start` it too. */
  | {
      readonly do: 'rejoin';
      readonly on: InstanceKey;
      readonly source: InstanceKey;
      readonly siblings: readonly InstanceKey[];
      readonly semiSync: boolean;
      readonly start: boolean;
    }
  /** Switch the source's role of semi-sync on, with the old source's settings. */
  | {readonly do: 'semi-sync'; readonly on: InstanceKey; readonly source: InstanceKey}
  | {readonly do: 'forget-source'; readonly on: InstanceKey; readonly source: InstanceKey};

export interface PlannedTakeoverStep {
  readonly step: TakeoverStep;
  readonly weight: Weight;
  /** Stages follow each other; steps of one stage run at the same time, or one after the other where `inTurn`. */
  readonly stage: number;
  /** Run in the order given, with nothing written down in between: every moment counts. */
  readonly inTurn?: true;
}

export interface TakeoverPlan {
  readonly kind: 'takeover';
  readonly command: TakeoverCommand;
  readonly cluster: string;
  /** The source until now. */
  readonly failed: InstanceKey;
  readonly successor: InstanceKey;
  /** How the source was before, for taking it all back. */
  readonly wasReadOnly: boolean;
  /** All replicate by file and position: who follows goes on where the logs of both sources are known to be the same. */
  readonly byPosition?: true;
  readonly steps: readonly PlannedTakeoverStep[];
  readonly candidates: readonly Candidate[];
  /** Replicas that will not follow, known beforehand: they are downtimed. */
  readonly lost: readonly InstanceKey[];
  /** Sentences for people. */
  readonly remarks: readonly string[];
  /** How long it would take from lag and number of replicas; the source is closed for a small part of it. */
  readonly estimate: Seconds;
}

export type TakeoverRefusalCode =
  | 'no-source'
  | 'several-sources'
  | 'source-unreachable'
  | 'group-member'
  | 'no-gtid'
  | 'no-replica'
  | 'several-replicas'
  | 'not-a-replica'
  | 'no-candidate'
  | 'not-replicating'
  | 'applier-broken'
  | 'candidate-lags'
  | 'candidate-delayed'
  | 'filtered'
  | 'errant'
  | 'cross-data-center'
  | 'cross-region'
  | 'would-lose-replica'
  | 'cannot-follow'
  | 'no-credentials'
  | 'no-semi-sync'
  | 'long-transactions'
  | 'being-changed';

/** Why nothing is done. Refusing is an answer, not an error. */
export interface TakeoverRefusal {
  readonly code: TakeoverRefusalCode;
  /** One sentence: what, which instance, expected and found. */
  readonly because: string;
  readonly hint?: string;
  /** The source that could not be reached. */
  readonly unreachable?: InstanceKey;
  readonly candidates: readonly Candidate[];
}

export type TakeoverDecision = {readonly act: true; readonly plan: TakeoverPlan} | {readonly act: false; readonly why: TakeoverRefusal};

/** What sets the commands apart. */
export interface Manner {
  /** The best candidate is chosen where none is designated; otherwise there must be one replica. */
  readonly chooses: boolean;
  /** Lag, long transactions and promotion rules hold nothing back. */
  readonly forced: boolean;
  /** What becomes of the old source: it replicates, it is pointed and not started, or it is left alone and downtimed. */
  readonly oldSource: 'start' | 'point' | 'leave';
}

export const MANNERS: Readonly<Record<TakeoverCommand, Manner>> = {
  'graceful-master-takeover': {chooses: false, forced: false, oldSource: 'point'},
  'graceful-master-takeover-auto': {chooses: true, forced: false, oldSource: 'start'},
  'force-master-failover': {chooses: true, forced: true, oldSource: 'leave'},
  'force-master-takeover': {chooses: false, forced: true, oldSource: 'leave'},
};
