import type {Config} from '../../config/keys.ts';
import {OrchestratorError, unreachable} from '../../errors/errors.ts';
import type {Instance} from '../../model/instance.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Topology} from '../../model/topology.ts';
import type {Milliseconds} from '../../model/units.ts';
import type {Step} from '../../plan/plan.ts';
import {follow, followSameLog} from '../relocation/steps/follow.ts';
import {match} from '../relocation/steps/match.ts';
import type {Aside} from '../relocation/steps/positions.ts';
import {fence} from './close-source.ts';
import {closeUnlessGone} from './close-unless-gone.ts';
import {drain, stopReceiving} from './drain.ts';
import type {Hands} from './hands.ts';
import {forgetSource, makeWritable, openSource} from './promote.ts';
import {mustKnow} from './known.ts';
import {logEnd} from './log-end.ts';
import {notePlace, placeAt, reachPosition, unknownPlace} from './place.ts';
import type {Places} from './places.ts';
import {prove} from './prove.ts';
import {rejoin} from './rejoin.ts';
import {detach, repoint} from './repoint.ts';
import {releaseCommits} from './release-commits.ts';
import {countAcknowledging, switchSemiSync} from './semi-sync.ts';
import {variableOn} from './variable.ts';

export {mustKnow};

const DAY: Milliseconds = 24 * 3600 * 1000;

/** What steps need: the servers as last probed under the lock, and hands on them. */
export interface World {
  readonly topology: Topology;
  readonly config: Config;
  readonly hands: Hands;
  readonly places: Places;
}

/**
 * Does one step on one server. Every step bears repetition.
 *
 * @returns what was seen afterwards, as a sentence for the journal
 * @throws OrchestratorError when the server is not in the state the step promises
 */
export async function perform(world: World, step: Step): Promise<string> {
  const instance = mustKnow(world.topology, step.on);
  switch (step.do) {
    case 'close-source':
      return closeUnlessGone(instance.key, (timeout) => world.hands.on(instance, timeout));
    case 'drain':
      return drain(await world.hands.on(instance), instance, drainPatience(world.config));
    case 'catch-up':
      return (step.match ? catchUpByMatch : catchUp)(world, instance, mustKnow(world.topology, step.from));
    case 'stop-receiver':
      return stopReceiving(await world.hands.on(instance), instance);
    case 'repoint':
      return repoint(await world.hands.on(instance), instance, {
        source: step.source,
        patience: drainPatience(world.config),
        refetch: step.refetch === true,
      });
    case 'note-place': {
      const stands = await world.hands.on(mustKnow(world.topology, step.stands));
      return notePlace(await world.hands.on(instance), stands, {source: step.source, places: world.places});
    }
    case 'place':
      return placeBelow(world, instance, step);
    case 'prove':
      return prove(world, step);
    case 'detach':
      return detach(await world.hands.on(instance), instance, drainPatience(world.config));
    case 'make-writable':
      return makeWritable(await world.hands.on(instance), instance, {semiSync: step.semiSync});
    case 'forget-source':
      return forgetSource(await world.hands.on(instance));
    case 'follow':
      return followFirst(world, {instance, by: step.sameLog ? bySameLog : step.match ? byMatch : byGtid}, [step.source, ...step.others]);
    case 'fence':
      return fence(() => world.hands.on(instance));
    case 'rejoin':
      return rejoin(world, instance, {
        source: step.source,
        semiSync: step.semiSync,
        teachers: [step.source, ...step.siblings].flatMap((key) => world.topology.get(key) ?? []),
      });
    case 'switch-semi-sync':
      return switchSemiSync(await world.hands.on(instance), instance, step);
    case 'count-acknowledging':
      return countAcknowledging(await world.hands.on(instance), step);
    case 'release-commits':
      return releaseCommits(await world.hands.on(instance), {
        replicas: step.through.map((key) => mustKnow(world.topology, key)),
        handOn: (replica) => world.hands.on(replica),
        patience: drainPatience(world.config),
      });
    case 'open-source':
      return openSource(await world.hands.on(instance));
    default:
      return unreachable(step);
  }
}

interface Follower {
  readonly instance: Instance;
  by(world: World, mover: Aside, target: Aside): Promise<string>;
}

const byGtid: Follower['by'] = (_, mover, target) => follow(mover, target);
const bySameLog: Follower['by'] = (_, mover, target) => followSameLog(mover, target.hand.key);
const byMatch: Follower['by'] = ({config}, mover, target) => match(mover, target, {again: false, policy: config});

async function asideOf({hands, config, places}: World, instance: Instance): Promise<Aside> {
  return {hand: await hands.on(instance), instance, patience: drainPatience(config), bystanders: places};
}

/** At the place that was noted for where it stands, or where Pseudo-GTID finds it. */
async function placeBelow(world: World, instance: Instance, step: Extract<Step, {do: 'place'}>): Promise<string> {
  const {source} = step;
  const mover = await asideOf(world, instance);
  const said = await placeAt(mover.hand, instance, {source, old: null, patience: mover.patience, places: world.places});
  if (said !== null) return said;
  if (!step.match) throw unknownPlace(mover.hand, source);
  return byMatch(world, mover, await asideOf(world, mustKnow(world.topology, source)));
}

/** The first of these that it can follow; each failure puts it back to where it was. */
async function followFirst(world: World, one: Follower, [source, ...others]: readonly InstanceKey[]): Promise<string> {
  const {instance, by} = one;
  if (!source) throw new OrchestratorError('REPLICATION_BROKEN', `${keyText(instance.key)} has nobody to follow`, {});
  try {
    return await by(world, await asideOf(world, instance), await asideOf(world, mustKnow(world.topology, source)));
  } catch (error) {
    if (others.length === 0 || !(error instanceof OrchestratorError) || error.code === 'DEADLINE_PASSED') throw error;
    return `${await followFirst(world, one, others)}, since ${error.message}`;
  }
}

/** RecoveryDrainTimeoutSeconds, lifted or dropped by the predecessor's two keys (coordination.md §6). */
export function drainPatience(config: Config): Milliseconds {
  if (config.DelayMasterPromotionIfSQLThreadNotUpToDate) return DAY;
  return config.FailMasterPromotionIfSQLThreadNotUpToDate ? 0 : config.RecoveryDrainTimeoutSeconds * 1000;
}

/** Fetches from the donor, from where Pseudo-GTID finds that it stands, all that the donor has. */
async function catchUpByMatch(world: World, instance: Instance, donor: Instance): Promise<string> {
  const [mover, target] = [await asideOf(world, instance), await asideOf(world, donor)];
  await byMatch(world, mover, target);
  await reachPosition(mover.hand, await logEnd(target.hand), Math.max(mover.patience, 1000));
  return `${keyText(instance.key)} has everything ${keyText(donor.key)} has`;
}

/** Fetches from the donor what it has and the successor has not, and applies it. */
async function catchUp(world: World, instance: Instance, donor: Instance): Promise<string> {
  const hand = await world.hands.on(instance);
  const donorHand = await world.hands.on(donor);
  const wanted = await variableOn(donorHand, donorHand.flavor.gtid === 'domain-list' ? 'gtid_current_pos' : 'gtid_executed');
  await repoint(hand, instance, {source: donor.key, patience: drainPatience(world.config), refetch: false});
  const until = performance.now() + Math.max(drainPatience(world.config), 1000);
  while (!hand.flavor.waited(await hand.say(hand.flavor.waitForGtid(wanted, 1)))) {
    if (performance.now() > until) {
      throw new OrchestratorError('REPLICATION_BROKEN', `${keyText(instance.key)} did not catch up with ${keyText(donor.key)} in time`, {
        hint: 'raise RecoveryDrainTimeoutSeconds, or name the more advanced replica as candidate',
      });
    }
  }
  return `${keyText(instance.key)} has everything ${keyText(donor.key)} has`;
}
