import {describe, expect, test} from 'vitest';
import {
  clusterOfAlias,
  overrideAlias,
  readAliasOverrides,
  readClusters,
  recomputeAliases,
  writeDomain,
} from '../../src/lib/store/aliases.ts';
import {noteAnalysis, readChangelog} from '../../src/lib/store/recovery/analysis-changelog.ts';
import {GENERAL, readAttribute, writeAttribute} from '../../src/lib/store/attributes.ts';
import {readAudit, writeAudit} from '../../src/lib/store/audit.ts';
import {readCandidates, registerCandidate} from '../../src/lib/store/candidates.ts';
import {LOST_IN_RECOVERY} from '../../src/lib/model/lost.ts';
import {activeDowntimes, beginDowntime, endDowntime, LOST_IN_RECOVERY_LASTING} from '../../src/lib/store/downtime.ts';
import {
  expireResolves,
  forgetUnresolve,
  hostsThatAnswer,
  readAddresses,
  readResolve,
  readResolves,
  readUnresolve,
  writeAddresses,
  writeResolve,
  writeUnresolve,
} from '../../src/lib/store/hostname.ts';
import {endRepairedDowntimes, keepEachMinute, keepEachPoll, keepEachSecond} from '../../src/lib/store/housekeeping.ts';
import {upsertInstances} from '../../src/lib/store/instances.ts';
import {disableRecoveries, enableRecoveries, recoveriesDisabled} from '../../src/lib/store/recovery/kill-switch.ts';
import {activeMaintenance, beginMaintenance, endMaintenance, isInMaintenance} from '../../src/lib/store/maintenance.ts';
import {formerCoordinates, noteAllCoordinates} from '../../src/lib/store/coordinates-history.ts';
import {markedClusters, noteMarkedClusters} from '../../src/lib/store/pseudo-gtid.ts';
import {noteCoordinates, standingStill} from '../../src/lib/store/stale-coordinates.ts';
import type {Instance} from '../../src/lib/model/instance.ts';
import {instance, key, replicating} from './support/instance.ts';
import {ageColumn, BACKENDS, rowsOf, useStore} from './support/store.ts';

const processor = {hostname: 'box1', token: 't1'};

describe.each(BACKENDS)('records on %s', (kind) => {
  const store = useStore(kind);
  const write = (...instances: readonly Instance[]) =>
    upsertInstances(
      store.backend,
      instances.map((one) => ({instance: one, startedAt: performance.now()})),
    );
  const age = (table: string, column: string, seconds: number) => ageColumn(store.backend, table, column, seconds);

  test('where logs ended some minutes ago', async () => {
    const at = {binlog: {enabled: true, logsReplicaUpdates: true, format: 'ROW', rowImage: '', at: {file: 'b.7', position: 70}}};
    await write(instance('a', at), instance('b', {replication: replicating('a')}));
    await noteAllCoordinates(store.backend);
    expect(await formerCoordinates(store.backend, key('a'))).toBeNull();
    await age('database_instance_coordinates_history', 'recorded_timestamp', 121);
    await write(instance('a', {binlog: {...at.binlog, at: {file: 'b.8', position: 4}}}));
    await noteAllCoordinates(store.backend);
    expect(await formerCoordinates(store.backend, key('a'))).toMatchObject({binlog: {file: 'b.7', position: 70}});
    expect(await formerCoordinates(store.backend, key('unknown'))).toBeNull();
  });

  describe('clusters with Pseudo-GTID entries', () => {
    test('count for an hour after the last one, and are forgotten then', async () => {
      await noteMarkedClusters(store.backend, []);
      await noteMarkedClusters(store.backend, ['one:3306', 'two:3306']);
      await noteMarkedClusters(store.backend, ['one:3306']);
      expect([...(await markedClusters(store.backend))].toSorted()).toEqual(['one:3306', 'two:3306']);
      await age('cluster_injected_pseudo_gtid', 'time_injected', 3601);
      expect([...(await markedClusters(store.backend))]).toEqual([]);
      await noteMarkedClusters(store.backend, ['two:3306']);
      expect([...(await markedClusters(store.backend))]).toEqual(['two:3306']);
    });
  });

  describe('downtime', () => {
    const why = {owner: 'me', reason: 'disk', lasting: 600};
    const DAY = 24 * 3600;
    const LOST = {reason: LOST_IN_RECOVERY, lasting: LOST_IN_RECOVERY_LASTING};

    test('begins, is replaced, ends; ending what is not there says so', async () => {
      await beginDowntime(store.backend, key('a'), why);
      await beginDowntime(store.backend, key('a'), {...why, reason: 'other'});
      expect(await activeDowntimes(store.backend)).toMatchObject([{key: key('a'), owner: 'me', reason: 'other'}]);
      expect(await endDowntime(store.backend, key('a'))).toBe(true);
      expect(await endDowntime(store.backend, key('a'))).toBe(false);
    });

    test('what has run out is not in force, and is removed', async () => {
      await beginDowntime(store.backend, key('a'), why);
      await age('database_instance_downtime', 'end_timestamp', 601);
      expect(await activeDowntimes(store.backend)).toEqual([]);
      expect(await keepEachPoll(store.backend)).toEqual({'expire-downtime': 1});
      expect(await rowsOf(store.backend, 'database_instance_downtime')).toEqual([]);
    });

    test('letters that a column cannot hold cost nobody the downtime', async () => {
      await beginDowntime(store.backend, key('a'), {owner: 'Jürgen', reason: 'käputt 🔥', lasting: 60});
      expect(await activeDowntimes(store.backend)).toMatchObject([{owner: 'Jürgen', reason: 'käputt ?'}]);
    });

    test('lost in recovery lasts until the instance is back in order for a minute', async () => {
      const running = {receiver: {state: 'running', errno: 0, error: ''}} as const;
      await write(
        instance('back', {replication: replicating('a', running)}),
        instance('broken', {replication: replicating('a')}),
        instance('a'),
      );
      for (const host of ['back', 'broken', 'gone']) await beginDowntime(store.backend, key(host), {owner: 'me', ...LOST});
      expect(await endRepairedDowntimes(store.backend)).toEqual([]);
      await age('database_instance_downtime', 'begin_timestamp', 61);
      await age('database_instance_downtime', 'end_timestamp', 150 * DAY);
      await keepEachPoll(store.backend);
      const left = await activeDowntimes(store.backend);
      expect(left.map((one) => one.key.host)).toEqual(['broken', 'gone']);
      const [since, endsAt] = [Date.parse(left[0]!.since), Date.parse(left[0]!.endsAt)];
      expect((endsAt - since) / 1000).toBeGreaterThan(LOST.lasting - DAY);
    });
  });

  describe('downtime of one that was lost in a recovery, and is back on top', () => {
    test.each([
      {alias: 'prod', rival: null, ends: true},
      {alias: 'prod', rival: 'prod', ends: false},
      {alias: '', rival: null, ends: false},
      {alias: '', rival: '', ends: false},
    ])('of alias "$alias", beside another of alias "$rival": it ends: $ends', async ({alias, rival, ends}) => {
      const topOf = (host: string, suggestedAlias: string) =>
        instance(host, {cluster: {...instance(host).cluster, name: `${host}:3306`, depth: 0, suggestedAlias}});
      await write(topOf('old', alias), ...(rival === null ? [] : [topOf('new', rival)]));
      await beginDowntime(store.backend, key('old'), {owner: 'me', reason: LOST_IN_RECOVERY, lasting: LOST_IN_RECOVERY_LASTING});
      await age('database_instance_downtime', 'begin_timestamp', 61);
      expect((await endRepairedDowntimes(store.backend)).map(({host}) => host)).toEqual(ends ? ['old'] : []);
    });
  });

  describe('maintenance', () => {
    const wish = {owner: 'me', reason: 'upgrade', lasting: 600, processor};

    test('one has it, until it ends', async () => {
      expect(await beginMaintenance(store.backend, key('a'), wish)).toBe(true);
      expect(await beginMaintenance(store.backend, key('a'), {...wish, owner: 'you'})).toBe(false);
      expect(await isInMaintenance(store.backend, key('a'))).toBe(true);
      expect(await activeMaintenance(store.backend)).toMatchObject([{key: key('a'), owner: 'me', elapsed: expect.any(Number) as number}]);
      expect(await endMaintenance(store.backend, key('a'))).toBe(true);
      expect(await endMaintenance(store.backend, key('a'))).toBe(false);
      expect(await isInMaintenance(store.backend, key('a'))).toBe(false);
      expect(await beginMaintenance(store.backend, key('a'), wish)).toBe(true);
    });

    test('twenty who want it at once: one gets it', async () => {
      const others = await Promise.all([store.bench.open(), store.bench.open()]);
      const got = await Promise.all(Array.from({length: 20}, (_, at) => beginMaintenance(others[at % 2]!, key('a'), wish)));
      expect(got.filter(Boolean)).toHaveLength(1);
    });

    test('one that has run out is in nobody’s way', async () => {
      await beginMaintenance(store.backend, key('a'), wish);
      await age('database_instance_maintenance', 'end_timestamp', 601);
      expect(await isInMaintenance(store.backend, key('a'))).toBe(false);
      expect(await beginMaintenance(store.backend, key('a'), wish)).toBe(true);
    });

    test('an operation of a process that is gone is removed, a person’s is not', async () => {
      await beginMaintenance(store.backend, key('a'), wish);
      await store.backend.run(({db}) => db('database_instance_maintenance').update({explicitly_bounded: 0}));
      await beginMaintenance(store.backend, key('b'), wish);
      expect(await keepEachMinute(store.backend, store.config)).toEqual({'expire-maintenance': 1});
      expect((await activeMaintenance(store.backend)).map((one) => one.key)).toEqual([key('b')]);
    });
  });

  test('a promotion rule is the last one said, and has to be said again', async () => {
    await registerCandidate(store.backend, key('a'), 'prefer');
    await registerCandidate(store.backend, key('a'), 'must_not');
    expect(await readCandidates(store.backend)).toMatchObject([{key: key('a'), rule: 'must_not'}]);
    await age('candidate_database_instance', 'last_suggested', 3601);
    expect(await keepEachMinute(store.backend, store.config)).toEqual({'expire-candidates': 1});
  });

  test('the kill switch: off, on, on again, off; unreadable throws', async () => {
    expect(await recoveriesDisabled(store.backend)).toBe(false);
    await disableRecoveries(store.backend);
    await disableRecoveries(store.backend);
    expect(await recoveriesDisabled(store.backend)).toBe(true);
    await enableRecoveries(store.backend);
    expect(await recoveriesDisabled(store.backend)).toBe(false);
    await store.backend.run(({db}) => db.schema.renameTable('global_recovery_disable', 'hidden'));
    try {
      await expect(recoveriesDisabled(store.backend)).rejects.toMatchObject({code: 'SCHEMA_MISSING'});
    } finally {
      await store.backend.run(({db}) => db.schema.renameTable('hidden', 'global_recovery_disable'));
    }
  });

  test('the audit is read newest first, by page and by instance', async () => {
    for (let at = 1; at <= 22; at += 1) await writeAudit(store.backend, {type: 'test', key: at === 3 ? key('a') : null, message: `n${at}`});
    expect((await readAudit(store.backend)).map((one) => one.message)).toEqual(Array.from({length: 20}, (_, at) => `n${22 - at}`));
    expect((await readAudit(store.backend, {page: 1})).map((one) => one.message)).toEqual(['n2', 'n1']);
    expect(await readAudit(store.backend, {key: key('a')})).toMatchObject([{message: 'n3', key: key('a'), type: 'test', cluster: ''}]);
    await age('audit', 'audit_timestamp', 8 * 86_400);
    expect(await keepEachMinute(store.backend, store.config)).toEqual({'purge-audit': 22});
  });

  test('analysis: the first is no change, the same is none, another is one', async () => {
    expect(await noteAnalysis(store.backend, key('a'), 'NoProblem')).toBe(false);
    expect(await noteAnalysis(store.backend, key('a'), 'NoProblem')).toBe(false);
    expect(await noteAnalysis(store.backend, key('a'), 'DeadMaster')).toBe(true);
    expect(await noteAnalysis(store.backend, key('a'), 'NoProblem')).toBe(true);
    expect(await readChangelog(store.backend)).toMatchObject([{key: key('a'), changes: [{code: 'DeadMaster'}, {code: 'NoProblem'}]}]);
  });

  test('attributes keep the last value', async () => {
    expect(await readAttribute(store.backend, GENERAL, 'shop.example')).toBeNull();
    await writeAttribute(store.backend, {host: GENERAL, name: 'shop.example', value: 'a:3306'});
    await writeAttribute(store.backend, {host: GENERAL, name: 'shop.example', value: 'b:3306'});
    expect(await readAttribute(store.backend, GENERAL, 'shop.example')).toBe('b:3306');
  });

  describe('names', () => {
    test('what a host resolves to, and the name it came from', async () => {
      expect(await readResolve(store.backend, 'a')).toBeNull();
      await writeResolve(store.backend, 'a', 'a.example');
      await writeResolve(store.backend, 'b', 'b');
      expect(await readResolve(store.backend, 'a')).toBe('a.example');
      expect([...(await readResolves(store.backend))]).toEqual(
        expect.arrayContaining([
          ['a', 'a.example'],
          ['b', 'b'],
        ]),
      );
      expect(await rowsOf(store.backend, 'hostname_resolve_history')).toMatchObject([{resolved_hostname: 'a.example', hostname: 'a'}]);
    });

    test('of two that resolve to each other the older goes', async () => {
      await writeResolve(store.backend, 'a', 'b');
      await age('hostname_resolve', 'resolved_timestamp', 10);
      await writeResolve(store.backend, 'b', 'a');
      expect(await expireResolves(store.backend, 3600)).toBe(1);
      expect([...(await readResolves(store.backend))]).toEqual([['b', 'a']]);
    });

    test('virtual names and addresses', async () => {
      await writeUnresolve(store.backend, 'a', 'vip');
      expect(await readUnresolve(store.backend, 'a')).toBe('vip');
      expect(await forgetUnresolve(store.backend, 'a')).toBe(true);
      expect(await forgetUnresolve(store.backend, 'a')).toBe(false);
      await writeAddresses(store.backend, 'a', {ipv4: '10.0.0.1', ipv6: ''});
      await writeAddresses(store.backend, 'a', {ipv4: '10.0.0.2', ipv6: '::1'});
      expect(await readAddresses(store.backend, 'a')).toEqual({ipv4: '10.0.0.2', ipv6: '::1'});
      expect(await readAddresses(store.backend, 'b')).toBeNull();
    });

    test('hosts that answer, each once', async () => {
      await write(instance('b'), instance('a'), {...instance('a'), key: {host: 'a', port: 3307}}, instance('gone'));
      await store.backend.run(({db}) => db('database_instance').where('hostname', 'gone').update({last_seen: null}));
      expect(await hostsThatAnswer(store.backend)).toEqual(['a', 'b']);
      await age('database_instance', 'last_seen', 60);
      expect(await hostsThatAnswer(store.backend)).toEqual([]);
    });
  });

  describe('aliases', () => {
    const of = (name: string, suggestedAlias: string, but: Partial<Instance> = {}) =>
      instance(name, {cluster: {...instance(name).cluster, suggestedAlias}, ...but});
    const aliases = async () =>
      (await rowsOf(store.backend, 'cluster_alias', 'cluster_name')).map((row) => `${String(row['cluster_name'])}=${String(row['alias'])}`);

    test('the best instance that claims an alias gives it its cluster', async () => {
      await write(of('a', 'shop', {readOnly: true}), of('b', 'shop'), of('c', ''));
      await recomputeAliases(store.backend);
      expect(await aliases()).toEqual(['b:3306=shop', 'c:3306=c:3306']);
      expect(await clusterOfAlias(store.backend, 'shop')).toBe('b:3306');
      expect(await clusterOfAlias(store.backend, 'none')).toBeNull();
    });

    test('moves with a failover, and back again', async () => {
      await write(of('a', 'shop'), of('b', 'shop', {replicas: []}));
      await recomputeAliases(store.backend);
      expect(await aliases()).toEqual(['a:3306=shop']);
      await beginDowntime(store.backend, key('a'), {owner: 'x', reason: LOST_IN_RECOVERY, lasting: 600});
      await recomputeAliases(store.backend);
      expect(await aliases()).toEqual(['b:3306=shop']);
      await endDowntime(store.backend, key('a'));
      await recomputeAliases(store.backend);
      expect(await aliases()).toEqual(['a:3306=shop']);
    });

    test('two clusters that swap their aliases', async () => {
      await write(of('a', 'one'), of('b', 'two'));
      await recomputeAliases(store.backend);
      await write(of('a', 'two'), of('b', 'one'));
      await recomputeAliases(store.backend);
      expect(await aliases()).toEqual(['a:3306=two', 'b:3306=one']);
    });

    test('clusters as lists show them', async () => {
      await write(of('a', 'shop'), of('r', 'shop', {cluster: {...instance('a').cluster, suggestedAlias: 'shop', depth: 1}}), of('z', ''));
      expect((await readClusters(store.backend)).map((one) => one.alias)).toEqual(['a:3306', 'z:3306']);
      await recomputeAliases(store.backend);
      await writeDomain(store.backend, 'a:3306', 'shop.example');
      expect(await readClusters(store.backend)).toEqual([
        {name: 'a:3306', alias: 'shop', domain: 'shop.example', instances: 2},
        {name: 'z:3306', alias: 'z:3306', domain: '', instances: 1},
      ]);
      await overrideAlias(store.backend, 'z:3306', 'zoo');
      await overrideAlias(store.backend, 'z:3306', 'zoo2');
      expect([...(await readAliasOverrides(store.backend))]).toEqual([['z:3306', 'zoo2']]);
    });
  });

  test('a source whose log stands still is known by when it was first seen there', async () => {
    const at = {file: 'binlog.000003', position: 4711};
    await write(instance('a'));
    await noteCoordinates(store.backend, key('a'), at);
    await age('database_instance_stale_binlog_coordinates', 'first_seen', 11);
    await noteCoordinates(store.backend, key('a'), at);
    expect(await standingStill(store.backend, 10)).toEqual([key('a')]);
    await noteCoordinates(store.backend, key('a'), {...at, position: 4712});
    expect(await standingStill(store.backend, 10)).toEqual([]);
    expect(await rowsOf(store.backend, 'database_instance_stale_binlog_coordinates')).toMatchObject([{binary_log_pos: 4712}]);
  });

  test('where nothing is old, housekeeping finds nothing', async () => {
    await write(instance('a'));
    expect(await keepEachSecond(store.backend, store.config)).toEqual({});
    expect(await keepEachMinute(store.backend, store.config)).toEqual({});
  });
});
