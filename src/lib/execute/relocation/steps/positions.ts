import {compareCoordinates, coordinatesText, type BinlogCoordinates} from '../../../model/binlog-coordinates.ts';
import type {Instance, Replication} from '../../../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../../../model/instance-key.ts';
import type {Milliseconds} from '../../../model/units.ts';
import {logEnd} from '../../steps/log-end.ts';
import type {Places} from '../../steps/places.ts';
import type {Hand} from '../../steps/hands.ts';
import {mustFollow} from '../../steps/repoint.ts';
import {waitFor} from '../../steps/wait.ts';
import {broken} from './follow.ts';

export interface Place {
  readonly key: InstanceKey;
  readonly at: BinlogCoordinates;
}

/** A server that takes part in a step. */
export interface Aside {
  readonly hand: Hand;
  readonly instance: Instance;
  /** For applying what was received. */
  readonly patience: Milliseconds;
  /** Hears what a step finds out beside doing its work, and tells what others found. */
  readonly bystanders: Pick<Places, 'equivalent' | 'former'>;
}

const LOOK_EACH: Milliseconds = 20;
const STOPS_WITHIN: Milliseconds = 5000;

/** Stops the applier alone: its own log stands still then, and what it receives is kept. Bears repetition. */
export async function hold({hand}: Aside): Promise<string> {
  const now = await mustReplicate(hand);
  if (now.applier.state !== 'stopped') await hand.say(hand.flavor.stopApplier);
  const stopped = await waitFor(async () => ((await mustReplicate(hand)).applier.state === 'stopped' ? true : null), {
    within: STOPS_WITHIN,
    every: LOOK_EACH,
  });
  if (!stopped) throw broken(hand, `did not stop its applier within ${STOPS_WITHIN / 1000} s`);
  return `${keyText(hand.key)} is on hold`;
}

/**
 * Lets one of several replicas that are on hold apply up to where the furthest of them has come. All have to be on hold already,
 * so that the furthest stays where it is. Bears repetition.
 */
export async function level({hand, patience}: Aside, among: readonly Aside[]): Promise<string> {
  const own = await onHold(hand);
  const others = await Promise.all(among.map(async (one) => one.hand.replication()));
  const held = others.filter((one) => sameKey(one?.source, own.source) && one?.applier.errno === 0);
  const furthest = held.reduce(
    (most, one) => (one?.executed && compareCoordinates(one.executed, most) > 0 ? one.executed : most),
    own.executed,
  );
  if (compareCoordinates(own.executed, furthest) < 0) await applyUntil(hand, furthest, patience);
  return `${keyText(hand.key)} stands at ${coordinatesText(furthest)} of ${own.source ? keyText(own.source) : 'its source'}`;
}

async function applyUntil(hand: Hand, until: BinlogCoordinates, within: Milliseconds): Promise<void> {
  await hand.say(hand.flavor.startApplierUntil(until));
  const reached = await waitFor(
    async () => {
      const {executed, applier} = await mustReplicate(hand);
      if (applier.errno !== 0) throw broken(hand, `stopped applying with error ${applier.errno}: ${applier.error}`);
      return executed && compareCoordinates(executed, until) >= 0 && applier.state === 'stopped' ? true : null;
    },
    {within, every: LOOK_EACH},
  );
  if (reached) return;
  await hand.say(hand.flavor.stopApplier);
  throw broken(hand, `did not apply up to ${coordinatesText(until)} within ${Math.round(within / 1000)} s (RecoveryDrainTimeoutSeconds)`);
}

/**
 * Points a replica at a sibling that stands on hold where it does. What it received beyond that place is fetched again from the
 * sibling, so the sibling must have received it first. Bears repetition.
 */
export async function settleBelow({hand, patience, bystanders}: Aside, target: Aside): Promise<string> {
  const source = target.hand.key;
  if (sameKey((await mustReplicate(hand)).source, source)) return `${keyText(hand.key)} points at ${keyText(source)} already`;
  const [own, its] = [await onHold(hand), await onHold(target.hand)];
  if (!sameKey(own.source, its.source) || compareCoordinates(own.executed, its.executed) !== 0) {
    throw broken(
      hand,
      `stands at ${coordinatesText(own.executed)} of ${name(own.source)}, and ${keyText(source)} at ${coordinatesText(its.executed)} of ${name(its.source)}`,
    );
  }
  await hand.say(hand.flavor.stopReplication);
  await mustHaveReceived(target.hand, (await mustReplicate(hand)).read, patience);
  const at = await logEnd(target.hand);
  await hand.pointAt({source, gtid: false, at});
  if (own.source) await bystanders.equivalent({key: own.source, at: own.executed}, {key: source, at});
  return `${keyText(hand.key)} points at ${keyText(source)}, ${coordinatesText(at)}`;
}

/** Waits until the sibling has received at least as much, so that nothing received is on nobody. */
async function mustHaveReceived(sibling: Hand, wanted: BinlogCoordinates | null, within: Milliseconds): Promise<void> {
  if (wanted === null) return;
  const has = async (): Promise<true | null> => {
    const {read} = await mustReplicate(sibling);
    return read && compareCoordinates(read, wanted) >= 0 ? true : null;
  };
  if (await has()) return;
  if ((await mustReplicate(sibling)).receiver.state === 'stopped') await sibling.say(sibling.flavor.startReceiver);
  if (await waitFor(has, {within, every: LOOK_EACH})) return;
  throw broken(sibling, `has not received ${coordinatesText(wanted)} of its source within ${Math.round(within / 1000)} s`);
}

/**
 * Points a replica past its source, which is on hold, at the source of that: once everything in the log of the first is applied, both
 * stand at the same place of the second. Leaves it stopped there. Bears repetition.
 */
export async function climb(
  {hand, patience, bystanders}: Aside,
  {over, source}: {readonly over: Aside; readonly source: InstanceKey},
): Promise<string> {
  if (sameKey((await mustReplicate(hand)).source, source)) return `${keyText(hand.key)} points at ${keyText(source)} already`;
  const above = await onHold(over.hand);
  if (!sameKey(above.source, source)) throw broken(over.hand, `replicates from ${name(above.source)}, not from ${keyText(source)}`);
  const end = await applyAll(hand, over.hand, patience);
  await hand.say(hand.flavor.stopReplication);
  await hand.pointAt({source, gtid: false, at: above.executed});
  await bystanders.equivalent({key: over.hand.key, at: end}, {key: source, at: above.executed});
  return `${keyText(hand.key)} points at ${keyText(source)}, ${coordinatesText(above.executed)}`;
}

/** @returns the end of the source's log, which is applied */
async function applyAll(hand: Hand, source: Hand, within: Milliseconds): Promise<BinlogCoordinates> {
  const now = await mustReplicate(hand);
  // Started only to get there; who was stopped is started by the last stage anyway.
  if (now.applier.state === 'stopped' || now.receiver.state === 'stopped') await hand.say(hand.flavor.startReplication);
  const end = await logEnd(source);
  const applied = await waitFor(
    async () => {
      const {executed, applier} = await mustReplicate(hand);
      if (applier.state === 'stopped' && applier.errno !== 0)
        throw broken(hand, `stopped applying with error ${applier.errno}: ${applier.error}`);
      if (compareCoordinates(await logEnd(source), end) !== 0)
        throw broken(source, 'is written to directly: what is written there would not come from its source');
      return executed && compareCoordinates(executed, end) === 0 ? true : null;
    },
    {within, every: LOOK_EACH},
  );
  if (applied) return end;
  throw broken(hand, `did not apply the log of ${keyText(source.key)} within ${Math.round(within / 1000)} s (RecoveryDrainTimeoutSeconds)`);
}

/** Points a replica at a known equivalent of the very place where it stands. Bears repetition. */
export async function settleAt(
  at: Aside,
  to: {readonly source: InstanceKey; readonly from: BinlogCoordinates; readonly at: BinlogCoordinates},
): Promise<string> {
  const {hand} = at;
  if (!sameKey((await mustReplicate(hand)).source, to.source)) {
    await hold(at);
    const {executed, read} = await onHold(hand);
    const stands = compareCoordinates(executed, to.from) === 0 && (read === null || compareCoordinates(read, executed) === 0);
    if (!stands) {
      await hand.say(hand.flavor.startApplier);
      throw broken(hand, `has gone on from ${coordinatesText(to.from)}, whose equivalent is known`);
    }
    await hand.say(hand.flavor.stopReplication);
    await hand.pointAt({source: to.source, gtid: false, at: to.at});
  }
  await hand.say(hand.flavor.startReplication);
  await mustFollow(hand, to.source, 0);
  return `${keyText(hand.key)} follows ${keyText(to.source)}`;
}

/**
 * Starts a replica where it stands, whatever happened before, and sees it follow. Bears repetition.
 *
 * @param to.isReachable of a source that is gone nothing is expected
 * @throws OrchestratorError REPLICATION_BROKEN when it does not replicate, or from somebody else
 */
export async function goOn({hand}: Aside, to: {readonly source: InstanceKey; readonly isReachable: boolean}): Promise<string> {
  await hand.say(hand.flavor.startReplication);
  const {source} = await mustReplicate(hand);
  if (sameKey(source, to.source) && !to.isReachable) return `${keyText(hand.key)} is started; its source cannot be reached`;
  if (source) await mustFollow(hand, source, 0);
  if (sameKey(source, to.source)) return `${keyText(hand.key)} follows ${keyText(to.source)}`;
  throw broken(hand, `was not moved: it replicates from ${name(source)}`);
}

async function mustReplicate(hand: Hand): Promise<Replication> {
  const now = await hand.replication();
  if (now === null) throw broken(hand, 'is not a replica any more');
  return now;
}

async function onHold(hand: Hand): Promise<Replication & {readonly executed: BinlogCoordinates}> {
  const now = await mustReplicate(hand);
  if (now.applier.state === 'stopped' && now.applier.errno === 0 && now.executed) return {...now, executed: now.executed};
  throw broken(hand, `is not on hold: its applier is ${now.applier.state}${now.applier.errno ? ` (error ${now.applier.errno})` : ''}`);
}

function name(key: InstanceKey | null): string {
  return key ? keyText(key) : 'nobody';
}
