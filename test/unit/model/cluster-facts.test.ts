import {expect, test} from 'vitest';
import {clusterFacts, errantAgainst, parentKeyOf} from '../../../src/lib/model/cluster-facts.ts';
import {given, key, uuid, type But} from '../support/given.ts';

test('names and depths travel down, ancestry from the top', () => {
  const topology = given('a: b; b: c');
  const facts = ['a', 'b', 'c'].map((name) => topology.get(key(name))!.cluster);
  expect(facts.map(({name, depth}) => `${name} ${depth}`)).toEqual(['a:3306 0', 'a:3306 1', 'a:3306 2']);
  expect(facts[2]!.ancestry).toBe([uuid('a'), uuid('b'), uuid('c')].join(','));
});

test('an instance whose source is not known is a cluster of its own', () => {
  const b = given('a: b').get(key('b'))!;
  expect(clusterFacts(b, undefined)).toMatchObject({name: 'b:3306', depth: 0, isCoSource: false, ancestry: uuid('b')});
});

const ring = given('a: b; b: a');
const at = (name: string, cluster: string): unknown => {
  const own = ring.get(key(name))!;
  const partner = ring.sourceOf(own)!;
  return clusterFacts(own, {...partner, cluster: {...partner.cluster, name: cluster}});
};

test.each([
  {own: 'a', partnerSays: 'a:3306', name: 'a:3306', depth: 0},
  {own: 'b', partnerSays: 'a:3306', name: 'a:3306', depth: 1},
  {own: 'a', partnerSays: 'b:3306', name: 'b:3306', depth: 1},
  {own: 'b', partnerSays: 'somewhere:3306', name: 'a:3306', depth: 1},
])('co-source $own whose partner says $partnerSays: cluster $name, depth $depth', ({own, partnerSays, name, depth}) => {
  expect(at(own, partnerSays)).toMatchObject({name, depth, isCoSource: true});
});

test('in a ring of three, depth and ancestry stay bounded however often it is read', () => {
  const three = given('a: b; b: c; c: a');
  let facts = three.instances.map((instance) => instance.cluster);
  for (let round = 0; round < 200; round += 1) {
    facts = three.instances.map((instance, at) => clusterFacts(instance, {...three.sourceOf(instance)!, cluster: facts[(at + 2) % 3]!}));
  }
  expect(Math.max(...facts.map(({depth}) => depth))).toBeLessThanOrEqual(64);
  expect(facts.every(({ancestry}) => ancestry.split(',').length === 3)).toBe(true);
});

test.each([
  {naming: {overrides: new Map([['a:3306', 'over']])}, parentAlias: 'inherited', detected: 'own', alias: 'over'},
  {naming: {}, parentAlias: 'inherited', detected: 'own', alias: 'inherited'},
  {naming: {byName: () => 'mapped'}, parentAlias: '', detected: 'own', alias: 'own'},
  {naming: {byName: () => 'mapped'}, parentAlias: '', detected: null, alias: 'mapped'},
  {naming: {}, parentAlias: '', detected: null, alias: ''},
])('alias $alias', ({naming, parentAlias, detected, alias}) => {
  const topology = given('a: b', {a: {cluster: {suggestedAlias: parentAlias}}, b: {detected: {clusterAlias: detected}}});
  expect(clusterFacts(topology.get(key('b'))!, topology.get(key('a')), naming).suggestedAlias).toBe(alias);
});

test('a group secondary takes its place from the primary', () => {
  const group = {name: 'g', singlePrimary: true, state: 'ONLINE', role: 'SECONDARY', members: [], primary: key('p')};
  expect(parentKeyOf({...given('a: b').get(key('b'))!, group})).toEqual(key('p'));
  expect(parentKeyOf({...given('a: b').get(key('b'))!, group: {...group, primary: key('b')}})).toEqual(key('a'));
  expect(parentKeyOf(given('a:').get(key('a'))!)).toBeNull();
});

const executed = (text: string): But => ({gtid: {executed: text}});
const state = (binlogState: string): But => ({gtid: {binlogState}});

test.each([
  {what: 'same', but: {}, errant: ''},
  {what: 'ahead of an older reading of the source', but: {b: executed(`${uuid('a')}:1-120`)}, errant: ''},
  {what: 'own writes', but: {b: executed(`${uuid('a')}:1-100,${uuid('b')}:1-2`)}, errant: `${uuid('b')}:1-2`},
  {what: 'own writes under a tag', but: {b: executed(`${uuid('a')}:1-100,${uuid('b')}:audit:7`)}, errant: `${uuid('b')}:audit:7`},
  {
    what: 'own writes from when it was the source',
    but: {a: executed(`${uuid('a')}:1-100,${uuid('b')}:1-50`), b: executed(`${uuid('a')}:1-100,${uuid('b')}:1-50`)},
    errant: '',
  },
  {what: 'of a server nobody above knows', but: {b: executed(`${uuid('a')}:1-100,${uuid('e')}:1`)}, errant: `${uuid('e')}:1`},
  {what: 'nothing known of the source', but: {a: executed(''), b: executed(`${uuid('b')}:1`)}, errant: ''},
  {what: 'unreadable', but: {b: executed('nonsense')}, errant: ''},
])('MySQL, $what: errant $errant', ({but, errant}) => {
  const topology = given('a: b', but as Record<string, But>);
  expect(errantAgainst(topology.get(key('b'))!, topology.get(key('a'))!)).toBe(errant);
});

test('MySQL, third tier: what the top wrote since the source was read is not errant', () => {
  const topology = given('a: b; b: c', {c: executed(`${uuid('a')}:1-120,${uuid('b')}:1`)});
  expect(errantAgainst(topology.get(key('c'))!, topology.get(key('b'))!)).toBe('');
});

test.each([
  {what: 'same', but: {}, errant: ''},
  {what: 'ahead of an older reading of the source', but: {b: state('0-1-120')}, errant: ''},
  {what: 'own writes the source never saw', but: {b: state('0-1-100,0-2-101')}, errant: '0-2-101'},
  {what: 'own writes the source has', but: {a: state('0-2-50,0-1-100'), b: state('0-2-50,0-1-100')}, errant: ''},
  {what: 'own writes beyond those the source has', but: {a: state('0-2-10,0-1-120'), b: state('0-2-11,0-1-120')}, errant: '0-2-11'},
  {what: 'a pair of a third server the source does not know', but: {b: state('0-9-7,0-1-100')}, errant: ''},
  {what: 'a pair of a third server beyond the source', but: {a: state('0-9-6,0-1-100'), b: state('0-9-7,0-1-100')}, errant: '0-9-7'},
  {what: 'nothing known of the source', but: {a: state(''), b: state('0-2-1')}, errant: ''},
])('MariaDB, $what: errant $errant', ({but, errant}) => {
  const topology = given('a: b', but as Record<string, But>, {flavor: 'MariaDB'});
  expect(errantAgainst(topology.get(key('b'))!, topology.get(key('a'))!)).toBe(errant);
});

test('MariaDB, fourth tier: the ids of all sources above are needed to tell', () => {
  const topology = given('a: b; b: c; c: d', {d: state('0-1-120')}, {flavor: 'MariaDB'});
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => topology.get(key(name))!);
  expect(errantAgainst(d!, c!)).toBe('');
  expect(errantAgainst(d!, c!, [b!, a!])).toBe('');
  const odd = given('a: b; b: c; c: d', {c: state('0-9-1,0-1-100'), d: state('0-9-2,0-1-120')}, {flavor: 'MariaDB'});
  expect(errantAgainst(odd.get(key('d'))!, odd.get(key('c'))!, [b!, a!])).toBe('0-9-2');
});
