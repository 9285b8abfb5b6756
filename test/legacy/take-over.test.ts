import {randomUUID} from 'node:crypto';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, beforeAll, describe, expect, onTestFinished, test} from 'vitest';
import type {Backend} from '../../src/lib/store/backend.ts';
import {inspectSchema, type LiveTable} from '../../src/lib/store/migrations/inspect.ts';
import {migrate} from '../../src/lib/store/migrations/migrate.ts';
import {MIGRATIONS} from '../../src/lib/store/migrations/migrations.ts';
import {openBackend} from '../../src/lib/store/open.ts';
import {readInstances} from '../../src/lib/store/instances.ts';
import {readRecoveries} from '../../src/lib/store/recovery/recoveries.ts';
import {bench, SINGLE_KINDS, type Bench} from '../backend/support/coordination.ts';
import {buildFixture, fixtureTables} from './fixture.ts';
import {runOldStatements, withoutTimes} from './statements.ts';

type Rows = readonly Record<string, unknown>[];

describe.each(SINGLE_KINDS)('a backend of 3.2.6 on %s', (kind) => {
  let servers: Bench;
  beforeAll(async () => {
    servers = await bench(kind);
  });
  afterAll(() => servers?.down());

  async function fixture(): Promise<Backend> {
    const folder = mkdtempSync(path.join(tmpdir(), 'orchestrator-legacy-'));
    const config = {
      ...servers.configs[0]!,
      MySQLOrchestratorDatabase: `o_${randomUUID().replaceAll('-', '')}`,
      SQLite3DataFile: path.join(folder, 'o.db'),
    };
    const backend = await openBackend(config, {pool: 2});
    onTestFinished(async () => {
      await backend.close();
      rmSync(folder, {recursive: true});
    });
    await buildFixture(backend);
    return backend;
  }

  /** Rows of every table of the fixture, its columns only, in the order of their content. */
  async function content(backend: Backend): Promise<ReadonlyMap<string, Rows>> {
    const found = new Map<string, Rows>();
    for (const {name, columns} of fixtureTables()) {
      const rows: Rows = await backend.run(({db}) => db(name).select(columns.map(([column]) => column)));
      found.set(
        name,
        withoutTimes(rows)
          .map((row) => ({...row}))
          .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
      );
    }
    return found;
  }

  test('the fixture is what it says: 47 tables, 353 columns, rows in each', async () => {
    const backend = await fixture();
    const tables = await backend.run(inspectSchema);
    expect(tables.size).toBe(47);
    expect(fixtureTables().flatMap((table) => table.columns)).toHaveLength(353);
    expect([...(await content(backend))].filter(([, rows]) => rows.length !== 2)).toEqual([]);
  });

  test('keeps every column, index and row when we take it over, and gets what we need', async () => {
    const backend = await fixture();
    const [tables, rows] = [await backend.run(inspectSchema), await content(backend)];
    expect((await migrate(backend, {appVersion: '4.0.0'})).applied).toEqual(MIGRATIONS.map(({number}) => number));
    const after = await backend.run(inspectSchema);
    expect([...tables].flatMap(([name, table]) => lostFrom(table, after.get(name)).map((what) => `${name}: ${what}`))).toEqual([]);
    expect(after.get('active_node')?.columns.has('renewals')).toBe(true);
    // our own version joins those that were deployed before
    await backend.run(({db}) => db('orchestrator_db_deployments').where({deployed_version: '4.0.0'}).delete());
    expect(await content(backend)).toEqual(rows);
  });

  test('gets no index twice', async () => {
    const backend = await fixture();
    const tables = await backend.run(inspectSchema);
    await migrate(backend, {appVersion: '4.0.0'});
    const after = await backend.run(inspectSchema);
    expect([...tables].filter(([name, {indexes}]) => after.get(name)?.indexes.length !== indexes.length)).toEqual([]);
  });

  test('answers what 3.2.6 says to it as it did before, and holds the same afterwards', async () => {
    const [before, after] = [await fixture(), await fixture()];
    await migrate(after, {appVersion: '4.0.0'});
    await after.run(({db}) => db('orchestrator_db_deployments').where({deployed_version: '4.0.0'}).delete());
    const answers = await runOldStatements(before);
    expect(answers).toEqual(expect.arrayContaining(LOCKS.map(([what, answer]) => ({what, answer}))));
    expect(await runOldStatements(after)).toEqual(answers);
    expect(await content(after)).toEqual(await content(before));
  });

  test('is read by us', async () => {
    const backend = await fixture();
    await migrate(backend, {appVersion: '4.0.0'});
    await runOldStatements(backend);
    const instances = await readInstances(backend, servers.configs[0]!, {search: 'i1'});
    expect(instances.map((one) => one.key)).toContainEqual({host: 'i1', port: 3306});
    expect(instances[0]?.replication).toMatchObject({receiver: {state: 'running'}});
    const [recovery] = await readRecoveries(backend, {uid: 'u1'});
    expect(recovery).toMatchObject({uid: 'u1', successor: {host: 's1', port: 3306}, isSuccessful: true, acknowledged: {by: 'me'}});
  });
});

/** Who was first gets a lock, and the second does not; the rest follows from it. */
const LOCKS = [
  ['election: first', 1],
  ['election: second', 0],
  ['takeover of a fresh row', 0],
  ['renewal by its holder', 1],
  ['renewal by another', 0],
  ['maintenance: first', 1],
  ['maintenance: second', 0],
  ['maintenance: again', 1],
  ['detection: first', 1],
  ['detection: the same, not actionable', 0],
  ['detection: actionable', 1],
  ['detection: anew', 1],
  ['recovery: first', 1],
  ['recovery: second', 0],
  ['recovery: crashed ones are booked', 1],
  ['recovery: a new one after that', 1],
] as const;

/** Columns and indexes that are not there any more as they were. */
function lostFrom(table: LiveTable, after: LiveTable | undefined): readonly string[] {
  const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
  const columns = [...table.columns].filter(([name, is]) => !same(after?.columns.get(name), is)).map(([name]) => `column ${name}`);
  const indexes = table.indexes.filter((index) => !after?.indexes.some((other) => same(index, other))).map(({name}) => `index ${name}`);
  return [...columns, ...indexes];
}
