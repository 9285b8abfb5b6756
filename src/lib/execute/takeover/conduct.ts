import {touchLock} from '../../coordination/lock/hold.ts';
import type {LockHold} from '../../coordination/types.ts';
import {OrchestratorError, unreachable} from '../../errors/errors.ts';
import {within} from '../../errors/trail.ts';
import type {HookFacts} from '../../hooks/facts.ts';
import {failedHook, hookError, hooksOf, runHooks, type HookList} from '../../hooks/run.ts';
import type {BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Topology} from '../../model/topology.ts';
import type {Milliseconds} from '../../model/units.ts';
import {closeFinding, downtimeLost, moveAlias} from '../../store/recovery/after-recovery.ts';
import {advancePlan, readPlanSteps, writeRecoverySteps, type StepRecord} from '../../store/recovery/plans.ts';
import {recordSuccessor} from '../../store/recovery/recovery-registration.ts';
import {Publishing} from '../discovery/publishing.ts';
import {lookDown} from '../eyes/look-down.ts';
import type {Environment} from '../environment.ts';
import {fenced} from '../journal/fenced.ts';
import {runActs, type Journal, type Progress} from '../journal/run.ts';
import type {Hands} from '../steps/hands.ts';
import {placesIn} from '../steps/places.ts';
import {closeBooks} from './books.ts';
import {serversOfTakeover, takeoverActText, type TakeoverAct, type TakeoverDocument} from './document.ts';
import {performTakeover} from './steps/perform.ts';

export interface TakingOver {
  readonly document: TakeoverDocument;
  readonly hold: LockHold;
  readonly hands: Hands;
  /** As probed under the lock. */
  readonly topology: Topology;
  readonly progress: ReadonlyMap<number, Progress>;
  /** Whether a statement that may take this long may be sent now. */
  mayStillSend(timeout: Milliseconds): boolean;
}

export interface Promoted {
  readonly outcome: 'promoted';
  readonly uid: string;
  readonly successor: InstanceKey;
  /** Where the successor's binary log stood when it was opened; null when that is not known any more. */
  readonly coordinates: BinlogCoordinates | null;
  readonly lost: readonly InstanceKey[];
  /** What went wrong after the successor was open. */
  readonly problems: readonly string[];
}

/** What ended a takeover before a successor was open. */
export interface Stopped {
  readonly outcome: 'stopped';
  readonly because: string;
}

/**
 * Carries a journaled takeover on, from wherever its journal stands, until it has ended or cannot go on. Takes nothing back.
 *
 * @throws OrchestratorError DEADLINE_PASSED when the lock was lost: whoever holds it now ends it
 */
export function conductTakeover(env: Environment, what: TakingOver): Promise<Promoted | Stopped> {
  return within({recovery: what.document.uid}, () => carryOut(env, what));
}

async function carryOut(env: Environment, what: TakingOver): Promise<Promoted | Stopped> {
  const {document, topology, hands} = what;
  const {uid, plan} = document;
  const seen: Seen = {coordinates: null};
  const memory = {byPosition: plan.byPosition === true, privileged: true, logged: null, closedAt: null, closing: null};
  const places = placesIn(env.backend);
  const world = {
    topology,
    config: env.config,
    plan,
    memory,
    places,
    opened: (at: BinlogCoordinates | null) => void (seen.coordinates = at),
  };
  const publishing = publishingOf(env, document);
  const inTurn = new Set(document.acts.filter((act) => act.inTurn).map(({number}) => number));
  const end = await runActs<TakeoverAct>({
    acts: document.acts,
    progress: what.progress,
    journal: journalOf(env, what),
    inTurn: ({number}) => inTurn.has(number),
    perform: (act, attempt, number) =>
      act.do === 'step'
        ? performTakeover({...world, hands: hands.at(uid, number)}, act.step)
        : surround(env, what, {act, attempt, seen, publishing}),
    textOf: takeoverActText,
    ...(env.fault ? {fault: env.fault} : {}),
  });
  if (end.stoppedBy) return {outcome: 'stopped', because: end.stoppedBy.because};
  await lookDown(env.eyes, plan.successor, serversOfTakeover(document));
  const problems = end.failed.map(({because}) => because);
  const message = [`replaced by ${keyText(plan.successor)}`, ...problems].join('; ');
  await env.audit({type: plan.command, key: plan.failed, cluster: plan.cluster, message: `${message} (${uid})`});
  return {outcome: 'promoted', uid, successor: plan.successor, coordinates: seen.coordinates, lost: await lostBy(env, document), problems};
}

interface Seen {
  coordinates: BinlogCoordinates | null;
}

interface Surrounding {
  readonly act: Exclude<TakeoverAct, {do: 'step'}>;
  readonly attempt: number;
  readonly seen: Seen;
  readonly publishing: Publishing;
}

/** Where clients look for the source that is replaced. */
export function publishingOf(env: Environment, {plan, alias}: TakeoverDocument): Publishing {
  return new Publishing(env, {cluster: {name: plan.cluster, alias}, demoted: plan.failed});
}

/** What is done around the steps. */
async function surround(env: Environment, what: TakingOver, {act, attempt, seen, publishing}: Surrounding): Promise<string> {
  const {document, topology} = what;
  const {plan, uid} = document;
  switch (act.do) {
    case 'hooks':
      return runTakeoverHooks(env, what, {list: act.list, attempt, coordinates: seen.coordinates});
    case 'withdraw':
      return publishing.withdraw();
    case 'publish':
      return publishing.publish(plan.successor, {follows: true});
    case 'record-success':
      await fenced(env.backend, what, (work) =>
        recordSuccessor(work, uid, {successor: plan.successor, alias: topology.get(plan.successor)?.alias ?? ''}),
      );
      return `${keyText(plan.successor)} is the new source of ${plan.cluster}`;
    case 'tidy-up':
      return tidyUp(env, what);
    case 'end':
      await closeBooks(env, what, {state: 'done', lost: await lostBy(env, document), more: []});
      return 'the takeover has ended';
    default:
      return unreachable(act);
  }
}

async function tidyUp(env: Environment, what: TakingOver): Promise<string> {
  const {plan, alias} = what.document;
  const lost = await lostBy(env, what.document);
  await fenced(env.backend, what, async (work) => {
    await downtimeLost(work, lost, {owner: env.me.hostname, lasting: env.config.MasterFailoverLostInstancesDowntimeMinutes * 60});
    await closeFinding(work, {failed: plan.failed, successor: plan.successor});
    await moveAlias(work, {from: plan.cluster, to: keyText(plan.successor), alias});
  });
  return lost.length === 0 ? 'nobody was left behind' : `downtimed ${lost.map(keyText).join(', ')}`;
}

interface HookTurn {
  readonly list: HookList;
  readonly attempt: number;
  readonly coordinates: BinlogCoordinates | null;
}

/** Runs a list of external programs; who succeeds is told from the first list of takeovers on, as it was. */
export async function runTakeoverHooks(env: Environment, what: TakingOver, turn: HookTurn): Promise<string> {
  const {document, topology} = what;
  const {list, attempt, coordinates} = turn;
  const configured = hooksOf(env.config, list);
  if (!configured) return 'there are none';
  const {plan, uid} = document;
  const told = !['OnFailureDetectionProcesses', 'PreFailoverProcesses', 'PostUnsuccessfulFailoverProcesses'].includes(list);
  const facts: HookFacts = {
    ...document.facts,
    attempt,
    lost: await lostBy(env, document),
    orchestratorHost: env.me.hostname,
    successor: told ? {key: plan.successor, alias: topology.get(plan.successor)?.alias ?? '', coordinates} : null,
  };
  const lines: string[] = [];
  const outcomes = await runHooks({
    ...configured,
    facts,
    onStep: (sentence) => void lines.push(sentence),
  });
  await fenced(env.backend, what, (work) => writeRecoverySteps(work, uid, lines));
  const bad = failedHook(outcomes);
  if (bad) throw hookError(bad);
  return `${outcomes.length} ran`;
}

/** Known beforehand, or failed to follow. */
export async function lostBy(env: Pick<Environment, 'backend'>, {acts, plan, uid}: TakeoverDocument): Promise<readonly InstanceKey[]> {
  const steps = await env.backend.run((work) => readPlanSteps(work, uid));
  const failed = new Set(steps.filter(({state}) => state === 'failed').map(({number}) => number));
  const dropped = acts.flatMap(({act, number, weight}) =>
    act.do === 'step' && weight === 'lost' && failed.has(number) ? [act.step.on] : [],
  );
  return [...new Map([...plan.lost, ...dropped].map((key) => [keyText(key), key])).values()];
}

function journalOf(env: Environment, {document, hold}: TakingOver): Journal<TakeoverAct> {
  const {uid, acts, plan} = document;
  const textOf = (number: number): string => {
    const act = acts.find((one) => one.number === number);
    return act ? takeoverActText(act.act) : `step ${number}`;
  };
  return {
    async advance(ended, starting) {
      const ends = ended.map((end) => (end.state === 'done' ? `${textOf(end.number)}: ${end.outcome}` : `FAILED: ${end.outcome}`));
      for (const line of ends) env.log('info', `${plan.command} of ${keyText(plan.failed)}: ${line}`);
      const messages = [...ends, ...starting.map(({number}) => `begin: ${textOf(number)}`)];
      const advance = {ended, starting: starting.map(({number}) => number), messages};
      await advancePlan(env.backend, uid, {fenced: (work) => touchLock(work, hold), advance});
    },
  };
}

/** What the journal says of the acts. */
export async function journaled(env: Pick<Environment, 'backend'>, uid: string): Promise<ReadonlyMap<number, StepRecord>> {
  const steps = await env.backend.run((work) => readPlanSteps(work, uid));
  return new Map(steps.map((step) => [step.number, step]));
}

/** What an error says, for the record; a bug goes on being one. */
export function sentenceOf(error: unknown): string {
  if (error instanceof OrchestratorError) return error.message;
  throw error;
}
