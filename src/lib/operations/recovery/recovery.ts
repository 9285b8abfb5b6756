import {OrchestratorError} from '../../errors/errors.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {RecoveryPlan, Step} from '../../plan/plan.ts';
import {planText} from '../../plan/text.ts';
import {disableRecoveries, enableRecoveries, recoveriesDisabled} from '../../store/recovery/kill-switch.ts';
import {acknowledge, type WhichRecoveries} from '../../store/recovery/recoveries.ts';
import {cluster, destination, instance} from '../addressing.ts';
import {audit} from '../audit-trail.ts';
import type {Context, Recovered} from '../context.ts';
import {define, type LegacyRoute} from '../define.ts';
import {clusterInfos} from '../reads.ts';
import {dryRun, flag, optionalDuration, reason, text} from '../fields.ts';

const SECTION = 'Recovery';

/** Fields both ways of recovering share. */
const WISH = {
  instance: instance('the failed instance'),
  candidate: destination('whom to promote; without it the best candidate'),
  noop: dryRun(),
  allowDataLoss: flag('allow-data-loss', 'promote although a transaction the source acknowledged may be lost; this is audited'),
  wait: optionalDuration({
    name: 'wait',
    value: '30s',
    about: 'queue for so long when another operation is changing the cluster; without it fail at once',
  }),
};

interface Wish {
  readonly instance: InstanceKey;
  readonly candidate: InstanceKey | null;
  readonly noop: boolean;
  readonly allowDataLoss: boolean;
  readonly wait: number | null;
}

/** What is left when refusals and failures have been thrown. */
export type RecoveredWell = Extract<Recovered, {readonly outcome: 'promoted' | 'planned'}>;
type Done = RecoveredWell;

async function recoverWith(context: Context, wish: Wish, skipHooks: boolean): Promise<Done> {
  const done = wellDone(wish.instance, await context.recover({...wish, skipHooks, caller: context.caller}));
  if (done.outcome === 'promoted' && done.lost.length > 0) context.warn(`lost replicas: ${done.lost.map(keyText).join(', ')}`);
  return done;
}

/** @throws OrchestratorError REFUSED, RECOVERY_FAILED */
export function wellDone(failed: InstanceKey, outcome: Recovered): RecoveredWell {
  if (outcome.outcome === 'refused') {
    const {why} = outcome;
    throw new OrchestratorError('REFUSED', `no recovery of ${keyText(failed)} was attempted (${why.code}): ${why.because}`);
  }
  if (outcome.outcome === 'failed') {
    throw new OrchestratorError(
      'RECOVERY_FAILED',
      `recovery of ${keyText(failed)} was attempted, but nothing was promoted: ${outcome.because}`,
      {
        hint: `orchestrator audit-recovery-steps ${outcome.uid} shows how far it came`,
      },
    );
  }
  return outcome;
}

/** The successor, or the plan. */
export function recoveryLines(done: RecoveredWell): readonly string[] {
  if (done.outcome === 'promoted') return [keyText(done.successor)];
  const steps = done.plan.steps.map(({step, stage}) => `stage ${stage}: ${stepText(step)}`);
  return [wouldDo(done.plan), ...steps, ...done.plan.remarks];
}

function wouldDo(plan: RecoveryPlan): string {
  return plan.kind === 'promote'
    ? `would promote ${keyText(plan.successor)} in place of ${keyText(plan.failed)}`
    : `it would come to this: ${planText(plan)}`;
}

function stepText(step: Step): string {
  const other = 'source' in step ? step.source : 'from' in step ? step.from : null;
  return `${step.do} ${keyText(step.on)}${other === null ? '' : ` (${keyText(other)})`}`;
}

function recoverRoutes(name: string): readonly LegacyRoute<Done>[] {
  const reply: LegacyRoute<Done>['reply'] = {
    shape: 'key',
    from: (done) => (done.outcome === 'promoted' ? done.successor : done.plan.successor),
    message: () => 'Recovery executed',
  };
  return [
    {path: `${name}/:host/:port`, reply, query: {skipProcesses: 'skip-hooks'}},
    {
      path: `${name}/:host/:port/:candidateHost/:candidatePort`,
      reply,
      query: {skipProcesses: 'skip-hooks'},
      params: {candidate: 'destination'},
    },
  ];
}

export const recover = define({
  name: 'recover',
  section: SECTION,
  formerly: [],
  about: 'Recover an instance that failed: promote a replica in its place, or put right what is wrong with it',
  details:
    'Does what automatic recovery would do, now, also where it is filtered out, disabled, downtimed or blocked by a recent recovery. Without a failure it does nothing.',
  examples: ['recover -i db1', 'recover -i db1 -d db2', 'recover -i db1 --noop'],
  input: {...WISH, skipHooks: flag('skip-hooks', 'run no external programs')},
  changes: 'servers',
  run: (context, {skipHooks, ...wish}) => recoverWith(context, wish, skipHooks),
  print: recoveryLines,
  legacy: {lenient: {REFUSED: []}, http: recoverRoutes('recover')},
  exits: {
    1: 'attempted, and nothing was promoted',
    4: 'not attempted: nothing to recover, or unsafe',
    7: 'another operation is changing the cluster',
  },
});

export const recoverLite = define({
  name: 'recover-lite',
  section: SECTION,
  formerly: [],
  about: 'Recover an instance that failed, without running external programs',
  examples: ['recover-lite -i db1'],
  input: {...WISH},
  changes: 'servers',
  run: (context, wish) => recoverWith(context, wish, true),
  print: recoveryLines,
  legacy: {lenient: {REFUSED: []}, http: recoverRoutes('recover-lite').map(({query: _query, ...route}) => route)},
  exits: {
    1: 'attempted, and nothing was promoted',
    4: 'not attempted: nothing to recover, or unsafe',
    7: 'another operation is changing the cluster',
  },
});

async function acknowledged(context: Context, which: WhichRecoveries, comment: string): Promise<number> {
  return acknowledge(await context.backend(), which, {by: context.caller.user, comment});
}

/** Recoveries from before the last failover stand under the name the cluster had then, and its alias. */
async function aliasOf(context: Context, name: string): Promise<string> {
  return (await clusterInfos(context)).find((info) => info.name === name)?.alias ?? '';
}

const CLUSTER_ACKNOWLEDGED = 'Acknowledged cluster recoveries';
const COMMENT = {comment: 'reason'} as const;
const REASON = reason('why, or what was done about it');
const countLine = ({count}: {readonly count: number}): readonly string[] => [`${count} recoveries acknowledged`];

export const ackAllRecoveries = define({
  name: 'ack-all-recoveries',
  section: SECTION,
  formerly: [],
  about: 'Acknowledge all recoveries, which lets the same instances be recovered again at once',
  examples: ['ack-all-recoveries --reason "seen and repaired"'],
  input: {reason: REASON},
  changes: 'backend',
  run: async (context, input) => ({count: await acknowledged(context, {all: true}, input.reason), comment: input.reason}),
  print: (done) => countLine(done),
  legacy: {
    http: [
      {
        path: 'ack-all-recoveries',
        query: COMMENT,
        reply: {shape: 'plain', from: ({comment}) => comment, message: () => 'Acknowledged all recoveries'},
      },
    ],
  },
});

export const ackClusterRecoveries = define({
  name: 'ack-cluster-recoveries',
  section: SECTION,
  formerly: [],
  about: 'Acknowledge the recoveries of a cluster',
  examples: ['ack-cluster-recoveries -a shop --reason "seen and repaired"'],
  input: {cluster: cluster('the cluster'), reason: REASON},
  changes: 'backend',
  run: async (context, input) => ({
    count: await acknowledged(context, {cluster: input.cluster, alias: await aliasOf(context, input.cluster)}, input.reason),
    cluster: input.cluster,
  }),
  print: (done) => countLine(done),
  legacy: {
    lenient: {NOT_FOUND: ['0 recoveries acknowledged']},
    http: [
      {
        path: 'ack-recovery/cluster/:clusterHint',
        query: COMMENT,
        reply: {shape: 'plain', from: (done) => done.cluster, message: () => CLUSTER_ACKNOWLEDGED},
      },
      {
        path: 'ack-recovery/cluster/alias/:clusterAlias',
        query: COMMENT,
        params: {clusterAlias: 'alias'},
        reply: {shape: 'plain', from: (done) => done.cluster, message: () => CLUSTER_ACKNOWLEDGED},
      },
    ],
  },
});

export const ackInstanceRecoveries = define({
  name: 'ack-instance-recoveries',
  section: SECTION,
  formerly: [],
  about: 'Acknowledge the recoveries of an instance',
  examples: ['ack-instance-recoveries -i db1 --reason "seen and repaired"'],
  input: {instance: instance('the instance that failed'), reason: REASON},
  changes: 'backend',
  run: async (context, input) => ({count: await acknowledged(context, {instance: input.instance}, input.reason), instance: input.instance}),
  print: (done) => countLine(done),
  legacy: {
    http: [
      {
        path: 'ack-recovery/instance/:host/:port',
        query: COMMENT,
        reply: {shape: 'key', from: (done) => done.instance, message: () => 'Acknowledged instance recoveries'},
      },
    ],
  },
});

export const ackRecovery = define({
  name: 'ack-recovery',
  section: SECTION,
  formerly: [],
  about: 'Acknowledge one recovery, by its number or UID',
  examples: ['ack-recovery 12 --reason "seen and repaired"'],
  input: {recovery: text({name: 'recovery', value: 'ID|UID', about: 'number or UID of the recovery'}, {bare: true}), reason: REASON},
  changes: 'backend',
  async run(context, input) {
    const which = /^\d+$/.test(input.recovery) ? {id: Number(input.recovery)} : {uid: input.recovery};
    return {count: await acknowledged(context, which, input.reason), recovery: input.recovery};
  },
  print: (done) => countLine(done),
  legacy: {
    http: [
      {
        path: 'ack-recovery/:recoveryId',
        query: COMMENT,
        params: {recoveryId: 'recovery'},
        reply: {shape: 'plain', from: (done) => done.recovery, message: () => 'Acknowledged recovery'},
      },
      {
        path: 'ack-recovery/uid/:uid',
        query: COMMENT,
        params: {uid: 'recovery'},
        reply: {shape: 'plain', from: (done) => done.recovery, message: () => 'Acknowledged recovery'},
      },
    ],
  },
});

export const disableGlobalRecoveries = killSwitch(
  'disable-global-recoveries',
  true,
  'Stop automatic recovery everywhere until it is enabled again',
);
export const enableGlobalRecoveries = killSwitch('enable-global-recoveries', false, 'Let automatic recovery happen again');

function killSwitch(name: string, off: boolean, sentence: string) {
  const word = off ? 'disabled' : 'enabled';
  return define({
    name,
    section: SECTION,
    formerly: [],
    about: sentence,
    examples: [name],
    input: {},
    changes: 'backend',
    async run(context) {
      const backend = await context.backend();
      await (off ? disableRecoveries(backend) : enableRecoveries(backend));
      await audit(context, {type: name, message: `by ${context.caller.user}`});
      return {disabled: off};
    },
    print: () => [`OK: Orchestrator recoveries ${word.toUpperCase()} globally`],
    legacy: {http: [{path: name, reply: {shape: 'plain', from: () => word, message: () => `Globally ${word} recoveries`}}]},
  });
}

export const checkGlobalRecoveries = define({
  name: 'check-global-recoveries',
  section: SECTION,
  formerly: [],
  about: 'Whether automatic recovery is stopped everywhere',
  examples: ['check-global-recoveries'],
  input: {},
  changes: 'nothing',
  run: async (context) => ({disabled: await recoveriesDisabled(await context.backend())}),
  print: ({disabled}) => [`OK: Global recoveries disabled: ${disabled}`],
  legacy: {
    http: [
      {
        path: 'check-global-recoveries',
        reply: {
          shape: 'plain',
          from: ({disabled}) => (disabled ? 'disabled' : 'enabled'),
          message: ({disabled}) => `Global recoveries ${disabled ? 'disabled' : 'enabled'}`,
        },
      },
    ],
  },
});
