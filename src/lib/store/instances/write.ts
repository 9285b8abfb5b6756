import type {Instance, Reach} from '../../model/instance.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {BackendTime, Monotonic} from '../../model/units.ts';
import type {Backend, Work} from '../backend.ts';
import {keptOutAmong} from './forgotten.ts';
import {LastWritten, toWrite, type ToWrite} from './last-written.ts';

/** One probe that got its answers. */
export interface SeenInstance {
  readonly instance: Instance;
  /** When the probe began, so that one that was slow never overwrites a newer one. */
  readonly startedAt: Monotonic;
}

/** One probe that failed. */
export interface UnreachableInstance {
  readonly key: InstanceKey;
  readonly reach: Exclude<Reach, 'answered' | 'never-tried'>;
  /** The server's error number when it sent one; 0 otherwise. */
  readonly errno: number;
  /** It answered the first question at least. */
  readonly partial: boolean;
  readonly startedAt: Monotonic;
}

/** Rows of one statement. */
const ROWS_AT_ONCE = 100;

/**
 * Writes what probes found: one multi-row upsert of database_instance and one of instance_detail for each hundred.
 *
 * The start of a probe is written as a time of the backend's clock: its present time less the probe's age by our own. A row whose
 * stored start is later is left alone; starts of different processes compare to a few milliseconds. One that was just forgotten is not
 * written.
 *
 * @param last what this process wrote last, remembered from call to call: of a row that is still so only the times are written
 * @returns how many were written
 */
export async function upsertInstances(backend: Backend, seen: readonly SeenInstance[], last = new LastWritten()): Promise<number> {
  const newest = lastPerKey(seen, (one) => one.instance.key).map(toWrite);
  let written = 0;
  for (let at = 0; at < newest.length; at += ROWS_AT_ONCE) {
    const some = newest.slice(at, at + ROWS_AT_ONCE);
    const fresh = await backend.transaction(async (work) => {
      const later = await notKeptOut(work, await notOlder(work, some, (one) => one.instance.key));
      const same = later.filter((one) => last.isSame(one));
      const left = same.length > 0 && (await touchSeen(work, same)) ? later.filter((one) => !same.includes(one)) : later;
      if (left.length > 0) await writeSeen(work, left);
      return later;
    });
    last.remember(fresh);
    written += fresh.length;
  }
  return written;
}

/**
 * Writes that servers did not answer. Never makes a row: a server nobody has seen yet stays unknown.
 *
 * @returns how many rows say so now
 */
export async function markUnreachable(backend: Backend, failed: readonly UnreachableInstance[]): Promise<number> {
  const newest = lastPerKey(failed, (one) => one.key);
  let written = 0;
  for (let at = 0; at < newest.length; at += ROWS_AT_ONCE) {
    const some = newest.slice(at, at + ROWS_AT_ONCE);
    written += await backend.transaction(async (work) => {
      const known = await knownOnes(work, some);
      const fresh = await notOlder(work, known, (one) => one.key);
      if (fresh.length > 0) await writeFailed(work, fresh);
      return fresh.length;
    });
  }
  return written;
}

/** Writes that probes have begun and not ended yet; a check that hangs makes the instance's last answer worthless. */
export async function markAttempted(backend: Backend, keys: readonly InstanceKey[]): Promise<void> {
  if (keys.length === 0) return;
  await backend.run(({db, dialect}) =>
    db('database_instance').whereIn(['hostname', 'port'], keys.map(pair)).update({last_attempted_check: dialect.now()}),
  );
}

/** Few at once: what holds the lease's row holds up its renewal. */
const FACTS_AT_ONCE = 8;

/**
 * Where instances stand that could not be probed: their cluster's name may have changed above them.
 *
 * @param mayWrite asked within each transaction, so that who stood still meanwhile writes nothing over what a successor knows
 */
export async function writeClusterFacts(
  backend: Backend,
  instances: readonly Instance[],
  mayWrite: (work: Work) => Promise<boolean>,
): Promise<void> {
  for (let at = 0; at < instances.length; at += FACTS_AT_ONCE) {
    const may = await backend.transaction(async (work) => {
      if (!(await mayWrite(work))) return false;
      for (const {key, cluster} of instances.slice(at, at + FACTS_AT_ONCE)) {
        await work
          .db('database_instance')
          .where({hostname: key.host, port: key.port})
          .update({
            cluster_name: cluster.name,
            suggested_cluster_alias: cluster.suggestedAlias,
            replication_depth: cluster.depth,
            is_co_master: Number(cluster.isCoSource),
          });
      }
      return true;
    });
    if (!may) return;
  }
}

/** A probe with its start as the backend's clock counts it, in microseconds; `stored`: the start that was written last, 0 for none. */
type Timed<Probe> = Probe & {readonly started: number; readonly stored: number; readonly now: BackendTime};

function pair(key: InstanceKey): [string, number] {
  return [key.host, key.port];
}

function lastPerKey<Probe extends {readonly startedAt: Monotonic}>(
  probes: readonly Probe[],
  keyOf: (probe: Probe) => InstanceKey,
): Probe[] {
  const last = new Map<string, Probe>();
  for (const probe of probes) {
    const name = keyText(keyOf(probe));
    const other = last.get(name);
    if (other === undefined || other.startedAt <= probe.startedAt) last.set(name, probe);
  }
  // in the order of keys, so that those who write the same rows meet at the first of them
  return [...last].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, probe]) => probe);
}

/** Those of the probes that began no earlier than what is stored; their rows of instance_detail are locked by then. */
async function notOlder<Probe extends {readonly startedAt: Monotonic}>(
  {db, dialect}: Work,
  probes: readonly Probe[],
  keyOf: (probe: Probe) => InstanceKey,
): Promise<readonly Timed<Probe>[]> {
  const stored: readonly {hostname: string; port: number; probe_started_at: number | string}[] = await db('instance_detail')
    .whereIn(
      ['hostname', 'port'],
      probes.map((probe) => pair(keyOf(probe))),
    )
    .forUpdate()
    .select('hostname', 'port', 'probe_started_at');
  const clock = await readClock({db, dialect});
  const present = performance.now();
  const starts = new Map(stored.map((row) => [keyText({host: row.hostname, port: row.port}), Number(row.probe_started_at)]));
  return probes
    .map((probe) => ({
      ...probe,
      now: clock.now,
      stored: starts.get(keyText(keyOf(probe))) ?? 0,
      started: Math.round(clock.micros - (present - probe.startedAt) * 1000),
    }))
    .filter((probe) => probe.started >= probe.stored);
}

/** Without what was just forgotten. Only what has no row of instance_detail may be: where it is forgotten, that is deleted. */
async function notKeptOut(work: Work, seen: readonly Timed<ToWrite>[]): Promise<readonly Timed<ToWrite>[]> {
  const out = await keptOutAmong(
    work,
    seen.filter(({stored}) => stored === 0).map(({instance}) => instance.key),
  );
  return seen.filter(({instance}) => !out.has(keyText(instance.key)));
}

async function readClock({db, dialect}: Work): Promise<{readonly now: BackendTime; readonly micros: number}> {
  const query = db.raw('select ? as now_text, ? as micros', [dialect.now(), dialect.micros()]);
  type Clock = {now_text: string; micros: number | string};
  const answer = (await query) as Clock[] | [Clock[]];
  const [first] = answer;
  const clock = Array.isArray(first) ? first[0] : first;
  return {now: clock?.now_text ?? '', micros: Number(clock?.micros)};
}

/** Only that they were seen, and for how long they run. @returns false when a row is missing: somebody has forgotten it */
async function touchSeen({db, dialect}: Work, seen: readonly Timed<ToWrite>[]): Promise<boolean> {
  const now = seen[0]?.now ?? '';
  const elapsed = dialect.kind === 'sqlite' ? 'unixepoch(?) - unixepoch(last_seen)' : 'timestampdiff(second, last_seen, ?)';
  const matched = await db('database_instance')
    .whereIn(
      ['hostname', 'port'],
      seen.map(({instance}) => pair(instance.key)),
    )
    .update({
      // before last_seen, from which it counts
      uptime: db.raw(`uptime + ${elapsed}`, [now]),
      last_checked: now,
      last_attempted_check: now,
      last_check_partial_success: 1,
      last_seen: now,
    });
  if (matched < seen.length) return false;
  const starts = seen.map(({instance: {key}, started}) => ({
    hostname: key.host,
    port: key.port,
    probe_started_at: started,
    last_seen: now,
    reach: 'answered',
    errno: 0,
  }));
  await db('instance_detail').insert(starts).onConflict(['hostname', 'port']).merge();
  return true;
}

async function writeSeen({db}: Work, seen: readonly Timed<ToWrite>[]): Promise<void> {
  const rows = seen.map(({row, now}) => ({
    ...row,
    last_checked: now,
    last_attempted_check: now,
    last_check_partial_success: 1,
    last_seen: now,
  }));
  await db('database_instance').insert(rows).onConflict(['hostname', 'port']).merge();
  const details = seen.map(({instance: {key}, now, started, detail}) => ({
    hostname: key.host,
    port: key.port,
    probe_started_at: started,
    last_seen: now,
    reach: 'answered',
    errno: 0,
    detail,
  }));
  await db('instance_detail').insert(details).onConflict(['hostname', 'port']).merge();
}

async function knownOnes({db}: Work, failed: readonly UnreachableInstance[]): Promise<UnreachableInstance[]> {
  const rows: readonly {hostname: string; port: number}[] = await db('database_instance')
    .whereIn(
      ['hostname', 'port'],
      failed.map(({key}) => pair(key)),
    )
    .select('hostname', 'port');
  const known = new Set(rows.map((row) => keyText({host: row.hostname, port: row.port})));
  return failed.filter(({key}) => known.has(keyText(key)));
}

async function writeFailed({db}: Work, failed: readonly Timed<UnreachableInstance>[]): Promise<void> {
  for (const partial of [true, false]) {
    const some = failed.filter((one) => one.partial === partial);
    if (some.length === 0) continue;
    const now = some[0]?.now;
    await db('database_instance')
      .whereIn(
        ['hostname', 'port'],
        some.map(({key}) => pair(key)),
      )
      .update({last_checked: now, last_attempted_check: now, last_check_partial_success: Number(partial)});
  }
  const details = failed.map(({key, started, reach, errno}) => ({
    hostname: key.host,
    port: key.port,
    probe_started_at: started,
    reach,
    errno,
  }));
  await db('instance_detail').insert(details).onConflict(['hostname', 'port']).merge(['probe_started_at', 'reach', 'errno']);
}
