import {writeFile} from 'node:fs/promises';
import {afterAll, afterEach, beforeAll, beforeEach, expect, test} from 'vitest';
import {sandbox, waitFor, type Client, type Sandbox} from '../../sandbox/index.ts';
import {
  backendHost,
  Crash,
  downtimesAt,
  holdApplier,
  insert,
  recoveriesOf,
  rows,
  stopThread,
  topologyNow,
  type BackendHost,
} from '../support/index.ts';
import {conductor, type Conductor, type Fault} from './conducting.ts';
import {asBefore, nameOf, sameIds, taking, type Taking} from './taking.ts';

/** What goes wrong with servers and people in the middle of a takeover: everything is as it was before, whatever it is. */
let box: Sandbox;
let host: BackendHost;
let all: Taking;
let by: Conductor;
const undo: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  [box, host] = await Promise.all([sandbox({flavor: 'mariadb'}), backendHost('sqlite')]);
});
beforeEach(async () => {
  all = await taking({box, host});
  by = await conductor(all.at);
});
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one();
  await by?.close();
  await all?.at.down();
});
afterAll(() => Promise.all([box?.down(), host?.down()]));

/** How long a successor may take to apply what its source has. */
async function patience(seconds: number): Promise<void> {
  await by.close();
  await writeFile(all.at.file, JSON.stringify({...all.at.settings, ReasonableMaintenanceReplicationLagSeconds: seconds}));
  by = await conductor(all.at);
}

const before =
  (wanted: string, work: () => Promise<unknown>): Fault =>
  async (when, act) => {
    if (when === 'before' && act === wanted) await work();
  };

function later<Undo extends () => Promise<unknown>>(one: Undo): void {
  undo.push(one);
}

async function lockTables(client: Client): Promise<void> {
  await client.query('LOCK TABLES test.t WRITE');
  later(() => Promise.resolve(client.close()));
}

test.each<{what: string; because: RegExp; fault: () => Fault; seconds?: number}>([
  {
    what: 'a client that has locked a table keeps the source from being closed',
    because: /could not be closed within 1 s/,
    fault: () => before('close-source', () => lockTables(all.a.connect('root'))),
  },
  {
    what: 'the successor cannot apply what the source has',
    because: /did not apply all that its source has within 1 s/,
    seconds: 1,
    fault: () =>
      before('close-source', async () => {
        later(await holdApplier(all.b));
        await insert(all.a, 11, 12);
      }),
  },
  {
    what: 'somebody stops the applier of the successor',
    because: /stopped applying/,
    fault: () =>
      before('close-source', async () => {
        await stopThread(all.b, 'SQL_THREAD');
        await insert(all.a, 11, 12);
      }),
  },
])('$what: taken back', async ({because, fault, seconds = 20}) => {
  const {a, b, at} = all;
  await patience(seconds);
  const answer = await by.takeOver({from: a, to: b, fault: fault()});
  expect(answer).toMatchObject({outcome: 'failed', because: expect.stringMatching(because) as string});
  expect(Number(await a.value('SELECT @@global.read_only'))).toBe(0);
  for (const one of undo.splice(0)) await one();
  await asBefore(all);
  const [row] = await recoveriesOf(at);
  expect(row).toMatchObject({is_successful: 0, acknowledged: 1, all_errors: expect.stringMatching(because) as string});
  expect((await at.hooks.order()).at(-1)).toBe('PostUnsuccessfulFailoverProcesses');
  await patience(20);
  expect(await at.run('graceful-master-takeover-auto', '-i', nameOf(a), '-d', nameOf(b))).toMatchObject({status: 0});
});

test.each(['catch-up', 'open'])('the successor dies before %s: the source takes writes again', async (act) => {
  const {a, b} = all;
  const answer = await by.takeOver({
    from: a,
    to: b,
    fault: async (when, what) => {
      if (when === 'before' && what === 'close-source') await insert(a, 11, 12);
      if (when === 'before' && what === act) await b.kill9();
    },
  });
  expect(answer).toMatchObject({outcome: 'failed', remarks: expect.arrayContaining([`${nameOf(a)} is writable again`]) as string[]});
  await b.start();
  await asBefore(all);
});

test('the successor hangs while it is opened: the source stays closed until it is known whether it was', async () => {
  const {a, b, c, at} = all;
  const hung = by.takeOver({from: a, to: b, fault: before('open', () => Promise.resolve(b.pause()))});
  try {
    await expect(hung).rejects.toMatchObject({code: 'RECOVERY_FAILED', message: expect.stringContaining('stays closed') as string});
    expect(Number(await a.value('SELECT @@global.read_only'))).toBe(1);
    expect(await rows(at, 'recovery_plan', {state: 'open'})).toHaveLength(1);
  } finally {
    b.resume();
  }
  // What was sent to it is executed now, or its session is ended before.
  const {outcome} = (await by.settle())!;
  const [from, to] = outcome === 'promoted' ? [a, b] : [b, a];
  expect(await topologyNow([a, b, c])).toBe(to);
  expect(Number(await from.value('SELECT @@global.read_only'))).toBe(1);
  expect(await rows(at, 'recovery_plan', {state: 'open'})).toEqual([]);
});

/** What waits for many timeouts and a lease is played by `script/test --all`. */
const byWhom = process.env['ORCHESTRATOR_TEST_ALL'] === undefined ? [] : ['a person'];

test.each(byWhom)('given up by %s while the successor hangs, a takeover leaves the source closed, and says what to do', async () => {
  const {a, b, at} = all;
  const crash = by.takeOver({
    from: a,
    to: b,
    fault: (when, act) => {
      if (when === 'after' && act === 'open') throw new Crash();
    },
  });
  await expect(crash).rejects.toBeInstanceOf(Crash);
  b.pause();
  try {
    const [plan] = await rows<{uid: string}>(at, 'recovery_plan', {state: 'open'});
    const {status, stderr} = await at.run('recovery', 'abort', plan!.uid, '--reason', 'by hand');
    expect({status, stderr}).toEqual({
      status: 0,
      stderr: expect.stringContaining(`${nameOf(a)} stays read-only: ${nameOf(b)} may be open`) as string,
    });
    expect(stderr).toContain(`orchestrator set-writeable -i ${nameOf(a)}`);
    expect(Number(await a.value('SELECT @@global.read_only'))).toBe(1);
  } finally {
    b.resume();
  }
  expect(Number(await b.value('SELECT @@global.read_only'))).toBe(0);
});

test('the source dies once it is closed: its successor has all of it and is opened', async () => {
  const {a, b, c, at} = all;
  const answer = await by.takeOver({from: a, to: b, fault: before('open', () => a.kill9())});
  expect(answer).toMatchObject({outcome: 'promoted', lost: [a.key]});
  expect(Number(await b.value('SELECT @@global.read_only'))).toBe(0);
  await insert(b, 21, 22);
  await sameIds(b, [c]);
  expect(await downtimesAt(at)).toEqual({[a.key.port]: 'lost-in-recovery'});
  await at.serve();
  await a.start();
  await waitFor('it is closed when it comes back', async () => Number(await a.value('SELECT @@global.read_only')) === 1, {within: 60_000});
});

test('a privileged session that does nothing is ended', async () => {
  const {a, b, c} = all;
  const root = a.connect('root');
  later(() => Promise.resolve(root.close()));
  const [before] = await root.query<{id: number}>('SELECT CONNECTION_ID() AS id');
  expect(await by.takeOver({from: a, to: b})).toMatchObject({outcome: 'promoted', lost: [], problems: []});
  const [after] = await root.query<{id: number}>('SELECT CONNECTION_ID() AS id');
  expect(after?.id).not.toBe(before?.id);
  await sameIds(b, [a, c]);
});

test('one that insists on writing is named, and everything is taken back; its row is on all', async () => {
  const {a, b, c} = all;
  const root = a.connect('root');
  later(() => Promise.resolve(root.close()));
  await root.query('SELECT 1');
  let written: Promise<unknown> = Promise.resolve();
  const answer = await by.takeOver({
    from: a,
    to: b,
    fault: before('catch-up', async () => {
      written = root.query('INSERT INTO test.t (id) VALUES (99)', [], {timeout: 30_000});
      const waits = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'root' AND state LIKE 'Waiting for%lock%'";
      await waitFor('root waits to write', async () => Number(await a.value(waits)) > 0);
    }),
  });
  expect(answer).toMatchObject({outcome: 'failed', because: expect.stringMatching(/still be written to .* by root@/) as string});
  await written;
  await asBefore(all);
  expect(await sameIds(a, [b, c])).toContain(99);
});
