import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import {sandbox, type Flavor, type Instance, type Sandbox} from '../../sandbox/index.ts';
import {backendHost, holdApplier, idsOn, insert, receivedAll, rows, stopThread, type BackendHost, type Site} from '../support/index.ts';
import {bench, nameOf} from './moving.ts';

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
    await box.waitFor('it has been waited for', async () => (await selects(c)) >= asked + 2);
    await release();
    const {status, stderr} = await moving;
    expect({status, stderr}).toEqual({status: ends, stderr: expect.stringMatching(saying) as unknown});
    expect([(await idsOn(b)).length, (await idsOn(c)).length]).toEqual([10, 30]);
  });
});
