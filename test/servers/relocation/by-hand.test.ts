import {afterAll, afterEach, beforeAll, beforeEach, expect, test} from 'vitest';
import {acquireLock} from '../../../src/lib/coordination/lock/acquire.ts';
import {isContention} from '../../../src/lib/coordination/lock/contention.ts';
import {keepLock, type KeptLock} from '../../../src/lib/coordination/lock/keep.ts';
import {makeNodeId} from '../../../src/lib/coordination/nodes.ts';
import {defaultTiming} from '../../../src/lib/coordination/timing.ts';
import {sandbox, type Instance, type Sandbox} from '../../sandbox/index.ts';
import {backendHost, insert, rows, type BackendHost, type Site} from '../support/index.ts';
import {bench, following, nameOf, sameRows} from './moving.ts';

/** What is refused and that nothing was changed then, what goes wrong and is put back; on one kind of server. */
let box: Sandbox;
let host: BackendHost;
let at: Site;
let a: Instance;
let b: Instance;
let c: Instance;
let d: Instance;

beforeAll(async () => {
  [box, host] = await Promise.all([sandbox({flavor: 'mariadb'}), backendHost('sqlite')]);
});
beforeEach(async () => {
  ({a, b, c, d} = await box.topology('a: b c; c: d'));
  await insert(a, 1, 10);
  await box.caughtUp();
  at = await bench(host, [a, b, c, d]);
});
afterEach(() => at?.down());
afterAll(() => Promise.all([box?.down(), host?.down()]));

const asBefore = {a: '-', b: 'a', c: 'a', d: 'c'};

/** Somebody else's work on some servers, kept alive until it is released. */
async function work(purpose: string, on: readonly Instance[]): Promise<KeptLock> {
  const backend = await at.backend();
  const wish = {me: makeNodeId('ann.example'), purpose, cluster: nameOf(a), instances: on.map(({key}) => key), timing: defaultTiming};
  const hold = await acquireLock({backend, ...wish});
  if (isContention(hold)) throw new Error(hold.purpose);
  return keepLock({backend, hold, timing: defaultTiming, onLost: () => undefined, log: () => undefined});
}

test('somebody else is at work there: who, what for and since when; elsewhere nobody is disturbed, and one may queue', async () => {
  const lock = await work('recovery of c', [c, d]);
  const {status, stdout, stderr} = await at.run('relocate', '-i', nameOf(d), '-d', nameOf(b));
  expect({status, stdout}).toEqual({status: 7, stdout: ''});
  expect(stderr).toMatch(/is being changed by ann\.example \(recovery of c\) since \d{4}-\S+ \S+ .*--wait DURATION/);
  // A plan alone stands in nobody's way.
  expect(await at.run('relocate', '-i', nameOf(d), '-d', nameOf(b), '--dry-run')).toMatchObject({status: 0});
  const queued = at.run('relocate', '-i', nameOf(d), '-d', nameOf(b), '--wait', '60s');
  await box.waitFor('the second command is there', async () =>
    (await rows<{command: string}>(at, 'node_health')).some(({command}) => command === 'relocate'),
  );
  await lock.release();
  expect(await queued).toMatchObject({status: 0, stdout: `${nameOf(d)}<${nameOf(b)}\n`});
  expect(await following({a, b, c, d})).toEqual({...asBefore, d: 'b'});
});

test('a dry run says what would be done, as text and as JSON, and does nothing', async () => {
  const text = await at.run('relocate-replicas', '-i', nameOf(a), '-d', nameOf(b), '--dry-run', '--format', 'plain');
  expect(text).toMatchObject({status: 0, stderr: ''});
  expect(text.stdout.split('\n')).toEqual([
    `would move ${nameOf(c)} from ${nameOf(a)} to ${nameOf(b)} (gtid)`,
    `stage 0: point ${nameOf(c)} at ${nameOf(b)} by GTID`,
    expect.stringMatching(/^about [\d.]+ s$/),
    '',
  ]);
  const json = await at.run('take-master', '-i', nameOf(d), '--noop', '--json');
  expect(JSON.parse(json.stdout)).toMatchObject({
    noop: true,
    command: 'take-master',
    uid: null,
    moves: [
      {key: d.key, from: c.key, to: a.key, by: ['gtid']},
      {key: c.key, from: a.key, to: d.key, by: ['gtid']},
    ],
    steps: [
      {stage: 0, do: 'follow', on: d.key, source: a.key, text: expect.any(String) as string},
      {stage: 1, do: 'follow', on: c.key, source: d.key},
    ],
    left: [],
  });
  expect(await following({a, b, c, d})).toEqual(asBefore);
  expect(await rows(at, 'recovery_plan')).toEqual([]);
});

test('one that the new source turns away is put back', async () => {
  await b.query('SET SESSION sql_log_bin = 0');
  await b.query("RENAME USER 'repl'@'%' TO 'another'@'%'");
  const {status, stderr} = await at.run('relocate', '-i', nameOf(c), '-d', nameOf(b));
  expect({status, stderr}).toEqual({status: 1, stderr: expect.stringMatching(/it is back at \S+/) as unknown});
  expect(await following({a, b, c, d})).toEqual(asBefore);
  await insert(a, 11, 12);
  await sameRows(box, [a, c, d]);
  await b.query("RENAME USER 'another'@'%' TO 'repl'@'%'");
  await b.query('SET SESSION sql_log_bin = 1');
});

test('over HTTP, routes answer with the instances as they are then', async () => {
  const service = await at.serve();
  const get = async (path: string): Promise<{status: number; body: {Code: string; Message: string; Details: unknown}}> => {
    const answer = await fetch(`${service.address}/api/${path}`);
    return {status: answer.status, body: (await answer.json()) as {Code: string; Message: string; Details: unknown}};
  };
  const of = ({key}: {key: {host: string; port: number}}): string => `${key.host}/${key.port}`;
  const keyOf = ({key}: {key: {host: string; port: number}}): object => ({Hostname: key.host, Port: key.port});
  expect(await get(`relocate/${of(d)}/${of(b)}`)).toMatchObject({
    status: 200,
    body: {Code: 'OK', Message: `Instance relocated: ${nameOf(d)} below ${nameOf(b)}`, Details: {Key: keyOf(d), MasterKey: keyOf(b)}},
  });
  expect(await get(`relocate-slaves/${of(a)}/${of(b)}?pattern=${c.key.port}`)).toMatchObject({
    status: 200,
    body: {Code: 'OK', Details: [{Key: keyOf(c), MasterKey: keyOf(b)}]},
  });
  expect(await get(`move-up-slaves/${of(b)}`)).toMatchObject({status: 200, body: {Code: 'OK'}});
  expect(await following({a, b, c, d})).toEqual({a: '-', b: 'a', c: 'a', d: 'a'});
  expect(await get(`regroup-slaves-gtid/${of(a)}`)).toMatchObject({
    status: 200,
    body: {Code: 'OK', Message: expect.stringMatching(/^promoted replica: \S+, lost: 0, moved: 2$/) as unknown},
  });
  expect(await get(`relocate/${of(a)}/${of(b)}`)).toMatchObject({
    status: 500,
    body: {Code: 'ERROR', Message: expect.stringMatching(/not-a-replica/) as unknown},
  });
  expect(await get(`can-replicate-from/${of(c)}/${of(b)}`)).toMatchObject({status: 200, body: {Message: 'true', Details: keyOf(b)}});
});
