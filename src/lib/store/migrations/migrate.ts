import {OrchestratorError} from '../../errors/errors.ts';
import type {Backend} from '../backend.ts';
import {errnoOf, isDuplicateKey} from '../connection/errors.ts';
import {hasTable, inspectSchema, type LiveTable} from './inspect.ts';
import {MIGRATIONS, type Migration, type Seed} from './migrations.ts';
import {addColumn, columnOf, createIndex, createTable, type Table} from './table.ts';
import {LEDGER} from './tables-of-ours.ts';

export interface MigrateOptions {
  /** Version of the running program. */
  readonly appVersion: string;
  /** SkipOrchestratorDatabaseUpdate: look, and change nothing. */
  readonly skip?: boolean;
  /** PanicIfDifferentDatabaseDeploy: refuse where this version has never been deployed. */
  readonly refuseIfNotDeployed?: boolean;
  /** Look at every table again, also where the ledger says that all is done (`redeploy-internal-db`). */
  readonly redeploy?: boolean;
  /** For tests; the program's own otherwise. */
  readonly migrations?: readonly Migration[];
}

export interface Migrated {
  /** Numbers of the migrations this call has run; others may have run them at the same time. */
  readonly applied: readonly number[];
  /** Sentences for the log: a newer program has been here. */
  readonly warnings: readonly string[];
}

/** Row of `orchestrator_migration`. */
interface LedgerRow {
  readonly number: number;
  readonly name: string;
  readonly breaking: number;
  readonly applied_at: string | null;
  readonly app_version: string;
}

/**
 * Brings the backend's tables to what this program needs. On a backend of 3.2.6 only what is missing is added: no old column,
 * index or row is dropped or altered.
 *
 * Any number of processes may do this at once, on several nodes of one Galera cluster too: nothing is locked. Each adds what it
 * finds missing, and that somebody else was faster counts as done. The ledger row comes first, so that an older program that
 * starts meanwhile sees a breaking change; it gets its `applied_at` last, so that who dies in between leaves it to the next.
 *
 * @throws OrchestratorError SCHEMA_TOO_NEW naming the version to install; SCHEMA_MISSING when told to skip and tables are
 *   missing, or when told to refuse a version never deployed
 */
export async function migrate(backend: Backend, options: MigrateOptions): Promise<Migrated> {
  const migrations = options.migrations ?? MIGRATIONS;
  const ledger = await readLedger(backend);
  const newer = ledger.filter((row) => !migrations.some((one) => one.number === row.number));
  refuseBreaking(newer, options.appVersion);
  const warnings = newer.map(
    (row) =>
      `the backend has migration ${row.number} (${row.name}) of version ${row.app_version}, which this version does not know; it goes on without`,
  );
  await refuseUndeployed(backend, options);

  const done = new Set(ledger.filter((row) => row.applied_at !== null).map((row) => row.number));
  const open = migrations.filter((one) => options.redeploy === true || !done.has(one.number));
  if (options.skip === true) {
    if (open.length > 0) throw missing(backend, open);
    return {applied: [], warnings};
  }
  if (open.length > 0) await apply(backend, open, options.appVersion);
  await recordDeployment(backend, options.appVersion);
  return {applied: open.map((one) => one.number), warnings};
}

/** Empty where there is no ledger yet. */
async function readLedger(backend: Backend): Promise<readonly LedgerRow[]> {
  if (!(await backend.run((work) => hasTable(work, LEDGER.name)))) return [];
  return backend.run((work) => work.db<LedgerRow>(LEDGER.name).select('*').orderBy('number'));
}

function refuseBreaking(newer: readonly LedgerRow[], appVersion: string): void {
  const breaking = newer.findLast((row) => row.breaking !== 0);
  if (breaking === undefined) return;
  throw new OrchestratorError(
    'SCHEMA_TOO_NEW',
    `the backend has been changed by version ${breaking.app_version} (migration ${breaking.number}: ${breaking.name}) in a way that version ${appVersion} cannot work with`,
    {hint: `install version ${breaking.app_version} or later on this node`},
  );
}

async function refuseUndeployed(backend: Backend, {refuseIfNotDeployed, appVersion}: MigrateOptions): Promise<void> {
  if (refuseIfNotDeployed !== true) return;
  const tables = await backend.run(inspectSchema);
  const found =
    tables.has(DEPLOYMENTS) &&
    (await backend.run((work) => work.db(DEPLOYMENTS).where({deployed_version: appVersion}).first())) !== undefined;
  if (found) return;
  throw new OrchestratorError(
    'SCHEMA_MISSING',
    `version ${appVersion} has never been deployed on the backend ${backend.where}, and PanicIfDifferentDatabaseDeploy is set`,
    {
      hint: 'run `orchestrator redeploy-internal-db` with this version, or unset PanicIfDifferentDatabaseDeploy',
    },
  );
}

function missing(backend: Backend, open: readonly Migration[]): OrchestratorError {
  const names = open.map((one) => `${one.number} (${one.name})`).join(', ');
  return new OrchestratorError(
    'SCHEMA_MISSING',
    `the backend ${backend.where} lacks migration ${names}, and SkipOrchestratorDatabaseUpdate is set`,
    {
      hint: 'run `orchestrator redeploy-internal-db`, or give --enable-database-update',
    },
  );
}

async function apply(backend: Backend, open: readonly Migration[], appVersion: string): Promise<void> {
  await change(backend, createTable(LEDGER, backend.dialect.kind));
  for (const {number, name, breaking, tables, seeds} of open) {
    await backend.run((work) =>
      work
        .db(LEDGER.name)
        .insert({number, name, breaking: breaking ? 1 : 0, app_version: appVersion})
        .onConflict('number')
        .ignore(),
    );
    const live = await backend.run(inspectSchema);
    for (const table of tables) await bring(backend, table, live.get(table.name));
    for (const seed of seeds) await plant(backend, seed);
    await backend.run((work) => work.db(LEDGER.name).where({number}).whereNull('applied_at').update({applied_at: work.dialect.now()}));
  }
}

/** Makes the table, or adds to the live one the columns and indexes it lacks. */
async function bring(backend: Backend, table: Table, live: LiveTable | undefined): Promise<void> {
  const {kind} = backend.dialect;
  if (live === undefined) await change(backend, createTable(table, kind));
  const absent = live === undefined ? [] : Object.keys(table.columns).filter((column) => !live.columns.has(column));
  for (const column of absent) await change(backend, addColumn(table, column, kind));
  for (const index of live === undefined && kind === 'mysql' ? [] : table.indexes) {
    const columns = index.columns.map(columnOf).join();
    const has = live?.indexes.some((one) => one.columns.join() === columns && one.unique === (index.unique === true)) ?? false;
    if (!has) await change(backend, createIndex(table, index, kind));
  }
}

async function plant(backend: Backend, {table, row}: Seed): Promise<void> {
  await backend.run((work) => work.db(table).insert(row).onConflict('anchor').ignore());
}

/** Table exists, column exists, key exists: somebody else was faster. */
const ALREADY_ERRNOS: ReadonlySet<number> = new Set([1050, 1060, 1061]);
/** Long enough for twenty processes that all alter the same tables. */
const DDL_DEADLINE = 60_000;

async function change(backend: Backend, ddl: string): Promise<void> {
  try {
    await backend.run((work) => work.db.raw(ddl), {deadline: DDL_DEADLINE});
  } catch (error) {
    if (ALREADY_ERRNOS.has(errnoOf(error)) || (await sqliteHasIt(backend, ddl))) return;
    throw error;
  }
}

/** SQLite has no number for "duplicate column name": see whether the column is there by now. */
async function sqliteHasIt(backend: Backend, ddl: string): Promise<boolean> {
  const [, table, column] = /^alter table (\w+) add column (\w+)/.exec(ddl) ?? [];
  if (backend.dialect.kind !== 'sqlite' || table === undefined || column === undefined) return false;
  return (await backend.run(inspectSchema)).get(table)?.columns.has(column) ?? false;
}

const DEPLOYMENTS = 'orchestrator_db_deployments';

/** As 3.2.6 keeps it: one row per version that has been here, so that it deploys its own tables when it comes back. */
async function recordDeployment(backend: Backend, appVersion: string): Promise<void> {
  const known: unknown = await backend.run((work) => work.db(DEPLOYMENTS).where({deployed_version: appVersion}).first());
  if (known !== undefined) return;
  try {
    await backend.run((work) => work.db(DEPLOYMENTS).insert({deployed_version: appVersion, deployed_timestamp: work.dialect.now()}));
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
  }
}
