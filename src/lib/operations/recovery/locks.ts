import {contentionError} from '../../coordination/lock/contention.ts';
import {listLocks} from '../../coordination/lock/rows.ts';
import {watchLocks, type SeenLock} from '../../coordination/lock/standstill.ts';
import {defaultTiming} from '../../coordination/timing.ts';
import {OrchestratorError} from '../../errors/errors.ts';
import {keyText} from '../../model/instance-key.ts';
import {readOpenPlans, readPlan} from '../../store/recovery/plans.ts';
import {audit} from '../audit-trail.ts';
import type {Aborted} from '../../execute/abort.ts';
import type {Context, Unlocked} from '../context.ts';
import {define} from '../define.ts';
import {flag, optionalText, text} from '../fields.ts';

const SECTION = 'Recovery';

/** A lock as it is shown to people. */
interface ShownLock extends SeenLock {
  /** Of the recovery that it carries and that has not ended; null where there is none. */
  readonly uid: string | null;
}

export const whichLocks = define({
  name: 'which-locks',
  section: SECTION,
  formerly: [],
  about: 'Clusters that are being changed now: by whom, what for, since when, and whether the holder gives signs of life',
  details:
    'Looks twice, a second and a half apart. A holder that does not stir for five seconds has given up by its own clock: the leader then takes the lock over and resumes or ends its recovery.',
  examples: ['which-locks', 'which-locks --json'],
  input: {},
  changes: 'nothing',
  run: shownLocks,
  print: (locks) => locks.map((lock) => cells(lock).join('\t')),
  table: (locks) => ({
    head: ['lock', 'cluster', 'holder', 'purpose', 'since', 'fence', 'heartbeat', 'open recovery', 'instances'],
    rows: locks.map((lock) => cells(lock).map((cell, column) => (column === 8 ? cell.replaceAll(',', '\n') : cell))),
  }),
  json: (locks) =>
    locks.map(({hostname, token, acquiredAt, planOpen, uid, ...lock}) => ({
      ...lock,
      holder: {hostname, token},
      since: acquiredAt,
      openRecovery: planOpen ? uid : null,
    })),
});

async function shownLocks(context: Context): Promise<readonly ShownLock[]> {
  const backend = await context.backend();
  const locks = await watchLocks(backend, defaultTiming);
  const plans = locks.some(({planOpen}) => planOpen) ? await readOpenPlans(backend) : [];
  return locks.map((lock) => ({...lock, uid: plans.find(({lockId}) => lockId === lock.lockId)?.uid ?? null}));
}

function cells(lock: ShownLock): readonly string[] {
  const {lockId, cluster, hostname, purpose, acquiredAt, fence, stirs, uid, instances} = lock;
  return [
    lockId,
    cluster,
    hostname,
    purpose.replaceAll(/\s/g, ' '),
    acquiredAt,
    String(fence),
    stirs ? 'moving' : 'still',
    uid ?? '',
    instances.map(keyText).join(','),
  ];
}

const REASON = optionalText({name: 'reason', short: 'r', value: 'TEXT', about: 'why, for the record'});

export const unlock = define({
  name: 'unlock',
  section: SECTION,
  formerly: [],
  about: 'Take a lock away from its holder, alive or not',
  details:
    'For when its holder must not go on. Ends the sessions that the holder has on the servers, gives up the recovery that the lock carries, and removes the lock. What was done on servers stays done. A holder that is merely gone needs none of this: the leader takes over by itself.',
  examples: ['unlock --lock 4f1c2b1e-58a6-4f8f-8f55-0d3bd1a8a3c1 --force'],
  input: {
    lock: text({name: 'lock', value: 'ID', about: 'the lock, as which-locks shows it'}, {bare: true}),
    force: flag('force', 'yes, take it away; without this nothing is done'),
    reason: REASON,
  },
  changes: 'servers',
  async run(context, {lock, force, reason}): Promise<Unlocked> {
    if (!force) throw await unforced(context, lock);
    const done = await context.unlock({lockId: lock, because: wording(context, 'its lock was taken away', reason)});
    const {cluster, hostname, purpose, acquiredAt} = done.lock;
    const message = `by ${context.caller.user}: ${purpose}, held by ${hostname} since ${acquiredAt}${reason === null ? '' : `, reason: ${reason}`}`;
    await audit(context, {type: 'unlock', cluster, message});
    for (const remark of done.remarks) context.warn(remark);
    if (done.aborted) await reportAborted(context, done.aborted);
    return done;
  },
  print: ({lock}) => [lock.lockId],
  exits: {3: 'there is no such lock', 4: 'without --force', 7: 'its holder renewed it at every attempt to take it'},
});

/** Who has the lock, and what to do instead of forcing. */
async function unforced(context: Context, lockId: string): Promise<OrchestratorError> {
  const found = (await listLocks(await context.backend())).find((lock) => lock.lockId === lockId);
  if (!found) return new OrchestratorError('NOT_FOUND', `there is no lock ${lockId}`, {hint: '`orchestrator which-locks` lists them'});
  const {hostname, token, cluster, purpose, acquiredAt: since} = found;
  const [instance = {host: '', port: 0}] = found.instances;
  const {message} = contentionError({contended: true, instance, cluster, holder: {hostname, token}, purpose, since, lockId});
  return new OrchestratorError('REFUSED', `${message}; the lock was left alone`, {
    hint: 'the leader takes over from a holder that is gone; --force takes it away from one that is not',
  });
}

const UID = text({name: 'uid', value: 'UID', about: 'UID of the recovery, as which-locks and audit-recovery show it'}, {bare: true});
const EXITS = {3: 'there is no such recovery', 4: 'it has ended', 7: 'its holder is alive, or another has taken over'} as const;

export const recoveryResume = define({
  name: 'recovery resume',
  section: SECTION,
  formerly: [],
  about: 'Go on with a recovery or a relocation whose node or command is gone',
  details:
    'The leader does this by itself within ten seconds; by hand it works where nobody leads. Takes over the lock once its holder has stood still for five seconds, ends the sessions it left, repeats the step it was at and carries the plan to its end, under the same UID. A holder that is alive is left alone.',
  examples: ['recovery resume 1700000000000000000:0a1b'],
  input: {uid: UID},
  changes: 'servers',
  async run(context, {uid}) {
    const outcome = await context.resumeRecovery(uid);
    if (outcome === null) {
      const plan = await readPlan(await context.backend(), uid);
      throw new OrchestratorError('REFUSED', `recovery ${uid} was not resumed: ${plan?.outcome || 'it is not ours any more'}`);
    }
    await audit(context, {type: 'resume-recovery', message: `${uid} by ${context.caller.user}: ${outcome.outcome}`});
    if (outcome.outcome === 'failed') {
      throw new OrchestratorError('RECOVERY_FAILED', `recovery ${uid} was resumed, but could not be completed: ${outcome.because}`, {
        hint: `orchestrator audit-recovery-steps ${uid} shows how far it came`,
      });
    }
    if (outcome.outcome === 'relocated') return resumedRelocation(outcome);
    if (outcome.lost.length > 0) context.warn(`lost replicas: ${outcome.lost.map(keyText).join(', ')}`);
    return outcome;
  },
  print: (done) => (done.outcome === 'relocated' ? done.moved.map(keyText) : [keyText(done.successor)]),
  exits: {1: 'resumed, and could not be completed', ...EXITS},
});

function resumedRelocation<Done extends {readonly uid: string; readonly problems: readonly string[]}>(done: Done): Done {
  if (done.problems.length === 0) return done;
  throw new OrchestratorError('REPLICATION_BROKEN', `relocation ${done.uid} was resumed, but: ${done.problems.join('; ')}`, {
    hint: `orchestrator audit-recovery-steps ${done.uid} shows all of it`,
  });
}

export const recoveryAbort = define({
  name: 'recovery abort',
  section: SECTION,
  formerly: [],
  about: 'Give up a recovery or a relocation whose node or command is gone',
  details:
    'Ends the sessions that its holder left on the servers, starts the receivers that it had stopped, records the recovery as ended with the reason, and removes its lock. Nothing else is undone and no hook runs: standard error says what had been done, and what could not be started. Where a successor was opened already, receivers that still point at the old source stay stopped, and are named. Where anybody was opened or moved, or may have been, automatic recovery of the cluster stays blocked until the recovery is acknowledged or RecoveryPeriodBlockSeconds have passed; otherwise the next one may begin at once.',
  examples: ['recovery abort 1700000000000000000:0a1b --reason "repaired by hand"'],
  input: {uid: UID, reason: REASON},
  changes: 'servers',
  async run(context, {uid, reason}): Promise<Aborted> {
    const aborted = await context.abortRecovery({uid, because: wording(context, 'given up', reason)});
    for (const remark of aborted.remarks) context.warn(remark);
    await reportAborted(context, aborted);
    return aborted;
  },
  print: ({uid}) => [uid],
  exits: EXITS,
});

function wording({caller}: Context, what: string, reason: string | null): string {
  return `${what} by ${caller.user}${reason === null ? '' : `: ${reason}`}`;
}

/** Audit for those who ask later, and a word to the person who has to look after the servers now. */
async function reportAborted(context: Context, {uid, failed, cluster, done, notDone}: Aborted): Promise<void> {
  await audit(context, {type: 'abort-recovery', key: failed, cluster, message: `${uid} by ${context.caller.user}`});
  const steps = done.length === 0 ? 'nothing had been done' : `done before: ${done.join('; ')}`;
  const rest = notDone.length === 0 ? '' : `; not done: ${notDone.join('; ')}`;
  context.warn(`recovery ${uid} of ${keyText(failed)} was given up; ${steps}${rest}`);
}
