import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import {sandbox, type Flavor, type Sandbox} from '../../sandbox/index.ts';
import {backendHost, topologyNow, type BackendHost, type Site} from '../support/index.ts';
import {nameOf, outside, sameIds, moveWithSemiSync, taking} from './taking.ts';

/** On every family: there, and back again, under load, with whatever each of them knows for closing a server. */
describe.each<{flavor: Flavor; lossless: readonly string[]}>([
  {flavor: 'mysql9', lossless: ['semi-sync']},
  // It has the plugins and no lossless mode.
  {flavor: 'mysql56', lossless: []},
])('$flavor', ({flavor, lossless}) => {
  let box: Sandbox;
  let host: BackendHost;
  let at: Site | undefined;

  beforeAll(async () => {
    [box, host] = await Promise.all([sandbox({flavor}), backendHost('sqlite')]);
  }, 120_000);
  afterEach(async () => {
    await at?.down();
    at = undefined;
  });
  afterAll(() => Promise.all([box?.down(), host?.down()]));

  test('there and back, under load: no acknowledged row is lost', async () => {
    const all = await taking({box, host});
    const {a, b, c} = all;
    ({at} = all);
    const application = await outside([a, b, c]);
    await application.more(30);
    expect(await at.run('graceful-master-takeover-auto', '-i', nameOf(a), '-d', nameOf(b))).toMatchObject({status: 0});
    await application.more(30);
    expect(await at.run('graceful-master-takeover-auto', '-i', nameOf(b), '-d', nameOf(a))).toMatchObject({status: 0});
    await application.more(30);
    const acknowledged = await application.stop();
    expect(await topologyNow([a, b, c])).toBe(a);
    const ids = await sameIds(a, [b, c]);
    expect(acknowledged.filter((id) => !ids.includes(id))).toEqual([]);
  });

  test.each(lossless)('%s changes sides, with its settings', async () => {
    const all = await taking({box, host, semiSync: true});
    ({at} = all);
    expect(await moveWithSemiSync(all)).toEqual({successor: '1 7777', old: '0 1'});
    expect(await topologyNow([all.a, all.b, all.c])).toBe(all.b);
  });
});
