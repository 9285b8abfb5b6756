import {afterAll, afterEach, beforeAll, expect, test} from 'vitest';
import {sandbox, type Sandbox} from '../../sandbox/index.ts';
import {backendHost, recoveriesOf, rows, standingOf, topologyNow, type BackendHost, type Site} from '../support/index.ts';
import {nameOf, outside, sameIds, moveWithSemiSync, taking} from './taking.ts';

let box: Sandbox;
let host: BackendHost;
let at: Site | undefined;

beforeAll(async () => {
  [box, host] = await Promise.all([sandbox({flavor: 'mariadb'}), backendHost('sqlite')]);
});
afterEach(async () => {
  await at?.down();
  at = undefined;
});
afterAll(() => Promise.all([box?.down(), host?.down()]));

test('under load: no acknowledged row is lost, and everybody follows the successor', async () => {
  const all = await taking({box, host});
  const {a, b, c} = all;
  ({at} = all);
  const application = await outside([a, b, c]);
  await application.more(50);
  const done = await at.run('graceful-master-takeover-auto', '-i', nameOf(a), '-d', nameOf(b));
  expect(done).toMatchObject({status: 0});
  expect(done.stdout).toMatch(new RegExp(`^${nameOf(b)}\n\\S+:\\d+\n$`));
  await application.more(50);
  const acknowledged = await application.stop();
  expect(await topologyNow([a, b, c])).toBe(b);
  const ids = await sameIds(b, [a, c]);
  expect(acknowledged.filter((id) => !ids.includes(id))).toEqual([]);
  const [recovery, ...more] = await recoveriesOf(at);
  expect(more).toEqual([]);
  expect(recovery).toMatchObject({is_successful: 1, successor_port: b.key.port, acknowledged: 1, lost_slaves: '', all_errors: ''});
  expect(recovery?.end_recovery).not.toBeNull();
  expect([await rows(at, 'cluster_lock'), await rows(at, 'recovery_plan', {state: 'open'})]).toEqual([[], []]);
  expect(await at.hooks.order()).toEqual([
    'OnFailureDetectionProcesses',
    'PreGracefulTakeoverProcesses',
    'PreFailoverProcesses',
    'PostMasterFailoverProcesses',
    'PostFailoverProcesses',
    'PostGracefulTakeoverProcesses',
  ]);
});

test('semi-sync changes sides, with its settings', async () => {
  const all = await taking({box, host, semiSync: true});
  ({at} = all);
  expect(await moveWithSemiSync(all)).toEqual({successor: '1 7777', old: '0 1'});
  expect(await topologyNow([all.a, all.b, all.c])).toBe(all.b);
});

test('without -auto the old source is pointed at its successor, and stays stopped; over HTTP the answer is the recovery', async () => {
  const all = await taking({box, host});
  const {a, b, c} = all;
  ({at} = all);
  const service = await at.serve();
  const [from, to] = [`${a.key.host}/${a.key.port}`, `${b.key.host}/${b.key.port}`];
  const answer = await fetch(`${service.address}/api/graceful-master-takeover/${from}/${to}`);
  expect(await answer.json()).toMatchObject({
    Code: 'OK',
    Message: 'graceful-master-takeover: successor promoted',
    Details: {SuccessorKey: {Hostname: b.key.host, Port: b.key.port}, IsSuccessful: true, Acknowledged: true},
  });
  expect(await standingOf(a)).toMatchObject({writable: false, source: b.key.port, receiver: 'No', applier: 'No'});
  expect(await standingOf(b)).toMatchObject({writable: true, source: null});
  expect(await standingOf(c)).toMatchObject({writable: false, source: b.key.port, receiver: 'Yes', applier: 'Yes'});
});
