import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import {sandbox, type Flavor, type Instance, type Sandbox} from '../../sandbox/index.ts';
import {
  backendHost,
  delay,
  holdApplier,
  idsOn,
  insert,
  receivedAll,
  rows,
  stopThread,
  type BackendHost,
  type Site,
} from '../support/index.ts';
import {bench, following, nameOf, sameRows} from './moving.ts';

/** Questions that a server was asked since it was started. */
async function selects(server: Instance): Promise<number> {
  const [row] = await server.query<{Value: string}>("SHOW GLOBAL STATUS LIKE 'Com_select'");
  return Number(row?.Value);
}

/** What a replica has received is not lost by moving it, on the servers that drop their relay log when they are pointed elsewhere. */
describe.each<{flavor: Flavor; ends: number; saying: RegExp}>([
  // A MariaDB source turns away who is ahead of it.
  {flavor: 'mariadb', ends: 1, saying: /does not have what/},
  {flavor: 'mysql56', ends: 0, saying: /^$/},
])('received on $flavor', ({flavor, ends, saying}) => {
  let box: Sandbox;
  let host: BackendHost;
  let at: Site;
  beforeAll(async () => {
    [box, host] = await Promise.all([sandbox({flavor}), backendHost('sqlite')]);
  });
  afterEach(() => at?.down());
  afterAll(() => Promise.all([box?.down(), host?.down()]));

  test('and not applied, and the source is gone: the new source, which lags too, has to have it first', async () => {
    const {a, b, c} = await box.topology('a: b c');
    await insert(a, 1, 10);
    await box.caughtUp();
    at = await bench(host, [a, b, c]);
    // Both have received 20 more; c has applied them, b has not yet.
    const release = await holdApplier(b);
    await insert(a, 11, 30);
    await receivedAll(b, a);
    await box.waitFor('c has applied all', async () => (await idsOn(c)).length === 30);
    await a.kill9();
    const moving = at.run('relocate', '-i', nameOf(c), '-d', nameOf(b));
    await box.waitFor('it is at work', async () => (await rows(at, 'recovery_plan', {state: 'open'})).length === 1);
    await release();
    expect(await moving).toMatchObject({status: 0, stdout: `${nameOf(c)}<${nameOf(b)}\n`});
    expect(await following({b, c})).toMatchObject({c: 'b'});
    await box.waitFor('b has applied what it received', async () => (await idsOn(b)).length === 30);
    expect(await idsOn(c)).toHaveLength(30);
  });

  test('by one alone, and the source is gone: it is applied before anything is changed, whatever comes of the move', async () => {
    const {a, b, c} = await box.topology('a: b c');
    await insert(a, 1, 10);
    await box.caughtUp();
    at = await bench(host, [a, b, c], {RecoveryDrainTimeoutSeconds: 12});
    await stopThread(b, 'IO_THREAD');
    const release = await holdApplier(c);
    await insert(a, 11, 30);
    await receivedAll(c, a);
    await a.kill9();
    const moving = at.run('relocate', '-i', nameOf(c), '-d', nameOf(b));
    await box.waitFor('it is at work', async () => (await rows(at, 'recovery_plan', {state: 'open'})).length === 1);
    expect(await idsOn(c)).toHaveLength(10);
    // It is asked again and again, for a second each time, whether it has applied all.
    const asked = await selects(c);
    await box.waitFor('it has been waited for', async () => (await selects(c)) >= asked + 3);
    await release();
    const {status, stderr} = await moving;
    expect({status, stderr}).toEqual({status: ends, stderr: expect.stringMatching(saying) as unknown});
    expect([(await idsOn(b)).length, (await idsOn(c)).length]).toEqual([10, 30]);
  });

  test('by a delayed replica, and not due yet: it is fetched again from a source that has it, and stays delayed', async () => {
    const servers = await box.topology('a: b c');
    const {a, b, c} = servers;
    await insert(a, 1, 10);
    await box.caughtUp();
    await delay(c, 600);
    await insert(a, 11, 20);
    await receivedAll(c, a);
    at = await bench(host, [a, b, c]);
    expect(await at.run('relocate', '-i', nameOf(c), '-d', nameOf(b))).toMatchObject({status: 0});
    expect(await following(servers)).toEqual({a: '-', b: 'a', c: 'b'});
    expect(await idsOn(c)).toHaveLength(10);
    await receivedAll(c, b);
    await delay(c, 0);
    await sameRows(box, [a, b, c]);
  });
});
