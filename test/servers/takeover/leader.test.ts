import {afterAll, afterEach, beforeAll, expect, test} from 'vitest';
import {sandbox, type Sandbox} from '../../sandbox/index.ts';
import {backendHost, rows, topologyNow, watching, type BackendHost, type Site} from '../support/index.ts';
import {nameOf, outside, sameIds, taking} from './taking.ts';

/** A command that is killed in the middle of a takeover: whoever leads ends it, and nobody has to ask. */
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

// 5 closes the source, 7 opens the successor.
test.each([
  {fault: 'after:5', ends: 'taken back', successor: 'a'},
  {fault: 'after:7', ends: 'completed', successor: 'b'},
] as const)('killed $fault: $ends', async ({fault, successor}) => {
  const all = await taking({box, host});
  const {a, b, c} = all;
  ({at} = all);
  await at.serve();
  await watching(at, a);
  const application = await outside([a, b, c]);
  await application.more(20);
  const killed = await at.runWith({ORCHESTRATOR_FAULT: fault}, 'graceful-master-takeover-auto', '-i', nameOf(a), '-d', nameOf(b));
  expect(killed).toMatchObject({status: null, stdout: ''});
  const site = at;
  await box.waitFor('the plan has ended', async () => (await rows(site, 'recovery_plan', {state: 'open'})).length === 0, {within: 60_000});
  await application.more(20);
  const acknowledged = await application.stop();
  expect(await topologyNow([a, b, c], {within: 60_000})).toBe(all[successor]);
  const ids = await sameIds(all[successor], [a, b, c]);
  expect(acknowledged.filter((id) => !ids.includes(id))).toEqual([]);
  expect(await rows(at, 'topology_recovery')).toMatchObject([{is_successful: successor === 'b' ? 1 : 0, acknowledged: 1}]);
});
