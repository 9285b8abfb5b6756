import {messageOf, OrchestratorError} from '../../errors/errors.ts';
import {actText, type Act, type JournaledAct} from './acts.ts';

export type ActState = 'planned' | 'started' | 'done' | 'failed';

/** What the journal says about one act. */
export interface Progress {
  readonly state: ActState;
  /** How often it was started. */
  readonly attempt: number;
  readonly outcome: string;
}

export interface ActEnd {
  readonly number: number;
  readonly state: 'done' | 'failed';
  readonly outcome: string;
}

/** Where acts are written down, each write fenced by the lock: it throws once somebody else holds it. */
export interface Journal {
  /** One transaction: some acts have ended, others are about to start. */
  advance(ended: readonly ActEnd[], starting: readonly JournaledAct[]): Promise<void>;
}

export interface Run {
  readonly acts: readonly JournaledAct[];
  /** By act number; an act without an entry was never started. */
  readonly progress: ReadonlyMap<number, Progress>;
  readonly journal: Journal;
  /** Does one act; `attempt` counts from 1. Throws when it did not reach what it promises. */
  perform(act: Act, attempt: number): Promise<string>;
  /** A place where tests end the process: before an act's effect, and after it but before it is marked done. */
  readonly fault?: (when: 'before' | 'after', act: JournaledAct) => void;
}

export interface RunEnd {
  readonly failed: readonly {readonly act: JournaledAct; readonly because: string}[];
  /** The act that ended the run early; null when all stages ran. */
  readonly stoppedBy: {readonly act: JournaledAct; readonly because: string} | null;
}

/**
 * Runs a journaled plan from where its journal stands: what is done or failed is left alone, what was started is repeated.
 * Acts of one stage run at the same time; a failing `must` ends the run after its stage.
 *
 * @throws whatever the journal throws: then nothing more was done
 */
export async function runActs(run: Run): Promise<RunEnd> {
  const failed = run.acts.flatMap((act) => past(run, act)).filter(({act}) => act.weight !== 'must');
  let ended: readonly ActEnd[] = [];
  for (const stage of stagesOf(run)) {
    await run.journal.advance(ended, stage);
    ended = await Promise.all(stage.map((act) => one(run, act)));
    const bad = ended.flatMap((end) => (end.state === 'failed' ? [{act: must(run.acts, end.number), because: end.outcome}] : []));
    failed.push(...bad);
    const stoppedBy = bad.find(({act}) => act.weight === 'must') ?? null;
    if (stoppedBy) {
      await run.journal.advance(ended, []);
      return {failed, stoppedBy};
    }
  }
  await run.journal.advance(ended, []);
  return {failed, stoppedBy: null};
}

function past(run: Run, act: JournaledAct): {act: JournaledAct; because: string}[] {
  const known = run.progress.get(act.number);
  return known?.state === 'failed' ? [{act, because: known.outcome}] : [];
}

function stagesOf({acts, progress}: Run): readonly (readonly JournaledAct[])[] {
  const open = acts.filter((act) => !['done', 'failed'].includes(progress.get(act.number)?.state ?? 'planned'));
  const byStage = Map.groupBy(open, (act) => act.stage);
  return [...byStage.keys()].sort((a, b) => a - b).map((stage) => byStage.get(stage) ?? []);
}

async function one(run: Run, act: JournaledAct): Promise<ActEnd> {
  const attempt = (run.progress.get(act.number)?.attempt ?? 0) + 1;
  try {
    run.fault?.('before', act);
    const outcome = await run.perform(act.act, attempt);
    run.fault?.('after', act);
    return {number: act.number, state: 'done', outcome};
  } catch (error) {
    if (!(error instanceof OrchestratorError)) throw error;
    if (error.code === 'DEADLINE_PASSED') throw error;
    return {number: act.number, state: 'failed', outcome: `${actText(act.act)}: ${messageOf(error)}`};
  }
}

function must(acts: readonly JournaledAct[], number: number): JournaledAct {
  const act = acts.find((one) => one.number === number);
  if (!act) throw new Error(`the journal names act ${number}, which the plan does not have`);
  return act;
}
