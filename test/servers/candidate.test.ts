import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import type {Config} from '../../src/lib/config/keys.ts';
import {sandbox, type Flavor, type Instance, type Sandbox} from '../sandbox/index.ts';
import {
  backendHost,
  downtimesAt,
  holdApplier,
  idsOn,
  insert,
  receivedAll,
  recoveriesOf,
  recoveryOf,
  rows,
  site,
  standingOf,
  stepsOf,
  stopThread,
  topologyNow,
  watching,
  type BackendHost,
  type Service,
  type Site,
} from './support/index.ts';

/** Far more than any of it takes; several tests share two cores. */
const WITHIN = 60_000;

interface Stage {
  readonly a: Instance;
  readonly b: Instance;
  readonly c: Instance;
  readonly d: Instance;
  readonly at: Site;
  readonly leader: Service;
}

const nameOf = ({key}: Instance): string => `${key.host}:${key.port}`;

describe.each<{flavor: Flavor}>([{flavor: 'mariadb'}, {flavor: 'mysql9'}, {flavor: 'mysql56'}])(
  'a promotion on $flavor whose servers go on dying',
  ({flavor}) => {
    let box: Sandbox;
    let host: BackendHost;
    let at: Site | undefined;
    beforeAll(async () => {
      [box, host] = await Promise.all([sandbox({flavor}), backendHost('sqlite')]);
    });
    afterEach(() => at?.down());
    afterAll(() => Promise.all([box?.down(), host?.down()]));

    /** b is wanted, whatever else there is. */
    async function start(
      settings: (servers: Omit<Stage, 'at' | 'leader'>) => Partial<Config>,
      {semiSync = false, env = {}}: {semiSync?: boolean; env?: NodeJS.ProcessEnv} = {},
    ): Promise<Stage> {
      const {a, b, c, d} = await box.topology('a: b c d', {semiSync});
      await insert(a, 1, 10);
      await box.caughtUp();
      at = await site({backend: host, servers: [a, b, c, d], settings: {AuditToBackendDB: true, ...settings({a, b, c, d})}});
      const leader = await at.serve({env});
      await watching(at, a);
      expect((await at.run('register-candidate', '-i', nameOf(b), '--promotion-rule', 'prefer')).status).toBe(0);
      return {a, b, c, d, at, leader};
    }

    /** External programs run after the plan is made and before its first step. */
    const killing = (victim: Instance): Partial<Config> => ({PreFailoverProcesses: [`kill -9 ${victim.pid}`]});

    test('the candidate dies: another is chosen, and the dead one is closed should it come back open', async () => {
      const {a, b, c, d, at} = await start(({b}) => killing(b));
      await a.kill9();
      const recovery = await recoveryOf(at, a, WITHIN);
      const source = await topologyNow([c, d], {within: WITHIN});
      expect(recovery).toMatchObject({is_successful: 1, successor_port: source.key.port, lost_slaves: nameOf(b)});
      expect(await idsOn(source)).toHaveLength(10);
      expect(await recoveriesOf(at)).toHaveLength(1);
      expect((await stepsOf(at, recovery.uid)).filter((step) => step.startsWith('the choice is made again'))).toHaveLength(1);
      expect(await downtimesAt(at)).toEqual({[a.key.port]: 'lost-in-recovery', [b.key.port]: 'lost-in-recovery'});
      // As if it had been opened in its last moment.
      await b.start([flavor === 'mysql9' ? '--skip-super-read-only' : '--skip-read-only', '--skip-read-only', '--skip-slave-start']);
      await box.waitFor(
        'the dead candidate is closed',
        async () => (await rows(at, 'recovery_plan', {kind: 'return', state: 'done'})).length > 0,
        {within: WITHIN},
      );
      expect(await standingOf(b)).toMatchObject({writable: false});
      expect(await topologyNow([c, d], {within: WITHIN})).toBe(source);
    });

    /** A replica is asked to apply what it received, and has not done so yet. */
    async function applying(at: Site, replica: Instance): Promise<void> {
      await box.waitFor(
        `${replica.name} applies`,
        async () =>
          (await rows<{description: string; state: string}>(at, 'recovery_plan_step')).some(
            ({description, state}) => description === `apply on ${nameOf(replica)} all it received` && state === 'started',
          ),
        {within: WITHIN},
      );
    }

    if (flavor !== 'mariadb') return;

    test('the candidate dies while it applies what it received: the next has received as much', async () => {
      const {a, b, c, d, at, leader} = await start(() => ({}));
      const release = await holdApplier(b);
      await insert(a, 11, 30);
      await Promise.all([b, c, d].map((replica) => receivedAll(replica, a)));
      await a.kill9();
      await applying(at, b);
      await b.kill9();
      await release().catch(() => undefined);
      const recovery = await recoveryOf(at, a, WITHIN);
      const source = await topologyNow([c, d], {within: WITHIN});
      expect(recovery).toMatchObject({is_successful: 1, successor_port: source.key.port});
      expect(await idsOn(source)).toHaveLength(30);
      await leader.says(/is to replace/);
    });

    test('the one it was to catch up from dies, and the leader too: what the survivors received is kept', async () => {
      const {a, b, c, d, at, leader} = await start(() => ({}), {env: {ORCHESTRATOR_FAULT: 'before:25'}});
      await stopThread(b, 'IO_THREAD');
      await insert(a, 11, 15);
      await receivedAll(d, a);
      await stopThread(d, 'IO_THREAD');
      const release = await holdApplier(c);
      await insert(a, 16, 20);
      await receivedAll(c, a);
      const other = await at.serve();
      await a.kill9();
      await applying(at, c);
      await c.kill9();
      await release().catch(() => undefined);
      await leader.ended(WITHIN);
      await other.says(/elected leader/, WITHIN);
      const recovery = await recoveryOf(at, a, WITHIN);
      expect(recovery).toMatchObject({is_successful: 1, successor_port: b.key.port});
      expect(await topologyNow([b, d], {within: WITHIN})).toBe(b);
      // What c alone had received died with it.
      expect(await idsOn(b)).toHaveLength(15);
    });

    /** Commits of a wait for a replica as long as it takes, and the leader knows. */
    async function lossless({a, at}: Stage): Promise<void> {
      await a.query('SET GLOBAL rpl_semi_sync_master_wait_point = AFTER_SYNC');
      await a.query('SET GLOBAL rpl_semi_sync_master_timeout = 86400000');
      await box.waitFor(
        'the leader has read it',
        async () =>
          (await rows<{semi_sync_master_timeout: number}>(at, 'database_instance', {port: a.key.port})).some(
            (row) => Number(row.semi_sync_master_timeout) === 86_400_000,
          ),
        {within: WITHIN},
      );
    }

    test('one that may have acknowledged alone dies: a lossless source is replaced as soon as it is back, and nobody has to say so', async () => {
      const stage = await start(({c}) => ({PreFailoverProcesses: [`kill -9 ${c.pid} || true`]}), {semiSync: true});
      const {a, b, c, d, at, leader} = stage;
      await lossless(stage);
      await a.kill9();
      await leader.says(/is not recovered \(lossless-unprovable\)/, WITHIN);
      expect(await recoveryOf(at, a, WITHIN)).toMatchObject({is_successful: 0, in_active_period: 0});
      await c.start();
      const source = await topologyNow([b, c, d], {within: WITHIN});
      await box.waitFor(
        'the second attempt went well',
        async () => {
          const made = await recoveriesOf(at);
          return made.some((row) => Number(row.is_successful) === 1 && Number(row.successor_port) === source.key.port);
        },
        {within: WITHIN},
      );
      expect(await idsOn(source)).toHaveLength(10);
    });

    test('one that may have acknowledged alone dies: a lossless source is not replaced, unless a person says so', async () => {
      const stage = await start(({c}) => killing(c), {semiSync: true});
      const {a, b, d, at, leader} = stage;
      await lossless(stage);
      await a.kill9();
      const refused = await recoveryOf(at, a, WITHIN);
      expect(refused).toMatchObject({is_successful: 0, successor_port: null});
      expect(refused.all_errors).toMatch(/was lossless/);
      const standings = await Promise.all([b, d].map(standingOf));
      expect(standings.map(({writable, receiver}) => ({writable, receiver}))).toEqual(
        Array(2).fill({writable: false, receiver: 'Connecting'}),
      );
      await leader.stop();

      const {status, stdout} = await at.run('recover', '-i', nameOf(a), '--allow-data-loss', '--skip-hooks');
      const source = await topologyNow([b, d], {within: WITHIN});
      expect({status, stdout}).toEqual({status: 0, stdout: `${nameOf(source)}\n`});
      const audited = await rows<{message: string}>(at, 'audit', {audit_type: 'recover-dead-master'});
      expect(audited.map(({message}) => message).join('\n')).toMatch(/replaced by .*data loss was allowed: .*was lossless/);
    });
  },
);
