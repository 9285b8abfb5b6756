import {OrchestratorError} from '../../errors/errors.ts';
import type {Backend, Work} from '../backend.ts';
import {fitter} from '../fit.ts';

const fitStep = fitter('topology_recovery_steps');

/** Proves, by writing it, that the row a write is fenced by is still ours; see coordination/lease.ts and lock/hold.ts. */
export type Fenced = (work: Work) => Promise<boolean>;

export type StepState = 'planned' | 'started' | 'done' | 'failed';

/** A plan that was journaled and has neither ended nor been given up. */
export interface OpenPlan {
  readonly uid: string;
  readonly lockId: string;
  readonly cluster: string;
  /** As given to `openPlan`. */
  readonly document: unknown;
}

export interface StepRecord {
  readonly number: number;
  readonly description: string;
  readonly state: StepState;
  readonly attempt: number;
  readonly outcome: string;
}

/** Row of `recovery_plan`, as far as it is read; never leaves this file. */
interface PlanRow {
  uid: string;
  lock_id: string;
  cluster_name: string;
  plan: string;
}

interface StoredPlan extends PlanRow {
  state: PlanRecord['state'];
  outcome: string | null;
}

interface StepRow {
  step_number: number;
  description: string;
  state: StepState;
  attempt: number;
  outcome: string | null;
}

export interface NewPlan {
  readonly uid: string;
  readonly recoveryId: number;
  readonly lockId: string;
  readonly fence: number;
  readonly cluster: string;
  readonly kind: string;
  /** Anything JSON can hold: whoever resumes needs nothing else. */
  readonly document: unknown;
  readonly steps: readonly {readonly number: number; readonly description: string}[];
}

/** Writes a plan and its steps; inside the transaction that registers the recovery. Repeating it changes nothing. */
export async function openPlan({db, dialect}: Work, plan: NewPlan): Promise<void> {
  const row = {
    uid: plan.uid,
    recovery_id: plan.recoveryId,
    lock_id: plan.lockId,
    cluster_name: plan.cluster,
    kind: plan.kind,
    state: 'open',
    fence: plan.fence,
    plan: JSON.stringify(plan.document),
  };
  await db('recovery_plan')
    .insert({...row, created_at: dialect.now()})
    .onConflict('uid')
    .ignore();
  const steps = plan.steps.map(({number, description}) => ({
    uid: plan.uid,
    step_number: number,
    description,
    state: 'planned',
    attempt: 0,
  }));
  if (steps.length > 0) await db('recovery_plan_step').insert(steps).onConflict(['uid', 'step_number']).ignore();
}

export interface Advance {
  readonly ended: readonly {readonly number: number; readonly state: 'done' | 'failed'; readonly outcome: string}[];
  readonly starting: readonly number[];
  /** Lines for topology_recovery_steps, which people and 3.2.6 read. */
  readonly messages: readonly string[];
}

/**
 * Marks steps ended and others started, in one transaction under the lock.
 *
 * @throws OrchestratorError DEADLINE_PASSED when the lock is no longer ours: nothing was written, and nothing more may be done
 */
export async function advancePlan(backend: Backend, uid: string, {fenced, advance}: {fenced: Fenced; advance: Advance}): Promise<void> {
  const ours = await backend.transaction(async (work) => {
    if (!(await fenced(work))) return false;
    const {db, dialect} = work;
    await endSteps(work, uid, advance.ended);
    if (advance.starting.length > 0) {
      await db('recovery_plan_step')
        .where({uid})
        .whereIn('step_number', advance.starting)
        .update({state: 'started', attempt: db.raw('attempt + 1'), started_at: dialect.now()});
    }
    await writeRecoverySteps(work, uid, advance.messages);
    return true;
  });
  if (!ours) throw lostLock(uid);
}

/** All in one statement: a stage has as many steps as there are replicas. */
async function endSteps({db, dialect}: Work, uid: string, ended: Advance['ended']): Promise<void> {
  if (ended.length === 0) return;
  const each = (values: readonly string[]) =>
    db.raw(
      `case step_number ${values.map(() => 'when ? then ?').join(' ')} end`,
      values.flatMap((value, at) => [ended[at]?.number ?? -1, value]),
    );
  await db('recovery_plan_step')
    .where({uid})
    .whereIn(
      'step_number',
      ended.map(({number}) => number),
    )
    .update({state: each(ended.map((one) => one.state)), outcome: each(ended.map((one) => one.outcome)), finished_at: dialect.now()});
}

/** Stands in the journal of a plan that has failed, after all of its steps. */
const AFTERWARDS = 1_000_000;

/**
 * Begins what is done once after a plan has failed; inside a transaction that its lock fences. Whoever takes over meanwhile begins it anew.
 *
 * @returns how often it has been begun, with this time
 */
export async function beginAfterwards({db, dialect}: Work, uid: string, description: string): Promise<number> {
  const row = {uid, step_number: AFTERWARDS};
  await db('recovery_plan_step')
    .insert({...row, description, state: 'planned', attempt: 0})
    .onConflict(['uid', 'step_number'])
    .ignore();
  await db('recovery_plan_step')
    .where(row)
    .update({state: 'started', attempt: db.raw('attempt + 1'), started_at: dialect.now()});
  const begun: {attempt: number} | undefined = await db('recovery_plan_step').where(row).first('attempt');
  return Number(begun?.attempt ?? 1);
}

/** It has come to its end, one way or the other. */
export async function endAfterwards(work: Work, uid: string, end: {state: 'done' | 'failed'; outcome: string}): Promise<void> {
  await endSteps(work, uid, [{number: AFTERWARDS, ...end}]);
}

/** Appends lines to the log of a recovery that people read. */
export async function writeRecoverySteps({db, dialect}: Work, uid: string, messages: readonly string[]): Promise<void> {
  if (messages.length === 0) return;
  await db('topology_recovery_steps').insert(
    messages.map((message) => ({...fitStep({recovery_uid: uid, message}), audit_at: dialect.now()})),
  );
}

/** Ends a plan; inside the transaction that ends its recovery. */
export async function endPlan({db, dialect}: Work, uid: string, end: {state: 'done' | 'aborted'; outcome: string}): Promise<void> {
  await db('recovery_plan')
    .where({uid, state: 'open'})
    .update({...end, ended_at: dialect.now()});
}

/** Puts another plan in the place of an open one: what was begun of the old one stays on record, the rest of it is dropped. */
export async function replacePlan(
  work: Work,
  uid: string,
  {document, steps, message}: Pick<NewPlan, 'document' | 'steps'> & {readonly message: string},
): Promise<void> {
  const {db} = work;
  await db('recovery_plan')
    .where({uid, state: 'open'})
    .update({plan: JSON.stringify(document)});
  await db('recovery_plan_step').where({uid, state: 'planned'}).delete();
  const rows = steps.map(({number, description}) => ({uid, step_number: number, description, state: 'planned', attempt: 0}));
  await db('recovery_plan_step').insert(rows).onConflict(['uid', 'step_number']).ignore();
  await writeRecoverySteps(work, uid, [message]);
}

/** A plan changes hands: its lock has a new fence. */
export async function adoptPlan({db}: Work, uid: string, fence: number): Promise<void> {
  await db('recovery_plan').where({uid}).update({fence});
}

export async function readOpenPlans(backend: Backend): Promise<readonly OpenPlan[]> {
  const rows: readonly PlanRow[] = await backend.run(({db}) => db('recovery_plan').where({state: 'open'}).orderBy('created_at').select());
  return rows.map(openPlanOf);
}

/** UIDs of open plans whose lock does not exist: somebody deleted it, or the backend went back in time. */
export async function readPlansWithoutLock(backend: Backend): Promise<readonly string[]> {
  const rows: readonly {uid: string}[] = await backend.run(({db}) =>
    db('recovery_plan')
      .where({state: 'open'})
      .whereNotExists(db('cluster_lock').whereRaw('cluster_lock.lock_id = recovery_plan.lock_id').select(db.raw('1')))
      .select('uid'),
  );
  return rows.map(({uid}) => uid);
}

function openPlanOf(row: PlanRow): OpenPlan {
  return {uid: row.uid, lockId: row.lock_id, cluster: row.cluster_name, document: JSON.parse(row.plan) as unknown};
}

/** A plan that may have ended. */
export interface PlanRecord extends OpenPlan {
  readonly state: 'open' | 'done' | 'aborted';
  /** Why it was given up; '' otherwise. */
  readonly outcome: string;
}

/** Null when no plan of this UID was journaled. */
export async function readPlan(backend: Backend, uid: string): Promise<PlanRecord | null> {
  const row = await backend.run(({db}) => db<StoredPlan>('recovery_plan').where({uid}).first());
  return row === undefined ? null : {...openPlanOf(row), state: row.state, outcome: row.outcome ?? ''};
}

export async function readPlanSteps({db}: Work, uid: string): Promise<readonly StepRecord[]> {
  const rows: readonly StepRow[] = await db('recovery_plan_step').where({uid}).orderBy('step_number').select();
  return rows.map((row) => ({
    number: Number(row.step_number),
    description: row.description,
    state: row.state,
    attempt: Number(row.attempt),
    outcome: row.outcome ?? '',
  }));
}

export function lostLock(uid: string): OrchestratorError {
  return new OrchestratorError('DEADLINE_PASSED', `the lock of recovery ${uid} is held by somebody else now: it goes on there`, {
    hint: 'see which-locks and audit-recovery-steps',
  });
}
