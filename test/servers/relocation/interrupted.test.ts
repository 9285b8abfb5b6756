import {afterAll, afterEach, beforeAll, expect, test} from 'vitest';
import {sandbox, type Instance, type Sandbox} from '../../sandbox/index.ts';
import {backendHost, insert, rows, stepsOf, type BackendHost, type Site} from '../support/index.ts';
import {bench, following, nameOf, sameRows} from './moving.ts';

/** A command that is killed in the middle of a relocation, at every act, before its effect and after it. */
let box: Sandbox;
let host: BackendHost;
let at: Site;

beforeAll(async () => {
  [box, host] = await Promise.all([sandbox({flavor: 'mariadb'}), backendHost('sqlite')]);
});
afterEach(() => at?.down());
afterAll(() => Promise.all([box?.down(), host?.down()]));

type Servers = Readonly<Record<'a' | 'b' | 'c' | 'd', Instance>>;

async function half(fault: string, line: readonly string[]): Promise<string> {
  expect(await at.runWith({ORCHESTRATOR_FAULT: fault}, ...line)).toMatchObject({status: null, stdout: ''});
  const [plan] = await rows<{uid: string; kind: string}>(at, 'recovery_plan', {state: 'open'});
  expect(plan).toMatchObject({kind: 'relocate'});
  return plan!.uid;
}

async function servers(gtid: boolean): Promise<Servers> {
  const all = await box.topology('a: b c; c: d', {gtid});
  await insert(all.a, 1, 10);
  await box.caughtUp();
  at = await bench(host, Object.values(all));
  return all;
}

// take-master by positions: 0 hold, 1 climb, 2 settle below, 3 and 4 go on
test('killed in the middle of take-master by position: resumed to its end by a command', async () => {
  const all = await servers(false);
  const {a, b, c, d} = all;
  const uid = await half('after:1', ['take-master', '-i', nameOf(d)]);
  expect(await at.run('relocate', '-i', nameOf(d), '-d', nameOf(b))).toMatchObject({status: 7});
  expect(await at.run('recovery', 'resume', uid)).toMatchObject({status: 0, stdout: `${nameOf(d)}\n${nameOf(c)}\n`});
  expect(await following(all)).toEqual({a: '-', b: 'a', c: 'd', d: 'a'});
  await insert(a, 11, 15);
  await sameRows(box, [a, b, c, d]);
  expect((await stepsOf(at, uid)).filter((step) => step.startsWith('resumed by'))).toHaveLength(1);
  expect([await rows(at, 'cluster_lock'), await rows(at, 'recovery_plan', {state: 'open'})]).toEqual([[], []]);
});

test('killed in the middle of moving several: the leader resumes it by itself', async () => {
  const all = await servers(true);
  const {a, b, c, d} = all;
  await half('after:0', ['relocate-replicas', '-i', nameOf(a), '-d', nameOf(d), '--pattern', String(b.key.port)]);
  await at.serve();
  await box.waitFor(
    'b follows d, and the plan has ended',
    async () => {
      const open = await rows(at, 'recovery_plan', {state: 'open'});
      const now = await following(all);
      if (open.length === 0 && now['b'] === 'd') return true;
      throw new Error(`${open.length} plans open; b follows ${now['b']}`);
    },
    {within: 60_000},
  );
  await insert(a, 11, 15);
  await sameRows(box, [a, b, c, d]);
  // Given back a moment after the plan has ended.
  await expect.poll(() => rows(at, 'cluster_lock'), {timeout: 60_000}).toEqual([]);
});

test('given up instead: nobody is left stopped', async () => {
  const all = await servers(false);
  const uid = await half('before:1', ['take-master', '-i', nameOf(all.d)]);
  expect((await following(all))['c']).toBe('a (stopped)');
  const {status, stdout, stderr} = await at.run('recovery', 'abort', uid);
  expect({status, stdout}).toEqual({status: 0, stdout: `${uid}\n`});
  expect(stderr).toMatch(/was given up; done before: stop the applier of \S+;/);
  // It was told to, and has connected a moment later.
  await expect.poll(() => following(all), {timeout: 60_000}).toEqual({a: '-', b: 'a', c: 'a', d: 'c'});
  expect(await at.run('take-master', '-i', nameOf(all.d))).toMatchObject({status: 0});
});
