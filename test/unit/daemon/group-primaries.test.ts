import {expect, test} from 'vitest';
import {aliasesToMove} from '../../../src/lib/daemon/group-primaries.ts';
import {and, down, given, key, type But} from '../support/given.ts';

const member = (role: string, primary: string | null): But => ({
  group: {name: 'g', singlePrimary: true, state: 'ONLINE', role, members: [], primary: primary === null ? null : key(primary)} as never,
});
const several: But = {group: {...member('PRIMARY', 'a').group, singlePrimary: false} as never};
const switched = {a: member('SECONDARY', 'b'), b: member('PRIMARY', 'b')};

test.each<{what: string; but: Readonly<Record<string, But>>; overrides: Readonly<Record<string, string>>; moved: readonly string[]}>([
  {what: 'goes to the new primary', but: switched, overrides: {'a:3306': 'shop'}, moved: ['a:3306 b:3306 shop']},
  {what: 'stays with a primary', but: switched, overrides: {'b:3306': 'shop'}, moved: []},
  {what: 'stays where the primary has one of its own', but: switched, overrides: {'a:3306': 'shop', 'b:3306': 'till'}, moved: []},
  {
    what: 'stays where the primary cannot be reached',
    but: {...switched, b: and(switched.b, down)},
    overrides: {'a:3306': 'shop'},
    moved: [],
  },
  {
    what: 'stays where the primary does not know of it',
    but: {...switched, b: member('SECONDARY', 'a')},
    overrides: {'a:3306': 'shop'},
    moved: [],
  },
  {
    what: 'goes to the primary that others have elected since it died',
    but: {a: and(member('PRIMARY', 'a'), down), b: member('PRIMARY', 'b')},
    overrides: {'a:3306': 'shop'},
    moved: ['a:3306 b:3306 shop'],
  },
  {
    what: 'stays with a dead primary until another is elected',
    but: {a: and(member('PRIMARY', 'a'), down), b: member('SECONDARY', 'a')},
    overrides: {'a:3306': 'shop'},
    moved: [],
  },
  {
    what: 'stays with a dead one of several primaries',
    but: {a: and(several, down), b: several},
    overrides: {'a:3306': 'shop'},
    moved: [],
  },
  {
    what: 'stays with a dead primary of another group',
    but: {a: and(member('PRIMARY', 'a'), {group: {name: 'h'} as never}, down), b: member('PRIMARY', 'b')},
    overrides: {'a:3306': 'shop'},
    moved: [],
  },
  {what: 'stays where nobody is primary', but: {a: member('PRIMARY', null)}, overrides: {'a:3306': 'shop'}, moved: []},
  {what: 'stays with what is in no group, or unknown', but: {}, overrides: {'a:3306': 'shop', 'z:1': 'old'}, moved: []},
])('an alias given by hand $what', ({but, overrides, moved}) => {
  const found = aliasesToMove(given('a:; b:', but), new Map(Object.entries(overrides)));
  expect(found.map(({from, to, alias}) => `${from} ${to} ${alias}`)).toEqual(moved);
});
