import {execFile} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, onTestFinished, test} from 'vitest';
import type {Config} from '../../src/lib/config/keys.ts';
import type {Backend} from '../../src/lib/store/backend.ts';
import {inspectSchema, type LiveColumn, type LiveIndex, type LiveTable} from '../../src/lib/store/migrations/inspect.ts';
import {migrate} from '../../src/lib/store/migrations/migrate.ts';
import {MIGRATIONS, type Migration} from '../../src/lib/store/migrations/migrations.ts';
import {openBackend} from '../../src/lib/store/open.ts';
import {bench, KINDS, type Bench, type Kind} from './support/coordination.ts';
import {BACKENDS, useStore} from './support/store.ts';

const run = promisify(execFile);
const PROCESS = new URL('./support/migrate-process.ts', import.meta.url).pathname;
const PROCESSES = 20;

/** An additional migration, as a later version of ours would bring it. */
const later = (breaking: boolean): Migration => ({number: 99, name: 'something new', breaking, tables: [], seeds: []});

describe.each(KINDS)('migrating %s', (kind: Kind) => {
  let servers: Bench;
  beforeAll(async () => {
    servers = await bench(kind);
  });
  afterAll(() => servers?.down());

  /** Configurations of one new, empty database, one a node. */
  function fresh(): readonly Config[] {
    const database = `o_${randomUUID().replaceAll('-', '')}`;
    const folder = mkdtempSync(path.join(tmpdir(), 'orchestrator-migrate-'));
    onTestFinished(() => rmSync(folder, {recursive: true}));
    return servers.configs.map((config) => ({...config, MySQLOrchestratorDatabase: database, SQLite3DataFile: path.join(folder, 'o.db')}));
  }

  async function open(config = fresh()[0]!): Promise<Backend> {
    const backend = await openBackend(config, {pool: 2});
    onTestFinished(() => backend.close());
    return backend;
  }

  test('an empty database gets everything, once', async () => {
    const backend = await open();
    expect(await migrate(backend, {appVersion: '4.0.0'})).toEqual({applied: MIGRATIONS.map(({number}) => number), warnings: []});
    expect(await migrate(backend, {appVersion: '4.0.0'})).toEqual({applied: [], warnings: []});
    const tables = await backend.run(inspectSchema);
    for (const {tables: wanted} of MIGRATIONS) for (const {name} of wanted) expect([...tables.keys()]).toContain(name);
    expect(await backend.run(({db}) => db('active_node').select('hostname', 'token', 'renewals'))).toEqual([
      {hostname: '', token: '', renewals: 0},
    ]);
    expect(await backend.run(({db}) => db('leader_term').select())).toEqual([{anchor: 1, term: 0, elected_on: ''}]);
    expect(await backend.run(({db}) => db('cluster_lock_fence').select())).toEqual([{anchor: 1, fence: 0}]);
    expect(await backend.run(({db}) => db('orchestrator_db_deployments').select('deployed_version'))).toEqual([
      {deployed_version: '4.0.0'},
    ]);
  });

  test(`${PROCESSES} processes that start at once on an empty database all succeed`, async () => {
    const configs = fresh();
    const started = Array.from({length: PROCESSES}, (_, at) => {
      const input = JSON.stringify({config: configs[at % configs.length], appVersion: `4.0.${at}`});
      return run(process.execPath, ['--disable-warning=ExperimentalWarning', PROCESS, input], {timeout: 110_000});
    });
    const ends = await Promise.allSettled(started);
    expect(ends.flatMap((end) => (end.status === 'rejected' ? [String(end.reason)] : []))).toEqual([]);
    const backend = await open(configs[0]);
    const ledger: {number: number; applied_at: string | null}[] = await backend.run(({db}) =>
      db('orchestrator_migration').orderBy('number'),
    );
    expect(ledger.map((row) => row.number)).toEqual(MIGRATIONS.map((one) => one.number));
    expect(ledger.every((row) => row.applied_at !== null)).toBe(true);
    expect(await backend.run(({db}) => db('orchestrator_db_deployments').count('* as n').first())).toEqual({n: PROCESSES});
    const reference = await open();
    await migrate(reference, {appVersion: '4.0.0'});
    expect(await backend.run(inspectSchema)).toEqual(await reference.run(inspectSchema));
  }, 120_000);

  test('what a process that died half-way left undone is done by the next', async () => {
    const backend = await open();
    await migrate(backend, {appVersion: '4.0.0'});
    await backend.run(({db}) => db.schema.dropTable('cluster_lock'));
    await backend.run(({db}) => db.raw('alter table active_node drop column renewals'));
    await backend.run(({db}) => db('orchestrator_migration').where({number: 2}).update({applied_at: null}));
    expect((await migrate(backend, {appVersion: '4.0.0'})).applied).toEqual([2]);
    const tables = await backend.run(inspectSchema);
    expect(tables.has('cluster_lock')).toBe(true);
    expect(tables.get('active_node')?.columns.has('renewals')).toBe(true);
  });

  test('a newer schema that breaks us is refused, and the version to install is named', async () => {
    const backend = await open();
    await migrate(backend, {appVersion: '7.1.0', migrations: [...MIGRATIONS, later(true)]});
    await expect(migrate(backend, {appVersion: '4.0.0'})).rejects.toMatchObject({
      code: 'SCHEMA_TOO_NEW',
      hint: 'install version 7.1.0 or later on this node',
    });
  });

  test('a newer one that does not is warned about', async () => {
    const backend = await open();
    await migrate(backend, {appVersion: '7.1.0', migrations: [...MIGRATIONS, later(false)]});
    const {applied, warnings} = await migrate(backend, {appVersion: '4.0.0'});
    expect(applied).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('7.1.0')]);
  });

  test('told to skip, it changes nothing: content where all is there, an error where something is missing', async () => {
    const backend = await open();
    await expect(migrate(backend, {appVersion: '4.0.0', skip: true})).rejects.toMatchObject({code: 'SCHEMA_MISSING'});
    expect((await backend.run(inspectSchema)).size).toBe(0);
    await migrate(backend, {appVersion: '4.0.0'});
    expect(await migrate(backend, {appVersion: '4.0.1', skip: true})).toEqual({applied: [], warnings: []});
    expect(await backend.run(({db}) => db('orchestrator_db_deployments').select('deployed_version'))).toEqual([
      {deployed_version: '4.0.0'},
    ]);
  });

  test('told to refuse a version never deployed, it does', async () => {
    const backend = await open();
    await expect(migrate(backend, {appVersion: '4.0.0', refuseIfNotDeployed: true})).rejects.toMatchObject({code: 'SCHEMA_MISSING'});
    await migrate(backend, {appVersion: '4.0.0'});
    await expect(migrate(backend, {appVersion: '4.0.1', refuseIfNotDeployed: true})).rejects.toMatchObject({code: 'SCHEMA_MISSING'});
    expect(await migrate(backend, {appVersion: '4.0.0', refuseIfNotDeployed: true})).toEqual({applied: [], warnings: []});
  });
});

describe.each(BACKENDS)('the schema on %s', (kind) => {
  const store = useStore(kind);

  test('is the one on file; `vitest -u` writes it anew', async () => {
    const tables = [...(await store.backend.run(inspectSchema))].sort(byName);
    const described = Object.fromEntries(tables.map(([name, table]) => [name, describeTable(table)]));
    const file = `../../src/lib/store/migrations/schema.${store.backend.dialect.kind}.json`;
    await expect(`${JSON.stringify(described, null, 2)}\n`).toMatchFileSnapshot(file);
  });
});

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function describeTable({columns, indexes}: LiveTable) {
  const indexText = ({unique, columns: its}: LiveIndex): string => `${unique ? 'unique ' : ''}(${its.join(', ')})`;
  return {
    columns: Object.fromEntries([...columns].map(([name, column]) => [name, columnText(column)])),
    indexes: Object.fromEntries(indexes.map((index) => [index.name, indexText(index)] as const).sort(byName)),
  };
}

/** Widths of integers are decoration, and servers differ about them. */
function columnText({type, nullable, charset, default: value}: LiveColumn): string {
  const plain = type.replace(/\b((?:tiny|small|big)?int)\(\d+\)/, '$1');
  return `${plain}${charset === null ? '' : ` ${charset}`}${nullable ? '' : ' not null'}${value === null ? '' : ` default ${value}`}`;
}
