import {writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import {sandbox, type Client, type Instance, type Sandbox} from '../sandbox/index.ts';
import {
  backendHost,
  busy,
  detectionsAt,
  gate,
  idsOn,
  insert,
  recoveriesOf,
  recoveryOf,
  rows,
  scene,
  site,
  standingOf,
  stopThread,
  topologyNow,
  watching,
  witness,
  type BackendHost,
  type Scene,
  type Site,
  type Witness,
} from './support/index.ts';

let box: Sandbox;
let host: BackendHost;
let at: Site;
beforeAll(async () => {
  [box, host] = await Promise.all([sandbox({flavor: 'mariadb'}), backendHost('sqlite')]);
});
afterEach(() => at?.down());
afterAll(() => Promise.all([box?.down(), host?.down()]));

/** The scene, and a witness at the replicas. */
async function start(settings: Parameters<typeof scene>[1] = {}): Promise<Scene & {readonly log: Witness}> {
  const made = await scene({box, host}, settings);
  at = made.at;
  return {...made, log: await witness([made.b, made.c])};
}

/** Nobody told the replicas anything, and they are what they were. */
async function untouched({a, b, c, log}: Scene & {readonly log: Witness}): Promise<void> {
  expect(await log.changes()).toEqual([]);
  for (const replica of [b, c]) {
    expect(await standingOf(replica)).toMatchObject({writable: false, source: a.key.port, applier: 'Yes', ids: {length: 10}});
  }
}

const name = ({key}: Instance): string => `${key.host}:${key.port}`;

describe('a dead source is not replaced', () => {
  test('without a filter that names its cluster; it is detected, and hooks are told, also while somebody else is changing the cluster', async () => {
    const it = await start({RecoverMasterClusterFilters: ['other']});
    const lock = await busy(at, [it.a, it.b, it.c], 'relocation of b');
    // The leader has gone round since, and knows.
    const looks = new Set<string>();
    await box.waitFor('it has probed again and again', async () => {
      for (const {last_seen} of await rows<{last_seen: string}>(at, 'database_instance', {port: it.b.key.port})) looks.add(last_seen);
      return looks.size > 2;
    });
    await it.a.kill9();
    await it.service.says(/is not recovered: no filter of RecoverMasterClusterFilters matches cluster/);
    await lock.release();
    expect(await detectionsAt(at)).toContain(`DeadMaster of ${it.a.key.port}`);
    expect(await at.hooks.order()).toEqual(['OnFailureDetectionProcesses']);
    expect(await recoveriesOf(at)).toEqual([]);
    await untouched(it);
  });

  test('while it cannot be read whether recoveries are disabled globally, or while they are, and is as soon as they are enabled', async () => {
    const it = await start();
    expect(await at.run('disable-global-recoveries')).toMatchObject({status: 0});
    const backend = await at.backend();
    await backend.run(({db}) => db.schema.renameTable('global_recovery_disable', 'kept_away'));
    await it.a.kill9();
    await it.service.says(/is not recovered: whether recoveries are disabled globally cannot be read, which counts as disabled/);
    await it.service.says(/so nothing is recovered: .* does not have the tables/);
    await backend.run(({db}) => db.schema.renameTable('kept_away', 'global_recovery_disable'));
    await it.service.says(/is not recovered: recoveries are disabled globally/);
    expect(await recoveriesOf(at)).toEqual([]);
    await untouched(it);
    expect(await at.run('enable-global-recoveries')).toMatchObject({status: 0});
    expect(await recoveryOf(at, it.a)).toMatchObject({is_successful: 1});
    await topologyNow([it.b, it.c]);
  });

  test('while it is downtimed', async () => {
    const it = await start();
    const said = await at.run('begin-downtime', '-i', name(it.a), '--owner', 'me', '--reason', 'disk', '--duration', '1h');
    expect(said).toMatchObject({status: 0});
    await it.a.kill9();
    await it.service.says(/is not recovered: it is downtimed \(disk\)/);
    expect(await recoveriesOf(at)).toEqual([]);
    await untouched(it);
  });

  test('by a replica in another data center, if that is forbidden: refused before anything is changed', async () => {
    const it = await start(({a}) => ({
      PreventCrossDataCenterMasterFailover: true,
      DetectDataCenterQuery: `SELECT IF(@@port = ${a.key.port}, 'one', 'two')`,
    }));
    await it.a.kill9();
    await it.service.says(/is not recovered \(cross-data-center\): .*is in data center two, not in one/);
    // Another process, which reads the backend, tells the same, and that it happened.
    const explained = async (): Promise<string> => (await at.run('explain', '-i', name(it.a))).stdout;
    await expect
      .poll(explained, {timeout: 60_000})
      .toMatch(/leader of term \d+, refused at .* \(cross-data-center\): .*in data center two/);
    expect(await explained()).toMatch(/refused \(cross-data-center\)[^]*- \S+: is in data center two, not in one/);
    const happened = async (): Promise<string> => (await at.run('events')).stdout;
    await expect.poll(happened, {timeout: 60_000}).toMatch(/finding-opened\t.*code=DeadMaster /);
    expect(await recoveriesOf(at)).toEqual([]);
    expect(await at.hooks.order()).toEqual(['OnFailureDetectionProcesses']);
    await untouched(it);
  });

  test('when a PreFailover hook fails: the attempt is recorded, and nothing is changed', async () => {
    const it = await start({PreFailoverProcesses: ['exit 3', 'touch /nowhere/second']});
    await it.a.kill9();
    const {is_successful, all_errors} = await recoveryOf(at, it.a);
    expect(is_successful).toBe(0);
    expect(all_errors).toMatch(/PreFailoverProcesses.*status 3/);
    // It is tried again before long.
    expect((await at.hooks.order()).slice(0, 2)).toEqual(['OnFailureDetectionProcesses', 'PostUnsuccessfulFailoverProcesses']);
    await untouched(it);
  });

  test('in the attempt whose OnFailureDetection hook failed; the next one goes on, as it was detected', async () => {
    // The next attempt comes two seconds later, and waits until this one was looked at.
    const wait = 'for time in $(seq 600); do test -e "$HOME/go" && exit 0; sleep 0.1; done';
    const it = await start({OnFailureDetectionProcesses: ['exit 3'], PreFailoverProcesses: [wait]});
    await it.a.kill9();
    await it.service.says(/an OnFailureDetection hook failed/);
    await untouched(it);
    await writeFile(join(dirname(at.file), 'go'), '');
    expect(await recoveryOf(at, it.a)).toMatchObject({is_successful: 1});
    await topologyNow([it.b, it.c]);
    await it.service.says(/an OnFailureDetection hook failed[^]* recovery \S+ in cluster/);
  });

  test('again within RecoveryPeriodBlockSeconds, until the first recovery is acknowledged', async () => {
    const it = await start();
    await it.a.kill9();
    await recoveryOf(at, it.a);
    const [first, second] = (await topologyNow([it.b, it.c])) === it.b ? [it.b, it.c] : [it.c, it.b];
    await watching(at, first);
    const log = await witness([second]);
    await first.kill9();
    await it.service.says(/is not recovered \(recently-recovered\): recovery 1 of .* still blocks others/);
    expect(await log.changes()).toEqual([]);
    expect(await recoveriesOf(at)).toHaveLength(1);
    expect(await at.run('ack-all-recoveries', '--reason', 'seen')).toMatchObject({status: 0});
    expect(await recoveryOf(at, first)).toMatchObject({is_successful: 1, successor_port: second.key.port});
    expect(await topologyNow([second])).toBe(second);
  });

  test('when its replicas were told by a person not to receive: they do not know that it is gone', async () => {
    const it = await start();
    await Promise.all([stopThread(it.b, 'IO_THREAD'), stopThread(it.c, 'IO_THREAD')]);
    const log = await witness([it.b, it.c]);
    await it.a.kill9();
    await it.service.says(/detected UnreachableMaster .*do not prove that it is gone/);
    expect(await detectionsAt(at)).toContain(`UnreachableMaster of ${it.a.key.port}`);
    expect(await recoveriesOf(at)).toEqual([]);
    await untouched({...it, log});
  });

  test('that its replicas follow under two names: each half would get a source of its own', async () => {
    const {a, b, c} = await box.topology('a: b c');
    const other = {...a, key: {...a.key, host: 'localhost'}} as Instance;
    await insert(a, 1, 10);
    await c.query('STOP SLAVE');
    await c.query("CHANGE MASTER TO master_host = 'localhost'");
    await c.query('START SLAVE');
    await box.waitFor('both have what is written', async () => (await idsOn(b)).length + (await idsOn(c)).length === 20);
    at = await site({backend: host, servers: [a, b, c], settings: {DiscoverySeeds: [name(a), name(b), name(c)]}});
    const service = await at.serve();
    await service.says(/are one server: where replicas follow it under both names it is not recovered automatically/);
    const halves = async (): Promise<readonly string[]> =>
      (await rows<{cluster_name: string}>(at, 'database_instance')).map((row) => row.cluster_name).sort();
    const expected = [name(a), name(a), name(other), name(other)].sort();
    await box.waitFor('each replica is known below its name', async () => (await halves()).join() === expected.join());
    const log = await witness([b, c]);
    await a.kill9();
    for (const one of [a, other])
      await service.says(new RegExp(`${name(one)} is not recovered: it is the same server as .*MySQLHostnameResolveMethod`));
    expect(await recoveriesOf(at)).toEqual([]);
    expect(await log.changes()).toEqual([]);
    for (const replica of [b, c]) expect(await standingOf(replica)).toMatchObject({writable: false, source: a.key.port});
    // A person may recover one half; the other half is given no source of its own, by the next leader neither.
    expect(await at.run('recover', '-i', name(other))).toMatchObject({status: 0, stdout: `${name(c)}\n`});
    await service.stop();
    const next = await at.serve();
    await next.says(new RegExp(`${name(a)} is not recovered: it is the same server as ${name(other)}`), 60_000);
    expect(await standingOf(b)).toMatchObject({writable: false, source: a.key.port});
  });
});

describe('a source that lives is not replaced', () => {
  test('when it has no connection left for us: it says so itself', async () => {
    const it = await start();
    const crowd = Array.from({length: 20}, () => it.a.connect());
    try {
      await Promise.all(crowd.map((client) => client.query('SELECT 1')));
      const log = await witness([it.b, it.c]);
      await it.a.query('SET GLOBAL max_connections = 10');
      await crowd[0]!.query(`KILL ${await sessionOf(crowd[0]!, 'orc')}`);
      await it.service.says(/detected UnreachableMaster .*with an answer of its own: it is alive/);
      expect(await detectionsAt(at)).toEqual([`UnreachableMaster of ${it.a.key.port}`]);
      expect(await recoveriesOf(at)).toEqual([]);
      await untouched({...it, log});
    } finally {
      for (const client of crowd) client.close();
    }
  });

  test('when only we cannot reach it', async () => {
    const {a, b, c} = await box.topology('a: b c');
    const door = await gate(a);
    try {
      for (const replica of [b, c]) await box.point(replica, {...a, key: door.key} as Instance);
      await insert(a, 1, 10);
      at = await site({
        backend: host,
        servers: [a, b, c],
        settings: {DiscoverySeeds: [`${door.key.host}:${door.key.port}`, name(b), name(c)]},
      });
      const service = await at.serve();
      await watching(at, door);
      const log = await witness([b, c]);
      door.shutFor('orc');
      await service.says(/detected UnreachableMaster .*at least one replica still replicates from it/);
      await insert(a, 11, 20);
      await box.waitFor('replicas get what is written', async () => (await idsOn(b)).length + (await idsOn(c)).length === 40);
      expect(await log.changes()).toEqual([]);
      expect(await recoveriesOf(at)).toEqual([]);
    } finally {
      await door.down();
    }
  });
});

async function sessionOf(client: Client, user: string): Promise<number> {
  const [row] = await client.query<{id: number}>('SELECT id FROM information_schema.processlist WHERE user = ?', [user]);
  return row?.id ?? 0;
}
