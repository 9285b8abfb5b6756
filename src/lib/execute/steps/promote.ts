import {isCode, OrchestratorError} from '../../errors/errors.ts';
import type {Instance} from '../../model/instance.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Hand} from './hands.ts';
import {isOn} from '../../flavor/rows.ts';
import {variableOn} from './variable.ts';

/**
 * Opens an instance for writes and sees it open: replication stopped, semi-sync as its predecessor had it, read_only off.
 * Bears repetition.
 *
 * @throws OrchestratorError SERVER_STATEMENT_FAILED when the server still says read_only afterwards
 */
export async function makeWritable(hand: Hand, instance: Instance, wishes: {semiSync: boolean}): Promise<string> {
  if ((await hand.replication()) !== null) await hand.say(hand.flavor.stopReplication);
  const remark = wishes.semiSync ? await enableSemiSync(hand, instance) : '';
  return `${await open(hand)}${remark}`;
}

/**
 * Opens a source that is read-only and sees it open; its semi-sync stays as it is. Bears repetition.
 *
 * @throws OrchestratorError REFUSED where it has a source by now, SERVER_STATEMENT_FAILED as `makeWritable`
 */
export async function openSource(hand: Hand): Promise<string> {
  if ((await hand.replication()) !== null) {
    throw new OrchestratorError('REFUSED', `${keyText(hand.key)} has a source by now, so it stays closed`, {
      hint: 'somebody has changed it since it was looked at',
    });
  }
  return open(hand);
}

async function open(hand: Hand): Promise<string> {
  for (const statement of hand.flavor.setReadOnly(false, hand.flavor.hasSuperReadOnly)) await hand.say(statement);
  if (await isReadOnly(hand)) {
    throw new OrchestratorError('SERVER_STATEMENT_FAILED', `${keyText(hand.key)} says read_only is still on after it was switched off`, {
      hint: 'look for something on that server that switches it back',
    });
  }
  return `${keyText(hand.key)} is writable`;
}

/** A server without the plugin of a source's role is opened all the same, and that is said. */
async function enableSemiSync(hand: Hand, instance: Instance): Promise<string> {
  try {
    await hand.say(hand.flavor.setSemiSync('source', true, instance.semiSync));
    return ', with semi-sync';
  } catch (error) {
    if (!isCode(error, 'SERVER_STATEMENT_FAILED')) throw error;
    return `; semi-sync could not be switched on: ${error.message}`;
  }
}

export async function isReadOnly(hand: Hand): Promise<boolean> {
  return isOn(await variableOn(hand, 'read_only'));
}

/** Makes a promoted instance forget whom it replicated from. Bears repetition. */
export async function forgetSource(hand: Hand): Promise<string> {
  if ((await hand.replication()) === null) return `${keyText(hand.key)} replicates from nobody`;
  await hand.say(hand.flavor.stopReplication);
  await hand.say(hand.flavor.forgetSource);
  if ((await hand.replication()) !== null) {
    throw new OrchestratorError('SERVER_STATEMENT_FAILED', `${keyText(hand.key)} still has a source after it was told to forget it`, {});
  }
  return `${keyText(hand.key)} has forgotten its source`;
}
