import type {Knex} from 'knex';
import type {Monotonic} from '../model/units.ts';
import type {Backend, Work} from '../store/backend.ts';
import {addReading, isTrusted, mayTake, type LeaseRow, type Observation, type Reading} from './observation.ts';
import {isElsewhere, serverOf, settle} from './place.ts';
import {relyUntil, type Timing} from './timing.ts';
import type {Lease, NodeId} from './types.ts';

/** Row of `leader_term` joined to `active_node`, exactly as read; never leaves this file. */
interface StoredRow {
  term: number | string | null;
  hostname: string | null;
  token: string | null;
  renewals: number | string | null;
  last_seen: number | string | null;
  /** Which server answers. */
  server: string;
  /** Which one the last leader was elected on. */
  elected_on: string | null;
}

/** Row of `active_node`, exactly as stored; never leaves this file. */
interface StoredNode {
  anchor: number;
  hostname: string;
  token: string;
  first_seen_active: string;
  last_seen_active: string;
  renewals: number;
}

const ANCHOR = 1;
const FIRST_TERM = 1;
/** What 3.2.6 takes for a leader that is long gone. */
const LONG_AGO = '1971-01-01 00:00:01';
const RELEASED: NodeId = {hostname: '', token: ''};
/** Who holds a row that somebody else than its holder vacated: nobody, but it must stand still before it is taken. */
const NOBODY: NodeId = {hostname: '', token: 'vacated'};

/** Reads the row and adds the reading to what is known of it. Any node may, at any time. */
export async function observeLease(backend: Backend, before: Observation | undefined, timing: Timing): Promise<Observation> {
  const reading = await backend.run((work) => readLease(work, serverOf(backend)), {deadline: timing.attempt});
  return addReading(before, reading, performance.now());
}

/**
 * Takes the lease if it may be taken. Never waits.
 *
 * One UPDATE that names exactly what we observed, and where, decides, so of any number of callers at most one matches the row. The term grows
 * by one in the same transaction and never repeats: it stands in a table of its own, because 3.2.6 replaces and deletes the row.
 *
 * @returns the lease, or null when the holder stirred or another was faster; throws when the backend could not be asked, and then
 *   the row may name us all the same: that is no lease
 */
export async function takeLease(backend: Backend, me: NodeId, {seen, timing}: {seen: Observation; timing: Timing}): Promise<Lease | null> {
  const asked = performance.now(); // before the question: its travel must shorten our time, not lengthen it
  if (!mayTake(seen, timing, asked)) return null;
  const term = await backend.transaction(
    async (work) => {
      if (seen.row === null) await insertVacatedRow(work);
      const server = serverOf(backend);
      const taken = await becomeHolder(work, me)
        .where((query) => asObserved(query, work, seen.row))
        .whereRaw(`${server} = ?`, [seen.server]);
      if (taken !== 1) return null;
      return (await nextTerm(work, {highest: seen.highestTerm, server, settled: true})).term;
    },
    {deadline: timing.attempt},
  );
  return term === null ? null : {...me, term, validUntil: relyUntil(asked, timing)};
}

/**
 * Prolongs the lease.
 *
 * @returns null when the row is no longer ours: deposed at once
 */
export async function renewLease(backend: Backend, lease: Lease, timing: Timing): Promise<Lease | null> {
  const asked = performance.now();
  const matched = await backend.run(
    ({db, dialect}) =>
      db('active_node')
        .where(heldBy(lease))
        .update({last_seen_active: dialect.now(), renewals: db.raw('renewals + 1')}),
    {deadline: timing.attempt},
  );
  return matched === 1 ? {...lease, validUntil: relyUntil(asked, timing)} : null;
}

/**
 * Gives the row back, so that another node, a 3.2.6 one too, takes it at once. The caller must have stopped relying on the lease.
 *
 * @returns false when it was not ours any more
 */
export async function releaseLease(backend: Backend, lease: NodeId, timing: Timing): Promise<boolean> {
  const matched = await backend.run(
    ({db}) =>
      db('active_node')
        .where(heldBy(lease))
        .update({...RELEASED, last_seen_active: LONG_AGO, renewals: db.raw('renewals + 1')}),
    {deadline: timing.attempt},
  );
  return matched === 1;
}

/**
 * The fence of a write that only the leader of this term may make: call it first in the transaction, and write nothing when it says
 * false. The row is written, not read: Galera and Group Replication certify written rows only, so a reader would not notice a
 * takeover on another node. The term is read under the lock just taken, because the same process may have lost and regained the row.
 */
export async function touchLease({db}: Work, lease: NodeId & {readonly term: number}): Promise<boolean> {
  const matched = await db('active_node')
    .where(heldBy(lease))
    .update({renewals: db.raw('renewals + 1')});
  if (matched !== 1) return false;
  const stored: StoredRow | undefined = await db('leader_term').where({anchor: ANCHOR}).forShare().first('term');
  return Number(stored?.term) === lease.term;
}

/** A lease taken from somebody who may not know it yet: it counts from `validFrom` on, if it was renewed until then. */
export interface GrabbedLease {
  readonly lease: Lease;
  readonly validFrom: Monotonic;
}

/**
 * Takes the row whoever holds it. The holder learns it at its next renewal, or by its own clock within a lease: until then two
 * would rely on a lease, so the new one waits. Only a released row has no holder: one that is absent was deleted under somebody (by
 * `reelect` of a 3.2.6 node) unless there never was a leader, and a backend that went back in time may have lost who took it.
 *
 * @param seen what this process knows of the lease, if anything
 */
export async function grabElection(
  backend: Backend,
  me: NodeId,
  {seen, timing}: {readonly seen?: Observation | undefined; readonly timing: Timing},
): Promise<GrabbedLease> {
  const asked = performance.now();
  const {wasFree, term} = await backend.transaction(
    (work) => grab(work, me, {highest: seen?.highestTerm ?? 0, server: serverOf(backend)}),
    {
      deadline: timing.attempt,
    },
  );
  const trusted = seen === undefined || isTrusted(seen, timing, asked);
  const validFrom = wasFree && trusted ? asked : performance.now() + timing.lease;
  return {lease: {...me, term, validUntil: relyUntil(asked, timing)}, validFrom};
}

async function grab(
  work: Work,
  me: NodeId,
  {highest, server}: {readonly highest: number; readonly server: string},
): Promise<{wasFree: boolean; term: number}> {
  const released = (await becomeHolder(work, me).where(heldBy(RELEASED))) === 1;
  const there = released || (await becomeHolder(work, me).where({anchor: ANCHOR})) === 1;
  if (!there) {
    await insertVacatedRow(work);
    await becomeHolder(work, me).where({anchor: ANCHOR});
  }
  const {term, elsewhere} = await nextTerm(work, {highest, server, settled: false});
  const neverHeld = !there && term === FIRST_TERM;
  return {wasFree: (released || neverHeld) && !elsewhere, term};
}

/** Writes down that this server is the one from now on: what was lost with the former one has run out. */
export async function settleHere(backend: Backend, timing: Timing): Promise<void> {
  await backend.run((work) => settle(work, serverOf(backend), true), {deadline: timing.attempt});
}

/**
 * Takes the row away from its holder and gives it to nobody. Not released: its holder may rely on it for up to a lease, so it is
 * taken like the row of a node that died. A leader that wants to step down by itself releases instead, which takes no time.
 */
export async function reelect(backend: Backend, timing: Timing): Promise<void> {
  await backend.run(
    ({db, dialect}) =>
      db('active_node')
        .where({anchor: ANCHOR})
        .update({...NOBODY, last_seen_active: dialect.now(), renewals: db.raw('renewals + 1')}),
    {deadline: timing.attempt},
  );
}

async function readLease({db, dialect}: Work, server: string): Promise<Reading> {
  const stored: StoredRow | undefined = await db(db.raw('(select 1 as anchor) as one'))
    .leftJoin('leader_term', 'leader_term.anchor', 'one.anchor')
    .leftJoin('active_node', 'active_node.anchor', 'one.anchor')
    .first(
      'term',
      'hostname',
      'token',
      'renewals',
      'elected_on',
      db.raw('? as last_seen', [dialect.unix('last_seen_active')]),
      db.raw(`${server} as server`),
    );
  return {row: toRow(stored), term: Number(stored?.term ?? 0), server: stored?.server ?? '', elsewhere: isElsewhere(stored)};
}

function toRow(stored: StoredRow | undefined): LeaseRow | null {
  if (stored === undefined || stored.hostname === null) return null;
  const {hostname, token, last_seen: lastSeen, renewals} = stored;
  return {hostname, token: token ?? '', lastSeen: Number(lastSeen), renewals: Number(renewals)};
}

function heldBy({hostname, token}: NodeId): {anchor: number} & NodeId {
  return {anchor: ANCHOR, hostname, token};
}

/** Narrows to the row exactly as it was observed; one that was absent is the vacated one just inserted. */
function asObserved(query: Knex.QueryBuilder, {db, dialect}: Work, row: LeaseRow | null): void {
  void query.where({...heldBy(row ?? NOBODY), renewals: row?.renewals ?? 0});
  if (row !== null) void query.where(db.raw('? = ?', [dialect.unix('last_seen_active'), row.lastSeen]));
}

function becomeHolder({db, dialect}: Work, {hostname, token}: NodeId): Knex.QueryBuilder<StoredNode, number> {
  const now = dialect.now();
  return db<StoredNode>('active_node').update({
    hostname,
    token,
    first_seen_active: now,
    last_seen_active: now,
    renewals: db.raw('renewals + 1'),
  });
}

/** Not released: who does not come to take it leaves nothing that another would take at once. */
async function insertVacatedRow({db}: Work): Promise<void> {
  const row = {anchor: ANCHOR, ...NOBODY, first_seen_active: LONG_AGO, last_seen_active: LONG_AGO, renewals: 0};
  await db('active_node').insert(row).onConflict('anchor').ignore();
}

interface NextTerm {
  /** The highest term this process ever saw. */
  readonly highest: number;
  readonly server: string;
  /** Whether what holds on another server than this one has run out by now, as it has after a whole lease. */
  readonly settled: boolean;
}

/** One more than the highest term anybody knows of; the caller's transaction holds the leader's row. */
async function nextTerm({db}: Work, {highest, server, settled}: NextTerm): Promise<{term: number; elsewhere: boolean}> {
  const place = settled ? {elected_on: db.raw(server)} : {};
  const grown = await db('leader_term')
    .where({anchor: ANCHOR})
    .update({term: db.raw('(case when term > ? then term else ? end) + 1', [highest, highest]), ...place});
  if (grown === 0) await db('leader_term').insert({anchor: ANCHOR, term: highest + 1, ...place});
  const stored: StoredRow = await db('leader_term')
    .where({anchor: ANCHOR})
    .first('term', 'elected_on', db.raw(`${server} as server`));
  return {term: Number(stored.term), elsewhere: isElsewhere(stored)};
}
