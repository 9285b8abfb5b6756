import {isCode, OrchestratorError} from '../errors/errors.ts';
import {IntervalSet, type Interval} from './interval-set.ts';

/**
 * A set of MySQL transaction identifiers. Immutable.
 *
 * As text it is what `@@global.gtid_executed` shows: `uuid:1-5:8,uuid:3` — server UUIDs, each with inclusive intervals of
 * transaction numbers from 1 up. From MySQL 8.3 a tag may precede intervals and holds for all that follow until the next
 * tag: `uuid:1-3:audit:1-5:9`. Letter case and white space (servers wrap long sets) do not matter, order and overlaps
 * neither.
 *
 * @see https://dev.mysql.com/doc/refman/8.4/en/replication-gtids-concepts.html "GTID Sets"
 */
export class GtidSet {
  static readonly empty = new GtidSet(IntervalSet.empty);
  readonly intervals: IntervalSet;

  private constructor(intervals: IntervalSet) {
    this.intervals = intervals;
  }

  /** @throws OrchestratorError INPUT_INVALID naming the part that is neither UUID, tag nor interval, or a number above 2^53 - 1 */
  static parse(text: string): GtidSet {
    const parts = text.replace(/\s+/g, '').toLowerCase().split(',');
    return new GtidSet(IntervalSet.from(parts.filter((part) => part !== '').flatMap(parsePart)));
  }

  /** As `parse`, but null for what cannot be read: then nothing is known, and unknown is never clean. */
  static read(text: string): GtidSet | null {
    try {
      return GtidSet.parse(text);
    } catch (error) {
      if (isCode(error, 'INPUT_INVALID')) return null;
      throw error;
    }
  }

  get isEmpty(): boolean {
    return this.intervals.isEmpty;
  }

  /** Number of transactions. */
  get count(): number {
    return this.intervals.count;
  }

  union(other: GtidSet): GtidSet {
    return new GtidSet(this.intervals.union(other.intervals));
  }

  /** Agrees with the server's GTID_SUBTRACT. */
  subtract(other: GtidSet): GtidSet {
    return new GtidSet(this.intervals.subtract(other.intervals));
  }

  intersect(other: GtidSet): GtidSet {
    return new GtidSet(this.intervals.intersect(other.intervals));
  }

  /** Agrees with the server's GTID_SUBSET(other, this). */
  contains(other: GtidSet): boolean {
    return this.intervals.contains(other.intervals);
  }

  equals(other: GtidSet): boolean {
    return this.intervals.equals(other.intervals);
  }

  /** UUIDs of the servers its transactions were first written on. */
  servers(): readonly string[] {
    return [...new Set(this.intervals.entries().map(([name]) => uuidOf(name)))];
  }

  /** Transactions first written on one of these servers, tagged ones included. */
  onlyFrom(uuids: Iterable<string>): GtidSet {
    const wanted = lowerCase(uuids);
    return new GtidSet(this.intervals.only((name) => wanted.has(uuidOf(name))));
  }

  /** Transactions first written on any other server. */
  withoutFrom(uuids: Iterable<string>): GtidSet {
    const unwanted = lowerCase(uuids);
    return new GtidSet(this.intervals.only((name) => !unwanted.has(uuidOf(name))));
  }

  /** Canonical text: lower case, UUIDs ascending, untagged before tagged, tags ascending, intervals merged; '' when empty. */
  toString(): string {
    const texts = new Map<string, string>();
    for (const [name, intervals] of this.intervals.entries()) {
      const uuid = uuidOf(name);
      texts.set(uuid, `${texts.get(uuid) ?? uuid}${name.slice(uuid.length)}:${intervals.map(intervalText).join(':')}`);
    }
    return [...texts.values()].join(',');
  }
}

/**
 * What `ours` has and `theirs` has not, both as text: the errant transactions, when `theirs` is the source.
 *
 * @returns canonical text; '' when nothing is left
 * @throws OrchestratorError INPUT_INVALID naming the part that cannot be read
 */
export function subtractGtidSet(ours: string, theirs: string): string {
  return GtidSet.parse(ours).subtract(GtidSet.parse(theirs)).toString();
}

/** Number of transactions in a set given as text. Throws as `GtidSet.parse`. */
export function countGtidSet(text: string): number {
  return GtidSet.parse(text).count;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TAG = /^[a-z_][a-z0-9_]{0,31}$/;
const INTERVAL = /^(\d+)(?:-(\d+))?$/;

/** Names are `uuid` and `uuid:tag`; UUIDs are of one length, so plain string order puts the untagged first. */
function uuidOf(name: string): string {
  return name.slice(0, 36);
}

function parsePart(part: string): readonly (readonly [string, readonly Interval[]])[] {
  const [uuid = '', ...rest] = part.split(':');
  if (!UUID.test(uuid)) throw invalid(uuid, part);
  let name = uuid;
  const found: (readonly [string, readonly Interval[]])[] = [];
  for (const word of rest) {
    if (TAG.test(word)) name = `${uuid}:${word}`;
    else found.push([name, [parseInterval(word, part)]]);
  }
  return found;
}

function parseInterval(word: string, part: string): Interval {
  const match = INTERVAL.exec(word);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (!match || first < 1 || last < first || last > Number.MAX_SAFE_INTEGER) throw invalid(word, part);
  return {first, last};
}

function intervalText({first, last}: Interval): string {
  return first === last ? String(first) : `${first}-${last}`;
}

function lowerCase(uuids: Iterable<string>): ReadonlySet<string> {
  return new Set([...uuids].map((uuid) => uuid.toLowerCase()));
}

function invalid(word: string, part: string): OrchestratorError {
  return new OrchestratorError('INPUT_INVALID', `${JSON.stringify(word)} in GTID set ${JSON.stringify(part)} cannot be read`, {
    hint: 'expected uuid[:tag]:first[-last], several separated by colons, servers by commas',
  });
}
