import {describe, expect, test} from 'vitest';
import type {Instance, Reading} from '../../../src/lib/model/instance.ts';
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

  test('of those that have not answered in this term the backend tells', () => {
    const {a} = Object.fromEntries(given('a: b').instances.map((one) => [one.key.host, one]));
    if (!a) throw new Error('no a');
    const dead = {...a, check: {...a.check, valid: false}};
    const model = new LiveModel();
    model.begin([dead, {...dead, key: key('alias')}, {...dead, key: key('other'), serverUuid: 'o'}, {...a, key: key('alive')}]);
    expect(names(model, 'a')).toEqual(['alias:3306']);
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
