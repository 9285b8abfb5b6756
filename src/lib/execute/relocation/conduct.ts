import {within} from '../../errors/trail.ts';
import {touchLock} from '../../coordination/lock/hold.ts';
import type {LockHold} from '../../coordination/types.ts';
import {failedHook, hookError, hooksOf, runTakeoverHooks} from '../../hooks/run.ts';
import {isReplicating, type Instance} from '../../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import type {Topology} from '../../model/topology.ts';
import type {Move} from '../../plan/relocation/plan.ts';
import {takeBackIntoService} from '../../store/downtime.ts';
import {advancePlan, endPlan, lostLock, readPlanSteps, writeRecoverySteps} from '../../store/recovery/plans.ts';
import type {Environment} from '../environment.ts';
import {fenced} from '../journal/fenced.ts';
import {runActs, statesIn, type Journal, type Progress} from '../journal/run.ts';
import type {Hands} from '../steps/hands.ts';
import {placesIn} from '../steps/places.ts';
import {relocationActText, type RelocationAct, type RelocationDocument} from './document.ts';
import {recordReplacement} from './replacement.ts';
import {slots} from './slots.ts';
import {performRelocation} from './steps/perform.ts';

export interface Relocating {
  readonly document: RelocationDocument;
  readonly hold: LockHold;
  readonly hands: Hands;
  /** As probed under the lock. */
  readonly topology: Topology;
  readonly progress: ReadonlyMap<number, Progress>;
}

/** What became of one that was to be moved, as it was seen afterwards. */
export interface MoveOutcome extends Move {
  readonly ok: boolean;
  /** Why not; '' when it is where it should be. */
  readonly because: string;
  /** As read after everything; null when it could not be read any more. */
  readonly instance: Instance | null;
}

export interface RelocationEnding {
  readonly uid: string;
  readonly outcomes: readonly MoveOutcome[];
  /** What went wrong beside the moves. */
  readonly errors: readonly string[];
  /** The instance that the command names, as it is afterwards; null when it could not be read. */
  readonly subject: Instance | null;
}

/**
 * Carries a journaled relocation to its end, from wherever its journal stands, looks at what came of it, and closes its books. The
 * lock stays held.
 *
 * @throws OrchestratorError DEADLINE_PASSED when the lock was lost: whoever holds it now goes on
 */
export function conductRelocation(env: Environment, what: Relocating): Promise<RelocationEnding> {
  return within({recovery: what.document.uid}, () => carryOut(env, what));
}

async function carryOut(env: Environment, what: Relocating): Promise<RelocationEnding> {
  const {document, topology, hands} = what;
  const {uid, plan} = document;
  await takeBackIntoService(env.backend, sourcesMadeBy(plan));
  const turn = slots(env.config.MaxConcurrentReplicaOperations);
  const world = {topology, config: env.config, places: placesIn(env.backend)};
  const end = await runActs<RelocationAct>({
    acts: document.acts,
    progress: what.progress,
    journal: journalOf(env, what),
    perform: (act, attempt, number) =>
      turn(() =>
        act.do === 'step' ? performRelocation({...world, hands: hands.at(uid, number)}, act.step) : runHooks(env, what, attempt),
      ),
    textOf: relocationActText,
    ...(env.fault ? {fault: env.fault} : {}),
  });
  const failed = end.failed.map(({act, because}) => ({on: act.act.do === 'step' ? act.act.step.on : null, because}));
  const after = await env.eyes.look([plan.subject, ...plan.moves.map(({key}) => key)]);
  const outcomes = plan.moves.map((move) => outcomeOf(move, after.get(move.key), failed));
  // Of one that is to be moved, its own outcome tells.
  const errors = failed.filter(({on}) => !outcomes.some(({key}) => sameKey(key, on))).map(({because}) => because);
  await closeBooks(env, what, {outcomes, errors});
  const subject = after.get(plan.subject);
  return {uid, outcomes, errors, subject: subject?.check.valid ? subject : null};
}

/** Whoever is made a source, or opened, has a role again, also where a recovery had left it behind. */
function sourcesMadeBy({steps, takeover}: RelocationDocument['plan']): readonly InstanceKey[] {
  return [...steps.flatMap(({step}) => (step.do === 'make-writable' ? [step.on] : [])), ...(takeover ? [takeover.successor] : [])];
}

interface Failure {
  readonly on: InstanceKey | null;
  readonly because: string;
}

/** Whether one is where it should be, as it says itself now. */
function outcomeOf(move: Move, instance: Instance | undefined, failed: readonly Failure[]): MoveOutcome {
  const doubt = doubtOn(instance, move);
  const reasons = failed.filter(({on}) => sameKey(on, move.key)).map(({because}) => because);
  const because = doubt === null ? '' : (reasons[0] ?? doubt);
  return {...move, ok: doubt === null, because, instance: instance?.check.valid ? instance : null};
}

function doubtOn(instance: Instance | undefined, {key, to}: Move): string | null {
  if (!instance?.check.valid) return `${keyText(key)} cannot be reached any more`;
  const source = instance.replication?.source;
  if (!sameKey(source, to)) return `${keyText(key)} replicates from ${source ? keyText(source) : 'nobody'}, not from ${keyText(to)}`;
  return isReplicating(instance) ? null : `${keyText(key)} is pointed at ${keyText(to)} and does not replicate`;
}

async function runHooks(env: Environment, what: Relocating, attempt: number): Promise<string> {
  const {uid, plan} = what.document;
  const {takeover} = plan;
  const configured = hooksOf(env.config, 'PostTakeMasterProcesses');
  if (!takeover || !configured) return 'there are none';
  const moved = await env.eyes.look([takeover.demoted]);
  if (!sameKey(moved.get(takeover.demoted)?.replication?.source, takeover.successor)) return 'not run, since it was not taken over';
  const lines: string[] = [];
  const outcomes = await runTakeoverHooks({
    ...configured,
    taken: takeover,
    uid,
    attempt,
    onStep: (sentence) => void lines.push(sentence),
  });
  await fenced(env.backend, what, (work) => writeRecoverySteps(work, uid, lines));
  const bad = failedHook(outcomes);
  if (bad) throw hookError(bad);
  return `${outcomes.length} ran`;
}

function journalOf(env: Environment, {document, hold}: Relocating): Journal<RelocationAct> {
  const {uid, acts, plan} = document;
  const textOf = (number: number): string => {
    const act = acts.find((one) => one.number === number);
    return act ? relocationActText(act.act) : `step ${number}`;
  };
  return {
    async advance(ended, starting) {
      const ends = ended.map((end) => (end.state === 'done' ? `${textOf(end.number)}: ${end.outcome}` : `FAILED: ${end.outcome}`));
      for (const line of ends) env.log('info', `${plan.command} of ${keyText(plan.subject)}: ${line}`);
      const messages = [...ends, ...starting.map(({number}) => `begin: ${textOf(number)}`)];
      const advance = {ended, starting: starting.map(({number}) => number), messages};
      await advancePlan(env.backend, uid, {fenced: (work) => touchLock(work, hold), advance});
    },
  };
}

/** The plan has ended, whatever came of it; what did not work is part of its outcome. */
async function closeBooks(
  env: Environment,
  {document, hold, topology}: Relocating,
  {outcomes, errors}: Pick<RelocationEnding, 'outcomes' | 'errors'>,
): Promise<void> {
  const {uid, plan} = document;
  const problems = [...outcomes.flatMap(({ok, because}) => (ok ? [] : [because])), ...errors];
  const moved = outcomes.filter(({ok}) => ok).map(({key, to}) => `${keyText(key)} to ${keyText(to)}`);
  const summary = [moved.length > 0 ? `moved ${moved.join(', ')}` : 'moved nobody', ...problems].join('; ');
  const ours = await env.backend.transaction(async (work) => {
    if (!(await touchLock(work, hold))) return false;
    const steps = await readPlanSteps(work, uid);
    const lost = [...outcomes.flatMap(({ok, key}) => (ok ? [] : [key])), ...plan.left.map(({key}) => key)];
    await recordReplacement(work, document, {
      stateOf: statesIn(steps),
      lost: lost.filter((key) => topology.get(key)?.check.valid),
      lasting: env.config.MasterFailoverLostInstancesDowntimeMinutes * 60,
      errors: problems,
    });
    const undone = steps.some(({state}) => state === 'planned' || state === 'started');
    await writeRecoverySteps(work, uid, [summary]);
    await endPlan(work, uid, {state: undone ? 'aborted' : 'done', outcome: problems.join('; ')});
    return true;
  });
  if (!ours) throw lostLock(uid);
  await env.audit({type: plan.command, key: plan.subject, cluster: plan.cluster, message: `${summary} (${uid})`});
}
