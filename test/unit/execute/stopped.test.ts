import {expect, test} from 'vitest';
import {analyze} from '../../../src/lib/analysis/analyze.ts';
import {hookFacts} from '../../../src/lib/hooks/facts.ts';
import {actsOf, type JournaledAct} from '../../../src/lib/execute/journal/acts.ts';
import {mayHaveOpened} from '../../../src/lib/execute/journal/opened.ts';
import type {ActState} from '../../../src/lib/execute/journal/run.ts';
import {stoppedBy, stoppedUnopened, withoutOpening} from '../../../src/lib/execute/journal/stopped.ts';
import {planRecovery} from '../../../src/lib/plan/recovery.ts';
import {and, broken, down, given, key, named, uuid} from '../support/given.ts';
import {configured} from '../support/policy.ts';

/** c is wanted and has to fetch from b first; d was stopped by somebody before. */
const topology = given('a: b c d', {
  a: down,
  b: broken,
  c: and(broken, {
    wishes: {promotionRule: 'prefer'},
    gtid: {executed: `${uuid('a')}:1-90`},
    replication: {retrievedGtid: `${uuid('a')}:1-90`},
  }),
  d: broken,
});
const [finding] = analyze(topology, configured());
const decision = planRecovery(finding!, topology, configured());
if (!decision.act) throw new Error(decision.why.because);
const acts = actsOf(decision.plan, {skipHooks: false});
const nameOf = ({act}: JournaledAct): string => (act.do === 'step' ? `${act.step.do} ${act.step.on.host}` : act.do);
const document = {
  version: 1,
  uid: 'u',
  plan: decision.plan,
  acts,
  alias: '',
  receiving: [key('b'), key('c')],
  facts: hookFacts({failureType: '', instanceType: 'master', failed: key('a'), cluster: '', orchestratorHost: '', recoveryUid: 'u'}),
} as const;

/** Everything up to this act is done, and it itself is in the given state. */
function interruptedAt(name: string, state: ActState): (act: number) => ActState {
  const at = acts.find((act) => nameOf(act) === name)!.number;
  return (number) => (number < at ? 'done' : number === at ? state : 'planned');
}

test.each<{at: string; state: ActState; receivers: readonly string[]; both: readonly string[]; left: readonly string[]}>([
  {at: 'close-source a', state: 'done', receivers: [], both: [], left: []},
  {at: 'drain c', state: 'started', receivers: ['c'], both: [], left: []},
  {at: 'drain b', state: 'started', receivers: ['b', 'c'], both: [], left: []},
  {at: 'stop-receiver d', state: 'done', receivers: ['b', 'c'], both: [], left: []},
  {at: 'catch-up c', state: 'started', receivers: ['b'], both: ['c'], left: []},
  {at: 'catch-up c', state: 'failed', receivers: ['b'], both: ['c'], left: []},
  {at: 'make-writable c', state: 'started', receivers: [], both: [], left: ['b']},
  {at: 'repoint b', state: 'started', receivers: [], both: ['b'], left: []},
  {at: 'repoint d', state: 'failed', receivers: [], both: ['d'], left: []},
  {at: 'repoint d', state: 'done', receivers: [], both: [], left: []},
])('given up when "$at" was $state: start $receivers and $both, leave $left', ({at, state, ...expected}) => {
  const stopped = stoppedBy(document, interruptedAt(at, state));
  expect({receivers: named(stopped.receivers), both: named(stopped.both), left: named(stopped.left)}).toEqual(expected);
});

test.each<{state: ActState; receivers: readonly string[]; both: readonly string[]; left: readonly string[]; opened: boolean}>([
  {state: 'started', receivers: ['b'], both: ['c'], left: [], opened: false},
  {state: 'failed', receivers: ['b'], both: ['c'], left: [], opened: false},
  {state: 'done', receivers: [], both: ['c'], left: ['b'], opened: true},
])('given up when the opening of c was $state, and c was seen closed: start $receivers and $both', ({state, opened, ...expected}) => {
  const stateOf = interruptedAt('make-writable c', state);
  const stopped = stoppedUnopened(document, stateOf);
  expect({receivers: named(stopped.receivers), both: named(stopped.both), left: named(stopped.left)}).toEqual(expected);
  expect(mayHaveOpened(document, withoutOpening(document, stateOf))).toBe(opened);
});

const TRIED = [{key: key('b'), identity: {serverId: 2, serverUuid: '', binlogState: ''}}];
const NOTHING = (): ActState => 'planned';

test.each<{what: string; document: Parameters<typeof mayHaveOpened>[0]; stateOf: (act: number) => ActState; opened: boolean}>([
  {what: 'nothing was begun', document, stateOf: NOTHING, opened: false},
  {what: 'it had caught up', document, stateOf: interruptedAt('catch-up c', 'done'), opened: false},
  {what: 'opening was begun', document, stateOf: interruptedAt('make-writable c', 'started'), opened: true},
  {what: 'opening had failed', document, stateOf: interruptedAt('make-writable c', 'failed'), opened: true},
  {
    what: 'one was tried, and died before it was opened',
    document: {...document, tried: TRIED, opened: false},
    stateOf: NOTHING,
    opened: false,
  },
  {what: 'one was tried, and may have been opened', document: {...document, tried: TRIED, opened: true}, stateOf: NOTHING, opened: true},
  {what: 'one was tried, and an earlier version did not note more', document: {...document, tried: TRIED}, stateOf: NOTHING, opened: true},
])('given up when $what: the next one has to wait: $opened', ({document, stateOf, opened}) => {
  expect(mayHaveOpened(document, stateOf)).toBe(opened);
});
