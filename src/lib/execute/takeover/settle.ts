import {sessionJournal} from '../../coordination/lock/sessions.ts';
import {OrchestratorError} from '../../errors/errors.ts';
import type {Instance} from '../../model/instance.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import {classifyFailure} from '../../servers/failure.ts';
import {lostLock} from '../../store/recovery/plans.ts';
import type {Environment} from '../environment.ts';
import {NOT_REACHED, type ActState, type Progress} from '../journal/run.ts';
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

/** A takeover that is to be ended. */
export interface Settling extends Omit<TakingOver, 'hands' | 'progress'> {
  /** It is to end now, also where nobody can say whether the successor is open: the source stays closed then, and that is told. */
  readonly forGood?: boolean;
}

/**
 * Ends a takeover that cannot go on as it was meant, or whose conductor is gone: completes it where the successor is open already, for
 * clients write there; takes everything back where it is not. First ends all sessions it had, so that nothing of it is still under way.
 *
 * @throws OrchestratorError RECOVERY_FAILED while it cannot be known whether the successor is open: nothing is opened beside it, and the
 *   plan stays open; DEADLINE_PASSED when the lock was lost; BACKEND_*
 */
export async function settle(env: Environment, what: Settling, because: string): Promise<TakeoverEnding> {
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
    const opening = await openingOf(settling, stateOf);
    if (opening === 'open') return await complete(env, settling);
    const unknown = opening === 'closed' ? null : opening.unknown;
    if (unknown !== null && !what.forGood) throw notKnown(document, unknown);
    return await takeBack(env, settling, {because, stateOf, remarks: unkilled, unknown});
  } finally {
    hands.release();
  }
}

function actOf({acts}: TakeoverDocument, kind: TakeoverStep['do']): JournaledTakeoverAct | undefined {
  return acts.find(({act}) => act.do === 'step' && act.step.do === kind);
}

/** Whether somebody may write to the successor by now. */
type Opening = 'open' | 'closed' | {readonly unknown: string};

/**
 * Seen open before, or open now. A server that does not run is not open; nor is one whose turn never came, as where the source, which is
 * closed first, still takes writes. Any other that cannot be asked may be, and what was sent to it may yet be executed.
 */
async function openingOf({document, topology, hands, progress}: TakingOver, stateOf: (act: number) => ActState): Promise<Opening> {
  const opening = actOf(document, 'open');
  const state = opening ? stateOf(opening.number) : 'planned';
  if (state === 'done') return 'open';
  if (!opening || state === 'planned' || progress.get(opening.number)?.outcome === NOT_REACHED) return 'closed';
  const {failed, successor} = document.plan;
  const asked = await isWritable({topology, hands}, successor);
  if (asked === true) return 'open';
  if (asked === false || asked.isGone) return 'closed';
  return (await isWritable({topology, hands}, failed)) === true ? 'closed' : {unknown: asked.because};
}

/** Why a server could not be asked. */
interface Unasked {
  readonly because: string;
  /** Its host answers, and it does not run. */
  readonly isGone: boolean;
}

async function isWritable({topology, hands}: Pick<TakingOver, 'topology' | 'hands'>, key: InstanceKey): Promise<boolean | Unasked> {
  const instance = topology.get(key);
  if (!instance) return {because: `${keyText(key)} is not known any more`, isGone: false};
  try {
    return !(await isReadOnly(await hands.on(instance)));
  } catch (error) {
    if (!(error instanceof OrchestratorError) || error.code === 'DEADLINE_PASSED') throw error;
    return {because: error.message, isGone: classifyFailure(error).reach === 'refused'};
  }
}

function notKnown({uid, plan}: TakeoverDocument, because: string): OrchestratorError {
  const [source, successor] = [keyText(plan.failed), keyText(plan.successor)];
  return new OrchestratorError(
    'RECOVERY_FAILED',
    `takeover ${uid} cannot be ended: whether ${successor} was opened is not known (${because}), so ${source} stays closed`,
    {
      hint: `the leader ends it as soon as ${successor} answers or does not run any more; orchestrator recovery abort ${uid} leaves it to you`,
    },
  );
}

/** What led up to the opening is done; everything after it is repeated where it was begun. */
async function complete(env: Environment, what: TakingOver): Promise<TakeoverEnding> {
  const {document} = what;
  const opening = actOf(document, 'open')?.number ?? -1;
  const progress = new Map<number, Progress>(what.progress);
  for (const {number} of document.acts.filter((act) => act.number <= opening)) {
    progress.set(number, {state: 'done', attempt: progress.get(number)?.attempt ?? 1, outcome: 'the successor is open'});
  }
  for (const {number} of document.acts.filter((act) => act.number > opening && progress.get(act.number)?.outcome === NOT_REACHED)) {
    progress.delete(number);
  }
  const ending = await conductTakeover(env, {...what, progress});
  if (ending.outcome === 'promoted') return ending;
  throw new OrchestratorError('RECOVERY_FAILED', `takeover ${document.uid} has a successor and could not be ended: ${ending.because}`);
}

interface GivingUp {
  readonly because: string;
  readonly remarks: readonly string[];
  /** Why nobody can say whether the successor is open; null: it is not. */
  readonly unknown: string | null;
  stateOf(act: number): ActState;
}

async function takeBack(env: Environment, what: TakingOver, {because, stateOf, remarks, unknown}: GivingUp): Promise<TakenBack> {
  const {document} = what;
  const {uid, plan} = document;
  const begun = (kind: TakeoverStep['do']): boolean => {
    const act = actOf(document, kind);
    return act !== undefined && stateOf(act.number) !== 'planned';
  };
  const lines = [
    `the takeover failed: ${because}`,
    ...remarks,
    ...(unknown === null ? await undo(what, begun) : [leftClosed(plan, unknown)]),
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

async function undo(what: TakingOver, begun: (kind: TakeoverStep['do']) => boolean): Promise<readonly string[]> {
  return [
    ...(begun('close-source') ? await reopen(what) : []),
    ...(begun('prepare') ? await restore(what, what.document.plan.successor) : []),
  ];
}

/** Two that take writes are worse than none. */
function leftClosed({failed, successor}: TakeoverDocument['plan'], because: string): string {
  const [source, maybe] = [keyText(failed), keyText(successor)];
  return `${source} stays read-only: ${maybe} may be open (${because}); once ${maybe} is known to be closed, or is gone for good, orchestrator set-writeable -i ${source}`;
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
