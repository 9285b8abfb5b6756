import type {Config} from '../../../config/keys.ts';
import {isCode, messageOf, OrchestratorError, unreachable} from '../../../errors/errors.ts';
import {carrySemiSync} from '../../../flavor/takeover.ts';
import {coordinatesIn, coordinatesText, type BinlogCoordinates} from '../../../model/binlog-coordinates.ts';
import type {Instance} from '../../../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../../../model/instance-key.ts';
import type {Topology} from '../../../model/topology.ts';
import type {Milliseconds} from '../../../model/units.ts';
import {MANNERS, type TakeoverPlan, type TakeoverStep} from '../../../plan/takeover/plan.ts';
import {kill} from '../../steps/close-source.ts';
import type {Hand, Hands} from '../../steps/hands.ts';
import {mustKnow} from '../../steps/known.ts';
import {logEnd} from '../../steps/log-end.ts';
import {drainPatience} from '../../steps/perform.ts';
import {placeAt, unknownPlace} from '../../steps/place.ts';
import type {Places} from '../../steps/places.ts';
import {forgetSource, isReadOnly} from '../../steps/promote.ts';
import {pointAndLeave, rejoin} from '../../steps/rejoin.ts';
import {repoint} from '../../steps/repoint.ts';
import {busySessions} from '../busy.ts';
import {catchUp, close, keepUp, makeReady, open, reach, release, written, type Memory} from './switch.ts';

/** What steps need: the servers as last probed under the lock, and hands on them. */
export interface TakeoverWorld {
  readonly topology: Topology;
  readonly config: Config;
  readonly hands: Hands;
  readonly plan: TakeoverPlan;
  readonly memory: Memory;
  readonly places: Places;
  /** Told where the successor's binary log stood when it was opened. */
  opened(at: BinlogCoordinates | null): void;
}

/**
 * Does one step of a takeover on one server. Every step bears repetition.
 *
 * @returns what was seen afterwards, as a sentence for the journal
 * @throws OrchestratorError when the server is not in the state that the step promises
 */
export async function performTakeover(world: TakeoverWorld, step: TakeoverStep): Promise<string> {
  switch (step.do) {
    case 'prepare':
      return prepare(world, step);
    case 'close-source':
      if (step.killWriters) await endBusy(world, step.on);
      return closeSource(world, await handOn(world, step.on));
    case 'catch-up':
      return catchUpWith(world, step);
    case 'open':
      return openSuccessor(world, step.on);
    case 'release':
      return release(await handOn(world, step.on));
    case 'stop-replication':
      return stopReplication(await handOn(world, step.on));
    case 'repoint':
      return sibling(world, step);
    case 'rejoin':
      return oldSource(world, step);
    case 'semi-sync':
      return switchSemiSync(world, step);
    case 'forget-source':
      return forgetSource(await handOn(world, step.on));
    default:
      return unreachable(step);
  }
}

function handOn({hands, topology}: Pick<TakeoverWorld, 'hands' | 'topology'>, key: InstanceKey): Promise<Hand> {
  return hands.on(mustKnow(topology, key));
}

function patienceOf({config}: Pick<TakeoverWorld, 'config'>): Milliseconds {
  return Math.max(1, config.ReasonableMaintenanceReplicationLagSeconds) * 1000;
}

/** All that can be done while the source is open. Hooks may have taken their time, so what stands in the way is looked for again. */
async function prepare(world: TakeoverWorld, step: Extract<TakeoverStep, {do: 'prepare'}>): Promise<string> {
  const {memory} = world;
  const [successor, source] = await Promise.all([handOn(world, step.on), handOn(world, step.source)]);
  await mustBeIdle(world, source);
  if (step.semiSync) await switchSemiSync(world, step);
  // From here on it is open only when it has succeeded: whoever resumes tells by that how far this came.
  if (!(await isReadOnly(successor))) for (const statement of successor.flavor.setReadOnly(true, true)) await successor.say(statement);
  await reach(successor, await written(source, memory), {patience: patienceOf(world), memory: {...memory, logged: null}});
  const ended = await makeReady(successor, source, memory);
  return `${keyText(step.on)} is close behind ${keyText(step.source)}${ended}`;
}

async function mustBeIdle({plan, config}: TakeoverWorld, source: Hand): Promise<void> {
  const kills = plan.steps.some(({step}) => step.do === 'close-source' && step.killWriters);
  if (kills || MANNERS[plan.command].forced) return;
  const busy = await busySessions(source, config.TakeoverTransactionLimitSeconds);
  if (busy.length === 0) return;
  const who = busy.map(({id, user, host, lasting}) => `${id} of ${user}@${host} for ${lasting} s`).join(', ');
  throw new OrchestratorError('REFUSED', `on ${keyText(source.key)} work is under way: session ${who} (TakeoverTransactionLimitSeconds)`, {
    hint: 'wait for it, end it with kill-query, or let --kill-writers end it',
  });
}

async function endBusy(world: TakeoverWorld, key: InstanceKey): Promise<void> {
  const hand = await handOn(world, key);
  const busy = await busySessions(hand, world.config.TakeoverTransactionLimitSeconds);
  await kill(
    hand,
    busy.map(({id}) => ({id})),
  );
}

async function closeSource(world: TakeoverWorld, source: Hand): Promise<string> {
  const {memory} = world;
  await keepUp(await handOn(world, world.plan.successor), source, {patience: patienceOf(world), memory});
  return close(source, memory);
}

/** Where both logs are the same is written down before the successor is opened: whoever resumes finds it. */
async function catchUpWith({memory, places, ...world}: TakeoverWorld, step: Extract<TakeoverStep, {do: 'catch-up'}>): Promise<string> {
  const [successor, source] = await Promise.all([handOn(world, step.on), handOn(world, step.source)]);
  const said = await catchUp(successor, source, {memory, patience: patienceOf(world)});
  if (!memory.byPosition || memory.closedAt === null) return said;
  const [end, at] = [coordinatesIn(memory.closedAt), await logEnd(successor)];
  await places.equivalent({key: step.source, at: end}, {key: step.on, at});
  return `${said}; ${coordinatesText(end)} is ${coordinatesText(at)} there`;
}

async function sibling(world: TakeoverWorld, {on, source}: Extract<TakeoverStep, {do: 'repoint'}>): Promise<string> {
  const {topology, config, plan, places} = world;
  const [hand, instance, patience] = [await handOn(world, on), mustKnow(topology, on), drainPatience(config)];
  if (!plan.byPosition) return repoint(hand, instance, {source, patience, refetch: false});
  const said = await placeAt(hand, instance, {source, old: await reachable(world, plan.failed), patience, places});
  if (said === null) throw unknownPlace(hand, source);
  return said;
}

/** Null where the old source is gone meanwhile. */
async function reachable(world: TakeoverWorld, key: InstanceKey): Promise<Hand | null> {
  try {
    return await handOn(world, key);
  } catch (error) {
    if (!isCode(error, 'SERVER_UNREACHABLE', 'SERVER_TIMEOUT')) throw error;
    return null;
  }
}

/** An answer that got lost is asked for again: whether it is open decides everything. */
async function openSuccessor(world: TakeoverWorld, key: InstanceKey): Promise<string> {
  try {
    const {said, at} = await open(await handOn(world, key), world.memory);
    world.opened(at);
    return said;
  } catch (error) {
    if (!isCode(error, 'SERVER_TIMEOUT', 'SERVER_UNREACHABLE')) throw error;
    const {said} = await open(await handOn(world, key), world.memory);
    return `${said}, at the second attempt (${messageOf(error)})`;
  }
}

async function stopReplication(hand: Hand): Promise<string> {
  if ((await hand.replication()) !== null) await hand.say(hand.flavor.stopReplication);
  return `${keyText(hand.key)} receives and applies nothing more`;
}

async function oldSource(world: TakeoverWorld, step: Extract<TakeoverStep, {do: 'rejoin'}>): Promise<string> {
  const {topology} = world;
  const instance = mustKnow(topology, step.on);
  const to = {
    source: step.source,
    semiSync: step.semiSync,
    teachers: [step.source, ...step.siblings].flatMap((key) => topology.get(key) ?? []),
    ...(world.plan.byPosition ? {at: await placeOfOld(world, step)} : {}),
  };
  return step.start ? rejoin(world, instance, to) : pointAndLeave(world, instance, to);
}

/** One that was written to after it was closed has no place below its successor any more. */
async function placeOfOld(world: TakeoverWorld, {on, source}: Extract<TakeoverStep, {do: 'rejoin'}>): Promise<BinlogCoordinates> {
  const hand = await handOn(world, on);
  const now = await hand.replication();
  if (now?.executed && sameKey(now.source, source)) return now.executed;
  const end = await logEnd(hand);
  const at = await world.places.known({key: on, at: end}, source);
  if (at === null) throw unknownPlace(hand, source);
  return at;
}

/** The settings of the old source, and then the switch. A setting that the successor does not know is told and borne. */
async function switchSemiSync(
  world: TakeoverWorld,
  {on, source}: {readonly on: InstanceKey; readonly source: InstanceKey},
): Promise<string> {
  const [to, from]: readonly [Instance, Instance] = [mustKnow(world.topology, on), mustKnow(world.topology, source)];
  const hand = await world.hands.on(to);
  const missing: string[] = [];
  for (const statement of carrySemiSync(from.semiSync, to.semiSync)) {
    await hand.say(statement).catch((error: unknown) => {
      if (!isCode(error, 'SERVER_STATEMENT_FAILED')) throw error;
      missing.push(messageOf(error));
    });
  }
  await hand.say(hand.flavor.setSemiSync('source', true, to.semiSync));
  return [`${keyText(on)} waits for acknowledgements`, ...missing].join('; ');
}
