import type {HookFacts} from '../../hooks/facts.ts';
import type {InstanceKey} from '../../model/instance-key.ts';
import type {PlanWishes} from '../../plan/contenders.ts';
import type {RecoveryPlan} from '../../plan/plan.ts';
import type {SourceIdentity} from '../../plan/returned-source.ts';
import type {JournaledAct} from './acts.ts';

/** What the journal keeps of a recovery: whoever resumes it needs nothing else but the configuration. */
export interface RecoveryDocument {
  readonly version: 1;
  readonly uid: string;
  readonly plan: RecoveryPlan;
  readonly acts: readonly JournaledAct[];
  /** For hooks, without successor and losses, which are filled in as they become known. */
  readonly facts: HookFacts;
  /** Alias of the cluster before the failure; the cluster's name where it has none. */
  readonly alias: string;
  /** Replicas whose receiver nobody had stopped when this was planned. */
  readonly receiving?: readonly InstanceKey[];
  /** What a person said beside the configuration; counts again when the choice is made again. */
  readonly wishes?: PlanWishes;
  /** How often a successor was chosen; once when absent. */
  readonly choices?: number;
  /** Successors that died before they were seen open, in order. */
  readonly tried?: readonly {readonly key: InstanceKey; readonly identity: SourceIdentity}[];
  /** What was done before the choice was made again may have opened or moved somebody. Absent: counts as so where somebody was tried. */
  readonly opened?: boolean;
  /** Stopped by what was done before the choice was made again. */
  readonly stoppedBefore?: readonly InstanceKey[];
  /** Who the replaced source was, for its return. */
  readonly identity?: SourceIdentity;
}
