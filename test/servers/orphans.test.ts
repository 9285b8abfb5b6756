import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import type {Config} from '../../src/lib/config/keys.ts';
import {sandbox, type Flavor, type Instance, type Sandbox} from '../sandbox/index.ts';
import {
  backendHost,
  detectionsAt,
  downtimesAt,
  idsOn,
  insert,
  recoveriesOf,
  recoveryOf,
  rows,
  site,
  standingOf,
  watching,
  type BackendHost,
  type Site,
} from './support/index.ts';

/** Far more than any of it takes; several tests share two cores. */
const WITHIN = 60_000;

const EVERYTHING = {RecoverIntermediateMasterClusterFilters: ['*'], AuditToBackendDB: true};

describe.each<{flavor: Flavor}>([{flavor: 'mariadb'}, {flavor: 'mysql9'}])('failures on $flavor beside that of one source', ({flavor}) => {
  let box: Sandbox;
  let host: BackendHost;
  let at: Site | undefined;
  beforeAll(async () => {
    [box, host] = await Promise.all([sandbox({flavor}), backendHost('sqlite')]);
  });
  afterEach(() => at?.down());
  afterAll(() => Promise.all([box?.down(), host?.down()]));

  async function watched(servers: readonly Instance[], settings: Partial<Config>): Promise<Site> {
    await insert(servers[0]!, 1, 10);
    await box.caughtUp();
    at = await site({backend: host, servers, settings});
    await at.serve();
    await watching(at, servers[0]!);
    return at;
  }

  /** All of these follow the source with both threads. */
  async function following(source: Instance, replicas: readonly Instance[]): Promise<void> {
    await box.waitFor(
      `all follow ${source.name}`,
      async () => {
        const standings = await Promise.all(replicas.map(standingOf));
        const wrong = standings.filter((one) => one.source !== source.key.port || one.receiver !== 'Yes' || one.applier !== 'Yes');
        if (wrong.length === 0) return true;
        throw new Error(wrong.map(({instance, ...one}) => `${instance.name}: ${JSON.stringify(one)}`).join('; '));
      },
      {within: WITHIN},
    );
  }

  test('an intermediate source dies: its replicas follow its sibling', async () => {
    const {a, b, c, d, e} = await box.topology('a: b e; b: c d');
    const at = await watched([a, b, c, d, e], EVERYTHING);
    await b.kill9();
    const recovery = await recoveryOf(at, b, WITHIN);
    expect(recovery).toMatchObject({analysis: 'DeadIntermediateMaster', is_successful: 1, successor_port: e.key.port, lost_slaves: ''});
    await following(e, [c, d]);
    await following(a, [e]);
    await insert(a, 11, 12);
    await box.waitFor('what is written on the source arrives', async () => (await idsOn(d)).includes(12), {within: WITHIN});
    expect(await at.hooks.order()).toEqual([
      'OnFailureDetectionProcesses',
      'PreFailoverProcesses',
      'PostIntermediateMasterFailoverProcesses',
      'PostFailoverProcesses',
    ]);
    expect(await downtimesAt(at)).toEqual({});
    await box.waitFor(
      'it is audited',
      async () => (await rows(at, 'audit', {audit_type: 'recover-dead-intermediate-master'})).length === 1,
      {within: WITHIN},
    );
  });

  test('a replica that was away while its source was replaced follows the new one when it is back', async () => {
    const {a, b, c, d} = await box.topology('a: b c d');
    const at = await watched([a, b, c, d], {});
    await c.kill9();
    await a.kill9();
    const recovery = await recoveryOf(at, a, WITHIN);
    expect(recovery).toMatchObject({is_successful: 1});
    const source = recovery.successor_port === b.key.port ? b : d;
    await insert(source, 11, 12);
    await c.start();
    await following(source, [c]);
    await box.waitFor('it has what it missed', async () => (await idsOn(c)).includes(12), {within: WITHIN});
    const [plan] = await rows<{state: string; plan: string}>(at, 'recovery_plan', {kind: 'return'});
    expect(plan?.plan).toContain(`still points at 127.0.0.1:${a.key.port}`);
    expect(await recoveriesOf(at)).toHaveLength(1);
  });

  if (flavor !== 'mariadb') return;

  test('a replica that was away while the others of its intermediate source were moved follows them when it is back', async () => {
    const {a, b, c, d, e} = await box.topology('a: b e; b: c d');
    const at = await watched([a, b, c, d, e], EVERYTHING);
    await d.kill9();
    await b.kill9();
    expect(await recoveryOf(at, b, WITHIN)).toMatchObject({is_successful: 1, successor_port: e.key.port});
    await d.start();
    await following(e, [c, d]);
    expect(await recoveriesOf(at)).toHaveLength(1);
  });

  test('of two sources that replicate from each other the written one dies: the other takes its place', async () => {
    const {a, b, c} = await box.topology('a: b c; b: a');
    await insert(a, 1, 10);
    await box.caughtUp();
    at = await site({backend: host, servers: [a, b, c]});
    const it = at;
    await it.serve();
    await box.waitFor(
      'the leader has seen all of them as co-sources',
      async () => {
        const known = await rows<{last_seen: string | null; is_co_master: number}>(it, 'database_instance');
        return (
          known.filter((row) => row.last_seen !== null).length === 3 && known.filter((row) => Number(row.is_co_master) === 1).length === 2
        );
      },
      {within: WITHIN},
    );
    await a.kill9();
    expect(await recoveryOf(it, a, WITHIN)).toMatchObject({
      analysis: 'DeadCoMaster',
      is_successful: 1,
      successor_port: b.key.port,
      all_errors: '',
    });
    await following(b, [c]);
    expect(await standingOf(b)).toMatchObject({writable: true, source: null});
    // Back, it follows the one that took its place, as it did before, and is closed.
    await a.start();
    await following(b, [a]);
    await box.waitFor('it is closed', async () => !(await standingOf(a)).writable, {within: WITHIN});
  });

  test.each(['after:2'])('the leader dies while replicas are moved (%s): the next one completes it', async (fault) => {
    const {a, b, c, d, e} = await box.topology('a: b e; b: c d');
    await insert(a, 1, 10);
    await box.caughtUp();
    at = await site({backend: host, servers: [a, b, c, d, e], settings: EVERYTHING});
    const it = at;
    const leader = await it.serve({env: {ORCHESTRATOR_FAULT: fault}});
    await watching(it, a);
    const other = await it.serve();
    await b.kill9();
    await leader.ended(WITHIN);
    await other.says(/elected leader/, WITHIN);
    expect(await recoveryOf(it, b, WITHIN)).toMatchObject({is_successful: 1, successor_port: e.key.port, all_errors: ''});
    await following(e, [c, d]);
    await box.waitFor('no lock is left', async () => (await rows(it, 'cluster_lock')).length === 0, {within: WITHIN});
  });

  test('it is only told where no filter names its cluster', async () => {
    const {a, b, c, d} = await box.topology('a: b; b: c d');
    const at = await watched([a, b, c, d], {});
    await b.kill9();
    await box.waitFor('it is detected', async () => (await detectionsAt(at)).includes(`DeadIntermediateMaster of ${b.key.port}`), {
      within: WITHIN,
    });
    expect(await recoveriesOf(at)).toEqual([]);
    expect((await at.run('recover', '-i', `${b.key.host}:${b.key.port}`)).status).toBe(0);
    const [leader, other] = (await standingOf(c)).source === a.key.port ? [c, d] : [d, c];
    await following(a, [leader]);
    await following(leader, [other]);
  });

  test('a source and an intermediate source die at once: both are recovered', async () => {
    const {a, b, c, d, e} = await box.topology('a: b e; b: c d');
    const at = await watched([a, b, c, d, e], EVERYTHING);
    await Promise.all([a.kill9(), b.kill9()]);
    expect(await recoveryOf(at, a, WITHIN)).toMatchObject({is_successful: 1, successor_port: e.key.port});
    expect(await recoveryOf(at, b, WITHIN)).toMatchObject({is_successful: 1});
    await insert(e, 11, 12);
    await box.waitFor(
      'what is written on the new source arrives everywhere',
      async () => (await Promise.all([c, d].map(idsOn))).every((ids) => ids.includes(12)),
      {within: WITHIN},
    );
    expect(await recoveriesOf(at)).toHaveLength(2);
  });

  test('sources of many clusters die at once: all are replaced, so many at the same time as is allowed', async () => {
    const {a, b, c, d, e, f} = await box.topology('a: b; c: d; e: f');
    const [sources, replicas] = [
      [a, c, e],
      [b, d, f],
    ];
    at = await site({
      backend: host,
      servers: [a, b, c, d, e, f],
      settings: (hooks) => ({MaxConcurrentRecoveries: 1, PreFailoverProcesses: [hooks.command('PreFailoverProcesses'), 'sleep 0.5']}),
    });
    const it = at;
    await it.serve();
    await box.waitFor(
      'the leader has seen all of them',
      async () => (await rows<{last_seen: string | null}>(it, 'database_instance')).filter((row) => row.last_seen !== null).length === 6,
      {within: WITHIN},
    );
    await Promise.all(sources.map((source) => source.kill9()));
    for (const source of sources) expect(await recoveryOf(it, source, WITHIN)).toMatchObject({is_successful: 1});
    for (const replica of replicas) expect(await standingOf(replica)).toMatchObject({writable: true, source: null});
    const runs = (await it.hooks.runs()).filter(({list}) => list === 'PreFailoverProcesses' || list === 'PostFailoverProcesses');
    // One ends before the next begins.
    expect(runs.map(({list, uid}) => `${list} ${uid}`)).toEqual(
      [...new Set(runs.map(({uid}) => uid))].flatMap((uid) => [`PreFailoverProcesses ${uid}`, `PostFailoverProcesses ${uid}`]),
    );
    expect(new Set(runs.map(({uid}) => uid)).size).toBe(3);
  });
});
