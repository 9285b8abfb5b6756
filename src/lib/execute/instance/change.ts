import {outliveLock, sessionsOf} from '../../coordination/lock/sessions.ts';
import {defaultTiming} from '../../coordination/timing.ts';
import {isCode, messageOf, OrchestratorError} from '../../errors/errors.ts';
import type {Instance} from '../../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import type {Milliseconds, Monotonic} from '../../model/units.ts';
import {planInstance} from '../../plan/instance/decide.ts';
import {startAsBefore} from '../../plan/instance/threads.ts';
import type {InstancePlan, InstanceWish, Seen} from '../../plan/instance/wish.ts';
import {readInstances} from '../../store/instances.ts';
import {atWork, type Bench, type HandOptions} from '../by-hand.ts';
import {killSessions} from '../kill-sessions.ts';
import {waitFor} from '../steps/wait.ts';
import {takeBackIntoService} from '../../store/downtime.ts';
import {underLock, type Locked} from '../under-lock.ts';
import {performAct} from './acts.ts';
import {see, seeInstance} from './see.ts';

/** How long what was done may take to show. */
const SHOWS_WITHIN: Milliseconds = 10_000;
/** A thread that ended with an error, and is seen so for so long, does not start by itself. */
const HOPELESS_AFTER: Milliseconds = 1500;

export interface ChangeWish {
  readonly instance: InstanceKey;
  readonly wish: InstanceWish;
  /** What it is called by those who meet the lock: the command's name. */
  readonly purpose: string;
  /** Type of its entry in the audit. */
  readonly auditAs: string;
  /** Say what would be done, and do nothing. */
  readonly noop: boolean;
  readonly force: boolean;
  /** How long to queue for the lock. */
  readonly wait: Milliseconds;
  /** For applying what was received; null = as configured. */
  readonly patience: Milliseconds | null;
  /** Who asked. */
  readonly by: string;
}

export interface Changed {
  /** As seen afterwards. */
  readonly instance: Instance;
  /** What was done, or would be. */
  readonly did: readonly string[];
  readonly remarks: readonly string[];
}

/**
 * Changes one instance because a person asked: looks at it, decides, takes its lock, looks and decides again, acts, and sees that it
 * is so. Nothing is left half done where it can be undone.
 *
 * @throws OrchestratorError REFUSED and the like with the reason; CONTENDED; SERVER_*; REPLICATION_BROKEN when it is done and what is
 *   seen afterwards is not what it should be; OUTCOME_UNKNOWN; BACKEND_*
 */
export async function changeInstance(options: HandOptions, request: ChangeWish): Promise<Changed> {
  return atWork(options, async (bench) => {
    bench.prober.model.begin(await readInstances(options.backend, options.config));
    const seen = await look(options, bench, request);
    const plan = decided(request, seen);
    if (request.noop) return {instance: seen.instance, did: plan.acts.map(({about}) => `would ${about}`), remarks: plan.remarks};
    const heartbeats = await options.heartbeats();
    try {
      const {key, cluster} = seen.instance;
      const instances = [key, ...othersIn(plan)];
      const wish = {purpose: `${request.purpose} of ${keyText(key)}`, cluster: cluster.name, instances, wait: request.wait};
      const env = {...options, timing: options.timing ?? defaultTiming, servers: bench.servers, heartbeats};
      return await underLock(env, wish, (locked) => change({options, bench, request, locked, instances}));
    } finally {
      await heartbeats.close();
    }
  });
}

interface Changing {
  readonly options: HandOptions;
  readonly bench: Bench;
  readonly request: ChangeWish;
  readonly locked: Locked;
  /** What the lock is of. */
  readonly instances: readonly InstanceKey[];
}

/** Instances that a plan changes beside the one it is about. */
function othersIn(plan: InstancePlan): readonly InstanceKey[] {
  return plan.acts.flatMap((act) => (act.act === 'say' && act.on ? [act.on] : []));
}

/** The topology may have changed while the lock was waited for: nothing that is not locked is touched. */
function mustBeLocked(plan: InstancePlan, instances: readonly InstanceKey[]): void {
  const stranger = othersIn(plan).find((key) => !instances.some((locked) => sameKey(locked, key)));
  if (!stranger) return;
  throw new OrchestratorError('REFUSED', `the topology has changed meanwhile: now ${keyText(stranger)} would be changed too`, {
    hint: 'try again',
  });
}

function look({config}: HandOptions, bench: Bench, {instance, wish, force}: ChangeWish): Promise<Seen> {
  return see(bench, {instance, wish, force, useSuperReadOnly: config.UseSuperReadOnly});
}

function decided({wish}: ChangeWish, seen: Seen): InstancePlan {
  const decision = planInstance(wish, seen);
  if (!('refused' in decision)) return decision;
  const {refused, hint, code = 'REFUSED'} = decision;
  throw new OrchestratorError(code, refused, hint === undefined ? {} : {hint});
}

async function change(changing: Changing): Promise<Changed> {
  const {options, bench, request} = changing;
  const seen = await look(options, bench, request);
  const plan = decided(request, seen);
  mustBeLocked(plan, changing.instances);
  // A source that was replaced and is opened by a person has a role again: the leader must not close it.
  if (request.wish.do === 'set-writeable') await takeBackIntoService(options.backend, [seen.instance.key]);
  const record = (what: string): Promise<void> =>
    options.audit({
      type: request.auditAs,
      key: seen.instance.key,
      cluster: seen.instance.cluster.name,
      message: `${what}, by ${request.by}`,
    });
  try {
    const remarks = [...plan.remarks, ...(await perform(changing, {seen, plan}, record))];
    const instance = await verify(changing, {seen, plan});
    await record([plan.record, ...remarks].filter((text) => text !== '').join('; ') || 'done');
    return {instance, did: plan.acts.map(({about}) => about), remarks};
  } catch (error) {
    await record(`not done, or not as wished: ${messageOf(error)}`);
    throw error;
  }
}

interface Planned {
  readonly seen: Seen;
  readonly plan: InstancePlan;
}

async function perform(changing: Changing, {seen, plan}: Planned, note: (what: string) => Promise<void>): Promise<readonly string[]> {
  const {options, bench, request, locked} = changing;
  const patience = request.patience ?? patienceOf(options, request);
  const shop = {hands: locked.hands, prober: bench.prober, seen, patience, note};
  // It answers now: whatever fails from here on, something may have been sent.
  await locked.hands.on(seen.instance);
  const remarks: string[] = [];
  let stopped = false;
  try {
    for (const act of plan.acts) {
      remarks.push(...(await performAct(shop, act)));
      stopped ||= act.act === 'stop';
    }
    return remarks;
  } catch (error) {
    if (isCode(error, 'SERVER_TIMEOUT', 'SERVER_UNREACHABLE')) return [...remarks, await unanswered(changing, {seen, plan, error})];
    if (stopped && !isCode(error, 'DEADLINE_PASSED', 'OUTCOME_UNKNOWN')) await startAgain(locked, seen);
    throw error;
  }
}

/** Where a source can send it once more, applying it first is a courtesy. */
function patienceOf({config}: HandOptions, {wish}: ChangeWish): Milliseconds {
  const isCourtesy = wish.do === 'stop-replica';
  return (isCourtesy ? config.InstanceBulkOperationsWaitTimeoutSeconds : config.RecoveryDrainTimeoutSeconds) * 1000;
}

/** A statement was sent and not answered: it is ended. If all is as wished nevertheless, that is said; else nobody knows. */
async function unanswered({bench, options, locked}: Changing, {seen, plan, error}: Planned & {error: Error}): Promise<string> {
  const {remarks, left} = await killSessions(bench.servers, await sessionsOf(options.backend, locked.hold.lockId));
  await outliveLock(options.backend, locked.hold, {left, gone: []});
  for (const sentence of remarks) options.log('warn', sentence);
  const {on = seen.instance.key, check} = plan.expects;
  const now = await bench.prober.probe(on);
  if (now?.check.valid && check(now) === null) return `${error.message}; it was done all the same`;
  throw new OrchestratorError('OUTCOME_UNKNOWN', `${error.message}; whether it was done is not known`, {
    hint: `look at ${keyText(on)} before you try again`,
    cause: error,
  });
}

/** What did not come through must not leave a replica standing that ran before. */
async function startAgain({hands}: Locked, {instance}: Seen): Promise<void> {
  if (!instance.replication) return;
  const hand = await hands.on(instance);
  if ((await hand.replication()) === null) return;
  const acts = startAsBefore({name: '', instance, replication: instance.replication, flavor: hand.flavor});
  for (const act of acts) if (act.act === 'say') for (const statement of act.statements) await hand.say(statement);
}

/** Looks until all is as it should be, and stays so. */
async function verify({bench}: Changing, {seen, plan}: Planned): Promise<Instance> {
  const {on = seen.instance.key, check, steadyFor} = plan.expects;
  let [since, brokenSince]: [Monotonic | null, Monotonic | null] = [null, null];
  let problem: string | null = 'it could not be read';
  const found = await waitFor(
    async () => {
      const now = await bench.prober.probe(on);
      problem = now?.check.valid ? check(now) : 'it could not be read';
      since = problem === null ? (since ?? performance.now()) : null;
      brokenSince = problem !== null && now && hasFailed(now) ? (brokenSince ?? performance.now()) : null;
      if (now && since !== null && performance.now() - since >= steadyFor) return now;
      return brokenSince !== null && performance.now() - brokenSince >= HOPELESS_AFTER ? 'hopeless' : null;
    },
    {within: SHOWS_WITHIN, every: 50},
  );
  if (found === null || found === 'hopeless') throw notSeen(plan, on, problem);
  return sameKey(on, seen.instance.key) ? found : seeInstance(bench, seen.instance.key);
}

function hasFailed({replication}: Instance): boolean {
  return [replication?.receiver, replication?.applier].some((thread) => thread?.state === 'stopped' && thread.errno !== 0);
}

function notSeen(plan: InstancePlan, on: InstanceKey, problem: string | null): OrchestratorError {
  const done = plan.acts.map(({about}) => about).join('; ');
  return new OrchestratorError('REPLICATION_BROKEN', `${keyText(on)} is not as it should be: ${problem}`, {
    hint: `this was done: ${done}`,
  });
}
