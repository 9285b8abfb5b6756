import {expect, test} from 'vitest';
import {publishedSources} from '../../../src/lib/execute/discovery/sources.ts';
import {Topology} from '../../../src/lib/model/topology.ts';
import {keyText} from '../../../src/lib/model/instance-key.ts';
import {down, given} from '../support/given.ts';

const downtimed = {downtime: {owner: 'ann', reason: 'disk', endsAt: '2026-01-01 00:00:00', endsIn: 60, isActive: true}};

test.each<{sketch: string; buts: Parameters<typeof given>[1]; names: readonly string[]}>([
  {sketch: 'a: b c', buts: {}, names: ['a:3306']},
  {sketch: 'a: b', buts: {a: down}, names: []},
  {sketch: 'a: b', buts: {a: {readOnly: true}}, names: []},
  {sketch: 'a: b', buts: {a: {wishes: downtimed} as never}, names: []},
])('$sketch with $buts: $names', ({sketch, buts, names}) => {
  expect(publishedSources(given(sketch, buts)).map(({source}) => keyText(source))).toEqual(names);
});

test('a replica that takes writes is not published, and two writable servers of one name are none', () => {
  const topology = new Topology([...given('a: b', {b: {readOnly: false}}).instances, ...given('d: e').instances]);
  const renamed = topology.with(...topology.instances.map((one) => ({...one, cluster: {...one.cluster, suggestedAlias: 'shop'}})));
  expect(publishedSources(topology).map(({source}) => source.host)).toEqual(['a', 'd']);
  expect(publishedSources(renamed)).toEqual([]);
});
