import {afterAll, beforeAll, describe, expect, onTestFinished, test} from 'vitest';
import type {Permit} from '../../src/lib/execute/eyes/permit.ts';
import {restartReceiver} from '../../src/lib/execute/eyes/restart-receiver.ts';
import type {Instance as Known} from '../../src/lib/model/instance.ts';
import {replicaStatus, sandbox, type Flavor, type Instance, type Sandbox} from '../sandbox/index.ts';
import {probing} from './probe/probing.ts';

const permit: Permit = {
  sender: {what: 'test', fence: 1, step: 0},
  mayStillSend: () => true,
  isOthers: () => false,
  journal: null,
};

const receiverOf = async (replica: Instance): Promise<string | undefined> => (await replicaStatus(replica))[0]?.receiver.running;

describe.each<{flavor: Flavor}>([{flavor: 'mariadb'}, {flavor: 'mysql9'}, {flavor: 'mysql56'}])(
  'a receiver on $flavor is restarted to learn whether its source is dead',
  ({flavor}) => {
    let box: Sandbox;
    beforeAll(async () => {
      box = await sandbox({flavor});
    });
    afterAll(() => box?.down());

    const receives = (replica: Instance) => box.waitFor('it receives', async () => (await receiverOf(replica)) === 'Yes', {within: 60_000});

    async function restart(replica: Instance, by: Partial<Permit>): Promise<boolean> {
      const {servers, found} = probing();
      const {reading} = await found(replica.key);
      return restartReceiver(servers, reading as unknown as Known, {...permit, ...by});
    }

    test('one that takes long to stop, because its source is silent, is started again', async () => {
      const {a, b} = await box.topology('a: b', {semiSync: flavor !== 'mysql56'});
      a.pause();
      onTestFinished(() => a.resume());
      expect(await restart(b, {})).toBe(true);
      expect(await receiverOf(b)).toMatch(/Connecting|Preparing/);
      a.resume();
      await receives(b);
    });

    test('but not by whoever may not, from the moment it may not', async () => {
      const {b} = await box.topology('a: b');
      await receives(b);
      expect(await restart(b, {isOthers: () => true})).toBe(false);
      await expect(restart(b, {mayStillSend: () => false})).rejects.toMatchObject({code: 'DEADLINE_PASSED'});
      expect(await receiverOf(b)).toBe('Yes');
      // asked before it connects, before STOP, and before START
      let asked = 0;
      await expect(restart(b, {mayStillSend: () => (asked += 1) < 3})).rejects.toMatchObject({code: 'DEADLINE_PASSED'});
      expect(await receiverOf(b)).toBe('No');
      // and what is stopped, by whomever, stays stopped
      expect(await restart(b, {})).toBe(false);
      expect(await receiverOf(b)).toBe('No');
    });

    test('and what is sent by a process that stood still arrives nowhere: the server has ended its session', async () => {
      const {b} = await box.topology('a: b');
      await receives(b);
      const journal = async (_: unknown, id: number): Promise<void> => {
        await box.waitFor(
          'its session is gone',
          async () => (await b.query('SELECT id FROM information_schema.processlist WHERE id = ?', [id])).length === 0,
          {within: 60_000},
        );
      };
      await expect(restart(b, {journal})).rejects.toMatchObject({code: 'SERVER_UNREACHABLE'});
      expect(await receiverOf(b)).toBe('Yes');
    });
  },
);
