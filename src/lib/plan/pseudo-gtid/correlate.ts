import type {LogEvent} from '../../flavor/commands/words.ts';
import {compareCoordinates, coordinatesText, fileNumber, type BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import {boundaryOf, comparableOf} from './comparable.ts';
import {FILE_START, type Log} from './log.ts';
import type {Marks} from './marks.ts';

/** A Pseudo-GTID entry, and where it begins. */
export interface Mark {
  readonly text: string;
  readonly at: BinlogCoordinates;
}

/** Where in one log the same stands as in another. */
export type Correlation =
  | {
      readonly found: true;
      /** The first event that the first log does not have begins here in the second. */
      readonly at: BinlogCoordinates;
      readonly mark: string;
      /** Events that were compared and are alike, the mark among them. */
      readonly matched: number;
    }
  | {readonly found: false; readonly why: Mismatch; readonly because: string};

/**
 * `no-mark`: the first log has none. `unknown-mark`: the second log does not have it. `ends-first`: the second has less; both may
 * change when it is still being written. `differs`: they do not have the same. `half`: the first ends within a transaction.
 */
export type Mismatch = 'no-mark' | 'unknown-mark' | 'ends-first' | 'differs' | 'half';

/** What is compared, and how. */
export interface Comparing {
  readonly marks: Marks;
  /** SkipBinlogEventsContaining */
  readonly leaveOut: readonly string[];
}

/**
 * Finds the place in the log of another server that is the end of a log: from the last mark of the first on, each event has to be in
 * the second too, in the same order and with nothing in between. Reads, and does nothing else.
 *
 * @param own what a replica has applied, up to its end; it must not be written to meanwhile
 * @param other binary logs, which may go on being written
 * @param since where to begin to look for marks, in either log, before the whole is looked through; a guess that spares time
 */
export async function correlate(own: Log, other: Log, {since, ...comparing}: Comparing & {readonly since: Since}): Promise<Correlation> {
  const mark = await lastMark(own, comparing.marks, since.own);
  if (!mark) return no('no-mark', `${own.name} have no Pseudo-GTID entry`);
  const there = await findMark(other, mark.text, {marks: comparing.marks, since: since.other});
  if (there) return compareFrom({log: own, mark}, {log: other, at: there}, comparing);
  return no('unknown-mark', `${other.name} do not have the last Pseudo-GTID entry of ${own.name}, ${mark.text}`);
}

/** Null = newest file first. */
export interface Since {
  readonly own: BinlogCoordinates | null;
  readonly other: BinlogCoordinates | null;
}

/** The last mark before the end of a log; null when there is none. */
export async function lastMark(log: Log, marks: Marks, since: BinlogCoordinates | null): Promise<Mark | null> {
  const files = await log.files();
  if (since !== null && files.includes(since.file)) {
    const recent = await lastMarkFrom(log, since, {files, marks});
    if (recent) return recent;
  }
  for (const file of files.toReversed()) {
    const found = await lastMarkIn(log, {file, position: FILE_START}, marks);
    if (found) return found;
  }
  return null;
}

async function lastMarkFrom(
  log: Log,
  since: BinlogCoordinates,
  {files, marks}: {readonly files: readonly string[]; readonly marks: Marks},
): Promise<Mark | null> {
  for (const file of files.filter((one) => fileNumber(one) >= fileNumber(since.file)).toReversed()) {
    const found = await lastMarkIn(log, file === since.file ? since : {file, position: FILE_START}, marks);
    if (found) return found;
  }
  return null;
}

async function lastMarkIn(log: Log, from: BinlogCoordinates, marks: Marks): Promise<Mark | null> {
  let last: Mark | null = null;
  for await (const event of countedEvents(log, from)) {
    const text = marks.read(event);
    if (text !== null) last = {text, at: event.at};
  }
  return last;
}

/** Where a mark stands in a log, or any other event of exactly this text; null when nowhere. */
export async function findMark(
  log: Log,
  text: string,
  {marks, since}: {readonly marks: Marks; readonly since: BinlogCoordinates | null},
): Promise<BinlogCoordinates | null> {
  const files = await log.files();
  const recent = since !== null && files.includes(since.file) ? since : null;
  for (const file of recent ? files.filter((one) => fileNumber(one) >= fileNumber(recent.file)) : []) {
    const found = await findIn(log, {from: file === recent?.file ? recent : {file, position: FILE_START}, text}, marks);
    if (typeof found === 'object') return found;
  }
  for (const file of files.toReversed()) {
    const found = await findIn(log, {from: {file, position: FILE_START}, text}, marks);
    if (found === 'never') return null;
    if (found !== 'earlier') return found;
  }
  return null;
}

/**
 * Of marks that ascend the first beyond the one that is sought ends the search: in earlier files if it is the first of its file, for
 * good if one before it was short of it.
 */
async function findIn(
  log: Log,
  {from, text}: {readonly from: BinlogCoordinates; readonly text: string},
  marks: Marks,
): Promise<BinlogCoordinates | 'earlier' | 'never'> {
  const ascends = marks.ascends(text);
  let passed = false;
  for await (const event of countedEvents(log, from)) {
    const mark = marks.read(event);
    if (mark === text) return event.at;
    if (mark === null || !ascends || !marks.ascends(mark)) continue;
    if (mark > text) return passed ? 'never' : 'earlier';
    passed = true;
  }
  return passed ? 'never' : 'earlier';
}

async function compareFrom(
  own: {readonly log: Log; readonly mark: Mark},
  other: {readonly log: Log; readonly at: BinlogCoordinates},
  {leaveOut}: Comparing,
): Promise<Correlation> {
  const theirs = comparables(other.log, other.at, leaveOut);
  try {
    let last: BinlogCoordinates | null = null;
    let [matched, open] = [0, false];
    for await (const mine of comparables(own.log, own.mark.at, leaveOut)) {
      const {value: its, done} = await theirs.next();
      if (done) return no('ends-first', `${other.log.name} end before ${told(mine)} of ${own.log.name}`);
      if (mine.text !== its.text) return no('differs', `${told(mine)} in ${own.log.name} is ${told(its)} in ${other.log.name}`);
      last = {file: its.event.at.file, position: its.event.nextPosition};
      matched += 1;
      const boundary = boundaryOf(mine.text);
      if (boundary) open = boundary === 'opens';
    }
    if (open) return no('half', `${own.log.name} end within a transaction`);
    return last === null
      ? no('no-mark', `${own.log.name} end where their last Pseudo-GTID entry begins`)
      : {found: true, at: last, mark: own.mark.text, matched};
  } finally {
    await theirs.return(undefined);
  }
}

interface Comparable {
  readonly event: LogEvent;
  readonly text: string;
}

/** From one place of a log to its end, across files. */
async function* comparables(
  log: Log,
  from: BinlogCoordinates,
  leaveOut: readonly string[],
): AsyncGenerator<Comparable, undefined, undefined> {
  for (const file of await log.files()) {
    if (fileNumber(file) < fileNumber(from.file)) continue;
    for await (const event of countedEvents(log, file === from.file ? from : {file, position: FILE_START})) {
      const text = comparableOf(event, leaveOut);
      if (text !== null) yield {event, text};
    }
  }
  return undefined;
}

async function* countedEvents(log: Log, from: BinlogCoordinates): AsyncGenerator<LogEvent, void, undefined> {
  for await (const event of log.events(from)) {
    if (log.end !== null && compareCoordinates(event.at, log.end) >= 0) return;
    yield event;
  }
}

/** Long statements are cut: a sentence is to be read. */
const LONGEST = 100;

function told({text, event}: Comparable): string {
  const short = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return `${JSON.stringify(short)} (${coordinatesText(event.at)})`;
}

function no(why: Mismatch, because: string): Correlation {
  return {found: false, why, because};
}
