import {OrchestratorError} from '../../errors/errors.ts';
import type {Milliseconds} from '../../model/units.ts';
import type {Backend, Work} from '../../store/backend.ts';
import type {Log} from '../keep-renewing.ts';
import {serverOf, settle, whenSettled} from '../place.ts';
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
  return isAbandoned(takeover.seen, takeover.timing, performance.now())
    ? replaceHolder(backend, {...takeover, row: takeover.seen.row})
    : null;
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
    const hold = await replaceNow(backend, {me, row, timing, whenElsewhere: 'ignore'});
    if (hold !== null) return {row, hold};
  }
  throw new OrchestratorError('CONTENDED', `lock ${lockId} changed hands or was renewed at every attempt to take it`, {hint: 'try again'});
}

/** What to do where the backend is another server than before; who takes a lock away from a living holder need not ask. */
type WhenElsewhere = 'wait' | 'settle' | 'ignore';

interface Replacing {
  readonly me: NodeId;
  readonly row: LockRow;
  readonly timing: Timing;
}

/** Not before a whole lease where the backend turns out to be another server: the holder may have stirred on the former one. */
async function replaceHolder(backend: Backend, replacing: Replacing): Promise<LockHold | null> {
  return whenSettled(replacing, (waited) => replaceNow(backend, {...replacing, whenElsewhere: waited ? 'settle' : 'wait'}));
}

async function replaceNow(
  backend: Backend,
  {me, row, timing, whenElsewhere}: Replacing & {readonly whenElsewhere: WhenElsewhere},
): Promise<LockHold | null> {
  const {lockId, purpose} = row;
  const asked = performance.now();
  const tried: number[] = [];
  const written = await unlessRaced(() =>
    backend.transaction(async (work) => {
      const {fence, elsewhere} = await nextFence(work, serverOf(backend));
      if (elsewhere && whenElsewhere !== 'ignore') await settle(work, serverOf(backend), whenElsewhere === 'settle');
      tried.push(fence);
      return writeHolder(work, {me, row, fence});
    }),
  );
  // what is not as it was observed may be our own: the answer to a COMMIT was lost, and the work repeated
  const fence = written ?? (await fenceHeldBy(backend, me, lockId));
  return fence !== null && tried.includes(fence) ? {...me, lockId, fence, purpose, validUntil: relyUntil(asked, timing)} : null;
}

async function fenceHeldBy(backend: Backend, {hostname, token}: NodeId, lockId: string): Promise<number | null> {
  const row = await findLock(backend, lockId);
  return row !== null && row.hostname === hostname && row.token === token ? row.fence : null;
}

async function writeHolder(
  work: Work,
  {me, row, fence}: {readonly me: NodeId; readonly row: LockRow; readonly fence: number},
): Promise<number | null> {
  const {db, dialect} = work;
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
