import {afterAll, beforeAll, expect, test} from 'vitest';
import {sandbox, type Instance, type Sandbox} from '../../sandbox/index.ts';
import {backendHost, idsOn, rows, topologyNow, type BackendHost} from '../support/index.ts';
import {Crash, conductor, type Conductor} from './conducting.ts';
import {sameIds, taking, type Taking} from './taking.ts';

/** A takeover whose conductor dies at each act, before its effect or between effect and record, and is ended by another process. */
let box: Sandbox;
let host: BackendHost;
let all: Taking;
let by: Conductor;
let source: Instance;
let next = 100;

beforeAll(async () => {
  [box, host] = await Promise.all([sandbox({flavor: 'mariadb'}), backendHost('sqlite')]);
  all = await taking({box, host});
  by = await conductor(all.at);
  source = all.a;
}, 60_000);
afterAll(async () => {
  await by?.close();
  await all?.at.down();
  await Promise.all([box?.down(), host?.down()]);
});

// Until the successor is open everything is taken back; from then on it is completed.
test.each<[when: 'before' | 'after', act: string, ending: 'failed' | 'promoted']>([
  ['before', 'OnFailureDetectionProcesses', 'failed'],
  ['after', 'prepare', 'failed'],
  ['after', 'close-source', 'failed'],
  ['before', 'open', 'failed'],
  ['after', 'open', 'promoted'],
  ['after', 'release', 'promoted'],
  ['before', 'record the successor', 'promoted'],
  ['before', 'repoint', 'promoted'],
  ['after', 'repoint', 'promoted'],
  ['after', 'rejoin', 'promoted'],
  ['after', 'forget-source', 'promoted'],
  ['before', 'end the takeover', 'promoted'],
])('its conductor dies %s %s: %s', async (when, act, ending) => {
  const {a, b, c, at} = all;
  const to = source === a ? b : a;
  const crash = by.takeOver({
    from: source,
    to,
    fault: (then, what) => {
      if (then === when && what === act) throw new Crash();
    },
  });
  await expect(crash).rejects.toBeInstanceOf(Crash);
  expect(await by.settle()).toMatchObject({outcome: ending});
  source = ending === 'promoted' ? to : source;
  expect(await topologyNow([a, b, c])).toBe(source);
  const id = next++;
  await source.query('INSERT INTO test.t (id) VALUES (?)', [id]);
  await sameIds(source, [a, b, c]);
  expect(await idsOn(source)).toContain(id);
  expect([await rows(at, 'cluster_lock'), await rows(at, 'recovery_plan', {state: 'open'})]).toEqual([[], []]);
  const open = (await rows<{end_recovery: string | null}>(at, 'topology_recovery')).filter((row) => row.end_recovery === null);
  expect(open).toEqual([]);
});
