import {setTimeout as sleep} from 'node:timers/promises';
import {OrchestratorError} from '../../errors/errors.ts';
import {countGtidSet, subtractGtidSet} from '../../model/gtid-set.ts';
import {isMariadb, type Instance, type Replication} from '../../model/instance.ts';
import {compareCoordinates, coordinatesText} from '../../model/binlog-coordinates.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Milliseconds, Monotonic, Seconds} from '../../model/units.ts';
import {onlyHalfIsLeft} from '../pseudo-gtid/logs.ts';
import type {Hand} from './hands.ts';
import {waitFor} from './wait.ts';
import {variableOn} from './variable.ts';

/** For so long an applier stands still before it is looked into why. */
const STANDS_STILL: Milliseconds = 300;

/** One wait on the server: short, so that the lock's deadline is looked at between two of them. */
const SLICE: Seconds = 1;

/**
 * Stops the receiver and applies everything that was received, with the applier running throughout. On MariaDB the order
 * decides: both threads stopped once, and the relay log is gone (coordination.md §6). Bears repetition.
 *
 * @param patience for the whole; 0 = it must be applied already
 * @returns what was seen, as a sentence
 * @throws OrchestratorError REPLICATION_BROKEN when the applier has an error or does not get there in time
 */
export async function drain(hand: Hand, instance: Instance, patience: Milliseconds): Promise<string> {
  const before = await hand.replication();
  if (before === null) return `${keyText(hand.key)} is not a replica: nothing to drain`;
  if (isMariadb(instance) && before.usingMariadbGtid && bothStopped(before) && before.applier.errno === 0) {
    return `${keyText(hand.key)} had both threads stopped: it counts as being where it has applied to (${before.executed?.file}:${before.executed?.position})`;
  }
  if (before.applier.state !== 'running') await startApplier(hand, before);
  await stopReceiver(hand);
  const received = await hand.replication();
  if (received === null) throw broken(hand, 'is no longer a replica');
  const until = performance.now() + patience;
  const standing: Standing = {at: '', since: performance.now()};
  while (!(await applied(hand, received, standing))) {
    await mustBeHealthy(hand);
    if (performance.now() >= until) {
      throw broken(
        hand,
        `has received transactions that it did not apply within ${Math.round(patience / 1000)} s (RecoveryDrainTimeoutSeconds)`,
      );
    }
  }
  return `${keyText(hand.key)} has applied everything it received`;
}

/**
 * Stops only the receiver, so that nothing more comes from the old source and nothing more is acknowledged to it. On MariaDB
 * the applier is started first where it is stopped: with both stopped, what was received would be gone.
 */
export async function stopReceiving(hand: Hand, instance: Instance): Promise<string> {
  const now = await hand.replication();
  if (now === null || now.receiver.state === 'stopped') return `${keyText(hand.key)} receives from nobody`;
  if (isMariadb(instance) && now.usingMariadbGtid && now.applier.state !== 'running') await startApplier(hand, now);
  await stopReceiver(hand);
  return `${keyText(hand.key)} has stopped receiving`;
}

/** Stops the receiver and sees it stopped. */
export async function stopReceiver(hand: Hand): Promise<void> {
  await hand.say(hand.flavor.stopReceiver);
  const stopped = await waitFor(async () => ((await hand.replication())?.receiver.state === 'stopped' ? true : null), {
    within: 2000,
    every: 20,
  });
  if (!stopped) throw broken(hand, 'did not stop its receiver within 2 s');
}

/** With an error of the applier the relay log is still there, on MariaDB too, until one of them is started. */
export function bothStopped({receiver, applier}: Replication): boolean {
  return receiver.state === 'stopped' && applier.state === 'stopped';
}

async function startApplier(hand: Hand, before: Replication): Promise<void> {
  if (before.applier.errno !== 0) throw broken(hand, `has a failing applier (error ${before.applier.errno}: ${before.applier.error})`);
  await hand.say(hand.flavor.startApplier);
}

/** Where the applier of a replica by file and position was seen to stand, and since when. */
interface Standing {
  at: string;
  since: Monotonic;
}

async function applied(hand: Hand, received: Replication, standing: Standing): Promise<boolean> {
  const set = received.retrievedGtid;
  if (hand.flavor.gtid !== 'none' && (received.usingOracleGtid || received.usingMariadbGtid)) {
    if (set === '') return true;
    if (hand.flavor.waited(await hand.say(hand.flavor.waitForGtid(set, SLICE)))) return true;
    return hand.flavor.lastReceivedMayBeHalf && (await readsAllOfRelayLog(hand, received));
  }
  const now = await hand.replication();
  const done = !!now?.read && !!now.executed && compareCoordinates(now.executed, now.read) >= 0;
  if (done || (await onlyHalfWaits(hand, now?.relay ?? null, standing))) return true;
  await sleep(20);
  return false;
}

/**
 * An applier that stands still for a moment may have nothing complete left to apply. From MySQL 5.7 on that is of no use: it does not stop
 * in the middle of a transaction, and waits for the rest (measured: 9.7, for more than 15 s).
 */
async function onlyHalfWaits(hand: Hand, relay: Replication['relay'], standing: Standing): Promise<boolean> {
  const at = relay ? coordinatesText(relay) : '';
  if (at === standing.at && performance.now() - standing.since < STANDS_STILL) return false;
  const stood = at !== '' && at === standing.at;
  [standing.at, standing.since] = [at, performance.now()];
  return stood && relay !== null && !hand.flavor.repointsWhileApplying && onlyHalfIsLeft(hand, relay);
}

/**
 * MySQL 5.6 counts a transaction as retrieved when its first event arrives, so the last one may never be complete. Then all
 * that is complete is applied when only that one is missing and the applier has stood still.
 */
async function readsAllOfRelayLog(hand: Hand, received: Replication): Promise<boolean> {
  const first = await hand.replication();
  await sleep(300);
  const second = await hand.replication();
  if (!first?.relay || !second?.relay || compareCoordinates(first.relay, second.relay) !== 0) return false;
  return countGtidSet(subtractGtidSet(received.retrievedGtid, await variableOn(hand, 'gtid_executed'))) <= 1;
}

async function mustBeHealthy(hand: Hand): Promise<void> {
  const now = await hand.replication();
  if (now && now.applier.state !== 'running') {
    throw broken(hand, `stopped applying with error ${now.applier.errno}: ${now.applier.error || 'stopped by somebody'}`);
  }
}

function broken(hand: Hand, what: string): OrchestratorError {
  return new OrchestratorError('REPLICATION_BROKEN', `${keyText(hand.key)} ${what}`, {
    hint: `look at its replication status; what it received and did not apply would be lost by going on`,
  });
}
