import {setTimeout as sleep} from 'node:timers/promises';
import {observeLease, releaseLease, renewLease, takeLease, touchLease} from '../../../src/lib/coordination/lease.ts';
import type {Observation} from '../../../src/lib/coordination/observation.ts';
import type {Timing} from '../../../src/lib/coordination/timing.ts';
import type {Lease, NodeId} from '../../../src/lib/coordination/types.ts';
import type {Backend, Work} from '../../../src/lib/store/backend.ts';
import {isDuplicateKey} from '../../../src/lib/store/connection/errors.ts';
import {node} from './coordination.ts';

/** A stretch of time in which one contender could rely on its lease, on the clock all contenders of this process share. */
export interface Reign {
  readonly who: string;
  readonly term: number;
  readonly from: number;
  until: number;
}

export interface History {
  readonly reigns: Reign[];
  /** Fenced writes that went through, and how many were refused. */
  written: number;
  refused: number;
  /** Terms that ended by a pause of the holder longer than its lease. */
  paused: number;
}

/** Random numbers in 0..1 that are the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Contest {
  readonly timing: Timing;
  readonly random: () => number;
  isOver(): boolean;
  readonly history: History;
  /** What a contender writes as leader of a term; false when the fence refused it. */
  readonly write: (backend: Backend, lease: Lease) => Promise<boolean>;
}

/**
 * One contender: follows, takes the lease when it may, renews it a few times, and now and then stands still as a stopped process does,
 * for up to two leases, at any point. After a pause it goes on where it was, with what it believed before.
 */
export async function contend(name: string, backend: Backend, contest: Contest): Promise<void> {
  const {timing} = contest;
  const me = node(name);
  let seen: Observation | undefined;
  while (!contest.isOver()) {
    const lease = await unlessBackendFails(async () => {
      seen = await observeLease(backend, seen, timing);
      await maybeStop(contest, 0.05);
      return takeLease(backend, me, {seen, timing});
    });
    if (lease === null) await sleep(timing.observeEach * contest.random());
    else await reign(backend, me, {...contest, lease});
  }
}

async function reign(backend: Backend, me: NodeId, contest: Contest & {lease: Lease}): Promise<void> {
  const {timing, history, random} = contest;
  let lease = contest.lease;
  const entry: Reign = {who: me.hostname, term: lease.term, from: performance.now(), until: lease.validUntil};
  history.reigns.push(entry);
  for (let rounds = Math.floor(random() * 8); rounds > 0; rounds -= 1) {
    await sleep(timing.renewEach * random());
    const stopped = await maybeStop(contest, 0.2);
    if (stopped && performance.now() >= lease.validUntil) history.paused += 1;
    await write(backend, contest, lease);
    if (performance.now() >= lease.validUntil) return;
    const renewed = await unlessBackendFails(() => renewLease(backend, lease, timing));
    if (renewed === null || performance.now() >= lease.validUntil) return;
    lease = renewed;
    entry.until = lease.validUntil;
  }
  if (random() < 0.5) return;
  entry.until = Math.min(entry.until, performance.now());
  await unlessBackendFails(() => releaseLease(backend, lease, timing));
}

/** Writes as if still leading, whatever the clock says: the fence alone must hold. */
async function write(backend: Backend, {history, write: attempt}: Contest, lease: Lease): Promise<void> {
  const outcome = await unlessBackendFails(() => attempt(backend, lease));
  if (outcome === true) history.written += 1;
  if (outcome === false) history.refused += 1;
}

async function maybeStop({timing, random}: Contest, chance: number): Promise<boolean> {
  if (random() >= chance) return false;
  await sleep(2 * timing.lease * random());
  return true;
}

/** A backend that could not answer is no answer; anything else is a bug and ends the test. */
async function unlessBackendFails<Result>(work: () => Promise<Result>): Promise<Result | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('BACKEND_')) return null;
    throw error;
  }
}

/** Writes a row of its own, fenced by the lease: rows carry growing numbers in the order of their commits. */
export function fencedWrite(backend: Backend, lease: Lease): Promise<boolean> {
  return backend.transaction(
    async (work) => {
      if (!(await touchLease(work, lease))) return false;
      await insertNext(work, lease);
      return true;
    },
    {deadline: 10_000},
  );
}

/** The same without the fence; false when two took the same number, as nothing makes them queue. */
export async function unfencedWrite(backend: Backend, lease: Lease): Promise<boolean> {
  try {
    await backend.transaction((work) => insertNext(work, lease), {deadline: 10_000});
    return true;
  } catch (error) {
    if (isDuplicateKey(error)) return false;
    throw error;
  }
}

async function insertNext({db}: Work, {term}: Lease): Promise<void> {
  const [last] = await db('fenced_write').orderBy('number', 'desc').limit(1).pluck('number');
  await db('fenced_write').insert({number: Number(last ?? 0) + 1, term});
}

/** What must never be seen; one sentence each. */
export function violations(reigns: readonly Reign[], writtenTerms: readonly number[]): readonly string[] {
  const byTime = reigns.toSorted((a, b) => a.from - b.from);
  const found: string[] = [];
  for (const [at, reign] of byTime.entries()) {
    const next = byTime[at + 1];
    if (next === undefined) continue;
    if (next.from < reign.until) found.push(`${next.who} led in term ${next.term} while ${reign.who} could rely on term ${reign.term}`);
    if (next.term <= reign.term) found.push(`term ${next.term} followed term ${reign.term}`);
  }
  for (const [at, term] of writtenTerms.entries()) {
    if (term < (writtenTerms[at - 1] ?? 0)) found.push(`a write of term ${term} went through after one of term ${writtenTerms[at - 1]}`);
  }
  return found;
}
