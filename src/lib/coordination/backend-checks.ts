import {OrchestratorError, type ErrorCode} from '../errors/errors.ts';
import type {Seconds} from '../model/units.ts';
import {pause} from './keep-renewing.ts';
import type {Backend} from '../store/backend.ts';

/** Something about the backend that weakens what this room promises. `error`: do not serve on it. */
export interface BackendRemark {
  readonly level: 'error' | 'warn';
  /** Of an error; `REFUSED` where it is absent. */
  readonly code?: ErrorCode;
  readonly sentence: string;
  readonly hint: string;
}

/** The longest time writes may stall when a member dies, as Galera writes it; above it a leader loses its lease for no fault of its own. */
const LONGEST_STALL: Seconds = 2;
/** Beside 3.2.6, which compares times, clocks of database nodes may differ by so much. */
const MOST_SKEW: Seconds = 2;

const SETTINGS = [
  'group_replication_consistency',
  'group_replication_group_name',
  'group_replication_member_expel_timeout',
  'innodb_flush_log_at_trx_commit',
  'read_only',
  'super_read_only',
  'transaction_isolation',
  'tx_isolation',
  'wsrep_dirty_reads',
  'wsrep_on',
  'wsrep_provider_options',
  'wsrep_sync_wait',
];

const TABLES = ['active_node', 'leader_term', 'cluster_lock', 'cluster_lock_fence', 'cluster_lock_member', 'cluster_lock_session'];

/** Looks at the settings of the backend that the protocol rests on. SQLite has none. */
export async function checkBackend(backend: Backend): Promise<readonly BackendRemark[]> {
  if (backend.dialect.kind === 'sqlite') return [];
  const settings = await readSettings(backend);
  return [...judgeSettings(settings), ...judgeEngines(await readEngines(backend))];
}

/**
 * Settings that weaken the protocol. Pure.
 *
 * @param settings server variables as our own sessions see them, by lower-case name
 */
export function judgeSettings(settings: ReadonlyMap<string, string>): readonly BackendRemark[] {
  const value = (name: string): string => (settings.get(name) ?? '').toUpperCase();
  const galera = value('wsrep_on') === 'ON';
  const group = value('group_replication_group_name') !== '';
  const remarks = [
    isOn(value('read_only')) || isOn(value('super_read_only')) ? readOnly : null,
    [value('transaction_isolation'), value('tx_isolation')].includes('READ-UNCOMMITTED') ? uncommitted : null,
    galera || value('innodb_flush_log_at_trx_commit') === '1' || !settings.has('innodb_flush_log_at_trx_commit') ? null : notDurable,
    group && !['BEFORE', 'BEFORE_AND_AFTER'].includes(value('group_replication_consistency')) ? staleGroup : null,
    group && Number(settings.get('group_replication_member_expel_timeout') ?? 0) > 0 ? slowExpulsion(settings) : null,
  ];
  return [...remarks.filter((remark) => remark !== null), ...(galera ? judgeGalera(settings) : [])];
}

function judgeGalera(settings: ReadonlyMap<string, string>): readonly BackendRemark[] {
  const options = providerOptions(settings.get('wsrep_provider_options') ?? '');
  const stall = durationOf(options.get('evs.suspect_timeout') ?? 'PT5S');
  const reads = Number(settings.get('wsrep_sync_wait') ?? 0);
  const isYes = (name: string): boolean => ['YES', 'TRUE', '1', 'ON'].includes((options.get(name) ?? '').toUpperCase());
  const remarks = [
    stall > LONGEST_STALL ? slowSuspicion(stall) : null,
    isYes('pc.ignore_quorum') || isYes('pc.ignore_sb') ? noQuorum : null,
    isOn((settings.get('wsrep_dirty_reads') ?? '').toUpperCase()) ? dirtyReads : null,
    (reads & 1) === 0 ? staleGalera : null,
  ];
  return remarks.filter((remark) => remark !== null);
}

/** @throws OrchestratorError of the first remark that forbids serving on the backend */
export function refuseGrave(remarks: readonly BackendRemark[]): void {
  const [grave] = remarks.filter(({level}) => level === 'error');
  if (grave) throw new OrchestratorError(grave.code ?? 'REFUSED', grave.sentence, {hint: grave.hint});
}

/** Tables that must take part in transactions. Pure. */
export function judgeEngines(engines: ReadonlyMap<string, string>): readonly BackendRemark[] {
  const odd = [...engines].filter(([, engine]) => engine.toUpperCase() !== 'INNODB').map(([table, engine]) => `${table} (${engine})`);
  if (odd.length === 0) return [];
  return [
    {
      level: 'error',
      sentence: `tables of the backend are not kept by InnoDB, so that nothing fences what is written to them: ${odd.join(', ')}`,
      hint: 'convert them with ALTER TABLE … ENGINE = InnoDB',
    },
  ];
}

/**
 * Compares the clocks of the database nodes, by what other living processes write through theirs. Takes about one and a half seconds;
 * with nobody else there is nothing to compare.
 */
export async function checkClocks(backend: Backend, signal?: AbortSignal): Promise<readonly BackendRemark[]> {
  const LOOKS = 6;
  const LOOK_EACH = 250;
  const counted = new Map<string, number>();
  const skews = new Map<string, Seconds>();
  for (let look = 0; look < LOOKS && (look === 0 || (await pause(LOOK_EACH, signal))); look += 1) {
    for (const {node, counter, ahead} of await readClocks(backend)) {
      const before = counted.get(node);
      if (before !== undefined && counter > before) skews.set(node, ahead);
      counted.set(node, counter);
    }
  }
  return judgeClocks(skews);
}

/**
 * Pure part of `checkClocks`.
 *
 * @param skews by process, how far the time it wrote within the last quarter of a second is ahead of our own database node's
 */
export function judgeClocks(skews: ReadonlyMap<string, Seconds>): readonly BackendRemark[] {
  // times are whole seconds, cut off: of two equal clocks the later reading is up to 1.25 s ahead
  const CUT_OFF = 0.6;
  const odd = [...skews].filter(([, ahead]) => Math.abs(ahead + CUT_OFF) > MOST_SKEW + CUT_OFF);
  return odd.map(([node, ahead]) => ({
    level: 'warn',
    sentence: `the clock of the database node that ${node} writes to is about ${Math.abs(ahead)} s ${ahead > 0 ? 'ahead of' : 'behind'} ours`,
    hint: 'synchronise the clocks of the database nodes; beside a 3.2.6 node two leaders are possible otherwise',
  }));
}

/** Galera's `a = b; c = d` as a map. */
export function providerOptions(text: string): ReadonlyMap<string, string> {
  const pairs = text.split(';').map((pair) => pair.split('='));
  return new Map(pairs.map(([name = '', ...rest]) => [name.trim(), rest.join('=').trim()]));
}

/** An ISO 8601 length of time as Galera writes it: PT2S, PT0.5S, PT1M30S. What cannot be read counts as very long. */
export function durationOf(text: string): Seconds {
  const match = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d*)?)S)?)?$/i.exec(text.trim());
  if (match === null) return Infinity;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0));
  return ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
}

interface Setting {
  readonly Variable_name: string;
  readonly Value: string;
}

async function readSettings(backend: Backend): Promise<ReadonlyMap<string, string>> {
  const marks = SETTINGS.map(() => '?').join(', ');
  const [rows = []] = await backend.run(async ({db}): Promise<readonly (readonly Setting[])[]> =>
    db.raw(`show session variables where variable_name in (${marks})`, SETTINGS),
  );
  return new Map(rows.map((row) => [row.Variable_name.toLowerCase(), row.Value]));
}

async function readEngines(backend: Backend): Promise<ReadonlyMap<string, string>> {
  const rows: readonly {name: string; engine: string}[] = await backend.run(({db}) =>
    db('information_schema.tables')
      .whereRaw('table_schema = database()')
      .whereIn('table_name', TABLES)
      .select({name: 'table_name', engine: 'engine'}),
  );
  return new Map(rows.map(({name, engine}) => [name, engine]));
}

async function readClocks(backend: Backend): Promise<readonly {node: string; counter: number; ahead: Seconds}[]> {
  const rows: readonly {hostname: string; token: string; counter: number; seen: number; now: number}[] = await backend.run(
    ({db, dialect}) =>
      db('node_health').select(
        'hostname',
        'token',
        {counter: 'incrementing_indicator'},
        {
          seen: dialect.unix('last_seen_active'),
          now: dialect.unix(),
        },
      ),
  );
  return rows.map((row) => ({
    node: `${row.hostname} (${row.token.slice(0, 8)})`,
    counter: Number(row.counter),
    ahead: Number(row.seen) - Number(row.now),
  }));
}

function isOn(value: string): boolean {
  return value === 'ON' || value === '1';
}

const readOnly: BackendRemark = {
  level: 'error',
  code: 'BACKEND_READ_ONLY',
  sentence: 'the backend is read-only',
  hint: 'point MySQLOrchestratorHost, or the proxy in front of it, at the writable server',
};
const uncommitted: BackendRemark = {
  level: 'error',
  sentence: 'the backend reads what others have not committed (transaction isolation READ-UNCOMMITTED)',
  hint: 'set transaction_isolation of the backend to REPEATABLE-READ',
};
const notDurable: BackendRemark = {
  level: 'warn',
  sentence: 'the backend loses its last second of writes when its machine fails (innodb_flush_log_at_trx_commit is not 1)',
  hint: 'set innodb_flush_log_at_trx_commit = 1: locks and journaled recoveries rest on it',
};
const staleGroup: BackendRemark = {
  level: 'error',
  sentence: 'sessions do not wait for what other members committed before (group_replication_consistency)',
  hint: 'let our sessions set group_replication_consistency to BEFORE',
};
const staleGalera: BackendRemark = {
  level: 'error',
  sentence: 'sessions do not wait for what other nodes committed before (wsrep_sync_wait)',
  hint: 'let our sessions set wsrep_sync_wait to 7',
};
const dirtyReads: BackendRemark = {
  level: 'warn',
  sentence: 'a database node without a majority answers with old rows (wsrep_dirty_reads)',
  hint: 'set wsrep_dirty_reads = OFF on every database node',
};
const noQuorum: BackendRemark = {
  level: 'error',
  sentence: 'both halves of a divided Galera cluster accept writes (pc.ignore_quorum or pc.ignore_sb), so both would elect a leader',
  hint: 'remove these options from wsrep_provider_options',
};

function slowSuspicion(stall: Seconds): BackendRemark {
  return {
    level: 'warn',
    sentence: `all writes of the backend stall for ${stall} s when one of its nodes dies (evs.suspect_timeout), longer than ${LONGEST_STALL} s`,
    hint: 'set evs.suspect_timeout=PT2S (and evs.inactive_timeout=PT4S) in wsrep_provider_options of every database node',
  };
}

function slowExpulsion(settings: ReadonlyMap<string, string>): BackendRemark {
  const more = settings.get('group_replication_member_expel_timeout');
  return {
    level: 'warn',
    sentence: `a member of the group that is cut off keeps the others waiting for ${more} s more (group_replication_member_expel_timeout)`,
    hint: 'set group_replication_member_expel_timeout = 0 on every member: a leader that waits for longer than its lease loses it',
  };
}
