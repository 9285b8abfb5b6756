import {OrchestratorError, isCode} from '../../errors/errors.ts';
import {parseEvents} from '../../flavor/commands/common.ts';
import type {LogEvent} from '../../flavor/commands/words.ts';
import type {Flavor} from '../../flavor/flavor.ts';
import {textOf} from '../../flavor/rows.ts';
import type {BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import type {Replication} from '../../model/instance.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import {fileBefore, firstMissing, firstNotExecuted, nextInOrder} from '../../plan/instance/logs.ts';
import type {Hand} from '../steps/hands.ts';

/** Events asked for at once: a relay log may hold millions. */
const PAGE = 1000;

/** What can be asked about relay logs: a session that changes the server, or one that does not. */
export type Asker = Pick<Hand, 'flavor' | 'key' | 'say' | 'replication'>;

/** Everything a server has written: its GTID set, or on MariaDB its binlog state. */
export async function historyOf({flavor, say}: Pick<Asker, 'flavor' | 'say'>): Promise<string> {
  return textOf((await say(flavor.commands.showHistory))[0]?.['history']).replaceAll(/\s+/g, '');
}

/**
 * The transaction that a failed applier would apply next, on a server with GTIDs.
 *
 * @throws OrchestratorError REFUSED when it cannot be told with certainty
 */
export async function transactionToSkip(hand: Asker): Promise<string> {
  const now = await hand.replication();
  const executed = await historyOf(hand);
  const failed = await failedTransaction(hand, executed);
  if (failed !== null) return failed;
  const events = now?.relay ? await pageFrom(hand, now.relay) : [];
  const next = now ? nextInOrder(now.retrievedGtid, executed) : [];
  const gtid = firstNotExecuted(events, executed) ?? (next.length === 1 ? next[0] : null);
  // Several workers may have gone on beyond what one of them failed at: then the first that is missing need not be that one.
  if (gtid && next.includes(gtid)) return gtid;
  throw new OrchestratorError('REFUSED', `it cannot be told which transaction ${keyText(hand.key)} failed at`, {
    hint: 'its last error may name it; commit an empty transaction under that GTID',
  });
}

/** As the server itself says it; null where it does not, or not to us. */
async function failedTransaction({flavor, say: ask}: Asker, executed: string): Promise<string | null> {
  const statement = flavor.commands.showFailedTransactions;
  if (!statement) return null;
  try {
    const gtids = (await ask(statement)).map((row) => textOf(row['gtid']));
    return gtids.length === 1 ? firstMissing(gtids, executed) : null;
  } catch (error) {
    if (!isCode(error, 'SERVER_ACCESS_DENIED')) throw error;
    return null;
  }
}

/**
 * The last event of the relay log that was applied.
 *
 * @throws OrchestratorError NOT_FOUND when the relay logs that are still there hold none
 */
export async function lastExecuted(asker: Asker): Promise<LogEvent> {
  const {relay, name} = relayOf(await asker.replication(), asker.key);
  for (let file: string | null = relay.file; file !== null; file = fileBefore(file)) {
    const found = await lastBefore(asker, {file, position: file === relay.file ? relay.position : Number.POSITIVE_INFINITY});
    if (found === 'no-such-file') break;
    if (found) return found;
  }
  throw new OrchestratorError('NOT_FOUND', `the relay logs of ${name} hold no event that was applied`, {
    hint: 'a server removes them once they are applied',
  });
}

function relayOf(now: Replication | null, key: InstanceKey): {readonly relay: BinlogCoordinates; readonly name: string} {
  if (now?.relay) return {relay: now.relay, name: keyText(key)};
  throw new OrchestratorError('REFUSED', `${keyText(key)} ${now ? 'has no relay log' : 'is not a replica'}`);
}

async function lastBefore(asker: Asker, end: BinlogCoordinates): Promise<LogEvent | null | 'no-such-file'> {
  let [last, from]: [LogEvent | null, number | undefined] = [null, undefined];
  for (;;) {
    const page = await eventsOf(asker, {file: end.file, ...(from === undefined ? {} : {from}), limit: PAGE});
    if (page === 'no-such-file') return last ?? page;
    const events = page.filter(({at}) => at.position !== from);
    last = events.findLast(({at}) => at.position < end.position) ?? last;
    const next = events.at(-1)?.at.position;
    if (page.length < PAGE || next === undefined || next >= end.position) return last;
    from = next;
  }
}

async function pageFrom(asker: Asker, {file, position}: BinlogCoordinates): Promise<readonly LogEvent[]> {
  const events = await eventsOf(asker, {file, from: position, limit: PAGE});
  return events === 'no-such-file' ? [] : events;
}

async function eventsOf(
  {flavor, say: ask}: {readonly flavor: Flavor; readonly say: Asker['say']},
  part: Parameters<Flavor['commands']['showRelayEvents']>[0],
): Promise<readonly LogEvent[] | 'no-such-file'> {
  try {
    return parseEvents(await ask(flavor.commands.showRelayEvents(part)));
  } catch (error) {
    // 1220: there is no such file (any more), or it ends within an event that is being written.
    if (!isCode(error, 'SERVER_STATEMENT_FAILED')) throw error;
    return 'no-such-file';
  }
}
