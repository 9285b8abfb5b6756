import {expect, test} from 'vitest';
import {parseCloneAbility, parseCloneStatus, type CloneAbility} from '../../../src/lib/flavor/clone.ts';
import {decideReprovision, type ReprovisionCase} from '../../../src/lib/plan/reprovision/decide.ts';
import {and, down, given, key, type But, type Kind} from '../support/given.ts';

const ABLE: CloneAbility = {plugin: true, privileges: ['BACKUP_ADMIN', 'CLONE_ADMIN']};
const member: But = {group: {name: 'g', singlePrimary: true, state: 'ONLINE', role: 'SECONDARY', members: [], primary: null} as never};

interface Situation {
  readonly what: string;
  readonly sketch?: string;
  readonly b?: But;
  readonly c?: But;
  readonly kind?: Kind;
  readonly at?: Partial<Pick<ReprovisionCase, 'abilities' | 'hasCredentials'>>;
  readonly from?: string;
  /** A part of the refusal; or whom b follows in the end. */
  readonly says: RegExp;
}

/** b is to be made anew from c. */
test.each<Situation>([
  {what: 'a replica from its sibling', says: /^follows a:3306$/},
  {what: 'a replica from its source', from: 'a', says: /^follows a:3306$/},
  {what: 'a stranger that is closed', sketch: 'a: c; b:', says: /^follows a:3306$/},
  {what: 'from itself', from: 'b', says: /from itself/},
  {what: 'one that cannot be reached', b: down, says: /b:3306 cannot be reached/},
  {what: 'from one that cannot be reached', c: down, says: /c:3306 cannot be reached/},
  {what: 'one of MariaDB', kind: {flavor: 'MariaDB'}, says: /cloning needs MySQL 8\.0\.17/},
  {what: 'an old one', b: {version: '8.0.16'}, says: /b:3306 is 8\.0\.16: cloning needs/},
  {what: 'from another series', b: {version: '8.4.5'}, c: {version: '9.7.0'}, says: /one cannot be cloned into the other/},
  {what: 'within a series', b: {version: '8.4.5'}, c: {version: '8.4.6'}, says: /^follows/},
  {what: 'within 8.0, before that was possible', b: {version: '8.0.36'}, c: {version: '8.0.40'}, says: /one cannot be cloned/},
  {what: 'without the plugin', at: {abilities: {instance: {...ABLE, plugin: false}, from: ABLE}}, says: /b:3306 has no clone plugin/},
  {what: 'without the plugin on the other', at: {abilities: {instance: ABLE, from: {...ABLE, plugin: false}}}, says: /c:3306 has no clone/},
  {what: 'without a grant', at: {abilities: {instance: {...ABLE, privileges: []}, from: ABLE}}, says: /b:3306 .* lacks CLONE_ADMIN/},
  {
    what: 'without a grant on the other',
    at: {abilities: {instance: ABLE, from: {...ABLE, privileges: []}}},
    says: /c:3306 .* lacks BACKUP_ADMIN/,
  },
  {what: 'one with replicas', sketch: 'a: b c; b: d', says: /b:3306 has replicas \(d:3306\)/},
  {what: 'one whose replicas nobody has looked at', b: {replicas: [key('e')]}, says: /b:3306 has replicas \(e:3306\)/},
  {what: 'a member of a group', b: member, says: /member of a replication group/},
  {what: 'one that is writable', b: {readOnly: false}, says: /b:3306 is writable/},
  {what: 'one in maintenance', b: {wishes: {inMaintenance: true}}, says: /in maintenance/},
  {what: 'without GTIDs', kind: {gtid: false}, says: /c:3306 has no GTIDs/},
  {what: 'what nobody knows credentials for', at: {hasCredentials: false}, says: /what b:3306 could replicate with/},
])('made anew: $what', ({sketch = 'a: b c', b = {}, c = {}, kind = {}, at = {}, from = 'c', says}) => {
  const topology = given(sketch, {b: and({readOnly: true}, b), c}, kind);
  const decision = decideReprovision({
    instance: topology.get(key('b'))!,
    from: topology.get(key(from))!,
    topology,
    abilities: {instance: ABLE, from: ABLE},
    hasCredentials: true,
    ...at,
  });
  expect('refused' in decision ? decision.refused : `follows ${decision.plan.source.host}:3306`).toMatch(says);
});

test('what a server says of itself is read', () => {
  expect(parseCloneAbility([{plugin: 1, privileges: 'BACKUP_ADMIN,CLONE_ADMIN'}])).toEqual(ABLE);
  expect(parseCloneAbility([{plugin: 0, privileges: null}])).toEqual({plugin: false, privileges: []});
  expect(parseCloneStatus([])).toBeNull();
  const row = {state: 'In Progress', begun: '2026-01-01 00:00:00.000', errno: 0, error: '', done: '50', estimate: '200'};
  expect(parseCloneStatus([row])).toMatchObject({state: 'In Progress', percent: 25});
  expect(parseCloneStatus([{...row, estimate: 0}])).toMatchObject({percent: null});
});
