import {OrchestratorError} from '../../errors/errors.ts';
import type {Milliseconds} from '../../model/units.ts';
import type {Backend, Work} from '../../store/backend.ts';
import type {Log} from '../keep-renewing.ts';
import {relyUntil, type Observed, type Timing} from '../timing.ts';
import type {LockHold, NodeId} from '../types.ts';
import {releaseLock} from './hold.ts';
import {keepLock} from './keep.ts';
import {beginMaintenance, endMaintenance} from './maintenance.ts';
import {findLock, isAbandoned, type LockRow} from './rows.ts';
import {sessionsOf, type JournaledSession} from './sessions.ts';
import {asObserved, nextFence, unlessRaced} from './write.ts';

export interface Takeover {
  readonly me: NodeId;
  readonly seen: Observed<LockRow>;
  readonly timing: Timing;
}

/**
 * Takes over a lock whose holder has stood still for a whole lease, with its plan: for the leader, which resumes or aborts the plan.
 * The lock keeps its id and its instances and gets a new fence, so nothing that the former holder still writes goes through.
 * Kill `sessionsOf` it before anything is changed.
 *
 * @returns null when the holder stirred, or another was faster
 */
export async function takeOverLock(backend: Backend, takeover: Takeover): Promise<LockHold | null> {
  return isAbandoned(takeover.seen, takeover.timing, performance.now()) ? replaceHolder(backend, takeover) : null;
}

export interface ForcedUnlock {
  readonly me: NodeId;
  readonly lockId: string;
  readonly timing: Timing;
  readonly log: Log;
  /** Kills these sessions and ends an open plan, while the lock is ours and for as long as a statement may still be sent. */
  readonly before: (
    hold: LockHold,
    sessions: readonly JournaledSession[],
    mayStillSend: (timeout: Milliseconds) => boolean,
  ) => Promise<void>;
}

/**
 * Takes a lock away from whoever holds it, alive or not, and removes it. Only for a person who knows that its holder must not go on.
 *
 * @returns the lock as it was
 * @throws OrchestratorError NOT_FOUND; CONTENDED when its holder is so lively that it could not be taken
 */
export async function forceUnlock(backend: Backend, {me, lockId, timing, log, before}: ForcedUnlock): Promise<LockRow> {
  const {row, hold} = await seize(backend, {me, lockId, timing});
  const kept = keepLock({backend, hold, timing, log, onLost: (reason) => log('warn', reason)});
  try {
    await before(hold, await sessionsOf(backend, lockId), (timeout) => kept.mayStillSend(timeout));
  } finally {
    await kept.stop();
  }
  if (!(await releaseLock(backend, hold)))
    throw new OrchestratorError('CONTENDED', `lock ${lockId} was taken over by somebody else before it could be removed`, {
      hint: '`orchestrator which-locks` shows by whom',
    });
  return row;
}

async function seize(
  backend: Backend,
  {me, lockId, timing}: {me: NodeId; lockId: string; timing: Timing},
): Promise<{row: LockRow; hold: LockHold}> {
  const TRIES = 20;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const row = await findLock(backend, lockId);
    if (row === null)
      throw new OrchestratorError('NOT_FOUND', `there is no lock ${lockId}`, {hint: '`orchestrator which-locks` lists them'});
    const hold = await replaceHolder(backend, {me, seen: {row, since: performance.now()}, timing});
    if (hold !== null) return {row, hold};
  }
  throw new OrchestratorError('CONTENDED', `lock ${lockId} changed hands or was renewed at every attempt to take it`, {hint: 'try again'});
}

async function replaceHolder(backend: Backend, {me, seen: {row}, timing}: Takeover): Promise<LockHold | null> {
  const asked = performance.now();
  const fence = await unlessRaced(() => backend.transaction((work) => writeHolder(work, me, row)));
  const {lockId, purpose} = row;
  return fence === null ? null : {...me, lockId, fence, purpose, validUntil: relyUntil(asked, timing)};
}

async function writeHolder(work: Work, me: NodeId, row: LockRow): Promise<number | null> {
  const {db, dialect} = work;
  const fence = await nextFence(work);
  const matched = await db('cluster_lock')
    .where(asObserved(row))
    .update({
      holder_hostname: me.hostname,
      holder_token: me.token,
      fence,
      heartbeat: db.raw('heartbeat + 1'),
      acquired_at: dialect.now(),
    });
  if (matched !== 1) return null;
  await endMaintenance(work, row);
  await beginMaintenance(work, {...me, lockId: row.lockId, reason: row.purpose});
  return fence;
}
