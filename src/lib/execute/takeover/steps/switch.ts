import {isCode, messageOf, OrchestratorError} from '../../../errors/errors.ts';
import {parseBinlogStatus} from '../../../flavor/replica-status.ts';
import type {Row} from '../../../flavor/flavor.ts';
import {textOf} from '../../../flavor/rows.ts';
import {
  limitLockWait,
  lockWrites,
  selectBinlogState,
  selectWritten,
  showPrivilegedClients,
  unlockWrites,
} from '../../../flavor/takeover.ts';
import {coordinatesIn, coordinatesText, type BinlogCoordinates} from '../../../model/binlog-coordinates.ts';
import {keyText} from '../../../model/instance-key.ts';
import {BinlogState, mariadbGtidText, readMariadbPosition} from '../../../model/mariadb-gtid.ts';
import type {Milliseconds, Monotonic, Seconds} from '../../../model/units.ts';
import {kill, standsStill, whom} from '../../steps/close-source.ts';
import type {Hand} from '../../steps/hands.ts';
import {logEnd} from '../../steps/log-end.ts';
import {reachPosition} from '../../steps/place.ts';
import {isReadOnly} from '../../steps/promote.ts';

/** Closing waits so long for statements that are running; everybody else's writes wait with it. */
const CLOSE_WITHIN: Seconds = 1;
/** One wait on the server: short, so that the lock's deadline is looked at between two of them. */
const SLICE: Seconds = 1;

/** A successor that has applied within this what its source had when one asked is right behind it. */
const CLOSE_BEHIND: Milliseconds = 8;
/** So often one looks for such a moment; then it is as good as it gets. */
const MOST_LOOKS = 10;

/** What was seen beforehand, or at the moment of closing, so that it need not be asked for while writes wait. */
export interface Memory {
  /** Places in logs count, instead of GTIDs. */
  readonly byPosition: boolean;
  /** Sessions that may write under read_only were there just before, and were ended. */
  privileged: boolean;
  /** What the successor has logged, as of a moment before: it has that, and more. MariaDB only. */
  logged: BinlogState | null;
  /** What the closed source has written: the last word. */
  closedAt: string | null;
  /** Since when writes wait, or are refused. */
  closing: Monotonic | null;
}

/**
 * Readies the sessions that will close the source and open the successor, and ends those that could write to a closed source: who needs
 * to write comes back, and is seen to.
 */
export async function makeReady(successor: Hand, source: Hand, memory: Memory): Promise<string> {
  await source.say(limitLockWait(CLOSE_WITHIN));
  const ended = source.flavor.hasSuperReadOnly ? [] : await endPrivileged(source);
  memory.privileged = ended.length > 0;
  memory.logged = memory.byPosition ? null : await logged(successor);
  return ended.length > 0 ? `; ${ended.length} privileged sessions ended on ${keyText(source.key)}` : '';
}

/**
 * Closes a source. Where super_read_only exists it is enough. MariaDB and MySQL 5.6 have none, and privileged sessions write under
 * read_only: there the whole server is locked for writes before, until `release`, so that its binary log stands still from here on
 * whoever tries what.
 *
 * @throws OrchestratorError REFUSED when something that runs keeps it from being closed
 */
export async function close(source: Hand, memory: Memory): Promise<string> {
  const began = performance.now();
  memory.closing = began;
  try {
    if (!source.flavor.hasSuperReadOnly) await source.say(lockWrites);
    // Sent together, answered in this order.
    const sent = source.flavor.setReadOnly(true, true).map((statement) => source.say(statement));
    const [position] = await Promise.all([written(source, memory), ...sent]);
    memory.closedAt = position;
  } catch (error) {
    if (!isCode(error, 'SERVER_STATEMENT_FAILED')) throw error;
    throw new OrchestratorError('REFUSED', `${keyText(source.key)} could not be closed within ${CLOSE_WITHIN} s: ${messageOf(error)}`, {
      hint: 'look for long statements, locked tables and backups on it',
      cause: error,
    });
  }
  return `${keyText(source.key)} is closed, after ${Math.round(performance.now() - began)} ms`;
}

/**
 * Lets the successor apply all that the source has written. Meanwhile one looks whether privileged sessions that were ended before have
 * come back to write: they wait for the lock now, and would write to the closed source afterwards.
 *
 * @throws OrchestratorError REPLICATION_BROKEN when it does not get there, REFUSED naming who insists on writing
 */
export async function catchUp(
  successor: Hand,
  source: Hand,
  {memory, patience}: {memory: Memory; patience: Milliseconds},
): Promise<string> {
  const began = performance.now();
  const wanted = memory.closedAt ?? (await written(source, memory));
  memory.closedAt = wanted;
  await Promise.all([reach(successor, wanted, {patience, memory}), memory.privileged ? nobodyInsists(source) : null]);
  return `${keyText(successor.key)} has all that ${keyText(source.key)} has, after ${Math.round(performance.now() - began)} ms`;
}

/**
 * Waits until the successor has applied all of a position.
 *
 * @param more.memory what it is known to have logged; asked for where that is not known
 */
export async function reach(
  successor: Hand,
  position: string,
  more: {readonly patience: Milliseconds; readonly memory: Pick<Memory, 'logged' | 'byPosition'>},
): Promise<void> {
  const {patience, memory} = more;
  if (memory.byPosition) return reachPosition(successor, coordinatesIn(position), patience);
  const wanted = lacking(position, memory.logged ?? (await logged(successor)));
  const until = performance.now() + patience;
  while (wanted !== '') {
    const left = Math.max(0, until - performance.now()) / 1000;
    if (successor.flavor.waited(await successor.say(successor.flavor.waitForGtid(wanted, Math.min(SLICE, left))))) return;
    await mustApply(successor);
    if (performance.now() < until) continue;
    throw new OrchestratorError(
      'REPLICATION_BROKEN',
      `${keyText(successor.key)} did not apply all that its source has within ${patience / 1000} s (ReasonableMaintenanceReplicationLagSeconds)`,
      {hint: 'look for load, locks and long transactions on it'},
    );
  }
}

/** Waits for a moment in which the successor is right behind the source: the next one is when writes are stopped. */
export async function keepUp(
  successor: Hand,
  source: Hand,
  {patience, memory}: {readonly patience: Milliseconds; readonly memory: Memory},
): Promise<void> {
  for (let times = 0; times < MOST_LOOKS; times++) {
    const began = performance.now();
    await reach(successor, await written(source, memory), {patience, memory: {...memory, logged: null}});
    if (performance.now() - began < CLOSE_BEHIND) return;
  }
}

/** On MariaDB only what came in by replication counts for a wait, so what it once wrote itself is not waited for. */
function lacking(position: string, has: BinlogState | null): string {
  const all = has === null ? null : readMariadbPosition(position);
  if (has === null || all === null) return position;
  return [...all.values()]
    .filter((gtid) => has.contains(gtid) !== 'yes')
    .map(mariadbGtidText)
    .join(',');
}

async function logged(hand: Hand): Promise<BinlogState | null> {
  if (hand.flavor.gtid !== 'domain-list') return null;
  return BinlogState.read(textOf((await hand.say(selectBinlogState))[0]?.['state'])) ?? BinlogState.empty;
}

/** All that a server has in its binary log: as a set or a position of GTIDs, or where its log ends. */
export async function written(source: Hand, {byPosition}: Pick<Memory, 'byPosition'>): Promise<string> {
  if (byPosition) return coordinatesText(await logEnd(source));
  return textOf((await source.say(selectWritten(source.flavor.gtid)))[0]?.['position']);
}

async function mustApply(successor: Hand): Promise<void> {
  const now = await successor.replication();
  if (now?.applier.state === 'running') return;
  const error = now?.applier.errno ? ` with error ${now.applier.errno}: ${now.applier.error}` : '';
  throw new OrchestratorError('REPLICATION_BROKEN', `${keyText(successor.key)} stopped applying${error}`, {
    hint: 'look at its replication status',
  });
}

async function nobodyInsists(source: Hand): Promise<void> {
  const waiting = (await source.say(showPrivilegedClients)).filter(({state}) => /^Waiting for .*lock/i.test(textOf(state ?? '')));
  if (waiting.length === 0) return;
  throw new OrchestratorError(
    'REFUSED',
    `${keyText(source.key)} would still be written to under read_only, by ${waiting.map(whom).join(', ')}`,
    {
      hint: 'stop that client, or take SUPER / READ_ONLY ADMIN from its account',
    },
  );
}

async function endPrivileged(source: Hand): Promise<readonly Row[]> {
  const sessions = await source.say(showPrivilegedClients);
  await kill(source, sessions);
  return sessions;
}

/**
 * Opens the successor, and sees it open. Its replication may run on: nothing comes from a closed source.
 *
 * @returns also where its binary log stood before
 * @throws OrchestratorError SERVER_STATEMENT_FAILED when it says read_only afterwards
 */
export async function open(hand: Hand, memory: Memory): Promise<{readonly said: string; readonly at: BinlogCoordinates | null}> {
  // Sent together, answered in this order.
  const asked = hand.say(hand.flavor.showBinlogStatus);
  const [status] = await Promise.all([asked, ...hand.flavor.setReadOnly(false, hand.flavor.hasSuperReadOnly).map((one) => hand.say(one))]);
  const at = parseBinlogStatus(status);
  const since = memory.closing === null ? '' : `, ${Math.round(performance.now() - memory.closing)} ms after its source began to close`;
  if (!(await isReadOnly(hand))) return {said: `${keyText(hand.key)} is writable${since}`, at};
  throw new OrchestratorError('SERVER_STATEMENT_FAILED', `${keyText(hand.key)} says read_only is still on after it was switched off`, {
    hint: 'look for something on that server that switches it back',
  });
}

/**
 * Ends those that wait to write to the closed source, lets the lock go, and sees its binary log stand still.
 *
 * @throws OrchestratorError REPLICATION_BROKEN naming who writes to it: it has something that its successor has not
 */
export async function release(source: Hand): Promise<string> {
  const name = keyText(source.key);
  if (source.flavor.hasSuperReadOnly) return `${name} stays closed (super_read_only)`;
  const killed = await endPrivileged(source);
  await source.say(unlockWrites);
  if (await standsStill(source)) return `${name} stays closed (read_only; ${killed.length} privileged sessions ended)`;
  const writers = (await source.say(showPrivilegedClients)).map(whom).join(', ') || 'an unknown session';
  throw new OrchestratorError('REPLICATION_BROKEN', `${name} is written to under read_only, by ${writers}, after it was replaced`, {
    hint: 'stop that client; what it wrote is on this server alone',
  });
}
