import {messageOf, OrchestratorError} from '../../errors/errors.ts';
import type {Act, JournaledAct} from './acts.ts';

export type ActState = 'planned' | 'started' | 'done' | 'failed';

/** Looks up states in the rows of a journal; an act without a row was never started. */
export function statesIn(rows: readonly {readonly number: number; readonly state: ActState}[]): (act: number) => ActState {
  return (number) => rows.find((row) => row.number === number)?.state ?? 'planned';
}

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
export interface Journal<Does = Act> {
  /** One transaction: some acts have ended, others are about to start. */
  advance(ended: readonly ActEnd[], starting: readonly JournaledAct<Does>[]): Promise<void>;
}

/** Outcome of acts of a turn whose turn never came. */
export const NOT_REACHED = 'not reached';

export interface Run<Does = Act> {
  readonly acts: readonly JournaledAct<Does>[];
  /** By act number; an act without an entry was never started. */
  readonly progress: ReadonlyMap<number, Progress>;
  readonly journal: Journal<Does>;
  /** Does one act; `attempt` counts from 1. Throws when it did not reach what it promises. */
  perform(act: Does, attempt: number, number: number): Promise<string>;
  /** Acts of a stage that run one after the other, with nothing written down in between; the first `must` that fails ends the stage. */
  inTurn?(act: JournaledAct<Does>): boolean;
  /** An act in words, for what is said about its failure. */
  textOf(act: Does): string;
  /** A place where tests end the process: before an act's effect, and after it but before it is marked done. */
  readonly fault?: (when: 'before' | 'after', act: Pick<JournaledAct<Does>, 'number'>) => void | Promise<void>;
}

export interface RunEnd<Does = Act> {
  readonly failed: readonly {readonly act: JournaledAct<Does>; readonly because: string}[];
  /** The act that ended the run early; null when all stages ran. */
  readonly stoppedBy: {readonly act: JournaledAct<Does>; readonly because: string} | null;
}

/**
 * Runs a journaled plan from where its journal stands: what is done or failed is left alone, what was started is repeated.
 * Acts of one stage run at the same time; a failing `must` ends the run after its stage.
 *
 * @throws whatever the journal throws: then nothing more was done
 */
export async function runActs<Does = Act>(run: Run<Does>): Promise<RunEnd<Does>> {
  const failed = run.acts.flatMap((act) => past(run, act)).filter(({act}) => act.weight !== 'must');
  let ended: readonly ActEnd[] = [];
  for (const stage of stagesOf(run)) {
    await run.journal.advance(ended, stage);
    ended = stage.every((act) => run.inTurn?.(act)) ? await inTurn(run, stage) : await Promise.all(stage.map((act) => one(run, act)));
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

function past<Does>(run: Run<Does>, act: JournaledAct<Does>): {act: JournaledAct<Does>; because: string}[] {
  const known = run.progress.get(act.number);
  return known?.state === 'failed' ? [{act, because: known.outcome}] : [];
}

function stagesOf<Does>({acts, progress}: Run<Does>): readonly (readonly JournaledAct<Does>[])[] {
  const open = acts.filter((act) => !['done', 'failed'].includes(progress.get(act.number)?.state ?? 'planned'));
  const byStage = Map.groupBy(open, (act) => act.stage);
  return [...byStage.keys()].sort((a, b) => a - b).map((stage) => byStage.get(stage) ?? []);
}

async function inTurn<Does>(run: Run<Does>, stage: readonly JournaledAct<Does>[]): Promise<readonly ActEnd[]> {
  const ended: ActEnd[] = [];
  for (const act of stage) {
    const end = await one(run, act);
    ended.push(end);
    if (end.state === 'failed' && act.weight === 'must') break;
  }
  const left = stage.slice(ended.length);
  return [...ended, ...left.map(({number}): ActEnd => ({number, state: 'failed', outcome: NOT_REACHED}))];
}

async function one<Does>(run: Run<Does>, act: JournaledAct<Does>): Promise<ActEnd> {
  const attempt = (run.progress.get(act.number)?.attempt ?? 0) + 1;
  try {
    await run.fault?.('before', act);
    const outcome = await run.perform(act.act, attempt, act.number);
    await run.fault?.('after', act);
    return {number: act.number, state: 'done', outcome};
  } catch (error) {
    if (!(error instanceof OrchestratorError)) throw error;
    if (error.code === 'DEADLINE_PASSED') throw error;
    return {number: act.number, state: 'failed', outcome: `${run.textOf(act.act)}: ${messageOf(error)}`};
  }
}

function must<Does>(acts: readonly JournaledAct<Does>[], number: number): JournaledAct<Does> {
  const act = acts.find((one) => one.number === number);
  if (!act) throw new Error(`the journal names act ${number}, which the plan does not have`);
  return act;
}
