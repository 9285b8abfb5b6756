import {describe, expect, test} from 'vitest';
import type {Instance, Reading} from '../../../src/lib/model/instance.ts';
import {keyText} from '../../../src/lib/model/instance-key.ts';
import {LiveModel, neighbours} from '../../../src/lib/probe/live-model.ts';
import type {ProbeOutcome} from '../../../src/lib/probe/outcome.ts';
import {given, key} from '../support/given.ts';

function found(instance: Instance, startedAt: number, changed: Partial<Reading> = {}): ProbeOutcome {
  const {cluster: _cluster, check: _check, wishes: _wishes, ...reading} = instance;
  return {ok: true, asked: instance.key, reading: {...reading, ...changed}, remarks: [], startedAt, took: 1};
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
