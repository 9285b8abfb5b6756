import {isCode, messageOf, OrchestratorError} from '../../errors/errors.ts';
import type {Instance, Replication} from '../../model/instance.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Milliseconds} from '../../model/units.ts';
import {drain} from '../steps/drain.ts';
import type {Hand} from '../steps/hands.ts';
import {waitFor} from '../steps/wait.ts';

/** A server stops between two events; a large one takes its time. */
const STOPPED_WITHIN: Milliseconds = 15_000;

export interface SafeStop {
  /** Once both threads are stopped, what was received and not applied will be gone. */
  readonly drops: boolean;
  /** It has to be applied, whoever else has it. */
  readonly mustApply: boolean;
  /** For applying it. */
  readonly patience: Milliseconds;
  /** Drop it, if it cannot be applied. */
  readonly force: boolean;
  /** Another session, where the one at hand was lost. */
  again(): Promise<Hand>;
  /** Whether the source has everything that this replica says it received. */
  sourceHas(replication: Replication): Promise<boolean>;
}

/**
 * Stops both threads of a replica, and sees them stopped. What it received is applied first where it would be dropped
 * (coordination.md §6). Where that cannot be done, its source has to have it; or else everything is left as it was.
 *
 * @returns what people should know
 * @throws OrchestratorError REFUSED when something received would be lost; OUTCOME_UNKNOWN when it does not stop in time
 */
export async function stopSafely(hand: Hand, instance: Instance, how: SafeStop): Promise<readonly string[]> {
  const before = await mustBeReplica(hand);
  const remarks = how.drops || how.mustApply ? await applyFirst(hand, instance, {...how, before}) : [];
  await stopBoth(hand, how);
  return remarks;
}

async function applyFirst(hand: Hand, instance: Instance, how: SafeStop & {before: Replication}): Promise<readonly string[]> {
  const {before, mustApply, force} = how;
  try {
    // A delayed applier will not be done in time, whatever the time.
    await drain(hand, instance, before.delay > 0 && !mustApply ? 0 : how.patience);
    return [];
  } catch (error) {
    if (!isCode(error, 'REPLICATION_BROKEN')) throw error;
    const name = keyText(hand.key);
    const received = await mustBeReplica(hand);
    if (!mustApply && (await how.sourceHas(received))) {
      return [`${name} has not applied all it received (${upTo(received)}); its source has it, and will send it once more`];
    }
    if (force) return [`${name} drops what it received and did not apply (${upTo(received)}), because of --force`];
    await startAgain(hand, before);
    throw new OrchestratorError(
      'REFUSED',
      `${name} would lose what it received and did not apply (${upTo(received)}): ${messageOf(error)}`,
      {
        hint: 'repair its applier first; --force drops it',
      },
    );
  }
}

function upTo({read, retrievedGtid}: Replication): string {
  return retrievedGtid || (read ? `up to ${read.file}:${read.position}` : 'an unknown part');
}

/** What was stopped on the way. */
async function startAgain(hand: Hand, before: Replication): Promise<void> {
  if (before.receiver.state !== 'stopped') await hand.say(hand.flavor.startReceiver);
  if (before.applier.state === 'stopped' && before.applier.errno === 0 && before.receiver.state !== 'stopped') {
    await hand.say(hand.flavor.stopApplier);
  }
}

async function stopBoth(hand: Hand, how: Pick<SafeStop, 'again'>): Promise<void> {
  const watching = await tellToStop(hand, how);
  const stopped = await waitFor(
    async () => {
      const now = await watching.replication();
      return now === null || (now.receiver.state === 'stopped' && now.applier.state === 'stopped') ? true : null;
    },
    {within: STOPPED_WITHIN, every: 20},
  );
  if (stopped) return;
  throw new OrchestratorError(
    'OUTCOME_UNKNOWN',
    `${keyText(hand.key)} was told to stop replication, and has not within ${STOPPED_WITHIN / 1000} s`,
    {hint: 'look at its replication status: it stops when it is done with what it applies now'},
  );
}

/** A server that is in the middle of a large event answers late, and goes on stopping. */
async function tellToStop(hand: Hand, {again}: Pick<SafeStop, 'again'>): Promise<Hand> {
  try {
    await hand.say(hand.flavor.stopReplication);
    return hand;
  } catch (error) {
    if (!isCode(error, 'SERVER_TIMEOUT')) throw error;
    return again();
  }
}

async function mustBeReplica(hand: Hand): Promise<Replication> {
  const now = await hand.replication();
  if (now) return now;
  throw new OrchestratorError('REFUSED', `${keyText(hand.key)} is not a replica any more`);
}
