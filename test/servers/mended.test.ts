import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import type {Config} from '../../src/lib/config/keys.ts';
import {sandbox, startReplication, stopReplication, type Flavor, type Instance, type Sandbox} from '../sandbox/index.ts';
import {
  backendHost,
  detectionsAt,
  idsOn,
  insert,
  recoveriesOf,
  recoveryOf,
  rows,
  site,
  standingOf,
  topologyNow,
  watching,
  type BackendHost,
  type Site,
} from './support/index.ts';

/** Far more than any of it takes; several tests share two cores. */
const WITHIN = 60_000;
/** A commit that waits this long is not let go by the server. */
const LONG = 600_000;

describe.each<{flavor: Flavor}>([{flavor: 'mariadb'}, {flavor: 'mysql9'}])('a source of $flavor that lives is put right', ({flavor}) => {
  let box: Sandbox;
  let host: BackendHost;
  let at: Site | undefined;
  beforeAll(async () => {
    [box, host] = await Promise.all([sandbox({flavor}), backendHost('sqlite')]);
  });
  afterEach(() => at?.down());
  afterAll(() => Promise.all([box?.down(), host?.down()]));

  const [source, replica] = flavor === 'mysql9' ? ['source', 'replica'] : ['master', 'slave'];
  const semiSyncOf = async (instance: Instance): Promise<string> =>
    String((await instance.query<{Value: string}>(`SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_${replica}_status'`))[0]?.Value ?? 'none');

  /** Switched, and its receiver restarted so that it counts. */
  async function switchOn(instance: Instance, on: boolean): Promise<void> {
    await instance.query(`SET GLOBAL rpl_semi_sync_${replica}_enabled = ${on ? 'ON' : 'OFF'}`);
    await stopReplication(instance);
    await startReplication(instance);
    await box.waitFor(`semi-sync of ${instance.name}`, async () => (await semiSyncOf(instance)) === (on ? 'ON' : 'OFF'), {within: WITHIN});
  }

  async function watched(servers: readonly Instance[], settings: Partial<Config>): Promise<Site> {
    at = await site({backend: host, servers, settings: {AuditToBackendDB: true, ...settings}});
    await at.serve();
    await watching(at, servers[0]!);
    return at;
  }

  test('whose commits wait for replicas that do not acknowledge: those that should are made to', async () => {
    const {a, b, c} = await box.topology('a: b c', {semiSync: true});
    await insert(a, 1, 10);
    await box.caughtUp();
    for (const one of [b, c]) await switchOn(one, false);
    await a.query(`SET GLOBAL rpl_semi_sync_${source}_timeout = ${LONG}`);
    const it = await watched([a, b, c], {
      RecoverLockedSemiSyncMaster: true,
      ReasonableLockedSemiSyncMasterSeconds: 1,
      DetectSemiSyncEnforcedQuery: `SELECT IF(@@port = ${c.key.port}, 2, 1)`,
    });
    for (const id of [11, 12]) await a.query('INSERT INTO test.t (id) VALUES (?)', [id], {timeout: WITHIN});
    expect(await recoveryOf(it, a, WITHIN)).toMatchObject({
      analysis: 'LockedSemiSyncMaster',
      is_successful: 1,
      successor_port: a.key.port,
      all_errors: '',
    });
    expect(await Promise.all([b, c].map(semiSyncOf))).toEqual(['OFF', 'ON']);
    expect(await it.hooks.order()).toEqual(['OnFailureDetectionProcesses', 'PostFailoverProcesses']);
    await box.waitFor('it is audited', async () => (await rows(it, 'audit', {audit_type: 'recover-semi-sync-master'})).length === 1, {
      within: WITHIN,
    });
    // It does not keep the source from being replaced a moment later.
    await box.caughtUp();
    await a.kill9();
    await box.waitFor(
      'it is replaced',
      async () => (await recoveriesOf(it)).some((row) => row.analysis === 'DeadMaster' && row.is_successful),
      {
        within: WITHIN,
      },
    );
    expect(await idsOn(await topologyNow([b, c], {within: WITHIN}))).toHaveLength(12);
  });

  if (flavor !== 'mariadb') return;

  test('that has more replicas that acknowledge than it waits for: the others are made to stop', async () => {
    const {a, b, c} = await box.topology('a: b c', {semiSync: true});
    await insert(a, 1, 10);
    await box.caughtUp();
    const it = await watched([a, b, c], {
      EnforceExactSemiSyncReplicas: true,
      DetectSemiSyncEnforcedQuery: `SELECT IF(@@port = ${b.key.port}, 2, 1)`,
    });
    expect(await recoveryOf(it, a, WITHIN)).toMatchObject({
      analysis: 'MasterWithTooManySemiSyncReplicas',
      is_successful: 1,
      successor_port: a.key.port,
      all_errors: '',
    });
    expect(await Promise.all([b, c].map(semiSyncOf))).toEqual(['ON', 'OFF']);
    await insert(a, 11, 12);
    await box.caughtUp();
    expect(await idsOn(c)).toHaveLength(12);
  });

  test('that is read-only: it is opened, but not one whose place was taken', async () => {
    const {a, b, c} = await box.topology('a: b c');
    await insert(a, 1, 10);
    await box.caughtUp();
    const it = await watched([a, b, c], {RecoverNonWriteableMaster: true, RetryLostReplicasSeconds: 0});
    await a.query('SET GLOBAL read_only = ON');
    await box.waitFor('it is open', async () => (await standingOf(a)).writable, {within: WITHIN});
    expect(await recoveryOf(it, a, WITHIN)).toMatchObject({
      analysis: 'NoWriteableMasterStructureWarning',
      is_successful: 1,
      successor_port: a.key.port,
    });
    expect(await it.hooks.order()).toEqual(['OnFailureDetectionProcesses', 'PreFailoverProcesses', 'PostFailoverProcesses']);
    // c is away while b takes the place of a, and follows a again when both are back.
    await c.kill9();
    await a.kill9();
    await topologyNow([b], {within: WITHIN});
    await Promise.all([a.start(), c.start()]);
    await box.waitFor(
      'c follows a, which is closed',
      async () => {
        const [source, replica] = await Promise.all([standingOf(a), standingOf(c)]);
        return !source.writable && replica.source === a.key.port && replica.receiver === 'Yes';
      },
      {within: WITHIN},
    );
    expect(await it.run('end-downtime', '-i', `${a.key.host}:${a.key.port}`)).toMatchObject({status: 0});
    const said = async (): Promise<string> => (await it.run('explain', '-i', `${a.key.host}:${a.key.port}`)).stdout;
    await expect.poll(said, {timeout: WITHIN}).toMatch(/stays read-only: \S+ took its place/);
    await box.waitFor('nobody is at work there', async () => (await rows(it, 'cluster_lock')).length === 0, {within: WITHIN});
    expect((await it.run('recover', '-i', `${a.key.host}:${a.key.port}`)).status).toBe(4);
    expect(await detectionsAt(it)).toContain(`NoWriteableMasterStructureWarning of ${a.key.port}`);
    expect(await standingOf(a)).toMatchObject({writable: false});
  });
});
