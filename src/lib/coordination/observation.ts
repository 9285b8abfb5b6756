import type {Monotonic} from '../model/units.ts';
import {observe, type Timing} from './timing.ts';
import type {NodeId} from './types.ts';

/** The row of the leader as everybody sees it. An empty hostname and token: released, anybody may take it. */
export interface LeaseRow extends NodeId {
  /** Seconds since 1970 on the backend's clock; only ever compared for equality. */
  readonly lastSeen: number;
  /** Grows with every renewal and every fenced write of ours; a 3.2.6 node never moves it. */
  readonly renewals: number;
}

/** One look at the backend. */
export interface Reading {
  /** null: a 3.2.6 node deleted the row (its `reelect`), or there never was one. */
  readonly row: LeaseRow | null;
  readonly term: number;
  /** Which server answered; always '' where every node certifies what the others write. */
  readonly server: string;
  /** The last leader was elected on another server than this one. */
  readonly elsewhere: boolean;
}

/** What one process knows of the lease. */
export interface Observation extends Reading {
  /** Since when the row has looked like that, on our own clock. */
  readonly since: Monotonic;
  /** The holder was seen to count its renewals, so it is one of ours. */
  readonly counts: boolean;
  /** The highest term this process ever saw. */
  readonly highestTerm: number;
  /** When the backend was last seen to go back in time, or to be another server than before. */
  readonly regressedAt: Monotonic | null;
}

/**
 * Adds one reading to what is known.
 *
 * @param arrived when the response came in, not when it was asked for
 */
export function addReading(before: Observation | undefined, reading: Reading, arrived: Monotonic): Observation {
  if (before === undefined) {
    const regressedAt = reading.elsewhere ? arrived : null;
    return {...reading, since: arrived, counts: false, highestTerm: reading.term, regressedAt};
  }
  const sameHolder = sameNode(before.row, reading.row);
  const moved = (reading.row?.renewals ?? 0) > (before.row?.renewals ?? 0);
  return {
    ...reading,
    since: observe(before, reading.row, arrived).since,
    counts: sameHolder && (before.counts || moved),
    highestTerm: Math.max(before.highestTerm, reading.term),
    regressedAt: wentBack(before, reading) ? arrived : before.regressedAt,
  };
}

/** Adds the term that this process has just taken: if a later reading shows a lower one, the backend went back in time. */
export function withTerm(known: Observation, term: number): Observation {
  return {...known, term, highestTerm: Math.max(known.highestTerm, term)};
}

/** A term or a counter that fell: an asynchronous backend lost its last writes, or its proxy moved to a server that never had them. */
function wentBack(before: Reading, {row, term, server}: Reading): boolean {
  const fewer = sameNode(before.row, row) && (row?.renewals ?? 0) < (before.row?.renewals ?? 0);
  return term < before.term || fewer || server !== before.server;
}

/**
 * Whether the row may be taken now. Released: at once. Otherwise only after it stood still for a whole lease as seen by us, so that
 * whoever held it has been deposed by its own clock. After the backend went back in time nobody trusts what it says for a whole lease.
 */
export function mayTake(seen: Observation, timing: Timing, now: Monotonic): boolean {
  if (!isTrusted(seen, timing, now)) return false;
  if (seen.row === null ? seen.highestTerm === 0 : isReleased(seen.row)) return true; // no row and no term: nobody ever led
  return now - seen.since >= (seen.counts ? timing.lease : timing.foreignLease);
}

/** Not for a whole lease after the backend went back in time, or turned out to be another server. */
export function isTrusted(seen: Observation, timing: Timing, now: Monotonic): boolean {
  return seen.regressedAt === null || now - seen.regressedAt >= timing.lease;
}

export function isReleased(row: NodeId): boolean {
  return row.hostname === '' && row.token === '';
}

/** Whether both are the same process of the same host. */
export function sameNode(a: NodeId | null | undefined, b: NodeId | null | undefined): boolean {
  return !!a && !!b && a.hostname === b.hostname && a.token === b.token;
}
