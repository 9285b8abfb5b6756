import {messageOf, OrchestratorError} from '../../../errors/errors.ts';
import {compareCoordinates, coordinatesText, type BinlogCoordinates} from '../../../model/binlog-coordinates.ts';
import type {Replication} from '../../../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../../../model/instance-key.ts';
import {findPlace, type MatchPolicy} from '../../pseudo-gtid/find.ts';
import {drain} from '../../steps/drain.ts';
import type {Hand} from '../../steps/hands.ts';
import {mustFollow} from '../../steps/repoint.ts';
import {broken} from './follow.ts';
import type {Aside} from './positions.ts';

/**
 * Points a replica at the place in the log of another server where the same stands as in its own, and sees it follow. All that it
 * received is applied first, so nothing of it is dropped; one that has what the other lacks, or that cannot be compared, is put back
 * to where it was. Bears repetition.
 *
 * @param again also if it follows that server already
 * @throws OrchestratorError REPLICATION_BROKEN when it does not get there
 */
export async function match(
  mover: Aside,
  target: Aside,
  {again, policy}: {readonly again: boolean; readonly policy: MatchPolicy},
): Promise<string> {
  const {hand, bystanders} = mover;
  const before = await hand.replication();
  if (before === null) throw broken(hand, 'is not a replica any more');
  const source = target.hand.key;
  if (sameKey(before.source, source) && !again) {
    await hand.say(hand.flavor.startReplication);
    await mustFollow(hand, source, 0);
    return `${keyText(hand.key)} follows ${keyText(source)}`;
  }
  const place = await placeFor(mover, target, policy).catch(async (error: unknown) => {
    throw await goBack(mover, {before, place: null}, error);
  });
  try {
    const {from, at, matched} = place;
    await hand.pointAt({source, gtid: false, at});
    await hand.say(hand.flavor.startReplication);
    await mustFollow(hand, source, 0);
    if (before.source) await bystanders.equivalent({key: before.source, at: from}, {key: source, at});
    return `${keyText(hand.key)} follows ${keyText(source)} from ${coordinatesText(at)} on: ${matched} events are the same on both`;
  } catch (error) {
    throw await goBack(mover, {before, place}, error);
  }
}

interface Place {
  /** Where it stood. */
  readonly from: BinlogCoordinates;
  /** The same on the target. */
  readonly at: BinlogCoordinates;
  readonly matched: number;
}

/** Leaves it stopped, having applied all that it received. */
async function placeFor(mover: Aside, target: Aside, policy: MatchPolicy): Promise<Place> {
  const {hand, instance, patience, bystanders} = mover;
  await drain(hand, instance, patience);
  await hand.say(hand.flavor.stopReplication);
  const from = (await hand.replication())?.executed;
  if (!from) throw broken(hand, 'does not say where it stands');
  const found = await findPlace(
    {asker: hand, instance},
    {asker: target.hand, instance: target.instance},
    {policy, patience, former: (key) => bystanders.former(key)},
  );
  if (found.found) return {from, at: found.at, matched: found.matched};
  throw broken(hand, `has no place below ${keyText(target.hand.key)} that Pseudo-GTID could find: ${found.because}`);
}

interface Before {
  readonly before: Replication;
  /** Where it was to go; null = nothing was changed but its threads. */
  readonly place: Place | null;
}

/** Who could not get to a new source goes on below the old one, as far as it ran before. */
async function goBack({hand}: Aside, {before, place}: Before, error: unknown): Promise<unknown> {
  if (!(error instanceof OrchestratorError) || error.code === 'DEADLINE_PASSED' || !before.source) return error;
  const back = keyText(before.source);
  try {
    if (place && !(await pointBack(hand, before.source, place)))
      return new OrchestratorError(error.code, `${error.message}; it has applied some of it already, so it is left there`, {cause: error});
    if (before.receiver.state !== 'stopped') await hand.say(hand.flavor.startReplication);
    else if (before.applier.state === 'running') await hand.say(hand.flavor.startApplier);
    return new OrchestratorError(error.code, `${error.message}; it is back at ${back}`, {cause: error});
  } catch (another) {
    const more = `${error.message}; nor could it be put back to ${back}: ${messageOf(another)}`;
    return new OrchestratorError(error.code, more, {hint: 'look at its replication status', cause: error});
  }
}

/** @returns false when it has gone on from the new place: what it applied there must not be applied again */
async function pointBack(hand: Hand, source: InstanceKey, {from, at}: Place): Promise<boolean> {
  await hand.say(hand.flavor.stopReplication);
  const now = await hand.replication();
  if (sameKey(now?.source, source) && now?.executed && compareCoordinates(now.executed, from) === 0) return true;
  if (!now?.executed || compareCoordinates(now.executed, at) !== 0) return false;
  await hand.pointAt({source, gtid: false, at: from});
  return true;
}
