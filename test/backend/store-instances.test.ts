import {describe, expect, test} from 'vitest';
import type {Instance} from '../../src/lib/model/instance.ts';
import {keyText} from '../../src/lib/model/instance-key.ts';
import {
  byImportance,
  expireForgotten,
  forgetCluster,
  forgetDifferentlyResolved,
  forgetInstance,
  forgetUnseen,
  keptOut,
  keysLike,
  LastWritten,
  letIn,
  markAttempted,
  markUnreachable,
  outdatedKeys,
  placeInstances,
  readInstance,
  readInstances,
  unseenSources,
  upsertInstances,
} from '../../src/lib/store/instances.ts';
import {writeResolve} from '../../src/lib/store/hostname.ts';
import {beginDowntime} from '../../src/lib/store/downtime.ts';
import {beginMaintenance} from '../../src/lib/store/maintenance.ts';
import {registerCandidate} from '../../src/lib/store/candidates.ts';
import {instance, key, replicating} from './support/instance.ts';
import {ageColumn, BACKENDS, rowsOf, useStore} from './support/store.ts';

const processor = {hostname: 'box1', token: 't1'};

describe.each(BACKENDS)('instances on %s', (kind) => {
  const store = useStore(kind);
  const write = (...instances: readonly Instance[]) =>
    upsertInstances(
      store.backend,
      instances.map((one) => ({instance: one, startedAt: performance.now()})),
    );
  const read = (name: string) => readInstance(store.backend, store.config, key(name));
  const failed = (name: string, startedAt = performance.now()) => ({
    key: key(name),
    reach: 'refused' as const,
    errno: 0,
    partial: false,
    startedAt,
  });

  const shapes: readonly (readonly [what: string, written: Instance])[] = [
    ['a MariaDB source', instance('a')],
    ['a replica with errors and fractions of seconds', instance('b', {replication: replicating('a'), otherChannels: ['x', 'y']})],
    ['a detached replica', instance('d', {replication: replicating('a', {source: null, sourceHostAsWritten: '//a'})})],
    [
      'a MySQL group member',
      instance('g', {
        version: '9.7.0',
        versionComment: 'MySQL Community',
        flavor: 'MySQL',
        serverUuid: 'u1',
        superReadOnly: true,
        gtid: {...instance('g').gtid, mode: 'ON', supported: true, executed: 'u1:1-5,u2:1-3:tag:1', purged: 'u1:1', errant: 'u9:1'},
        semiSync: {...instance('g').semiSync, waitNoReplica: true},
        group: {name: 'grp', singlePrimary: true, state: 'ONLINE', role: 'SECONDARY', members: [key('h'), key('i:1')], primary: key('h')},
      }),
    ],
    ['a Percona server', instance('p', {version: '8.0.35-27', versionComment: 'Percona Server (GPL)', flavor: 'Percona'})],
  ];

  test.each(shapes)('%s is read back as it was written', async (_what, written) => {
    await write(written);
    const {check, ...found} = (await read(keyText(written.key)))!;
    const {check: _, ...expected} = written;
    expect(found).toEqual(expected);
    expect(check).toMatchObject({
      valid: true,
      partial: true,
      upToDate: true,
      recent: true,
      latency: 1_500_000,
      reach: 'answered',
      errno: 0,
    });
    expect(check.lastSeen).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  });

  test('a set too long for its column is kept whole', async () => {
    const long = Array.from({length: 2000}, (_, at) => `0f7c1e70-0000-11ee-9999-${String(at).padStart(12, '0')}:1-5`).join(',');
    const one = instance('a', {gtid: {...instance('a').gtid, executed: long}});
    await write(one);
    expect((await read('a'))?.gtid.executed).toBe(long);
    expect(String((await rowsOf(store.backend, 'database_instance'))[0]?.['executed_gtid_set'])).toHaveLength(65_535);
  });

  test('what does not fit a column does not keep the others of its flush from being written', async () => {
    await write(instance('a', {place: {dataCenter: 'd'.repeat(99), region: 'Köln', environment: ''}, uptime: -1}), instance('b'));
    expect((await read('a'))?.place).toEqual({dataCenter: 'd'.repeat(32), region: 'K?ln', environment: ''});
    expect(await read('b')).not.toBeNull();
  });

  test('a probe that began earlier overwrites nothing, whoever ends first', async () => {
    const began = performance.now() - 50; // clocks are compared to a few milliseconds
    await write(instance('a', {uptime: 2}));
    expect(await upsertInstances(store.backend, [{instance: instance('a', {uptime: 1}), startedAt: began}])).toBe(0);
    expect(await markUnreachable(store.backend, [failed('a', began)])).toBe(0);
    expect((await read('a'))?.uptime).toBe(2);
    expect((await read('a'))?.check.valid).toBe(true);
  });

  test('of two probes in one flush the later one counts', async () => {
    const [early, late] = [performance.now(), performance.now() + 1];
    await upsertInstances(store.backend, [
      {instance: instance('a', {uptime: 2}), startedAt: late},
      {instance: instance('a', {uptime: 1}), startedAt: early},
    ]);
    expect((await read('a'))?.uptime).toBe(2);
  });

  describe('one that is as it was', () => {
    const aged = async (): Promise<Record<string, unknown>> => (await rowsOf(store.backend, 'database_instance'))[0]!;
    const disturb = (change: object) => store.backend.run(({db}) => db('database_instance').update(change));

    /** Written, then a column changed behind our back and the row made older, then written by the same process again. */
    const again = async (but: Partial<Instance> = {}, between: () => Promise<unknown> = () => Promise.resolve()): Promise<void> => {
      const last = new LastWritten();
      const startedAt = performance.now();
      await upsertInstances(store.backend, [{instance: instance('a'), startedAt}], last);
      await disturb({version: 'not read again', uptime: 1000});
      await ageColumn(store.backend, 'database_instance', 'last_seen', 100);
      await between();
      const now = performance.now();
      const uptime = instance('a').uptime + Math.round((now - startedAt) / 1000);
      await upsertInstances(store.backend, [{instance: instance('a', {uptime, ...but}), startedAt: now}], last);
    };

    test('has only its times written, and its uptime counted on', async () => {
      await again();
      const row = await aged();
      expect(row).toMatchObject({version: 'not read again', last_seen: row['last_checked']});
      expect(Number(row['uptime'])).toBeGreaterThanOrEqual(1100);
      expect(Number(row['uptime'])).toBeLessThan(1230);
      expect((await read('a'))?.check).toMatchObject({valid: true, reach: 'answered'});
    });

    test.each<{what: string; but?: Partial<Instance>; between?: () => Promise<unknown>}>([
      {what: 'it differs', but: {readOnly: true}},
      {what: 'it was restarted', but: {uptime: 3}},
      {what: 'another process has written it', between: () => write(instance('a', {readOnly: true}))},
      {what: 'it did not answer meanwhile', between: () => markUnreachable(store.backend, [failed('a')])},
      {what: 'it was forgotten', between: () => forgetInstance(store.backend, key('a'), 0)},
      {what: '3.2.6 has forgotten it', between: () => store.backend.run(({db}) => db('database_instance').delete())},
    ])('is written whole once $what', async ({but, between}) => {
      await again(but, between);
      expect(await aged()).toMatchObject({version: instance('a').version});
    });
  });

  test('250 instances go in one call', async () => {
    const many = Array.from({length: 250}, (_, at) => instance(`h${at}`));
    expect(await write(...many)).toBe(250);
    expect(await readInstances(store.backend, store.config)).toHaveLength(250);
  });

  test('a failure within the second of the last answer is seen, and the next answer heals it', async () => {
    await write(instance('a'));
    await markUnreachable(store.backend, [{...failed('a'), reach: 'alive', errno: 1040, partial: true}]);
    expect((await read('a'))?.check).toMatchObject({valid: false, partial: true, reach: 'alive', errno: 1040});
    await write(instance('a'));
    expect((await read('a'))?.check).toMatchObject({valid: true, reach: 'answered', errno: 0});
  });

  test('a server nobody has seen yet gets no row from a failure', async () => {
    expect(await markUnreachable(store.backend, [failed('nobody')])).toBe(0);
    expect(await rowsOf(store.backend, 'database_instance')).toEqual([]);
    expect(await rowsOf(store.backend, 'instance_detail')).toEqual([]);
  });

  test.each([
    {what: 'nothing', seen: 0, checked: 0, attempted: 0, valid: true},
    {what: 'a check that failed later', seen: 10, checked: 0, attempted: 0, valid: false},
    {what: 'an attempt that hangs for no longer than a poll and a second', seen: 6, checked: 6, attempted: 0, valid: true},
    {what: 'an attempt that hangs for longer', seen: 8, checked: 8, attempted: 0, valid: false},
  ])('after $what valid is $valid', async ({seen, checked, attempted, valid}) => {
    await write(instance('a'));
    await ageColumn(store.backend, 'database_instance', 'last_seen', seen);
    await ageColumn(store.backend, 'database_instance', 'last_checked', checked);
    await ageColumn(store.backend, 'database_instance', 'last_attempted_check', attempted);
    expect((await read('a'))?.check.valid).toBe(valid);
  });

  test('a row that 3.2.6 wrote later is read by its columns alone', async () => {
    await write(instance('a'));
    await ageColumn(store.backend, 'database_instance', 'last_seen', -5);
    const found = (await read('a'))!;
    expect(found.gtid.binlogState).toBe('');
    expect(found.semiSync.waitPoint).toBe('');
    expect(found.version).toBe('10.11.18-MariaDB-log');
  });

  test('what people said comes with it', async () => {
    await write(instance('a'), instance('b'));
    await beginDowntime(store.backend, key('a'), {owner: 'me', reason: 'disk', lasting: 600});
    await registerCandidate(store.backend, key('a'), 'must_not');
    await beginMaintenance(store.backend, key('b'), {owner: 'me', reason: 'x', lasting: 600, processor});
    const [a, b] = await readInstances(store.backend, store.config);
    expect(a?.wishes).toMatchObject({promotionRule: 'must_not', isCandidate: false, inMaintenance: false, lockedBy: null});
    expect(a?.wishes.downtime).toMatchObject({owner: 'me', reason: 'disk'});
    const {elapsed, remaining} = a!.wishes.downtime!;
    expect(elapsed + remaining).toBe(600); // a second may have begun since
    expect(b?.wishes).toMatchObject({downtime: null, inMaintenance: true, promotionRule: 'neutral'});
  });

  test('the maintenance of a lock of ours does not hide the instance, and says who holds it', async () => {
    await write(instance('a'));
    await store.backend.run(({db}) =>
      db('cluster_lock').insert({lock_id: 'l1', holder_hostname: 'box1', holder_token: 't1', purpose: 'recovery', fence: 1}),
    );
    await store.backend.run(({db}) => db('cluster_lock_member').insert({hostname: 'a', port: 3306, lock_id: 'l1'}));
    await beginMaintenance(store.backend, key('a'), {owner: 'orchestrator', reason: 'x', lasting: 600, processor});
    await store.backend.run(({db}) => db('database_instance_maintenance').update({explicitly_bounded: 0}));
    expect((await read('a'))?.wishes).toMatchObject({inMaintenance: false, lockedBy: 'box1 (recovery)'});
  });

  describe('finding', () => {
    const cluster = {...instance('a').cluster, name: 'a:3306'};
    const three = () =>
      write(
        instance('db-a', {cluster, serverId: 11}),
        instance('db-b:3307', {cluster: {...cluster, depth: 1}, replication: replicating('db-a'), replicas: []}),
        instance('web', {
          cluster: {...cluster, name: 'web:3306', suggestedAlias: 'front'},
          replicas: [],
          version: '9.7.1',
          versionComment: 'x',
        }),
      );
    test.each([
      {filter: {}, finds: ['db-a:3306', 'db-b:3307', 'web:3306']},
      {filter: {cluster: 'a:3306'}, finds: ['db-a:3306', 'db-b:3307']},
      {filter: {keys: [key('web'), key('none')]}, finds: ['web:3306']},
      {filter: {keys: []}, finds: []},
      {filter: {sourceKey: key('db-a')}, finds: ['db-b:3307']},
      {filter: {search: 'DB-'}, finds: ['db-a:3306', 'db-b:3307']},
      {filter: {search: '9.7'}, finds: ['web:3306']},
      {filter: {search: 'front'}, finds: ['web:3306']},
      {filter: {search: '-b:33'}, finds: ['db-b:3307']},
      {filter: {search: '3307'}, finds: ['db-b:3307']},
      {filter: {search: '11'}, finds: ['db-a:3306', 'db-b:3307']},
      {filter: {search: ''}, finds: ['db-a:3306', 'db-b:3307', 'web:3306']},
      {filter: {search: '%'}, finds: []},
      {filter: {pattern: '^DB-.:3307$'}, finds: ['db-b:3307']},
      {filter: {pattern: 'db', cluster: 'web:3306'}, finds: []},
    ])('by $filter', async ({filter, finds}) => {
      await three();
      expect((await readInstances(store.backend, store.config, filter)).map((one) => keyText(one.key))).toEqual(finds);
    });

    test('a pattern that is none says so', async () => {
      await expect(readInstances(store.backend, store.config, {pattern: '('})).rejects.toMatchObject({code: 'INPUT_INVALID'});
    });

    test('keys like a part of a host, with its port', async () => {
      await three();
      expect(await keysLike(store.backend, key('b-a'))).toEqual([key('db-a')]);
      expect(await keysLike(store.backend, key('db-:3308'))).toEqual([]);
    });

    test('the order of importance', async () => {
      await three();
      const found = (await readInstances(store.backend, store.config)).sort(byImportance);
      expect(found.map((one) => one.key.host)).toEqual(['db-a', 'web', 'db-b']);
    });
  });

  test('placeholders are due at once, were never seen, and replace nothing', async () => {
    await write(instance('a'));
    await placeInstances(store.backend, [key('a'), key('seed')]);
    expect((await read('a'))?.version).toBe('10.11.18-MariaDB-log');
    expect(await read('seed')).toMatchObject({
      version: 'Unknown',
      flavor: 'unknown',
      check: {valid: false, lastSeen: '', reach: 'never-tried'},
    });
    expect(await outdatedKeys(store.backend, 5)).toEqual([key('seed')]);
  });

  test('who was checked a poll ago is due, and after a hung attempt two polls ago', async () => {
    await write(instance('a'), instance('b'));
    await ageColumn(store.backend, 'database_instance', 'last_checked', 6);
    expect(await outdatedKeys(store.backend, 5)).toEqual([]);
    await ageColumn(store.backend, 'database_instance', 'last_attempted_check', 6);
    expect(await outdatedKeys(store.backend, 5)).toEqual([key('a'), key('b')]);
    await markAttempted(store.backend, [key('b')]);
    expect(await outdatedKeys(store.backend, 5)).toEqual([key('a')]);
  });

  test('sources that are named and not known, under the name they resolve to', async () => {
    const running = {receiver: {state: 'running', errno: 0, error: ''}} as const;
    await write(instance('b', {replication: replicating('a', running)}), instance('c', {replication: replicating('b', running)}));
    expect(await unseenSources(store.backend)).toEqual([key('a')]);
    await writeResolve(store.backend, 'a', 'a.example');
    expect(await unseenSources(store.backend)).toEqual([key('a.example')]);
    await write(instance('a.example'));
    expect(await unseenSources(store.backend)).toEqual([]);
  });

  describe('what was forgotten', () => {
    const cluster = {...instance('a').cluster, name: 'c:1'};
    const [a, b] = [instance('a', {cluster}), instance('b', {cluster})];
    const known = async (): Promise<readonly string[]> => (await readInstances(store.backend, store.config)).map((one) => one.key.host);
    const kept = async (): Promise<readonly string[]> => (await keptOut(store.backend)).map(({host}) => host).sort();

    const ways: readonly {readonly what: string; readonly forget: () => Promise<unknown>; readonly left: readonly string[]}[] = [
      {what: 'an instance', forget: () => forgetInstance(store.backend, key('a'), 900), left: ['b']},
      {what: 'a cluster', forget: () => forgetCluster(store.backend, 'c:1', 900), left: []},
    ];
    test.each(ways)('$what is not brought back by probes that end later', async ({forget, left}) => {
      await write(a, b);
      await forget();
      await write(a, b);
      await upsertInstances(store.backend, [{instance: a, startedAt: performance.now()}], new LastWritten());
      await markUnreachable(store.backend, [failed('a')]);
      expect(await known()).toEqual(left);
      expect((await rowsOf(store.backend, 'instance_detail')).map((row) => row['hostname'])).toEqual(left);
    });

    test('it is no source nobody has seen', async () => {
      const running = {receiver: {state: 'running', errno: 0, error: ''}} as const;
      await write(a, instance('b', {replication: replicating('a', running)}));
      await forgetInstance(store.backend, key('a'), 900);
      expect(await unseenSources(store.backend)).toEqual([]);
      await ageColumn(store.backend, 'forgotten_instance', 'kept_out_until', 901);
      expect(await unseenSources(store.backend)).toEqual([key('a')]);
    });

    test('it is let in when its time is over', async () => {
      await write(a, b);
      await forgetCluster(store.backend, 'c:1', 900);
      expect(await kept()).toEqual(['a', 'b']);
      expect(await expireForgotten(store.backend)).toBe(0);
      await ageColumn(store.backend, 'forgotten_instance', 'kept_out_until', 901);
      expect(await kept()).toEqual([]);
      await write(a);
      expect(await known()).toEqual(['a']);
      expect(await expireForgotten(store.backend)).toBe(2);
    });

    test('it is let in when somebody asks for it', async () => {
      await write(a, b);
      await forgetCluster(store.backend, 'c:1', 900);
      await placeInstances(store.backend, [key('a')]);
      await letIn(store.backend, [key('b')]);
      await write(a, b);
      expect(await known()).toEqual(['a', 'b']);
    });
  });

  test('forgetting one, a cluster, what was not seen for long, and what goes by another name', async () => {
    const cluster = {...instance('a').cluster, name: 'c:1'};
    await write(instance('a'), instance('b', {cluster}), instance('c', {cluster}), instance('old'), instance('alias'));
    await placeInstances(store.backend, [key('never')]);
    expect(await forgetInstance(store.backend, key('a'), 15)).toBe(true);
    expect(await forgetInstance(store.backend, key('a'), 15)).toBe(false);
    expect(await forgetCluster(store.backend, 'c:1', 15)).toEqual([key('b'), key('c')]);
    await writeResolve(store.backend, 'alias', 'real');
    expect(await forgetDifferentlyResolved(store.backend)).toEqual([]);
    await ageColumn(store.backend, 'database_instance', 'last_seen', 7200);
    expect(await forgetDifferentlyResolved(store.backend)).toEqual([key('alias')]);
    expect(await forgetUnseen(store.backend, 3600)).toEqual([key('old')]);
    expect((await readInstances(store.backend, store.config)).map((one) => one.key.host)).toEqual(['never']);
    expect((await rowsOf(store.backend, 'instance_detail')).map((row) => row['hostname'])).toEqual([]);
  });
});
