import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import type {Config} from '../../src/lib/config/keys.ts';
import {replicaStatus, sandbox, type Flavor, type Instance, type Sandbox} from '../sandbox/index.ts';
import {
  backendHost,
  breakApplier,
  delay,
  downtimesAt,
  holdApplier,
  idsOn,
  insert,
  insertErrant,
  receivedAll,
  recoveriesOf,
  recoveryOf,
  scene,
  standingOf,
  stopThread,
  topologyNow,
  witness,
  type BackendHost,
  type Scene,
  type Service,
  type Site,
} from './support/index.ts';

describe.each<{flavor: Flavor}>([{flavor: 'mariadb'}, {flavor: 'mysql9'}, {flavor: 'mysql56'}])(
  'received by replicas of $flavor',
  ({flavor}) => {
    let box: Sandbox;
    let host: BackendHost;
    let at: Site;
    let service: Service;
    const to = (instance: Instance): {successor_port: number; is_successful: number} => ({
      successor_port: instance.key.port,
      is_successful: 1,
    });
    beforeAll(async () => {
      [box, host] = await Promise.all([sandbox({flavor}), backendHost('sqlite')]);
    });
    afterEach(() => at?.down());
    afterAll(() => Promise.all([box?.down(), host?.down()]));

    async function start(settings: Partial<Config> = {}): Promise<Scene> {
      const made = await scene({box, host}, settings);
      ({at, service} = made);
      return made;
    }

    /** Somebody waits on this server until its applier has got somewhere. */
    async function waitedFor(instance: Instance): Promise<boolean> {
      const pattern = '(gtid_wait|wait_(for|until)[a-z_]*gtids?[a-z_]*)[ (]';
      const text = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'orc' AND info REGEXP ?";
      return Number(await instance.value(text, [pattern])) > 0;
    }

    test('and not yet applied is applied before anybody is promoted', async () => {
      const {a, b, c} = await start();
      const release = [await holdApplier(b), await holdApplier(c)];
      const ids = [...(await insert(a, 11, 60))];
      await Promise.all([receivedAll(b, a), receivedAll(c, a)]);
      await a.kill9();
      await box.waitFor('the recovery waits for an applier', async () => (await waitedFor(b)) || waitedFor(c));
      expect([await standingOf(b), await standingOf(c)].map(({writable, ids}) => ({writable, rows: ids.length}))).toEqual([
        {writable: false, rows: 10},
        {writable: false, rows: 10},
      ]);
      for (const letGo of release) await letGo();
      expect(await recoveryOf(at, a)).toMatchObject({is_successful: 1, all_errors: ''});
      expect(await idsOn(await topologyNow([b, c]))).toEqual([...Array(10).keys()].map((id) => id + 1).concat(ids));
    });

    test('and not applied in time is kept, and nobody is promoted', async () => {
      const {a, b, c} = await start({RecoveryDrainTimeoutSeconds: 1});
      const release = [await holdApplier(b), await holdApplier(c)];
      await insert(a, 11, 60);
      await Promise.all([receivedAll(b, a), receivedAll(c, a)]);
      await a.kill9();
      const {is_successful, successor_port, all_errors} = await recoveryOf(at, a);
      expect({is_successful, successor_port}).toEqual({is_successful: 0, successor_port: null});
      expect(all_errors).toMatch(/did not apply within 1 s \(RecoveryDrainTimeoutSeconds\)/);
      // It is tried again before long, and in vain as long as appliers are held.
      await service.stop();
      expect((await at.hooks.order()).at(-1)).toBe('PostUnsuccessfulFailoverProcesses');
      for (const letGo of release) await letGo();
      for (const replica of [b, c]) {
        await box.waitFor(`${replica.name} has applied all it received`, async () => (await idsOn(replica)).length === 60);
        expect(await standingOf(replica)).toMatchObject({writable: false, source: a.key.port});
      }
      // Receivers that were stopped for it run again, else the next attempt would take them for stopped by a person.
      expect((await Promise.all([b, c].map(standingOf))).map(({receiver}) => receiver)).toEqual(['Connecting', 'Connecting']);
      const {stdout} = await at.run('recover', '-i', `127.0.0.1:${a.key.port}`);
      expect(stdout).toBe(`127.0.0.1:${(await topologyNow([b, c])).key.port}\n`);
    });

    test('while their appliers were stopped is applied too', async () => {
      const {a, b, c} = await start();
      await Promise.all([stopThread(b, 'SQL_THREAD'), stopThread(c, 'SQL_THREAD')]);
      await insert(a, 11, 60);
      await Promise.all([receivedAll(b, a), receivedAll(c, a)]);
      await a.kill9();
      expect(await recoveryOf(at, a)).toMatchObject({is_successful: 1, all_errors: ''});
      expect(await idsOn(await topologyNow([b, c]))).toHaveLength(60);
    });

    test('by a delayed one does not make it the successor, and it stays delayed', async () => {
      const {a, b, c} = await start();
      await delay(c, 3600);
      await insert(a, 11, 30);
      await Promise.all([receivedAll(b, a), receivedAll(c, a)]);
      await a.kill9();
      expect(await recoveryOf(at, a)).toMatchObject({...to(b), lost_slaves: '', all_errors: ''});
      expect(await standingOf(c)).toMatchObject({writable: false, source: b.key.port, receiver: 'Yes', applier: 'Yes'});
      expect(await idsOn(c)).toHaveLength(10);
      expect((await replicaStatus(c))[0]?.row['SQL_Delay']).toBe(3600);
      await delay(c, 0);
      expect(await idsOn(await topologyNow([b, c]))).toHaveLength(30);
    });

    test('by one whose applier is broken does not make it the successor: it is reported as lost', async () => {
      const {a, b, c} = await start();
      await breakApplier(c, 11);
      await insert(a, 11, 30);
      await Promise.all([receivedAll(b, a), receivedAll(c, a)]);
      await box.waitFor('the applier of c is broken', async () => (await replicaStatus(c))[0]?.applier.errno);
      await a.kill9();
      expect(await recoveryOf(at, a)).toMatchObject({...to(b), lost_slaves: `127.0.0.1:${c.key.port}`});
      expect(await topologyNow([b])).toBe(b);
      expect(await idsOn(b)).toHaveLength(30);
      expect(await downtimesAt(at)).toEqual({[a.key.port]: 'lost-in-recovery', [c.key.port]: 'lost-in-recovery'});
    });

    test('by one whose applier fails while it is waited for is not dropped: nobody is promoted, and a relay log that a start would drop is kept', async () => {
      const {a, b, c, service} = await start();
      await breakApplier(b, 16);
      const letGo = await holdApplier(b);
      await insert(a, 11, 15);
      await receivedAll(c, a);
      await box.waitFor('c has applied it', async () => (await idsOn(c)).length === 15);
      await stopThread(c, 'IO_THREAD');
      await insert(a, 16, 30);
      await receivedAll(b, a);
      await a.kill9();
      await box.waitFor('the recovery waits for the applier of b', () => waitedFor(b));
      await letGo();
      expect(await recoveryOf(at, a)).toMatchObject({is_successful: 0, successor_port: null});
      expect((await recoveryOf(at, a)).all_errors).toMatch(/stopped applying with error/);
      await service.stop();
      expect((await Promise.all([b, c].map(standingOf))).map(({writable}) => writable)).toEqual([false, false]);
      expect((await standingOf(b)).receiver).toBe(flavor === 'mariadb' ? 'No' : 'Connecting');
    });

    test('alone by one with something of its own: refused, and nothing is changed', async () => {
      const {a, b, c} = await start();
      await insertErrant(b);
      await stopThread(c, 'IO_THREAD');
      await insert(a, 11, 30);
      await receivedAll(b, a);
      await box.waitFor('b has applied it', async () => (await idsOn(b)).length === 30);
      const log = await witness([b, c]);
      await a.kill9();
      await service.says(/is not recovered \(only-errant-has-latest\): .*errant/);
      expect(await log.changes()).toEqual([]);
      expect(await recoveriesOf(at)).toEqual([]);
      expect(await at.hooks.order()).toEqual(['OnFailureDetectionProcesses']);
      expect(await standingOf(b)).toMatchObject({writable: false, source: a.key.port, applier: 'Yes'});
      expect(await standingOf(c)).toMatchObject({writable: false, source: a.key.port, receiver: 'No', applier: 'Yes'});
    });
  },
);
