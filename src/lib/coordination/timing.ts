import {isDeepStrictEqual} from 'node:util';
import type {Milliseconds, Monotonic, Seconds} from '../model/units.ts';

/** Every length of time in the protocol. Tests shorten them all alike; nothing else in this room names a number of milliseconds. */
export interface Timing {
  /** How long a row must stand still before another may take it, and how long its holder may rely on one renewal. */
  readonly lease: Milliseconds;
  /** The same where the holder may be a 3.2.6 node: its row changes once a second at most. */
  readonly foreignLease: Milliseconds;
  /** What a holder gives up of its lease, for clocks that do not run equally fast. */
  readonly margin: Milliseconds;
  /** Between two renewals, of the lease and of a lock. */
  readonly renewEach: Milliseconds;
  /** Between two looks of somebody who waits. */
  readonly observeEach: Milliseconds;
  /** One statement or transaction, repetitions included. */
  readonly attempt: Milliseconds;
  /** Longest pause before a failed renewal is tried again; the pause is random. */
  readonly retryWithin: Milliseconds;
  /** How long a command looks whether a lock that is in its way is still being renewed. */
  readonly glance: Milliseconds;
}

/** How long a process may be silent before an open recovery of its own is one of a dead process, a 3.2.6 node's too; by the backend's clock. */
export const DEAD_AFTER: Seconds = 10;

export const defaultTiming: Timing = {
  lease: 5000,
  foreignLease: 6000,
  margin: 500,
  renewEach: 1000,
  observeEach: 250,
  attempt: 1000,
  retryWithin: 150,
  glance: 1500,
};

/** A row as last read, and since when, on our own clock, it has looked like that. */
export interface Observed<Row> {
  readonly row: Row;
  readonly since: Monotonic;
}

/**
 * Adds one reading to what is known of a row.
 *
 * @param arrived when the response came in, not when it was asked for: a row must not seem to have stood still for longer than it did
 */
export function observe<Row>(before: Observed<Row> | undefined, row: Row, arrived: Monotonic): Observed<Row> {
  return before !== undefined && isDeepStrictEqual(before.row, row) ? before : {row, since: arrived};
}

/** Until when a holder may rely on a renewal that was asked for at `asked`: before the request was sent, so that its travel shortens the time. */
export function relyUntil(asked: Monotonic, timing: Timing): Monotonic {
  return asked + timing.lease - timing.margin;
}
