import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import {replicaStatus, sandbox, type Flavor, type Sandbox} from '../sandbox/index.ts';
import {
  backendHost,
  insert,
  idsOn,
  recoveriesOf,
  recoveryOf,
  scene,
  standingOf,
  stepsOf,
  topologyNow,
  witness,
  type BackendHost,
  type Site,
} from './support/index.ts';

/** Seconds; so short that the bound below is one to wait for. */
const SETTINGS = {InstancePollSeconds: 1, MySQLDiscoveryReadTimeoutSeconds: 3, MySQLConnectTimeoutSeconds: 1};
/** The bound for a silent source, which `script/bench silent` measures; on a machine that tests much at once it takes up to thrice as long. */
const BOUND = (SETTINGS.InstancePollSeconds + SETTINGS.MySQLDiscoveryReadTimeoutSeconds + SETTINGS.MySQLConnectTimeoutSeconds + 3) * 1000;
const PATIENCE = 3 * BOUND;

describe.each<{flavor: Flavor}>([{flavor: 'mariadb'}, {flavor: 'mysql9'}, {flavor: 'mysql56'}])(
  'a source of $flavor that is stopped',
  ({flavor}) => {
    let box: Sandbox;
    let host: BackendHost;
    let at: Site;
    beforeAll(async () => {
      // Replicas would believe in their source for a minute.
      [box, host] = await Promise.all([sandbox({flavor, netTimeout: 60}), backendHost('sqlite')]);
    });
    afterEach(() => at?.down());
    afterAll(() => Promise.all([box?.down(), host?.down()]));

    test('is replaced, although its replicas take their connections for good', async () => {
      const it = await scene({box, host}, SETTINGS);
      ({at} = it);
      const {a, b, c} = it;
      a.pause();
      const writable = async () => (await Promise.all([b, c].map(standingOf))).some((one) => one.writable);
      await box.waitFor('a replica is writable', writable, {within: PATIENCE});
      const recovery = await recoveryOf(at, a);
      expect(recovery).toMatchObject({is_successful: 1, analysis: 'DeadMaster', lost_slaves: ''});
      const source = await topologyNow([b, c]);
      expect((await stepsOf(at, recovery.uid)).join('\n')).toMatch(/did not complete a handshake with it after its receiver was restarted/);
      // It wakes up: nobody follows it any more.
      a.resume();
      await insert(source, 11, 20);
      expect(await topologyNow([b, c])).toBe(source);
      expect(await idsOn(a)).toHaveLength(10);
      expect(await replicaStatus(a)).toEqual([]);
      expect(await recoveriesOf(at)).toHaveLength(1);
    });

    test('for a tenth of a second, again and again, is left alone, and so are its replicas', async () => {
      // With the time that servers have by default: this process may be held up for seconds between a pause and its end.
      const it = await scene({box, host});
      ({at} = it);
      const {a, b, c, service} = it;
      const log = await witness([b, c]);
      for (let time = 0; time < 20; time += 1) {
        a.pause();
        const until = performance.now() + 100;
        await box.waitFor('a tenth of a second has passed', () => performance.now() >= until);
        a.resume();
        await insert(a, 11 + time, 11 + time);
      }
      await box.waitFor('replicas have it all', async () => (await idsOn(b)).length + (await idsOn(c)).length === 60);
      expect(await log.changes()).toEqual([]);
      expect(await recoveriesOf(at)).toEqual([]);
      expect(await at.hooks.runs()).toEqual([]);
      expect(service.log).not.toMatch(/detected|DeadMaster/);
    });
  },
);
