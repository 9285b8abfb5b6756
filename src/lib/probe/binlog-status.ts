import {setTimeout as sleep} from 'node:timers/promises';
import type {Flavor} from '../flavor/flavor.ts';
import {settings} from '../flavor/rows.ts';
import {showUptimeAndSemiSync, waitingCommits} from '../flavor/semi-sync.ts';
import type {Milliseconds} from '../model/units.ts';
import type {Answer, Asking} from './answers.ts';

/** Long enough for a replica that lives to acknowledge something. */
const BETWEEN_LOOKS: Milliseconds = 20;

/** Commits wait for a replica and none gets through, so that the question would wait with them. */
const HELD: Answer = {
  error: new Error('not asked, because commits wait for a replica to acknowledge them (semi-sync), and it would wait with them'),
};

/**
 * Asks where the binary log ends, unless the server could not answer: while a commit waits for its acknowledgement, those queued
 * behind it hold the lock that this question takes (MariaDB 10.11: with the second commit on, measured). It would take the whole
 * probe with it, and leave one more blocked thread on the server each time.
 *
 * @param status what `showUptimeAndSemiSync` said a moment ago
 */
export async function askBinlogStatus(asking: Asking, flavor: Flavor, status: Answer): Promise<Answer> {
  return (await isHeld(asking, status)) ? HELD : asking.ask(flavor.showBinlogStatus);
}

/** The answer that was not asked for, because commits are held. */
export function saysHeld(answer: Answer): boolean {
  return answer === HELD;
}

async function isHeld(asking: Asking, status: Answer): Promise<boolean> {
  const before = waitingOf(status);
  if (before.waiting === 0) return false;
  await sleep(BETWEEN_LOOKS);
  const after = waitingOf(await asking.ask(showUptimeAndSemiSync));
  return after.waiting > 0 && after.acknowledged === before.acknowledged;
}

function waitingOf(status: Answer): ReturnType<typeof waitingCommits> {
  return waitingCommits('rows' in status ? settings(status.rows) : new Map());
}
