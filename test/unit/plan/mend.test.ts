import {expect, test} from 'vitest';
import {analyze} from '../../../src/lib/analysis/analyze.ts';
import {NOTHING_OBSERVED} from '../../../src/lib/analysis/evidence.ts';
import type {Config} from '../../../src/lib/config/keys.ts';
import type {PlanWishes} from '../../../src/lib/plan/contenders.ts';
import type {Decision} from '../../../src/lib/plan/plan.ts';
import {planRecovery} from '../../../src/lib/plan/recovery.ts';
import {and, applierStopped, down, given, key, serverId, stopped, uuid, type But, type Kind} from '../support/given.ts';
import {configured} from '../support/policy.ts';

interface Situation {
  readonly what: string;
  readonly sketch?: string;
  readonly but?: Readonly<Record<string, But>>;
  readonly keys?: Partial<Config>;
  readonly wishes?: PlanWishes;
  readonly kind?: Kind;
}

function decide({sketch = 'a: b c d', but = {}, keys = {}, wishes = {}, kind = {}}: Situation): Decision {
  const topology = given(sketch, but, kind);
  const config = configured(keys);
  const observed = {...NOTHING_OBSERVED, standingStill: new Set(['a:3306'])};
  const found = analyze(topology, {...config, withHealthy: true}, observed).find((one) => one.instance.key.host === 'a');
  return planRecovery(found!, topology, config, wishes);
}

/** `0 c replica on` … */
function told(decision: Decision): readonly string[] | string {
  if (!decision.act) return decision.why.code;
  const {kind, failed, successor, steps} = decision.plan;
  expect({kind, failed, successor}).toEqual({kind: 'mend', failed: key('a'), successor: key('a')});
  return steps.map(({step, stage, weight}) => {
    const what =
      step.do === 'switch-semi-sync'
        ? `${step.role} ${step.enabled ? 'on' : 'off'}`
        : step.do === 'count-acknowledging'
          ? `has ${step.atLeast}${step.atMost === null ? '+' : ''}`
          : step.do;
    return `${stage} ${step.on.host} ${what}${weight === 'must' ? '!' : ''}`;
  });
}

const waits = (count: number, clients: number): But => ({
  semiSync: {sourceEnabled: true, sourceStatus: true, sourceWaitCount: count, sourceClients: clients},
});
const may = (priority: number): But => ({semiSync: {priority}});
const acks: But = {semiSync: {replicaEnabled: true, replicaStatus: true}};
const prefer: But = {wishes: {promotionRule: 'prefer'}};
const all = {b: may(1), c: may(1), d: may(1)};
const ENOUGH = {RecoverLockedSemiSyncMaster: true};
const EXACT = {EnforceExactSemiSyncReplicas: true};

test.each<Situation & {steps: readonly string[] | string}>([
  {
    what: 'nobody acknowledges',
    but: {a: waits(1, 0), ...all},
    keys: ENOUGH,
    steps: ['0 b replica on', '1 a has 1+!', '2 a release-commits!'],
  },
  {
    what: 'on MariaDB likewise',
    kind: {flavor: 'MariaDB'},
    but: {a: waits(1, 0), ...all},
    keys: ENOUGH,
    steps: ['0 b replica on', '1 a has 1+!', '2 a release-commits!'],
  },
  {
    what: 'two are missing: by priority, then by rule',
    but: {a: waits(2, 0), ...all, c: may(5), d: and(may(1), prefer)},
    keys: ENOUGH,
    steps: ['0 c replica on', '0 d replica on', '1 a has 2+!', '2 a release-commits!'],
  },
  {
    what: 'one acknowledges and one is missing',
    but: {a: waits(2, 1), b: and(may(9), acks), c: may(1), d: may(0)},
    keys: ENOUGH,
    steps: ['0 c replica on', '1 a has 2+!', '2 a release-commits!'],
  },
  {
    what: 'one is switched on and not connected that way',
    but: {a: waits(1, 0), b: and(may(1), {semiSync: {replicaEnabled: true}}), c: may(0), d: may(0)},
    keys: ENOUGH,
    steps: ['0 b replica on', '1 a has 1+!', '2 a release-commits!'],
  },
  {
    what: 'one that waits for acknowledgements itself, of nobody',
    but: {a: waits(1, 0), b: and(may(2), {semiSync: {sourceEnabled: true}})},
    keys: ENOUGH,
    steps: ['0 b source off', '1 b replica on', '2 a has 1+!', '3 a release-commits!'],
  },
  {
    what: 'those that cannot are left out',
    but: {a: waits(1, 0), b: and(may(9), down), c: and(may(8), applierStopped), d: may(1)},
    keys: ENOUGH,
    steps: ['0 d replica on', '1 a has 1+!', '2 a release-commits!'],
  },
  {what: 'nobody may', but: {a: waits(1, 0)}, keys: ENOUGH, steps: 'no-candidate'},
  {what: 'too few may', but: {a: waits(2, 0), b: may(1), c: and(may(1), stopped)}, keys: ENOUGH, steps: 'no-candidate'},
  {what: 'nobody wants it', but: {a: waits(1, 0), ...all}, steps: 'needs-human'},
  {
    what: 'a person wants it',
    but: {a: waits(1, 0), ...all},
    wishes: {forced: true},
    steps: ['0 b replica on', '1 a has 1+!', '2 a release-commits!'],
  },
  {
    what: 'exactly: the one that should, and not the other',
    but: {a: waits(2, 1), b: may(1), c: and(may(0), acks), d: may(2)},
    keys: EXACT,
    steps: ['0 d replica on', '0 b replica on', '1 a has 2+!', '2 a release-commits!', '3 c replica off', '4 a has 2!'],
  },
  {
    what: 'too many: those with the least priority go',
    but: {a: waits(1, 3), b: and(may(1), acks), c: and(may(7), acks), d: and(may(1), acks)},
    keys: EXACT,
    steps: ['0 a has 1+!', '1 b replica off', '1 d replica off', '2 a has 1!'],
  },
  {what: 'too many, and none of them may stay', but: {a: waits(1, 2), b: acks, c: acks}, keys: EXACT, steps: 'no-candidate'},
  {what: 'too many, of which none is known', but: {a: waits(1, 2), b: and(may(1), acks)}, keys: EXACT, steps: 'nothing-to-do'},
  {what: 'too many, which nobody minds', but: {a: waits(1, 2), b: acks, c: acks}, steps: 'nothing-to-do'},
])('semi-sync: $what', ({steps, ...at}) => {
  expect(told(decide(at as Situation))).toEqual(steps);
});

const closed: But = {readOnly: true};
const OPEN = {RecoverNonWriteableMaster: true};
const mariadb: Kind = {flavor: 'MariaDB'};

test.each<Situation & {steps: readonly string[] | string}>([
  {what: 'is opened', but: {a: closed}, keys: OPEN, steps: ['0 a open-source!']},
  {what: 'is left alone where that is not wanted', but: {a: closed}, steps: 'nothing-to-do'},
  {what: 'whose place was taken stays closed', but: {a: closed}, keys: OPEN, wishes: {replacedBy: key('b')}, steps: 'needs-human'},
  {
    what: 'whose place was taken stays closed, whoever asks',
    but: {a: closed},
    keys: OPEN,
    wishes: {replacedBy: key('b'), forced: true},
    steps: 'needs-human',
  },
  {
    what: 'that was detached stays closed',
    but: {a: and(closed, {replication: {source: null, sourceHostAsWritten: '//z'} as never})},
    keys: OPEN,
    steps: 'needs-human',
  },
  {
    what: 'whose transactions a writable source has stays closed',
    sketch: 'a: b c; e: f',
    but: {a: closed, e: {readOnly: false, gtid: {executed: `${uuid('a')}:1-90,${uuid('e')}:1-5`}}},
    keys: OPEN,
    steps: 'needs-human',
  },
  {
    what: 'beside a writable source of other data is opened',
    sketch: 'a: b c; e: f',
    but: {a: closed, e: {readOnly: false, gtid: {executed: `${uuid('e')}:1-5`}}},
    keys: OPEN,
    steps: ['0 a open-source!'],
  },
  {
    what: 'of MariaDB, all of whose transactions a writable source has, stays closed',
    sketch: 'a: b c; e: f',
    kind: mariadb,
    but: {a: closed, e: {readOnly: false, gtid: {binlogState: `0-${serverId('a')}-100,0-${serverId('e')}-120`}}},
    keys: OPEN,
    steps: 'needs-human',
  },
  {
    what: 'of MariaDB, some of whose transactions another has not, is opened',
    sketch: 'a: b c; e: f',
    kind: mariadb,
    but: {a: closed, e: {readOnly: false, gtid: {binlogState: `0-${serverId('a')}-90`}}},
    keys: OPEN,
    steps: ['0 a open-source!'],
  },
])('a read-only source $what', ({steps, ...at}) => {
  expect(told(decide(at as Situation))).toEqual(steps);
});

const member = (role: string, state = 'ONLINE', name = 'g'): But => ({
  group: {name, singlePrimary: true, state, role, members: [], primary: null} as never,
});
const failing: But = {replication: {receiver: {state: 'other', errno: 2003, error: ''}}};
const elsewhere: But = {place: {dataCenter: 'dc2'}};

test.each<{what: string; but: Readonly<Record<string, But>>; follows: string}>([
  {what: 'a secondary rather than the primary', but: {p: member('PRIMARY'), s: member('SECONDARY')}, follows: 'd: s p'},
  {what: 'the primary, in the same place', but: {p: member('PRIMARY'), s: and(member('SECONDARY'), elsewhere)}, follows: 'd: p s'},
  {what: 'nobody who is leaving the group', but: {p: member('PRIMARY'), s: member('SECONDARY', 'RECOVERING')}, follows: 'd: p'},
  {what: 'nobody of another group', but: {p: member('PRIMARY', 'ONLINE', 'other'), s: member('SECONDARY')}, follows: 'd: s'},
  {
    what: 'nobody that cannot be reached',
    but: {p: and(member('PRIMARY'), down), s: and(member('SECONDARY'), down)},
    follows: 'no-candidate',
  },
])('the replica of a dead member follows $what', ({but, follows}) => {
  const topology = given('m: d; p:; s:', {...but, m: and(member('SECONDARY'), down), d: failing});
  const config = configured();
  const found = analyze(topology, {...config, withHealthy: true}).find((one) => one.instance.key.host === 'm');
  expect(found).toMatchObject({code: 'DeadReplicationGroupMemberWithReplicas', recovery: 'dead-group-member'});
  const decision = planRecovery(found!, topology, config);
  const steps = decision.act ? decision.plan.steps : [];
  const said = steps.map(({step}) =>
    step.do === 'follow' ? `${step.on.host}: ${[step.source, ...step.others].map(({host}) => host).join(' ')}` : step.do,
  );
  expect(decision.act ? said.join('; ') : decision.why.code).toBe(follows);
});
