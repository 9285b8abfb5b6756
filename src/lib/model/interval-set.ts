/** Both ends belong to it. */
export interface Interval {
  readonly first: number;
  readonly last: number;
}

/** Numbers from 1 up, kept apart by name. Intervals of a name are ascending and never touch, so equal sets look equal. Immutable. */
export class IntervalSet {
  static readonly empty = new IntervalSet(new Map());
  readonly #parts: ReadonlyMap<string, readonly Interval[]>;

  private constructor(parts: ReadonlyMap<string, readonly Interval[]>) {
    this.#parts = parts;
  }

  /** Takes intervals in any order; they may overlap. Empty ones (`last` before `first`) vanish. */
  static from(parts: Iterable<readonly [name: string, intervals: readonly Interval[]]>): IntervalSet {
    const gathered = new Map<string, Interval[]>();
    for (const [name, intervals] of parts) gathered.set(name, [...(gathered.get(name) ?? []), ...intervals]);
    const merged = [...gathered]
      .map(([name, intervals]) => [name, merge(intervals)] as const)
      .filter(([, intervals]) => intervals.length > 0);
    return new IntervalSet(new Map(merged.sort(([a], [b]) => (a < b ? -1 : 1))));
  }

  /** Names in ascending order, each with at least one interval. */
  entries(): readonly (readonly [name: string, intervals: readonly Interval[]])[] {
    return [...this.#parts];
  }

  get isEmpty(): boolean {
    return this.#parts.size === 0;
  }

  /** How many numbers it holds, over all names. */
  get count(): number {
    return this.entries().reduce((sum, [, intervals]) => sum + intervals.reduce((part, one) => part + one.last - one.first + 1, 0), 0);
  }

  union(other: IntervalSet): IntervalSet {
    return IntervalSet.from([...this.entries(), ...other.entries()]);
  }

  subtract(other: IntervalSet): IntervalSet {
    return IntervalSet.from(this.entries().map(([name, intervals]) => [name, without(intervals, other.#parts.get(name) ?? [])] as const));
  }

  intersect(other: IntervalSet): IntervalSet {
    return this.subtract(this.subtract(other));
  }

  /** Every number of `other` is in this one; true for an empty `other`. */
  contains(other: IntervalSet): boolean {
    return other.subtract(this).isEmpty;
  }

  equals(other: IntervalSet): boolean {
    return this.contains(other) && other.contains(this);
  }

  /** Only the names for which `wanted` says yes. */
  only(wanted: (name: string) => boolean): IntervalSet {
    return new IntervalSet(new Map(this.entries().filter(([name]) => wanted(name))));
  }
}

function merge(intervals: readonly Interval[]): readonly Interval[] {
  const merged: Interval[] = [];
  for (const next of intervals.filter((one) => one.last >= one.first).sort((a, b) => a.first - b.first)) {
    const previous = merged.at(-1);
    if (previous && next.first <= previous.last + 1)
      merged[merged.length - 1] = {first: previous.first, last: Math.max(previous.last, next.last)};
    else merged.push(next);
  }
  return merged;
}

/** One walk over both lists, which are ascending. */
function without(ours: readonly Interval[], theirs: readonly Interval[]): readonly Interval[] {
  const left: Interval[] = [];
  let at = 0;
  for (const {first, last} of ours) {
    let rest = first;
    for (let cut = theirs[at]; cut && cut.first <= last; cut = theirs[at]) {
      left.push({first: rest, last: Math.min(last, cut.first - 1)});
      rest = Math.max(rest, cut.last + 1);
      if (cut.last > last) break;
      at += 1;
    }
    left.push({first: rest, last});
  }
  return left.filter((one) => one.last >= one.first);
}
