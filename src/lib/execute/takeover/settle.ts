import {sessionJournal} from '../../coordination/lock/sessions.ts';
import {OrchestratorError} from '../../errors/errors.ts';
import type {Instance} from '../../model/instance.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import {lostLock} from '../../store/recovery/plans.ts';
import type {Environment} from '../environment.ts';
import type {ActState, Progress} from '../journal/run.ts';
import {tellOfFailure} from '../journal/unsuccessful.ts';
import {killFormer} from '../kill-sessions.ts';
import {Hands, type Hand} from '../steps/hands.ts';
import {isReadOnly} from '../steps/promote.ts';
import {waitFor} from '../steps/wait.ts';
import {closeBooks} from './books.ts';
import {conductTakeover, journaled, publishingOf, runTakeoverHooks, sentenceOf, type Promoted, type TakingOver} from './conduct.ts';
import {serversOfTakeover, type JournaledTakeoverAct, type TakeoverDocument} from './document.ts';
import type {TakeoverStep} from '../../plan/takeover/plan.ts';
import {namingFor} from '../naming.ts';

/** Everything is as it was before, or what is not is told. */
export interface TakenBack {
  readonly outcome: 'failed';
  readonly uid: string;
  readonly because: string;
  /** What was taken back, and what could not be. */
  readonly remarks: readonly string[];
}

export type TakeoverEnding = Promoted | TakenBack;

/** A thread that was told to start runs, or has failed, within this. */
const STARTED_WITHIN = 5000;

/**
 * Ends a takeover that cannot go on as it was meant, or whose conductor is gone: completes it where the successor is open already, for
 * clients write there; takes everything back where it is not. First ends all sessions it had, so that nothing of it is still under way.
 *
 * @throws OrchestratorError DEADLINE_PASSED when the lock was lost, BACKEND_*
 */
export async function settle(env: Environment, what: Omit<TakingOver, 'hands' | 'progress'>, because: string): Promise<TakeoverEnding> {
  const {document, hold} = what;
  const {remarks: unkilled, left: former} = await killFormer(env, hold);
  const hands = new Hands({
    servers: env.servers,
    what: document.uid,
    fence: hold.fence,
    former,
    naming: namingFor(env),
    mayStillSend: (timeout) => what.mayStillSend(timeout),
    journal: sessionJournal(env.backend, hold, () => lostLock(document.uid)),
  });
  try {
    const steps = await journaled(env, document.uid);
    const stateOf = (number: number): ActState => steps.get(number)?.state ?? 'planned';
    const settling = {...what, hands, progress: steps};
    if (await isOpen(settling, stateOf)) return await complete(env, settling);
    return await takeBack(env, settling, {because, stateOf, remarks: unkilled});
  } finally {
    hands.release();
  }
}

function actOf({acts}: TakeoverDocument, kind: TakeoverStep['do']): JournaledTakeoverAct | undefined {
  return acts.find(({act}) => act.do === 'step' && act.step.do === kind);
}

/** Seen open before, or open now. One that cannot be asked is not: whether anybody wrote to it cannot be known, and it is told. */
async function isOpen({document, topology, hands}: TakingOver, stateOf: (act: number) => ActState): Promise<boolean> {
  const opening = actOf(document, 'open');
  const state = opening ? stateOf(opening.number) : 'planned';
  if (state === 'done') return true;
  const successor = topology.get(document.plan.successor);
  if (state === 'planned' || !successor) return false;
  try {
    return !(await isReadOnly(await hands.on(successor)));
  } catch (error) {
    if (!(error instanceof OrchestratorError) || error.code === 'DEADLINE_PASSED') throw error;
    return false;
  }
}

/** What led up to the opening is done; everything after it is repeated where it was begun. */
async function complete(env: Environment, what: TakingOver): Promise<TakeoverEnding> {
  const {document} = what;
  const opening = actOf(document, 'open')?.number ?? -1;
  const progress = new Map<number, Progress>(what.progress);
  for (const {number} of document.acts.filter((act) => act.number <= opening)) {
    progress.set(number, {state: 'done', attempt: progress.get(number)?.attempt ?? 1, outcome: 'the successor is open'});
  }
  for (const {number} of document.acts.filter((act) => act.number > opening && progress.get(act.number)?.outcome === 'not reached')) {
    progress.delete(number);
  }
  const ending = await conductTakeover(env, {...what, progress});
  if (ending.outcome === 'promoted') return ending;
  throw new OrchestratorError('RECOVERY_FAILED', `takeover ${document.uid} has a successor and could not be ended: ${ending.because}`);
}

interface GivingUp {
  readonly because: string;
  readonly remarks: readonly string[];
  stateOf(act: number): ActState;
}

async function takeBack(env: Environment, what: TakingOver, {because, stateOf, remarks}: GivingUp): Promise<TakenBack> {
  const {document} = what;
  const {uid, plan} = document;
  const begun = (kind: TakeoverStep['do']): boolean => {
    const act = actOf(document, kind);
    return act !== undefined && stateOf(act.number) !== 'planned';
  };
  const lines = [
    `the takeover failed: ${because}`,
    ...remarks,
    ...(begun('close-source') ? await reopen(what) : []),
    ...(begun('prepare') ? await restore(what, plan.successor) : []),
    ...(await publishAgain(env, what, {
      wasWithdrawn: document.acts.some(({act, number}) => act.do === 'withdraw' && stateOf(number) !== 'planned'),
    })),
  ];
  const list = 'PostUnsuccessfulFailoverProcesses';
  lines.push(await tellOfFailure(env, what, (attempt) => runTakeoverHooks(env, what, {list, attempt, coordinates: null})));
  await closeBooks(env, what, {state: 'aborted', lost: [], more: lines});
  await env.audit({type: plan.command, key: plan.failed, cluster: plan.cluster, message: `failed: ${because} (${uid})`});
  await env.eyes.look(serversOfTakeover(document));
  for (const line of lines) env.log('warn', `${plan.command} of ${plan.cluster}: ${line}`);
  return {outcome: 'failed', uid, because, remarks: lines.slice(1, -1)};
}

/** First of all, the source takes writes again. */
async function reopen({document: {plan}, topology, hands}: TakingOver): Promise<readonly string[]> {
  const name = keyText(plan.failed);
  if (plan.wasReadOnly) return [`${name} stays read-only, as it was`];
  return told(`${name} could not be opened again`, topology.get(plan.failed), async (source) => {
    const hand = await hands.on(source);
    for (const statement of hand.flavor.setReadOnly(false, hand.flavor.hasSuperReadOnly)) await hand.say(statement);
    return (await isReadOnly(hand)) ? `${name} says read_only although it was switched off` : `${name} is writable again`;
  });
}

/** Clients are to find the source that stays, if it takes writes again. */
async function publishAgain(
  env: Environment,
  {document, topology, hands}: TakingOver,
  {wasWithdrawn}: {readonly wasWithdrawn: boolean},
): Promise<readonly string[]> {
  const {failed, wasReadOnly} = document.plan;
  if (!wasWithdrawn || wasReadOnly) return [];
  return told(`clients may not find ${keyText(failed)}`, topology.get(failed), async (source) => {
    if (await isReadOnly(await hands.on(source))) return `clients are not told of ${keyText(failed)}, which takes no writes`;
    return publishingOf(env, document).restore();
  });
}

/** The candidate is a replica as before. */
async function restore({document: {plan, before}, topology, hands}: TakingOver, key: InstanceKey): Promise<readonly string[]> {
  const name = keyText(key);
  const switched = plan.steps.some(({step}) => step.do === 'prepare' && step.semiSync);
  return told(`${name} could not be looked after, and may be open`, topology.get(key), async (candidate) => {
    const hand = await hands.on(candidate);
    if (switched && !before.semiSync) await hand.say(hand.flavor.setSemiSync('source', false, candidate.semiSync));
    if (before.writable) for (const statement of hand.flavor.setReadOnly(false, hand.flavor.hasSuperReadOnly)) await hand.say(statement);
    await hand.say(hand.flavor.startReplication);
    return (await replicates(hand)) ? `${name} replicates as before` : `${name} does not replicate: look at its replication status`;
  });
}

async function replicates(hand: Hand): Promise<boolean> {
  const seen = await waitFor(
    async () => {
      const now = await hand.replication();
      return now?.receiver.state === 'running' && now.applier.state === 'running' ? true : null;
    },
    {within: STARTED_WITHIN, every: 20},
  );
  return seen === true;
}

async function told(
  failure: string,
  instance: Instance | undefined,
  act: (instance: Instance) => Promise<string>,
): Promise<readonly string[]> {
  try {
    return [instance ? await act(instance) : `${failure}: it is not known any more`];
  } catch (error) {
    if (error instanceof OrchestratorError && error.code === 'DEADLINE_PASSED') throw error;
    return [`${failure}: ${sentenceOf(error)}`];
  }
}
