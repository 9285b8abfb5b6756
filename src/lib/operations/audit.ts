import {keyText} from '../model/instance-key.ts';
import {readRecoveries, readRecoverySteps, type Recovery, type RecoveryStep} from '../store/recoveries.ts';
import {define, type LegacyRoute} from './define.ts';
import {flag, integer, optionalText, text} from './fields.ts';

const SECTION = 'Recovery';
const reply: LegacyRoute<readonly Recovery[]>['reply'] = {shape: 'recoveries'};
const query = {unacknowledged: 'unacknowledged'} as const;

export const auditRecovery = define({
  name: 'audit-recovery',
  section: SECTION,
  formerly: [],
  about: 'Recoveries, the latest first, twenty a page',
  examples: ['audit-recovery', 'audit-recovery --alias shop --page 1', 'audit-recovery --unacknowledged --json'],
  input: {
    cluster: optionalText({name: 'cluster', value: 'NAME', about: 'only this cluster, by the name it had then'}),
    alias: optionalText({name: 'alias', short: 'a', value: 'NAME', about: 'only the cluster of this alias'}),
    id: integer({name: 'id', value: 'NUMBER', about: 'only the recovery of this number'}, {least: 1, absent: null}),
    uid: optionalText({name: 'uid', value: 'UID', about: 'only the recovery of this UID'}),
    unacknowledged: flag('unacknowledged', 'only those nobody has acknowledged'),
    page: integer({name: 'page', value: 'NUMBER', about: 'which page, from 0'}, {least: 0, absent: 0}),
  },
  changes: 'nothing',
  async run(context, {cluster, alias, id, uid, unacknowledged, page}): Promise<readonly Recovery[]> {
    return readRecoveries(await context.backend(), {
      ...(cluster !== null && {cluster}),
      ...(alias !== null && {alias}),
      ...(id !== null && {id}),
      ...(uid !== null && {uid}),
      ...(unacknowledged && {isAcknowledged: false}),
      page,
    });
  },
  print: (found) => found.map((one) => summary(one).join('\t')),
  table: (found) => ({head: ['began', 'cluster', 'failed', 'finding', 'promoted', 'outcome', 'uid'], rows: found.map(summary)}),
  legacy: {
    http: [
      {path: 'audit-recovery', reply, query},
      {path: 'audit-recovery/:page', reply, query},
      {path: 'audit-recovery/id/:id', reply, query},
      {path: 'audit-recovery/uid/:uid', reply, query},
      {path: 'audit-recovery/cluster/:clusterName', reply, query, params: {clusterName: 'cluster'}},
      {path: 'audit-recovery/cluster/:clusterName/:page', reply, query, params: {clusterName: 'cluster'}},
      {path: 'audit-recovery/alias/:clusterAlias', reply, query, params: {clusterAlias: 'alias'}},
      {path: 'audit-recovery/alias/:clusterAlias/:page', reply, query, params: {clusterAlias: 'alias'}},
    ],
  },
});

export const auditRecoverySteps = define({
  name: 'audit-recovery-steps',
  section: SECTION,
  formerly: [],
  about: 'What a recovery did, step by step',
  examples: ['audit-recovery-steps 1700000000000000000:0a1b'],
  input: {uid: text({name: 'uid', value: 'UID', about: 'UID of the recovery, as audit-recovery shows it'}, {bare: true})},
  changes: 'nothing',
  run: async (context, input): Promise<readonly RecoveryStep[]> => readRecoverySteps(await context.backend(), input.uid),
  print: (steps) => steps.map((step) => `${step.at}\t${step.message}`),
  legacy: {http: [{path: 'audit-recovery-steps/:uid', reply: {shape: 'recovery-steps'}}]},
});

function summary(one: Recovery): readonly string[] {
  const outcome = one.isSuccessful ? 'promoted' : one.endedAt === null ? 'under way' : 'nothing promoted';
  return [
    one.startedAt,
    one.alias || one.cluster,
    keyText(one.key),
    one.code,
    one.successor === null ? '' : keyText(one.successor),
    outcome,
    one.uid,
  ];
}
