import {setTimeout as sleep} from 'node:timers/promises';
import {isCode, OrchestratorError} from '../../errors/errors.ts';
import type {Row} from '../../flavor/flavor.ts';
import {settings, textOf} from '../../flavor/rows.ts';
import {parseSemiSync, showSemiSyncVariables, switchSemiSync} from '../../flavor/semi-sync.ts';
import {showClientSessions, showPrivilegedSessions} from '../../flavor/sessions.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Hand} from './hands.ts';
import {variableOn} from './variable.ts';

/** Between the two reads of the binary log position that prove nobody writes any more. */
const STANDSTILL_MS = 50;

/**
 * Closes a source for writes (coordination.md §7). Where super_read_only exists it is enough. MariaDB and MySQL 5.6 have none:
 * privileged sessions write under read_only, so they are killed, and the binary log must stand still.
 *
 * @throws OrchestratorError REFUSED naming the sessions when somebody still writes; read_only is as before then
 */
export async function closeSource(hand: Hand): Promise<string> {
  const wasClosed = !hand.flavor.hasSuperReadOnly && (await variableOn(hand, 'read_only')) === '1';
  await setReadOnly(hand);
  if (hand.flavor.hasSuperReadOnly) return `${keyText(hand.key)} is closed (super_read_only)`;
  const killed = await killPrivileged(hand);
  if (await standsStill(hand)) return `${keyText(hand.key)} is closed (read_only; ${killed.length} privileged sessions ended)`;
  if (!wasClosed) for (const statement of hand.flavor.setReadOnly(false, false)) await hand.say(statement);
  throw new OrchestratorError(
    'REFUSED',
    `${keyText(hand.key)} is still written to under read_only, by ${(await privileged(hand)).map(whom).join(', ') || 'an unknown session'}`,
    {
      hint: 'stop that client, or take SUPER / READ_ONLY ADMIN from its account',
    },
  );
}

/**
 * Closes a former source that has come back. It stays closed whatever else fails: nobody else depends on its being open.
 *
 * @param reach a hand on it; asked anew after a statement that was not answered in time
 * @throws OrchestratorError REFUSED naming the sessions when somebody still writes under read_only
 */
export async function fence(reach: () => Promise<Hand>): Promise<string> {
  const first = await reach();
  try {
    await setReadOnly(first);
  } catch (error) {
    // Commits that wait for a semi-sync replica which will never come keep read_only waiting too.
    if (!isCode(error, 'SERVER_TIMEOUT')) throw error;
    await endWaitingCommits(await reach());
    await setReadOnly(await reach());
  }
  const hand = await reach();
  if (hand.flavor.hasSuperReadOnly) return `${keyText(hand.key)} is closed (super_read_only)`;
  const killed = await killPrivileged(hand);
  if (await standsStill(hand)) return `${keyText(hand.key)} is closed (read_only; ${killed.length} privileged sessions ended)`;
  const writers = (await privileged(hand)).map(whom).join(', ') || 'an unknown session';
  throw new OrchestratorError('REFUSED', `${keyText(hand.key)} has read_only on and is still written to, by ${writers}`, {
    hint: 'stop that client, or take SUPER / READ_ONLY ADMIN from its account',
  });
}

/**
 * Ends commits that wait for a semi-sync acknowledgement which will never come; their clients learn nothing of the outcome. MariaDB
 * lets go of a commit whose session is killed. MySQL 9 only closes its connection (measured), and lets go when semi-sync is switched
 * off: that comes second, or a client would be told that its transaction is safe. The read_only that was not answered in time still
 * waits on the server and keeps newcomers out, so its session is spared.
 */
export async function endWaitingCommits(hand: Hand): Promise<void> {
  const sessions = await hand.say(showClientSessions);
  await kill(
    hand,
    sessions.filter(({info}) => !/\bread_only\b/i.test(textOf(info ?? ''))),
  );
  const variables = new Map(settings(await hand.say(showSemiSyncVariables)));
  const {sourceEnabled, words} = parseSemiSync(variables, new Map(), 0);
  if (sourceEnabled && words) await hand.say(switchSemiSync('source', false, words));
}

async function setReadOnly(hand: Hand): Promise<void> {
  for (const statement of hand.flavor.setReadOnly(true, true)) await hand.say(statement);
}

export async function standsStill(hand: Hand): Promise<boolean> {
  const first = JSON.stringify(await hand.say(hand.flavor.showBinlogStatus));
  await sleep(STANDSTILL_MS);
  return JSON.stringify(await hand.say(hand.flavor.showBinlogStatus)) === first;
}

async function killPrivileged(hand: Hand): Promise<readonly Row[]> {
  const sessions = await privileged(hand);
  await kill(hand, sessions);
  return sessions;
}

export async function kill(hand: Hand, sessions: readonly Row[]): Promise<void> {
  for (const session of sessions) {
    await hand.say(hand.flavor.kill(Number(session['id']))).catch((error: unknown) => {
      // 1094: it ended by itself in between.
      if (!(error instanceof OrchestratorError && error.code === 'SERVER_STATEMENT_FAILED')) throw error;
    });
  }
}

function privileged(hand: Hand): Promise<readonly Row[]> {
  return hand.say(showPrivilegedSessions);
}

export function whom(session: Row): string {
  return `${String(session['user'])}@${String(session['host'])}`;
}
