import {OrchestratorError} from '../../errors/errors.ts';
import {positionReached} from '../../flavor/commands/words.ts';
import {compareCoordinates, coordinatesText, type BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import type {Instance} from '../../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import type {Milliseconds, Seconds} from '../../model/units.ts';
import type {LogPlace} from '../../store/equivalence.ts';
import {drain} from './drain.ts';
import type {Hand} from './hands.ts';
import {logEnd} from './log-end.ts';
import type {Places} from './places.ts';
import {isReadOnly} from './promote.ts';
import {mustFollow} from './repoint.ts';

/** One wait on the server: short, so that the lock's deadline is looked at between two of them. */
const SLICE: Seconds = 1;

interface Placing {
  /** Whom it is to follow. */
  readonly source: InstanceKey;
  /** Closed, and at hand: who lags gets from it what it lacks. Null: it is gone, and what was received is all there is. */
  readonly old: Hand | null;
  /** For applying what was, or is, received. */
  readonly patience: Milliseconds;
  readonly places: Pick<Places, 'known'>;
}

/**
 * Lets a replica by file and position go on below another source, at the very place that is known to be the one where it stands in the
 * log of its own. All that it received is applied first. Bears repetition.
 *
 * @returns what was seen, or null where nobody wrote such a place down: then it is stopped where it stands
 * @throws OrchestratorError REPLICATION_BROKEN when it does not get there
 */
export async function placeAt(hand: Hand, instance: Instance, {source, old, patience, places}: Placing): Promise<string | null> {
  const now = await mustReplicate(hand);
  if (!sameKey(now.source, source)) {
    const stands = old ? await reachEnd(hand, old, patience) : await drained(hand, instance, patience);
    await hand.say(hand.flavor.stopReplication);
    const at = await places.known(stands, source);
    if (at === null) return null;
    await hand.pointAt({source, gtid: false, at});
  }
  await hand.say(hand.flavor.startReplication);
  await mustFollow(hand, source, 0);
  return `${keyText(hand.key)} follows ${keyText(source)}`;
}

async function drained(hand: Hand, instance: Instance, patience: Milliseconds): Promise<LogPlace> {
  await drain(hand, instance, patience);
  const {source, executed} = await mustReplicate(hand);
  if (source && executed) return {key: source, at: executed};
  throw broken(hand, 'does not say where it stands');
}

/** Lets a replica receive and apply all that its closed source has. */
async function reachEnd(hand: Hand, old: Hand, patience: Milliseconds): Promise<LogPlace> {
  const end = await logEnd(old);
  const {receiver, applier, source} = await mustReplicate(hand);
  if (!sameKey(source, old.key)) throw broken(hand, `replicates from ${source ? keyText(source) : 'nobody'}, not from ${keyText(old.key)}`);
  if (receiver.state === 'stopped' || applier.state === 'stopped') await hand.say(hand.flavor.startReplication);
  await reachPosition(hand, end, patience);
  return {key: old.key, at: end};
}

/** @throws OrchestratorError REPLICATION_BROKEN when a place in its source's log is not applied in time */
export async function reachPosition(hand: Hand, at: BinlogCoordinates, patience: Milliseconds): Promise<void> {
  const until = performance.now() + patience;
  for (;;) {
    if (positionReached(await hand.say(hand.flavor.commands.waitForPosition(at, SLICE))) === true) return;
    const {applier, executed} = await mustReplicate(hand);
    if (executed && compareCoordinates(executed, at) >= 0) return;
    if (applier.state === 'stopped' && applier.errno !== 0)
      throw broken(hand, `stopped applying with error ${applier.errno}: ${applier.error}`);
    if (applier.state === 'stopped') throw broken(hand, 'stopped applying');
    if (performance.now() >= until)
      throw broken(hand, `has not applied ${coordinatesText(at)} of its source after ${Math.round(patience / 1000)} s`);
  }
}

/**
 * Writes down that where a drained replica stands in the log of its source is the same as where the log of the successor ends, which
 * takes no writes and has applied as much: whoever stands there may go on at that place. The successor is closed for that, if it was not.
 * Bears repetition, as long as the successor is closed.
 *
 * @param stands who stands there: the successor itself, or whom it caught up with
 * @throws OrchestratorError REPLICATION_BROKEN when it does not say where it stands
 */
export async function notePlace(successor: Hand, stands: Hand, {source, places}: {source: InstanceKey; places: Places}): Promise<string> {
  if (!(await isReadOnly(successor))) for (const one of successor.flavor.setReadOnly(true, true)) await successor.say(one);
  const {executed, source: follows} = await mustReplicate(stands);
  if (!executed || !sameKey(follows, source)) throw broken(stands, `does not say where it stands in the log of ${keyText(source)}`);
  const at = await logEnd(successor);
  await places.equivalent({key: source, at: executed}, {key: successor.key, at});
  return `${coordinatesText(executed)} of ${keyText(source)} is ${coordinatesText(at)} of ${keyText(successor.key)}`;
}

export function unknownPlace(hand: Hand, source: InstanceKey): OrchestratorError {
  return new OrchestratorError('REPLICATION_BROKEN', `it is not known where ${keyText(hand.key)} would go on below ${keyText(source)}`, {
    hint: 'it does not stand where the new source did when it was opened; provision it anew, or match it by Pseudo-GTID',
  });
}

async function mustReplicate(hand: Hand): Promise<NonNullable<Awaited<ReturnType<Hand['replication']>>>> {
  const now = await hand.replication();
  if (now === null) throw broken(hand, 'is not a replica any more');
  return now;
}

function broken(hand: Hand, what: string): OrchestratorError {
  return new OrchestratorError('REPLICATION_BROKEN', `${keyText(hand.key)} ${what}`, {
    hint: 'look at its replication status; it is left as it is',
  });
}
