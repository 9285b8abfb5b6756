import {describe, expect, test} from 'vitest';
import {NEVER_CHECKED, NO_WISHES, type Instance, type Reading} from '../../../src/lib/model/instance.ts';
import {keyText} from '../../../src/lib/model/instance-key.ts';
import {LiveModel, neighbours} from '../../../src/lib/probe/live-model.ts';
import type {ProbeOutcome} from '../../../src/lib/probe/outcome.ts';
import {given, key} from '../support/given.ts';

function found(instance: Instance, startedAt: number, changed: Partial<Reading> = {}): ProbeOutcome {
  const {cluster: _cluster, check: _check, wishes: _wishes, ...reading} = instance;
  return {ok: true, asked: instance.key, reading: {...reading, ...changed}, hostname: instance.key.host, remarks: [], startedAt, took: 1};
}

const refused = (name: string, startedAt: number): ProbeOutcome => ({
  ok: false,
  asked: key(name),
  key: key(name),
  unreachable: {reach: 'refused', errno: 0, message: 'connection refused'},
  partial: false,
  message: 'connection refused',
  startedAt,
  took: 1,
});

function modelOf(sketch: string): {model: LiveModel; at: (name: string) => Instance} {
  const topology = given(sketch);
  const at = (name: string): Instance => {
    const instance = topology.get(key(name));
    if (!instance) throw new Error(`no ${name} in the sketch`);
    return instance;
  };
  const model = new LiveModel();
  model.begin(topology.instances);
  return {model, at};
}

describe('what one process knows of the servers', () => {
  test('rows of the backend do not count as probed in this term', () => {
    const {model, at} = modelOf('a: b');
    expect(model.probedAt(key('a'))).toBeNull();
    model.record(key('a'), found(at('a'), 10));
    expect(model.probedAt(key('a'))).toBe(10);
  });

  test('what was probed before others were done changing it is void, until a probe begins after that', () => {
    const {model, at} = modelOf('a: b');
    const lockedBy = (who: string | null) => model.wish(new Map([['a:3306', {...NO_WISHES, lockedBy: who}]]));
    const seen = () => ({fresh: model.isFresh(key('a')), void: model.voided().map(keyText)});
    const before = performance.now();
    expect(seen()).toEqual({fresh: false, void: []});
    model.record(key('a'), found(at('a'), before));
    lockedBy('one.example (relocate)');
    expect(seen()).toEqual({fresh: true, void: []});
    lockedBy('two.example (relocate)');
    expect(seen()).toEqual({fresh: false, void: ['a:3306']});
    model.record(key('a'), refused('a', performance.now() + 1));
    expect(seen()).toEqual({fresh: true, void: []});
    model.forget(key('a'));
    model.learn(at('a'));
    model.record(key('a'), found(at('a'), before));
    lockedBy('two.example (relocate)');
    lockedBy(null);
    model.record(key('a'), found(at('a'), before + 0.001));
    expect(seen()).toEqual({fresh: false, void: ['a:3306']});
    model.wish(new Map());
    model.record(key('a'), found(at('a'), performance.now() + 1));
    expect(seen()).toEqual({fresh: true, void: []});
  });

  test('a failed probe keeps the last reading and says that it is not valid', () => {
    const {model, at} = modelOf('a: b');
    model.record(key('a'), refused('a', 10));
    expect(model.get(key('a'))).toMatchObject({serverUuid: at('a').serverUuid, check: {valid: false, reach: 'refused'}});
  });

  test('an outcome that began earlier never overwrites a newer one', () => {
    const {model, at} = modelOf('a: b');
    model.record(key('a'), refused('a', 20));
    expect(model.record(key('a'), found(at('a'), 10))).toBeNull();
    expect(model.get(key('a'))?.check.valid).toBe(false);
  });

  test('a server nobody has seen that does not answer is not made up', () => {
    const {model} = modelOf('a: b');
    expect(model.record(key('x'), refused('x', 10))).toBeNull();
    expect(model.keys().map(keyText)).toEqual(['a:3306', 'b:3306']);
  });

  test('a server that calls itself otherwise is known by its own name only', () => {
    const {model, at} = modelOf('a: b');
    model.record(key('b'), found(at('b'), 10, {key: key('b.example')}));
    expect(model.keys().map(keyText).sort()).toEqual(['a:3306', 'b.example:3306']);
  });

  test('another server on the same port replaces the one before', () => {
    const {model, at} = modelOf('a: b');
    model.record(key('a'), found(at('a'), 10, {serverUuid: 'ffffffff-0000-0000-0000-000000000000', uptime: 1}));
    expect(model.get(key('a'))?.serverUuid).toBe('ffffffff-0000-0000-0000-000000000000');
  });
});

describe('two names of one server', () => {
  const unlike = {serverUuid: '', uptime: 100};
  const names = (model: LiveModel, name: string): readonly string[] => model.namesakesOf(key(name)).map((one) => keyText(one.key));

  test.each([
    {what: 'the same UUID', first: {serverUuid: 'u'}, second: {serverUuid: 'u'}, same: true},
    {what: 'another UUID', first: {serverUuid: 'u'}, second: {serverUuid: 'v'}, same: false},
    {what: 'no UUID, started at the same time', first: unlike, second: {...unlike, uptime: 104}, same: true},
    {what: 'no UUID, started at another time', first: unlike, second: {...unlike, uptime: 120}, same: false},
    {what: 'no UUID, another number', first: unlike, second: {...unlike, uptime: 104, serverId: 99}, same: false},
  ])('on one host: $what', ({first, second, same}) => {
    const {model, at} = modelOf('a: b');
    const record = (asked: string, startedAt: number, changed: Partial<Reading>) =>
      model.record(key(asked), {...found(at('a'), startedAt, {...changed, key: key(asked)}), hostname: 'box'} as ProbeOutcome);
    record('a', 1000, first);
    record('alias', 5000, second);
    expect(names(model, 'a')).toEqual(same ? ['alias:3306'] : []);
    model.record(key('a'), refused('a', 6000));
    expect(names(model, 'alias')).toEqual(same ? ['a:3306'] : []);
  });

  /** Two servers that answer nobody, as the backend has them. */
  function recorded(first: Partial<Instance>, second: Partial<Instance>): LiveModel {
    const [a] = given('a: b').instances;
    if (!a) throw new Error('no a');
    const seen = {...a.check, valid: false, secondsSinceSeen: 30};
    const model = new LiveModel();
    model.begin([
      {...a, check: seen, ...first},
      {...a, check: seen, ...second, key: key('alias')},
    ]);
    return model;
  }
  const ago = (secondsSinceSeen: number | null) => ({check: {...NEVER_CHECKED, secondsSinceSeen}});
  const gtid = (binlogState: string) => ({gtid: {...given('a: b').instances[0]!.gtid, binlogState}});
  const log = (file: string) => ({binlog: {...given('a: b').instances[0]!.binlog, at: {file, position: 4}}});
  const withReplicas = (...hosts: string[]) => ({replicas: hosts.map((host) => key(host))});

  test.each<{what: string; first: Partial<Instance>; second: Partial<Instance>; same: boolean}>([
    {what: 'the same UUID', first: {}, second: {}, same: true},
    {what: 'another UUID', first: {}, second: {serverUuid: 'o'}, same: false},
    {what: 'one of them answers', first: {}, second: {check: {...NEVER_CHECKED, valid: true}}, same: false},
    {what: 'no UUID', first: unlike, second: unlike, same: true},
    {what: 'another number', first: unlike, second: {...unlike, serverId: 99}, same: false},
    {what: 'seen last at other times, started at the same', first: unlike, second: {...unlike, uptime: 20, ...ago(112)}, same: true},
    {what: 'seen last at other times, and for as long as the other', first: unlike, second: {...unlike, ...ago(112)}, same: false},
    {what: 'nobody knows when', first: unlike, second: {...unlike, ...ago(null)}, same: true},
    {what: 'another version', first: unlike, second: {...unlike, version: '10.6.1-MariaDB'}, same: false},
    {
      what: 'a log of another name',
      first: {...unlike, ...log('mysql-bin.000009')},
      second: {...unlike, ...log('binlog.000009')},
      same: false,
    },
    {what: 'a log that went on', first: {...unlike, ...log('binlog.000008')}, second: {...unlike, ...log('binlog.000009')}, same: true},
    {what: 'logs that grew', first: {...unlike, ...gtid('0-1-9')}, second: {...unlike, ...gtid('0-1-12,1-1-1')}, same: true},
    {
      what: 'each wrote what the other did not',
      first: {...unlike, ...gtid('0-1-9,0-7-4')},
      second: {...unlike, ...gtid('0-1-12')},
      same: false,
    },
    {
      what: 'one replica in common',
      first: {...unlike, ...withReplicas('b', 'c')},
      second: {...unlike, ...withReplicas('c', 'd')},
      same: true,
    },
    {what: 'no replica in common', first: {...unlike, ...withReplicas('b')}, second: {...unlike, ...withReplicas('c')}, same: false},
    {what: 'no replicas named', first: {...unlike, ...withReplicas('b')}, second: unlike, same: true},
    {
      what: 'no replica in common, but seen long before',
      first: {...unlike, ...withReplicas('b'), uptime: 1000},
      second: {...unlike, ...withReplicas('c'), uptime: 900, ...ago(130)},
      same: true,
    },
  ])('of those that have not answered in this term the backend tells: $what', ({first, second, same}) => {
    expect(names(recorded(first, second), 'a')).toEqual(same ? ['alias:3306'] : []);
  });
});

describe('places in the cluster', () => {
  test('when a source moves, all that is below it moves with it, without being probed', () => {
    const {model, at} = modelOf('a: b; b: c; c: d');
    model.record(key('b'), found(at('b'), 10, {replication: null, readOnly: false}));
    expect(['b', 'c', 'd'].map((name) => model.get(key(name))?.cluster)).toMatchObject([
      {name: 'b:3306', depth: 0},
      {name: 'b:3306', depth: 1},
      {name: 'b:3306', depth: 2},
    ]);
  });

  test('aliases given by hand reach every tier with the next probe of the source', () => {
    const {model, at} = modelOf('a: b; b: c');
    model.nameBy({overrides: new Map([['a:3306', 'main']])});
    model.record(key('a'), found(at('a'), 10));
    expect(['a', 'b', 'c'].map((name) => model.get(key(name))?.cluster.suggestedAlias)).toEqual(['main', 'main', 'main']);
  });
});

test('a server leads to its source, its replicas and its group, and to no detached host', () => {
  const reading = given('a: b; b: c').get(key('b'));
  if (!reading?.replication) throw new Error('b replicates');
  expect(neighbours({...reading, replicas: [key('c')]}).map(keyText)).toEqual(['a:3306', 'c:3306']);
  expect(neighbours({...reading, replication: {...reading.replication, source: key('//a')}}).map(keyText)).toEqual([]);
});
