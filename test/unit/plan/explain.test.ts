import {expect, test} from 'vitest';
import {explain, type Standing} from '../../../src/lib/plan/explain.ts';
import {checksBeforePlanning} from '../../../src/lib/plan/vetoes.ts';
import type {Config} from '../../../src/lib/config/keys.ts';
import {and, broken, down, full, given, key, type But} from '../support/given.ts';
import {configured} from '../support/policy.ts';

const QUIET: Standing = {enabled: true, blockedBy: null, lockedBy: null, leader: 'node1'};
const all = {RecoverMasterClusterFilters: ['*'], RecoverIntermediateMasterClusterFilters: ['*']};
const downtimed: But = {wishes: {downtime: {owner: 'ann', reason: 'disk', endsAt: '', elapsed: 0, remaining: 1}}};
const held = (name: string, buts: Record<string, But>, keys: Partial<Config> = {}, standing: Partial<Standing> = {}) => {
  const found = explain(given('a: b c; b: d e', buts), key(name), {
    config: configured({...all, ...keys}),
    standing: {...QUIET, ...standing},
  });
  if (found === null) throw new Error(`${name} is not in the topology`);
  return {...found, holding: found.checks.filter(({holdsBack}) => holdsBack).map(({code}) => code)};
};
const dead = {a: down, b: broken, c: broken};

test.each([
  {what: 'nothing', buts: dead, keys: {}, standing: {}, holding: []},
  {what: 'no filter', buts: dead, keys: {RecoverMasterClusterFilters: ['other']}, standing: {}, holding: ['filtered-out']},
  {
    what: 'filters for intermediate sources do not count for a source',
    buts: dead,
    keys: {RecoverIntermediateMasterClusterFilters: []},
    standing: {},
    holding: [],
  },
  {what: 'downtime', buts: {...dead, a: and(down, downtimed)}, keys: {}, standing: {}, holding: ['downtimed']},
  {
    what: 'maintenance',
    buts: {...dead, a: and(down, {wishes: {inMaintenance: true}})},
    keys: {},
    standing: {},
    holding: ['in-maintenance'],
  },
  {what: 'the kill switch', buts: dead, keys: {}, standing: {enabled: false}, holding: ['recovery-disabled']},
  {what: 'a kill switch that cannot be read', buts: dead, keys: {}, standing: {enabled: null}, holding: ['recovery-disabled']},
  {what: 'anti-flapping', buts: dead, keys: {}, standing: {blockedBy: 'recovery 1'}, holding: ['recently-recovered']},
  {what: 'a lock', buts: dead, keys: {}, standing: {lockedBy: 'ann'}, holding: ['being-changed']},
  {what: 'no leader', buts: dead, keys: {}, standing: {leader: null}, holding: ['not-probed-in-this-term']},
])('a dead source is held back by $what', ({buts, keys, standing, holding}) => {
  const found = held('a', buts, keys, standing);
  expect(found).toMatchObject({analysis: {code: 'DeadMaster'}, supposed: false, decision: {act: true}, holding});
  expect(found.checks).toHaveLength(7);
});

test('the filters are those of the kind of failure', () => {
  const keys = {RecoverMasterClusterFilters: ['*'], RecoverIntermediateMasterClusterFilters: []};
  const found = held('b', {b: down, d: broken, e: broken}, keys);
  expect(found).toMatchObject({analysis: {code: 'DeadIntermediateMaster'}, holding: ['filtered-out']});
});

test.each([
  {name: 'a', buts: {}, code: 'NoProblem', rule: null, supposed: true, acts: true},
  {name: 'a', buts: dead, code: 'DeadMaster', rule: expect.any(Number) as number, supposed: false, acts: true},
  // It answers with an error of its own: found, told, and nothing is done.
  {
    name: 'a',
    buts: {a: full, b: broken, c: broken},
    code: 'UnreachableMaster',
    rule: expect.any(Number) as number,
    supposed: false,
    acts: false,
  },
  {name: 'd', buts: {}, code: 'NoProblem', rule: null, supposed: false, acts: null},
])('$name with $buts: $code, supposed: $supposed', ({name, buts, code, rule, supposed, acts}) => {
  const found = held(name, buts);
  expect(found).toMatchObject({analysis: {code}, rule, supposed});
  expect(found.decision?.act ?? null).toBe(acts);
});

test.each([
  {name: 'a', buts: {}, code: 'DeadMaster', unmet: 'it can be reached'},
  {name: 'a', buts: {a: full, b: broken, c: broken}, code: 'DeadMaster', unmet: 'it refuses us with an answer of its own, so it is alive'},
  {name: 'b', buts: {}, code: 'DeadMaster', unmet: 'it replicates from another instance'},
  {name: 'a', buts: dead, code: 'DeadMasterWithoutReplicas', unmet: 'it has 2 replicas'},
  {name: 'a', buts: {a: down, b: broken, c: down}, code: 'DeadMaster', unmet: '1 of its 2 replicas cannot be reached'},
  {name: 'a', buts: {a: down, b: broken}, code: 'DeadMaster', unmet: '1 replica replicates from it'},
  {name: 'a', buts: {}, code: 'MasterWithTooManySemiSyncReplicas', unmet: 'EnforceExactSemiSyncReplicas is off'},
  {name: 'a', buts: {}, code: 'LockedSemiSyncMaster', unmet: 'its writes do not wait for semi-sync replicas'},
  {name: 'b', buts: {}, code: 'AllIntermediateMasterReplicasNotReplicating', unmet: '2 replicas replicate from it'},
  {name: 'd', buts: {}, code: 'DeadReplicationGroupMemberWithReplicas', unmet: 'it is no member of a replication group'},
])('$name with $buts is no $code: $unmet', ({name, buts, code, unmet}) => {
  expect(held(name, buts).tried.find((one) => one.code === code)).toMatchObject({unmet});
});

test('the rules are tried in order up to the one that matches; where none does, each says why', () => {
  const found = held('a', dead);
  expect(found.tried.map(({rule}) => rule)).toEqual(found.tried.map((_, at) => at + 1));
  expect(found.tried.map((one) => one.unmet === null)).toEqual(found.tried.map(({rule}) => rule === found.rule));
  expect(found.tried.at(-1)).toMatchObject({code: 'DeadMaster', unmet: null});
  const well = held('d', {}).tried;
  expect(well).toHaveLength(found.rules);
  expect(well.filter(({unmet}) => unmet === null || unmet === '')).toEqual([]);
});

test.each([
  {name: 'd', buts: {}, keys: {}, says: /no replicas/},
  {name: 'a', buts: {a: {wishes: {inMaintenance: true}}}, keys: {}, says: /in maintenance/},
  {name: 'a', buts: {}, keys: {RecoveryIgnoreHostnameFilters: ['^a$']}, says: /RecoveryIgnoreHostnameFilters/},
  {name: 'a', buts: {a: downtimed}, keys: {}, says: /downtimed/},
])('$name with $buts and $keys is left out of analyses, and why', ({name, buts, keys, says}) => {
  expect(held(name, buts, keys).leftOut).toMatch(says);
});

test('what was seen, in a sentence each', () => {
  const {seen} = held('a', {...dead, c: and(broken, downtimed, {wishes: {promotionRule: 'must_not'}})});
  expect(seen.map(({says}) => says)).toEqual([
    expect.stringMatching(/^cannot be reached \(refused\)/),
    expect.stringContaining('receiver connecting with error 2003; applier running'),
    expect.stringMatching(/downtimed by ann: disk; promotion rule must_not$/),
  ]);
});

test('as many recoveries as there may be: one more waits', () => {
  const [instance] = given('a:').instances;
  if (!instance) throw new Error('there is one');
  const at = (underWay: number) =>
    checksBeforePlanning({instance, recovery: 'dead-source', enabled: true, underWay}, configured({...all, MaxConcurrentRecoveries: 2}));
  expect(at(1).filter(({holdsBack}) => holdsBack)).toEqual([]);
  expect(at(2).filter(({holdsBack}) => holdsBack)).toMatchObject([
    {code: 'too-many-recoveries', says: 'a:3306 waits: 2 recoveries are under way'},
  ]);
});
