import {isCode, OrchestratorError} from '../../errors/errors.ts';
import {parseBinlogs, parseEvents} from '../../flavor/commands/common.ts';
import type {LogEvent, LogPart} from '../../flavor/commands/words.ts';
import type {Statement} from '../../flavor/flavor.ts';
import type {BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Monotonic} from '../../model/units.ts';
import {fileAfter, fileBefore} from '../../plan/instance/logs.ts';
import {isOnlyHalf} from '../../plan/pseudo-gtid/comparable.ts';
import {FILE_START, type Log} from '../../plan/pseudo-gtid/log.ts';
import {errnoOf} from '../../servers/failure.ts';
import type {Asker} from '../instance/relay-log.ts';

/** How much reading is worth it; what was spent counts for all logs that share it. */
export class Effort {
  readonly #until: Monotonic;
  #reads: number;

  /** @param reads how many times events may be asked for, each time BinlogEventsChunkSize of them */
  constructor(until: Monotonic, reads: number) {
    this.#until = until;
    this.#reads = reads;
  }

  /** @throws OrchestratorError REPLICATION_BROKEN when it is spent */
  spend(on: string): void {
    this.#reads -= 1;
    if (this.#reads >= 0 && performance.now() < this.#until) return;
    throw new OrchestratorError('REPLICATION_BROKEN', `${on} are too long to be read through in time: the search was given up`, {
      hint: 'purge or flush binary logs more often, raise BinlogEventsChunkSize, or use GTID',
    });
  }
}

export interface Reading {
  /** BinlogEventsChunkSize */
  readonly chunk: number;
  readonly effort: Effort;
}

/** The binary logs of a server. */
export function binlogsOf(asker: Asker, reading: Reading, end: BinlogCoordinates | null): Log {
  const name = `the binary logs of ${keyText(asker.key)}`;
  const {showBinlogs, showBinlogEvents} = asker.flavor.commands;
  return {
    name,
    end,
    files: async () => parseBinlogs(await asker.say(showBinlogs)),
    events: (from) => paged({asker, reading, name, show: showBinlogEvents}, from),
  };
}

/**
 * The relay logs of a replica that are still there, up to what it has applied. The receiver has to be stopped: one that is being
 * written to may end within an event.
 */
export function relayLogsOf(asker: Asker, reading: Reading, end: BinlogCoordinates): Log {
  const name = `the relay logs of ${keyText(asker.key)}`;
  const {showRelayEvents} = asker.flavor.commands;
  return {
    name,
    end,
    files: () => relayFiles(asker, end.file),
    events: (from) => paged({asker, reading, name, show: showRelayEvents}, from),
  };
}

/** No statement lists them: one before the other, until one is not there. */
async function relayFiles({flavor, say}: Asker, last: string): Promise<readonly string[]> {
  const files: string[] = [];
  for (let file: string | null = last; file !== null; file = fileBefore(file)) {
    if (!(await isThere(say, flavor.commands.showRelayEvents({file, limit: 1})))) break;
    files.unshift(file);
  }
  return files;
}

/**
 * Whether nothing but the beginning of a transaction waits in a relay log: the source was gone, or the receiver was stopped, in the middle
 * of it. It is complete nowhere on this replica, and will not be.
 *
 * @param from where the next transaction to be applied begins
 */
export async function onlyHalfIsLeft(asker: Asker, from: BinlogCoordinates): Promise<boolean> {
  const {showRelayEvents} = asker.flavor.commands;
  const next = fileAfter(from.file);
  try {
    if (next === null || (await isThere(asker.say, showRelayEvents({file: next, limit: 1})))) return false;
    const page = parseEvents(await asker.say(showRelayEvents({file: from.file, from: from.position, limit: MOST_OF_A_HALF})));
    return page.length < MOST_OF_A_HALF && isOnlyHalf(page);
  } catch (error) {
    // It may end within an event.
    if (!isCode(error, 'SERVER_STATEMENT_FAILED')) throw error;
    return false;
  }
}

/** More events than this are not looked through: they may well be applied yet. */
const MOST_OF_A_HALF = 10_000;

/** ER_ERROR_WHEN_EXECUTING_COMMAND: what the server answers about a log it does not have. */
const NO_SUCH_FILE = 1220;

async function isThere(say: Asker['say'], statement: Statement): Promise<boolean> {
  try {
    await say(statement);
    return true;
  } catch (error) {
    if (errnoOf(error) === NO_SUCH_FILE) return false;
    throw error;
  }
}

interface Paged {
  readonly asker: Asker;
  readonly reading: Reading;
  readonly name: string;
  show(part: LogPart): Statement;
}

/** Each page begins with the last event of the one before: in a relay log no event says where the next one begins. */
async function* paged({asker, reading, name, show}: Paged, {file, position}: BinlogCoordinates): AsyncGenerator<LogEvent, void, undefined> {
  const limit = Math.max(2, reading.chunk);
  for (let last: number | null = null; ;) {
    reading.effort.spend(name);
    const from = last ?? (position > FILE_START ? position : undefined);
    const page = parseEvents(await asker.say(show({file, limit, ...(from === undefined ? {} : {from})})));
    const seen: number = last ?? -1;
    yield* page.filter(({at}) => at.position > seen);
    last = page.at(-1)?.at.position ?? null;
    if (page.length < limit || last === null) return;
  }
}
