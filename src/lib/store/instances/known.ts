import {NO_WISHES, type Check, type Instance, type Wishes} from '../../model/instance.ts';
import {compareKeys, keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Seconds} from '../../model/units.ts';
import type {Backend, Work} from '../backend.ts';
import {TABLES_OF_326} from '../migrations/tables-of-3.2.6.ts';
import {TABLES_OF_OURS} from '../migrations/tables-of-ours.ts';
import type {Table} from '../migrations/table.ts';
import {agesOf, fromRow, type CheckPolicy} from './from-row.ts';
import {readInstances, readRows, type ReadPolicy} from './read.ts';
import {readUnresolvedNames, readWishes} from './wishes.ts';

/** A row as it was read last. */
interface Known {
  /** Null: not known, so it counts as changed. */
  readonly mark: string | null;
  /** The backend's clock when it was read, and how long ago by then it was seen and checked. */
  readonly clock: Seconds;
  readonly sinceSeen: Seconds | null;
  readonly sinceChecked: Seconds;
  /** Without what people said about it. */
  readonly instance: Instance;
}

/** What the backend says of all rows, without their contents. */
interface Marks {
  readonly clock: Seconds;
  readonly marks: ReadonlyMap<string, {readonly key: InstanceKey; readonly mark: string | null}>;
}

/** Where more than this part of all changed, all are read. */
const PART_WORTH_NAMING = 0.5;

/**
 * All instances, of which only those rows are read again that differ from what was read before. Which these are is asked of the
 * backend each time, whoever wrote them: it adds up each row, and sends a number instead of a hundred columns.
 */
export class KnownInstances {
  #known: ReadonlyMap<string, Known> = new Map();
  #policy = '';

  /** As `readInstances` of all. SQLite cannot add rows up, and is read whole. */
  async read(backend: Backend, policy: ReadPolicy): Promise<Instance[]> {
    if (backend.dialect.kind === 'sqlite') return readInstances(backend, policy);
    const [{clock, known}, wishes, unresolved] = await Promise.all([
      this.#refresh(backend, policy),
      readWishes(backend),
      readUnresolvedNames(backend),
    ]);
    const instances = [...known].map(([name, row]) => {
      const said = wishes.get(name) ?? NO_WISHES;
      const unresolvedHost = unresolved.get(row.instance.key.host);
      return at(clock, row, {policy, wishes: unresolvedHost === undefined ? said : {...said, unresolvedHost}});
    });
    return instances.sort((a, b) => compareKeys(a.key, b.key));
  }

  forget(): void {
    this.#known = new Map();
  }

  async #refresh(backend: Backend, policy: CheckPolicy): Promise<{readonly clock: Seconds; readonly known: ReadonlyMap<string, Known>}> {
    const before = this.#asOf(policy);
    const {clock, marks} = await backend.run(readMarks);
    const changed = [...marks].filter(([name, {mark}]) => mark === null || before.get(name)?.mark !== mark);
    const whole = changed.length > marks.size * PART_WORTH_NAMING;
    const rows = await readRows(backend, {}, whole ? undefined : changed.map(([, {key}]) => key));
    const fresh = new Map(
      rows.map((row): readonly [string, Known] => {
        const name = keyText({host: row.hostname, port: row.port});
        // A row that was written between the two statements has an old mark, and is read again.
        const mark = marks.get(name)?.mark ?? null;
        const [sinceSeen, sinceChecked] = [row.since_seen === null ? null : Number(row.since_seen), Number(row.since_checked)];
        return [name, {mark, clock: Number(row.clock), sinceSeen, sinceChecked, instance: fromRow(row, NO_WISHES, policy)}];
      }),
    );
    const named = new Set(changed.map(([name]) => name));
    const known = new Map<string, Known>();
    for (const name of marks.keys()) {
      const row = fresh.get(name) ?? (named.has(name) ? undefined : before.get(name)); // one that is gone by now has none
      if (row) known.set(name, row);
    }
    this.#known = known;
    return {clock, known};
  }

  /** What counts as checked may have been configured anew. */
  #asOf({InstancePollSeconds: poll, ReasonableInstanceCheckSeconds: reasonable}: CheckPolicy): ReadonlyMap<string, Known> {
    const policy = `${poll} ${reasonable}`;
    if (policy !== this.#policy) this.#known = new Map();
    this.#policy = policy;
    return this.#known;
  }
}

/** An instance as it is by now, the same object where nothing of it is another. */
function at(now: Seconds, known: Known, {policy, wishes}: {readonly policy: CheckPolicy; readonly wishes: Wishes}): Instance {
  const {instance, clock, sinceSeen, sinceChecked} = known;
  const passed = Math.max(0, now - clock);
  if (passed === 0 && wishes === NO_WISHES) return instance;
  const ages = agesOf({sinceSeen: sinceSeen === null ? null : sinceSeen + passed, sinceChecked: sinceChecked + passed}, policy);
  const check: Check = {...instance.check, ...ages};
  return {...instance, check, wishes};
}

async function readMarks({db, dialect}: Work): Promise<Marks> {
  const rows: readonly {hostname: string; port: number; mark: string | null; clock: number | string}[] = await db(
    'database_instance as instance',
  )
    .leftJoin('instance_detail as detail', (join) => join.on('detail.hostname', 'instance.hostname').andOn('detail.port', 'instance.port'))
    .select('instance.hostname', 'instance.port', {clock: dialect.unix(), mark: db.raw(MARK)});
  const marks = rows.map(({hostname: host, port, mark}) => [keyText({host, port}), {key: {host, port}, mark}] as const);
  return {clock: Number(rows[0]?.clock ?? 0), marks: new Map(marks)};
}

/**
 * Differs where the row does: by the start of the probe that wrote it, in microseconds, and by sums of all columns, for whatever else
 * changes some of them. Null where a row is too long to be added up.
 */
const MARK = `concat_ws(' ', ifnull(detail.probe_started_at, 0), ${sumOf('instance', 'database_instance')}, ${sumOf('detail', 'instance_detail')})`;

function sumOf(name: string, table: string): string {
  const columns: Table['columns'] = [...TABLES_OF_326, ...TABLES_OF_OURS].find((one) => one.name === table)?.columns ?? {};
  const texts = Object.entries(columns).map(([column, definition]) => {
    const value = `${name}.${column}`;
    return definition.includes('not null') && name === 'instance' ? value : `ifnull(${value}, 0x00)`;
  });
  // A separator of bytes makes the sum one of bytes, whatever letters the columns are of.
  return `crc32(concat_ws(0x1f, ${texts.join(', ')}))`;
}
