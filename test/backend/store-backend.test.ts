import {mkdtempSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {describe, expect, onTestFinished, test} from 'vitest';
import type {Config} from '../../src/lib/config/keys.ts';
import type {Backend, Work} from '../../src/lib/store/backend.ts';
import {isDuplicateKey} from '../../src/lib/store/connection/errors.ts';
import {openBackend, type OpenOptions} from '../../src/lib/store/open.ts';
import {Standing} from './support/standing.ts';
import {BACKENDS, rowsOf, useStore} from './support/store.ts';

async function open(config: Config, options: OpenOptions = {}): Promise<Backend> {
  const backend = await openBackend(config, options);
  onTestFinished(() => backend.close());
  return backend;
}

async function refusal(work: Promise<unknown>): Promise<{code: string; message: string; hint: string; cause: unknown}> {
  try {
    await work;
  } catch (error) {
    return error as {code: string; message: string; hint: string; cause: unknown};
  }
  throw new Error('nothing was thrown');
}

async function connectionId({db}: Work): Promise<number> {
  const [rows] = (await db.raw('select connection_id() as id, sleep(0.05)')) as [{id: number}[]];
  return rows[0]!.id;
}

describe.each(BACKENDS)('the backend on %s', (kind) => {
  const store = useStore(kind);
  const put = (name: string) => ({hostname: '*', attribute_name: name, attribute_value: '1'});
  const values = async () => (await rowsOf(store.backend, 'host_attributes', 'attribute_name')).map((row) => row['attribute_value']);

  test('a transaction that fails leaves nothing behind', async () => {
    const work = store.backend.transaction(async ({db}) => {
      await db('host_attributes').insert(put('a'));
      throw new Error('enough');
    });
    await expect(work).rejects.toThrow('enough');
    expect(await values()).toEqual([]);
  });

  test('an error that the work caught still ends in nothing written', async () => {
    const work = store.backend.transaction(async ({db}) => {
      await db('host_attributes').insert(put('a'));
      await db('host_attributes')
        .insert(put('a'))
        .catch(() => undefined);
      return 'fine';
    });
    expect(isDuplicateKey(await refusal(work))).toBe(true);
    expect(await values()).toEqual([]);
  });

  test('who meets another transaction starts anew until it is through, and nothing is lost', async () => {
    const others = await Promise.all([store.bench.open(), store.bench.open(), store.bench.open()]);
    await store.backend.run(({db}) => db('host_attributes').insert({...put('n'), attribute_value: '0'}));
    const addOne = (backend: Backend) =>
      backend.transaction(
        async ({db}) => {
          const row: {attribute_value: string} = await db('host_attributes')
            .where({attribute_name: 'n'})
            .forUpdate()
            .first('attribute_value');
          await db('host_attributes')
            .where({attribute_name: 'n'})
            .update({attribute_value: String(Number(row.attribute_value) + 1)});
        },
        {deadline: 20_000},
      );
    await Promise.all(others.flatMap((backend) => Array.from({length: 20}, () => addOne(backend))));
    expect(await values()).toEqual(['60']);
  });

  test('two that lock the same rows in opposite order both get through', async () => {
    const [one, two] = [await store.bench.open(), await store.bench.open()];
    await store.backend.run(({db}) => db('host_attributes').insert([put('a'), put('b')]));
    const both = (backend: Backend, first: string, second: string) =>
      backend.transaction(
        async ({db}) => {
          for (const name of [first, second]) {
            await db('host_attributes')
              .where({attribute_name: name})
              .update({attribute_value: db.raw('attribute_value + 1')});
          }
        },
        {deadline: 20_000},
      );
    await Promise.all(Array.from({length: 20}, () => [both(one, 'a', 'b'), both(two, 'b', 'a')]).flat());
    expect(await values()).toEqual(['41', '41']);
  });

  test('the event loop goes on while somebody else holds the write lock, and the deadline ends the waiting', async () => {
    const [backend, other] = [await open(store.config, {queryTimeout: 4000}), await store.bench.open()];
    await backend.run(({db}) => db('host_attributes').insert(put('a')));
    const {promise: release, resolve} = Promise.withResolvers<void>();
    const {promise: locked, resolve: hasLocked} = Promise.withResolvers<void>();
    const holder = other.transaction(async ({db}) => {
      await db('host_attributes').update({attribute_value: '2'});
      hasLocked();
      await release;
    });
    await locked;
    let longest = 0;
    let last = performance.now();
    const beat = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    const error = await refusal(backend.run(({db}) => db('host_attributes').update({attribute_value: '3'}), {deadline: 300}));
    longest = Math.max(longest, performance.now() - last);
    clearInterval(beat);
    resolve();
    await holder;
    expect(error.code).toBe('BACKEND_CONFLICT');
    // Less than a statement may take.
    expect(longest).toBeLessThan(3000);
    expect(await values()).toEqual(['2']);
  });

  test('times are the backend clock, and add up', async () => {
    const [row] = (await store.backend.run(({db, dialect}) =>
      db('host_attributes')
        .rightJoin(db.raw('(select 1 as one) as anything'), db.raw('1 = 0') as never, db.raw('1 = 0') as never)
        .select({now: dialect.now(), ago: dialect.ago(90), ahead: dialect.ahead(30), unix: dialect.unix(), micros: dialect.micros()}),
    )) as Record<string, string | number>[];
    const at = (text: unknown) => Date.parse(`${String(text).replace(' ', 'T')}Z`) / 1000;
    expect(at(row?.['now']) - at(row?.['ago'])).toBe(90);
    expect(at(row?.['ahead']) - at(row?.['now'])).toBe(30);
    expect(Number(row?.['unix'])).toBe(at(row?.['now']));
    expect(Math.floor(Number(row?.['micros']) / 1e6)).toBe(Number(row?.['unix']));
  });

  test('a missing table is said to be that, and what to do', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'orchestrator-empty-'));
    onTestFinished(() => rmSync(folder, {recursive: true}));
    const empty = await open({
      ...store.config,
      SQLite3DataFile: path.join(folder, 'o.db'),
      MySQLOrchestratorDatabase: 'orchestrator_empty',
    });
    const error = await refusal(empty.run(({db}) => db('database_instance').select()));
    expect(error).toMatchObject({code: 'SCHEMA_MISSING', hint: expect.stringContaining('redeploy-internal-db')});
  });
});

describe('the backend on sqlite alone', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'orchestrator-lite-'));
  const store = useStore('sqlite');
  const lite = (file: string): Config => ({...store.config, SQLite3DataFile: file});

  test('makes the folder and a file nobody else reads', async () => {
    const file = path.join(folder, 'deep', 'er', 'o.db');
    const backend = await open(lite(file));
    await backend.run(({db}) => db.raw('create table t (id int)'));
    for (const name of [file, `${file}-wal`]) expect(statSync(name).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
    expect(backend).toMatchObject({where: file, multiWriter: false});
  });

  test.each([
    {what: 'no file named', file: () => '', code: 'CONFIG_INVALID'},
    {
      what: 'a file that is none',
      file: () => {
        writeFileSync(path.join(folder, 'text'), 'this is no database at all, whatever it is called '.repeat(30));
        return path.join(folder, 'text');
      },
      code: 'BACKEND_UNREACHABLE',
    },
    {what: 'a folder that is a file', file: () => '/etc/passwd/o.db', code: 'BACKEND_UNREACHABLE'},
    {what: 'a folder', file: () => folder, code: 'BACKEND_UNREACHABLE'},
  ])('$what: $code and a hint', async ({file, code}) => {
    const error = await refusal(openBackend(lite(file())));
    expect(error).toMatchObject({code, hint: expect.stringMatching(/\w/)});
  });
});

describe.each(['mariadb', 'mysql9'] as const)('a process that stands still, on %s', (kind) => {
  const store = useStore(kind);
  const put = (name: string) => ({hostname: '*', attribute_name: name, attribute_value: '1'});
  const values = async () => (await rowsOf(store.backend, 'host_attributes', 'attribute_name')).map((row) => row['attribute_value']);

  test('in the middle of a transaction keeps nobody from writing: the server ends it', async () => {
    await store.backend.run(({db}) => db('host_attributes').insert(put('x')));
    const other = new Standing(store.config);
    onTestFinished(() => other.end());
    await other.says('holds');
    other.signal('SIGSTOP');
    await store.backend.run(({db}) => db('host_attributes').update({attribute_value: '4'}), {deadline: 60_000});
    expect(await values()).toEqual(['4']);
    other.signal('SIGCONT');
    other.goOn();
    await other.says('lost: BACKEND_UNREACHABLE');
    // Its other connection was closed meanwhile, too: it is told nothing of that.
    await other.says('went on');
    expect(await values()).toEqual(['4', '1']);
  });
});

describe('the backend on mariadb alone', () => {
  const store = useStore('mariadb');
  const as = (more: Partial<Config>): Config => ({...store.config, ...more});

  test.each<{what: string; config: Partial<Config>; code: string}>([
    {what: 'a wrong password', config: {MySQLOrchestratorPassword: 'hunter2'}, code: 'BACKEND_ACCESS_DENIED'},
    {what: 'a port nobody listens on', config: {MySQLOrchestratorPort: 1}, code: 'BACKEND_UNREACHABLE'},
    {what: 'a name that does not resolve', config: {MySQLOrchestratorHost: 'no-such-host.invalid'}, code: 'BACKEND_UNREACHABLE'},
    {what: 'no database named', config: {MySQLOrchestratorDatabase: ''}, code: 'CONFIG_INVALID'},
    {
      what: 'a certificate that is not there',
      config: {MySQLOrchestratorUseMutualTLS: true, MySQLOrchestratorSSLCAFile: '/no/such/ca.pem'},
      code: 'CONFIG_UNREADABLE',
    },
  ])('$what: $code, a hint, and no password', async ({config, code}) => {
    const error = await refusal(openBackend(as(config)));
    expect(error).toMatchObject({code, hint: expect.stringMatching(/\w/)});
    expect(`${error.message} ${error.hint}`).not.toMatch(/hunter2|orcpw/);
  });

  test('somebody who accepts and stays silent is given up in time', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    onTestFinished(() => void silent.close());
    await new Promise((resolve) => silent.once('listening', resolve));
    const {port} = silent.address() as {port: number};
    const began = performance.now();
    const error = await refusal(openBackend(as({MySQLOrchestratorPort: port}), {connectTimeout: 300}));
    expect(error.code).toBe('BACKEND_UNREACHABLE');
    // Sooner than the driver would by itself.
    expect(performance.now() - began).toBeLessThan(9000);
  });

  test('a statement that does not end is given up in time, and the connection works again', async () => {
    const backend = await open(store.config, {pool: 1, queryTimeout: 1000});
    const began = performance.now();
    const error = await refusal(backend.run(({db}) => db.raw('select sleep(60)'), {deadline: 0}));
    expect(error.code).toBe('BACKEND_UNREACHABLE');
    expect(await backend.run(({db}) => db('host_attributes').select())).toEqual([]);
    expect(performance.now() - began).toBeLessThan(50_000);
  });

  test('connections the server ends are replaced without anybody noticing', async () => {
    const backend = await open(store.config, {pool: 3});
    const ids = await Promise.all([1, 2, 3].map(() => backend.run(connectionId)));
    const root = store.bench.servers[0]!;
    for (const id of new Set(ids)) await root.query(`kill ${id}`);
    expect(
      await backend.transaction(({db}) =>
        db('host_attributes')
          .insert(put('x'))
          .then(() => 1),
      ),
    ).toBe(1);
    expect(await backend.run(({db}) => db('host_attributes').select())).toHaveLength(1);
  });

  test('opened, asked nothing and closed, it leaves no connection behind', async () => {
    const root = store.bench.servers[0]!;
    await root.query("create or replace user brief identified by 'briefpw'");
    await root.query('grant all on orchestrator.* to brief');
    const connected = async () => (await root.query("select id from information_schema.processlist where user = 'brief'")).length;
    const brief = as({MySQLOrchestratorUser: 'brief', MySQLOrchestratorPassword: 'briefpw'});
    const backends = await Promise.all([1, 2, 3].map(() => openBackend(brief)));
    expect(await connected()).toBe(3);
    await Promise.all(backends.map((backend) => backend.close()));
    await expect.poll(connected, {timeout: 60_000}).toBe(0);
  });

  test('a read-only server is waited for, and said to be that in the end', async () => {
    const root = store.bench.servers[0]!;
    await root.query("create or replace user plain identified by 'plainpw'");
    await root.query('grant all on orchestrator.* to plain');
    const plain = {MySQLOrchestratorUser: 'plain', MySQLOrchestratorPassword: 'plainpw'};
    const backend = await open(as({...plain, MySQLOrchestratorRejectReadOnly: true}), {pool: 1});
    await backend.run(({db}) => db('host_attributes').select());
    await root.query('set global read_only = 1');
    onTestFinished(() => root.query('set global read_only = 0').then(() => undefined));
    const error = await refusal(backend.run(({db}) => db('host_attributes').insert(put('x')), {deadline: 200}));
    expect(error).toMatchObject({code: 'BACKEND_READ_ONLY'});
    const later = backend.run(({db}) => db('host_attributes').insert(put('y')), {deadline: 60_000});
    await root.query('set global read_only = 0');
    await later;
    expect(await rowsOf(backend, 'host_attributes')).toHaveLength(1);
  });

  test('a read-only server is not written to by an account that could, is read, and is written once it takes writes', async () => {
    const root = store.bench.servers[0]!;
    await root.query("create or replace user mighty identified by 'mightypw'");
    await root.query('grant all on *.* to mighty');
    await root.query('set global read_only = 1');
    onTestFinished(() => root.query('set global read_only = 0').then(() => undefined));
    const backend = await open(as({MySQLOrchestratorUser: 'mighty', MySQLOrchestratorPassword: 'mightypw'}), {pool: 1});
    expect(await rowsOf(backend, 'host_attributes')).toEqual([]);
    const works: readonly (() => Promise<unknown>)[] = [
      () => backend.run(({db}) => db('host_attributes').insert(put('x')), {deadline: 200}),
      () =>
        backend.transaction(
          ({db}) =>
            db('host_attributes')
              .insert(put('y'))
              .then(() => undefined),
          {deadline: 200},
        ),
    ];
    for (const work of works) {
      expect(await refusal(work())).toMatchObject({code: 'BACKEND_READ_ONLY', hint: expect.stringMatching(/writable server/)});
    }
    await root.query('set global read_only = 0');
    await backend.run(({db}) => db('host_attributes').insert(put('z')), {deadline: 60_000});
    expect(await rowsOf(backend, 'host_attributes')).toHaveLength(1);
  });

  test('sessions speak UTC and are strict, whatever the server is', async () => {
    const root = store.bench.servers[0]!;
    await root.query("set global time_zone = '+05:00', sql_mode = ''");
    onTestFinished(() => root.query("set global time_zone = 'SYSTEM'").then(() => undefined));
    const backend = await open(store.config, {queryTimeout: 1000});
    const [[row]] = await backend.run(({db}) =>
      db.raw('select @@time_zone as zone, @@sql_mode as mode, @@innodb_lock_wait_timeout as wait, now() as at'),
    );
    expect(row).toMatchObject({
      zone: '+00:00',
      mode: 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION',
      wait: 1,
      at: expect.stringMatching(/^\d{4}-/),
    });
  });

  test('a killed server is known at once, and used again when it is back', async () => {
    const backend = await open(store.config, {pool: 2});
    const server = store.bench.servers[0]!;
    await backend.run(({db}) => db('host_attributes').insert(put('x')));
    await server.kill9();
    const error = await refusal(backend.run(({db}) => db('host_attributes').select(), {deadline: 100}));
    expect(error.code).toBe('BACKEND_UNREACHABLE');
    const waiting = backend.run(({db}) => db('host_attributes').select(), {deadline: 30_000});
    await server.start();
    expect(await waiting).toHaveLength(1);
  });

  function put(name: string) {
    return {hostname: '*', attribute_name: name, attribute_value: '1'};
  }
});
