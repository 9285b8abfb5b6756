import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test} from 'vitest';
import type {Config} from '../../src/lib/config/keys.ts';
import {ACCOUNTS, sandbox, type Flavor, type Instance, type Sandbox} from '../sandbox/index.ts';
import {
  backendHost,
  downtimesAt,
  idsOn,
  insert,
  recoveriesOf,
  recoveryOf,
  rows,
  scene,
  standingOf,
  topologyNow,
  type BackendHost,
  type Scene,
  type Site,
} from './support/index.ts';

/** Far more than any of it takes; several tests share two cores. */
const WITHIN = 60_000;

/** As a site without MySQL's own table of credentials would have it. */
const CREDENTIALS = `select '${ACCOUNTS.repl.user}', '${ACCOUNTS.repl.password}'`;

interface Plan {
  readonly uid: string;
  readonly state: string;
  readonly plan: string;
}

describe.each<{flavor: Flavor}>([{flavor: 'mariadb'}, {flavor: 'mysql9'}, {flavor: 'mysql56'}])(
  'a source of $flavor that comes back after it was replaced',
  ({flavor}) => {
    let box: Sandbox;
    let host: BackendHost;
    let at: Site | undefined;
    beforeAll(async () => {
      [box, host] = await Promise.all([sandbox({flavor}), backendHost('sqlite')]);
    });
    afterEach(() => at?.down());
    afterAll(() => Promise.all([box?.down(), host?.down()]));

    /** b took the place of a, which is still down; c follows b. */
    async function replaced(settings: Partial<Config> = {}): Promise<Scene> {
      const made = await scene({box, host}, {AuditToBackendDB: true, ...settings});
      ({at} = made);
      const {a, b} = made;
      await preferred(at, b);
      await a.kill9();
      expect(await recoveryOf(at, a, WITHIN)).toMatchObject({is_successful: 1, successor_port: b.key.port});
      await topologyNow([b, made.c], {within: WITHIN});
      return made;
    }

    test('is made a replica where it has nothing of its own; promoted again it is left alone, and its successor is dealt with', async () => {
      const {a, b, c, at} = await replaced({RecoverReturnedSource: 'rejoin', ReplicationCredentialsQuery: CREDENTIALS});
      await a.start();
      await handled(at, a, ['fenced', 'rejoined']);
      expect(await topologyNow([a, b, c], {within: WITHIN})).toBe(b);
      expect(await downtimesAt(at)).toEqual({});
      expect(await hooksAfter(at)).toEqual([`127.0.0.1:${a.key.port} by 127.0.0.1:${b.key.port}`]);
      await insert(b, 11, 12);
      await box.waitFor('the returned one replicates', async () => (await idsOn(a)).includes(12), {within: WITHIN});

      // Back to where it began: a is a source by a recovery of ours now, and b is the one that returns.
      await preferred(at, a);
      expect((await at.run('ack-all-recoveries', '--reason', 'seen')).status).toBe(0);
      await b.kill9();
      expect(await recoveryOf(at, b, WITHIN)).toMatchObject({is_successful: 1, successor_port: a.key.port});
      await b.start();
      // It was made a source by us, and its own configuration says that it is read-only.
      await handled(at, b, ['rejoined']);
      expect(await topologyNow([a, b, c], {within: WITHIN})).toBe(a);
      expect(await handledOf(at, a)).toEqual(['fenced', 'rejoined']);
    });

    test('is quarantined where it has transactions of its own, and these are told', async () => {
      const {a, b, c, at, service} = await replaced({RecoverReturnedSource: 'rejoin', ReplicationCredentialsQuery: CREDENTIALS});
      await service.stop();
      await a.start();
      await insert(a, 700, 701);
      const again = await at.serve();
      await handled(at, a, ['fenced', 'quarantined']);
      expect(await standingOf(a)).toMatchObject({writable: false, source: null});
      await again.says(/has errant transactions: /);
      expect(await audited(at, 2)).toEqual([expect.stringContaining('errant'), expect.stringContaining('errant')]);
      expect(await topologyNow([b, c], {within: WITHIN})).toBe(b);
      expect(await downtimesAt(at)).toEqual({[a.key.port]: 'lost-in-recovery'});
    });

    async function preferred(at: Site, instance: Instance): Promise<void> {
      const {status, stderr} = await at.run('register-candidate', '-i', nameOf(instance), '--promotion-rule', 'prefer');
      expect({status, stderr}).toEqual({status: 0, stderr: ''});
    }

    async function closed(a: Instance): Promise<void> {
      await box.waitFor('the returned source is closed', async () => Number(await a.value('SELECT @@global.read_only')) === 1, {
        within: WITHIN,
      });
    }

    async function handled(at: Site, a: Instance, outcomes: readonly string[]): Promise<void> {
      await box.waitFor(
        `${a.name} was ${outcomes.join(', ')}`,
        async () => {
          const found = await handledOf(at, a);
          if (JSON.stringify(found) === JSON.stringify(outcomes)) return true;
          throw new Error(JSON.stringify(found));
        },
        {within: WITHIN},
      );
    }

    /** What was done about it, in order; only what was carried through. */
    async function handledOf(at: Site, a: Instance): Promise<readonly string[]> {
      const plans = await rows<Plan>(at, 'recovery_plan', {kind: 'return', state: 'done'});
      const read = [...plans].sort((one, other) => (one.uid < other.uid ? -1 : 1)).map(({plan}) => JSON.parse(plan) as Journaled);
      return read.filter(({plan}) => plan.failed.port === a.key.port).map(({plan}) => plan.outcome);
    }

    /** The leader has probed it once more, from now on. */
    async function seenAgain(at: Site, a: Instance): Promise<void> {
      const seen = async (): Promise<string> =>
        (await rows<{last_checked: string}>(at, 'database_instance', {port: a.key.port}))[0]?.last_checked ?? '';
      const before = await seen();
      await box.waitFor('it was probed again', async () => (await seen()) > before, {within: WITHIN});
    }

    async function hooksAfter(at: Site): Promise<readonly string[]> {
      const runs = (await at.hooks.runs()).filter(({list}) => list === 'PostReturnedSourceProcesses');
      return runs.map(({failed, successor}) => `${failed} by ${successor}`);
    }

    /** Audited last, after the plan has ended. */
    async function audited(at: Site, count: number): Promise<readonly string[]> {
      const entries = await box.waitFor(
        `${count} entries of the audit`,
        async () => {
          const found = await rows<{audit_id: number; message: string}>(at, 'audit', {audit_type: 'returned-source'});
          return found.length >= count ? found : undefined;
        },
        {within: WITHIN},
      );
      return [...entries].sort((one, other) => one.audit_id - other.audit_id).map(({message}) => message);
    }

    if (flavor === 'mysql56') return;

    test('another server at its address is left alone and reported; so is one that only a history of 3.2.6 knows', async () => {
      const {a, b, c, at, service} = await replaced();
      await a.start(await asAnother(a));
      await service.says(
        /is back at the address of a replaced source, but its server_(id|uuid) is \S+ instead of \S+: it is left alone/,
        WITHIN,
      );
      expect(await standingOf(a)).toMatchObject({writable: true, source: null});
      await a.kill9();
      await service.stop();
      // What 3.2.6 leaves behind: the recovery, and no plan.
      await (await at.backend()).run(({db}) => db('recovery_plan').delete());
      const later = await at.serve();
      await a.start();
      await later.says(/was lost in a recovery and is back; no recovery of ours replaced it/, WITHIN);
      await seenAgain(at, a);
      expect(await standingOf(a)).toMatchObject({writable: true, source: null});
      expect(await handledOf(at, a)).toEqual([]);
      expect(await hooksAfter(at)).toEqual([]);
      expect(await topologyNow([b, c], {within: WITHIN})).toBe(b);
      expect(await recoveriesOf(at)).toHaveLength(1);
    });

    if (flavor !== 'mariadb') return;

    test('is closed at once, and left to people', async () => {
      const {a, b, c, at, service} = await replaced();
      await a.start();
      await closed(a);
      await handled(at, a, ['fenced']);
      expect(await standingOf(a)).toMatchObject({writable: false, source: null});
      await expect(a.as('app').query('INSERT INTO test.t (id) VALUES (500)')).rejects.toThrow(/read-only/);
      expect(await downtimesAt(at)).toEqual({[a.key.port]: 'lost-in-recovery'});
      expect(await topologyNow([b, c], {within: WITHIN})).toBe(b);
      expect(await recoveriesOf(at)).toHaveLength(1);
      await service.says(/has nothing of its own|has errant transactions/);
      expect(await hooksAfter(at)).toEqual([`127.0.0.1:${a.key.port} by 127.0.0.1:${b.key.port}`]);
      expect(await audited(at, 1)).toEqual([expect.stringContaining('is back writable')]);
    });

    test('is closed while hooks of the very recovery that replaced it still run', async () => {
      const gate = await mkdtemp(join(tmpdir(), 'orchestrator-gate-'));
      onTestFinished(() => rm(gate, {recursive: true, force: true}));
      const made = await scene({box, host}, {PostMasterFailoverProcesses: [`while [ -d '${gate}' ]; do sleep 0.05; done`]});
      ({at} = made);
      const {a, b} = made;
      await preferred(at, b);
      await a.kill9();
      await box.waitFor('the source was replaced', async () => (await recoveriesOf(made.at))[0]?.is_successful === 1, {within: WITHIN});
      await a.start();
      await closed(a);
      await handled(at, a, ['fenced']);
      expect(await rows(at, 'recovery_plan', {kind: 'promote', state: 'open'})).toHaveLength(1);
      await rm(gate, {recursive: true});
      expect(await recoveryOf(at, a, WITHIN)).toMatchObject({is_successful: 1, all_errors: ''});
      expect(await standingOf(a)).toMatchObject({writable: false, source: null});
      expect(await downtimesAt(at)).toEqual({[a.key.port]: 'lost-in-recovery'});
    });

    test.each(['after:0'])('the leader dies while it deals with it (%s): the next one does', async (fault) => {
      const {a, b, c, at, service} = await replaced({RecoverReturnedSource: 'rejoin', ReplicationCredentialsQuery: CREDENTIALS});
      await service.stop();
      const leader = await at.serve({env: {ORCHESTRATOR_FAULT: fault}});
      await leader.says(/elected leader/, WITHIN);
      const other = await at.serve();
      await a.start();
      await leader.ended(WITHIN);
      await other.says(/elected leader/, WITHIN);
      await handled(at, a, ['fenced', 'rejoined']);
      expect(await topologyNow([a, b, c], {within: WITHIN})).toBe(b);
      await box.waitFor('no lock is left', async () => (await rows(at, 'cluster_lock')).length === 0, {within: WITHIN});
      expect(await rows(at, 'recovery_plan', {state: 'open'})).toEqual([]);
    });

    test('is left alone where people took it back into service, where it is switched off, and where recoveries are', async () => {
      const {a, at, service} = await replaced();
      expect((await at.run('disable-global-recoveries')).status).toBe(0);
      await a.start();
      await service.says(/recoveries are disabled globally, so it is left alone/, WITHIN);
      expect((await at.run('set-writeable', '-i', nameOf(a))).status).toBe(0);
      expect(await downtimesAt(at)).toEqual({});
      expect((await at.run('enable-global-recoveries')).status).toBe(0);
      await seenAgain(at, a);
      await seenAgain(at, a);
      expect(await standingOf(a)).toMatchObject({writable: true, source: null});
      expect(await handledOf(at, a)).toEqual([]);
    });
  },
);

interface Journaled {
  readonly plan: {readonly failed: {readonly port: number}; readonly outcome: string};
}

/** Makes it another server with the same data: by what its family goes by. @returns what it is to be started with */
async function asAnother({datadir, flavor}: Instance): Promise<readonly string[]> {
  if (flavor === 'mariadb') return ['--server-id=77'];
  await rm(join(datadir, 'auto.cnf'));
  return [];
}

function nameOf({key}: Instance): string {
  return `${key.host}:${key.port}`;
}
