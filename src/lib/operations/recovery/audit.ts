import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import {readDetections, type Detection} from '../../store/recovery/detections.ts';
import {
  readBlockedRecoveries,
  readRecoveries,
  readRecoverySteps,
  type BlockedRecovery,
  type Recovery,
  type RecoveryStep,
} from '../../store/recovery/recoveries.ts';
import {instance} from '../addressing.ts';
import {define, type Field, type LegacyRoute} from '../define.ts';
import {flag, integer, optionalText, text} from '../fields.ts';

const SECTION = 'Recovery';
const reply: LegacyRoute<readonly Recovery[]>['reply'] = {shape: 'recoveries'};
const query = {unacknowledged: 'unacknowledged'} as const;
/** How long after its end a recovery counts as recent. */
const RECENT = 300;

const promoted: Field<InstanceKey | null> = {
  options: [{name: 'promoted', value: 'host[:port]', about: 'only those that promoted this instance'}],
  required: false,
  read: ({promoted: given}) => (given === undefined ? () => null : instance('', {required: true}).read({instance: given})),
};
const PAGE = integer({name: 'page', value: 'NUMBER', about: 'which page, from 0'}, {least: 0, absent: 0});

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
    promoted,
    unacknowledged: flag('unacknowledged', 'only those nobody has acknowledged'),
    running: flag('running', 'only those that have not ended'),
    recent: flag('recent', 'only those that ended within the last five minutes'),
    page: PAGE,
  },
  changes: 'nothing',
  async run(context, {cluster, alias, id, uid, promoted: successor, unacknowledged, running, recent, page}): Promise<readonly Recovery[]> {
    return readRecoveries(await context.backend(), {
      ...(cluster !== null && {cluster}),
      ...(alias !== null && {alias}),
      ...(id !== null && {id}),
      ...(uid !== null && {uid}),
      ...(successor !== null && {successor}),
      ...(unacknowledged && {isAcknowledged: false}),
      ...(running && {isRunning: true}),
      ...(recent && {endedWithin: RECENT}),
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
      {path: 'active-cluster-recovery/:clusterName', reply, params: {clusterName: 'cluster'}, fixed: {running: 'true'}},
      {path: 'recently-active-cluster-recovery/:clusterName', reply, params: {clusterName: 'cluster'}, fixed: {recent: 'true'}},
      {path: 'recently-active-instance-recovery/:host/:port', reply, params: {instance: 'promoted'}, fixed: {recent: 'true'}},
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

const detections: LegacyRoute<readonly Detection[]>['reply'] = {shape: 'detections'};

export const auditFailureDetection = define({
  name: 'audit-failure-detection',
  section: SECTION,
  formerly: [],
  about: 'Failures that were found, the latest first, twenty a page',
  examples: ['audit-failure-detection', 'audit-failure-detection --alias shop --json'],
  input: {
    alias: optionalText({name: 'alias', short: 'a', value: 'NAME', about: 'only the cluster of this alias'}),
    id: integer({name: 'id', value: 'NUMBER', about: 'only the detection of this number'}, {least: 1, absent: null}),
    page: PAGE,
  },
  changes: 'nothing',
  run: async (context, {alias, id, page}): Promise<readonly Detection[]> =>
    readDetections(await context.backend(), {...(alias !== null && {alias}), ...(id !== null && {id}), page}),
  print: (found) => found.map((one) => detectionCells(one).join('\t')),
  table: (found) => ({head: ['found', 'cluster', 'instance', 'finding', 'by', 'active', 'recovery'], rows: found.map(detectionCells)}),
  legacy: {
    http: [
      {path: 'audit-failure-detection', reply: detections},
      {path: 'audit-failure-detection/:page', reply: detections},
      {path: 'audit-failure-detection/id/:id', reply: detections},
      {path: 'audit-failure-detection/alias/:clusterAlias', reply: detections, params: {clusterAlias: 'alias'}},
      {path: 'audit-failure-detection/alias/:clusterAlias/:page', reply: detections, params: {clusterAlias: 'alias'}},
    ],
  },
});

function detectionCells({at, alias, cluster, key, code, processor, isActive, recoveryId}: Detection): readonly string[] {
  const recovery = recoveryId === 0 ? '' : String(recoveryId);
  return [at, alias || cluster, keyText(key), code, processor.hostname, isActive ? 'yes' : 'no', recovery];
}

export const blockedRecoveries = define({
  name: 'blocked-recoveries',
  section: SECTION,
  formerly: [],
  about: 'Recoveries that did not begin because an earlier one was too recent',
  examples: ['blocked-recoveries', 'blocked-recoveries --cluster db1:3306'],
  input: {cluster: optionalText({name: 'cluster', value: 'NAME', about: 'only this cluster, by its name'})},
  changes: 'nothing',
  run: async (context, {cluster}): Promise<readonly BlockedRecovery[]> =>
    readBlockedRecoveries(await context.backend(), cluster ?? undefined),
  print: (found) => found.map((one) => blockedCells(one).join('\t')),
  table: (found) => ({head: ['last', 'cluster', 'instance', 'finding', 'blocked by recovery'], rows: found.map(blockedCells)}),
  legacy: {
    http: [
      {path: 'blocked-recoveries', reply: {shape: 'blocked-recoveries'}},
      {path: 'blocked-recoveries/cluster/:clusterName', reply: {shape: 'blocked-recoveries'}, params: {clusterName: 'cluster'}},
    ],
  },
});

function blockedCells({lastBlockedAt, cluster, key, code, blockingRecoveryId}: BlockedRecovery): readonly string[] {
  return [lastBlockedAt, cluster, keyText(key), code, String(blockingRecoveryId)];
}

export const automatedRecoveryFilters = define({
  name: 'automated-recovery-filters',
  section: SECTION,
  formerly: [],
  about: 'Which clusters are recovered automatically, as configured here',
  examples: ['automated-recovery-filters'],
  input: {},
  changes: 'nothing',
  async run(context) {
    const {RecoverMasterClusterFilters, RecoverIntermediateMasterClusterFilters, RecoveryIgnoreHostnameFilters} = await context.config();
    return {RecoverMasterClusterFilters, RecoverIntermediateMasterClusterFilters, RecoveryIgnoreHostnameFilters};
  },
  print: (filters) => Object.entries(filters).map(([name, list]) => `${name}: ${list.join(' ')}`.trimEnd()),
  legacy: {http: [{path: 'automated-recovery-filters', reply: {shape: 'plain', message: () => 'Filters of automatic recovery'}}]},
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
