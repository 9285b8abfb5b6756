import type {InstanceKey} from '../model/instance-key.ts';
import type {BackendTime, Seconds} from '../model/units.ts';
import type {Backend, Work} from './backend.ts';

const TABLE = 'topology_event';
const COUNTER = 'topology_event_counter';
/** So many at most are written by one transaction, which is then five statements long (coordination.md §2). */
export const EVENTS_AT_ONCE = 200;

export const EVENT_KINDS = ['topology-changed', 'finding-opened', 'finding-closed', 'recovery-step', 'leader-changed'] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export interface NewEvent {
  readonly kind: EventKind;
  readonly cluster: string;
  readonly key: InstanceKey | null;
  /** What was opened, or is closed; '' otherwise. */
  readonly subject: string;
  /** The rest, as JSON can hold it. */
  readonly body: Readonly<Record<string, unknown>>;
}

export interface StoredEvent extends Omit<NewEvent, 'kind' | 'subject'> {
  /** Grows without gaps while events are written; one number the same event on every node. */
  readonly id: number;
  /** An EventKind, of this version or a later one. */
  readonly kind: string;
  readonly at: BackendTime;
}

/** Row of `topology_event`, exactly as stored; never leaves this file. */
interface EventRow {
  event_id: number | string;
  kind: string;
  cluster_name: string;
  hostname: string;
  port: number;
  open_subject: string | null;
  body: string;
  created_at: string;
}

/**
 * Adds up to `EVENTS_AT_ONCE` events in their order; inside a transaction that the lease fences. They take their numbers from a row that this
 * transaction holds until it ends, so that nobody ever sees a number before a lower one. A COMMIT whose answer was lost may
 * have them written twice.
 */
export async function appendEvents({db, dialect}: Work, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  if (events.length > EVENTS_AT_ONCE) throw new Error(`${events.length} events are too many for one transaction`);
  const counted = await db(COUNTER)
    .where({anchor: 1})
    .update({last_id: db.raw('last_id + ?', [events.length])});
  if (counted === 0) await db(COUNTER).insert({anchor: 1, last_id: events.length});
  const counter = (await db(COUNTER).first('last_id')) as {last_id: number | string} | undefined;
  const first = Number(counter?.last_id ?? 0) - events.length + 1;
  const closedAt = new Map(events.flatMap(({kind, subject}, at) => (kind === 'finding-closed' ? [[subject, at] as const] : [])));
  const rows = events.map(({kind, cluster, key, subject, body}, at) => ({
    event_id: first + at,
    kind,
    cluster_name: cluster.slice(0, 128),
    hostname: key?.host.slice(0, 128) ?? '',
    port: key?.port ?? 0,
    open_subject: kind === 'finding-opened' && (closedAt.get(subject) ?? -1) < at ? subject.slice(0, 255) : null,
    body: JSON.stringify(body),
    created_at: dialect.now(),
  }));
  const closed = [...closedAt.keys()].map((subject) => subject.slice(0, 255));
  if (closed.length > 0) await db(TABLE).whereIn('open_subject', closed).update({open_subject: null});
  await db(TABLE).insert(rows);
}

/** Events after a number, oldest first. */
export async function readEvents(backend: Backend, of: {readonly after: number; readonly limit: number}): Promise<readonly StoredEvent[]> {
  const rows: readonly EventRow[] = await backend.run(({db}) =>
    db(TABLE).where('event_id', '>', of.after).orderBy('event_id').limit(of.limit),
  );
  return rows.map(fromRow);
}

/** The number of the last event there was, and of the last that is not kept any more; 0 where there is none. */
export async function eventRange(backend: Backend): Promise<{readonly purged: number; readonly latest: number}> {
  const row = (await backend.run(({db}) => db(COUNTER).first('last_id', 'purged_id'))) as
    {last_id: number | string; purged_id: number | string} | undefined;
  return {purged: Number(row?.purged_id ?? 0), latest: Number(row?.last_id ?? 0)};
}

/** Findings that were opened and not closed, by subject. */
export async function readOpenFindings(backend: Backend): Promise<ReadonlyMap<string, StoredEvent>> {
  const rows: readonly EventRow[] = await backend.run(({db}) => db(TABLE).whereNotNull('open_subject').orderBy('event_id'));
  return new Map(rows.map((row) => [row.open_subject ?? '', fromRow(row)]));
}

/** A line that a recovery wrote down. */
export interface ToldStep {
  readonly id: number;
  readonly uid: string;
  readonly message: string;
  readonly cluster: string;
  readonly key: InstanceKey | null;
}

/** What recoveries wrote down of late, in the order of its writing. */
export async function recentSteps(backend: Backend, within: Seconds): Promise<readonly ToldStep[]> {
  interface Row {
    recovery_step_id: number;
    recovery_uid: string;
    message: string;
    cluster_name: string | null;
    hostname: string | null;
    port: number | null;
  }
  const rows: readonly Row[] = await backend.run(({db, dialect}) =>
    db('topology_recovery_steps as step')
      .leftJoin('topology_recovery as recovery', 'recovery.uid', 'step.recovery_uid')
      .where('step.audit_at', '>=', dialect.ago(within))
      .orderBy('recovery_step_id')
      .select('recovery_step_id', 'recovery_uid', 'message', 'cluster_name', 'hostname', 'port'),
  );
  return rows.map((row) => ({
    id: Number(row.recovery_step_id),
    uid: row.recovery_uid,
    message: row.message,
    cluster: row.cluster_name ?? '',
    key: row.hostname === null ? null : {host: row.hostname, port: row.port ?? 0},
  }));
}

/** Forgets events that are this old, but for findings that are still open. */
export async function purgeEvents(backend: Backend, lasting: Seconds): Promise<number> {
  return backend.transaction(async ({db, dialect}) => {
    const old = () => db(TABLE).where('created_at', '<', dialect.ago(lasting)).whereNull('open_subject');
    const last = (await old().max({id: 'event_id'}).first()) as {id: number | string | null} | undefined;
    if (!last?.id) return 0;
    await db(COUNTER).where('purged_id', '<', last.id).update({purged_id: last.id});
    return old().where('event_id', '<=', last.id).delete();
  });
}

function fromRow(row: EventRow): StoredEvent {
  return {
    id: Number(row.event_id),
    kind: row.kind,
    at: row.created_at,
    cluster: row.cluster_name,
    key: row.hostname === '' ? null : {host: row.hostname, port: row.port},
    body: JSON.parse(row.body) as Record<string, unknown>,
  };
}
