import {expect, test} from 'vitest';
import {decideLeftBehind, type LeftBehindCase} from '../../../src/lib/plan/left-behind.ts';
import type {Demotion} from '../../../src/lib/plan/returned-source.ts';
import {and, broken, down, given, key, stopped, uuid, type But} from '../support/given.ts';

const open: But = {readOnly: false};
const grown: But = {gtid: {executed: `${uuid('a')}:1-100,${uuid('b')}:1-7`}};
const behind: Demotion = {
  uid: 'u',
  recoveryId: 1,
  key: key('a'),
  cluster: 'a:3306',
  identity: null,
  successors: [key('b')],
  promotedSince: false,
  age: 60,
  replicas: [key('b'), key('c')],
  handled: null,
};

interface Situation {
  readonly what: string;
  readonly b?: But;
  readonly c?: But;
  readonly demotion?: Partial<Demotion>;
  readonly at?: Partial<LeftBehindCase>;
  readonly does: 'follow' | 'leave';
  readonly says?: RegExp;
}

/** b took in the other replicas of a, an intermediate source below z; c is back and still points at a. */
test.each<Pick<Situation, 'what' | 'b' | 'does' | 'says'> & {readonly a?: But}>([
  {what: 'nothing speaks against it', does: 'follow', says: /c:3306 still points at a:3306, whose replicas follow b:3306/},
  {what: 'whom the others follow does not replicate', b: stopped, does: 'leave', says: /not known to be there/},
  {what: 'whom the others follow is down', b: down, does: 'leave', says: /not known to be there/},
  {what: 'its own source is back', a: {reachable: true}, does: 'leave', says: /which is back/},
])('an orphan that was left behind, and $what → $does', ({a = {}, b = {}, does, says = /./}) => {
  const topology = given('z: a b; a: c', {a: and(down, a), b, c: broken});
  const at = {topology, isFresh: () => true, within: 3600};
  const decision = decideLeftBehind(topology.get(key('c'))!, {...behind, adopted: true}, at);
  expect(decision.do).toBe(does);
  expect(decision.because).toMatch(says);
});

/** b took the place of a; c is back and still points at a. */
test.each<Situation>([
  {what: 'nothing speaks against it', does: 'follow', says: /c:3306 still points at a:3306, which b:3306 replaced/},
  {what: 'it lacks the latest', c: {gtid: {executed: `${uuid('a')}:1-50`}}, does: 'follow'},
  {
    what: 'it has transactions that the new source lacks',
    c: {gtid: {executed: `${uuid('a')}:1-103`}},
    does: 'leave',
    says: /errant.*101-103/,
  },
  {what: 'it receives', c: {replication: {receiver: {state: 'running'}}}, does: 'leave', says: /receives from/},
  {what: 'it is down', c: down, does: 'leave', says: /not been seen/},
  {what: 'it points at another', c: {replication: {source: key('z')}}, does: 'leave', says: /does not point/},
  {what: 'it replicates by file and position', c: {replication: {usingOracleGtid: false}}, does: 'leave', says: /match finds its place/},
  {what: 'it is in maintenance', c: {wishes: {inMaintenance: true}}, does: 'leave', says: /in use/},
  {what: 'the old source was promoted again', demotion: {promotedSince: true}, does: 'leave', says: /source again/},
  {what: 'it is long ago', demotion: {age: 4000}, does: 'leave', says: /more than 3600 s ago/},
  {what: 'it was no part of that', demotion: {replicas: [key('b')]}, does: 'leave', says: /no part/},
  {what: 'the new source is down', b: down, does: 'leave', says: /not known to be there/},
  {what: 'the new source is closed', b: {readOnly: true}, does: 'leave', says: /not known to be there/},
  {what: 'the new source was not seen in this term', at: {isFresh: ({host}) => host !== 'b'}, does: 'leave', says: /not known to be there/},
])('a replica that was left behind, and $what → $does', ({b = {}, c = {}, demotion = {}, at = {}, does, says = /./}) => {
  const topology = given('a: c; b:', {a: down, b: and(open, grown, b), c: and(broken, c)});
  const decision = decideLeftBehind(
    topology.get(key('c'))!,
    {...behind, ...demotion},
    {topology, isFresh: () => true, within: 3600, ...at},
  );
  expect(decision.do).toBe(does);
  expect(decision.because).toMatch(says);
});
