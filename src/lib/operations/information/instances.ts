import {isReplica, type Instance} from '../../model/instance.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import {instance, knownInstance, optionalCluster} from '../addressing.ts';
import {describe, describeInstance} from './ascii-topology.ts';
import {define, type Table} from '../define.ts';
import {pattern, text} from '../fields.ts';
import {downtimedInstances, instancesByImportance, instancesWhere} from '../reads.ts';
import {byImportance} from '../../store/instances.ts';
import {keyLines} from '../say.ts';

/** Reason of the downtime that a recovery puts on what it left behind. */
const LOST = 'lost-in-recovery';

export const allInstancesOperation = define({
  name: 'all-instances',
  section: 'Information',
  formerly: [],
  about: 'All known instances',
  examples: ['all-instances', 'all-instances --json'],
  input: {},
  changes: 'nothing',
  run: instancesByImportance,
  print: keyLines,
  table: instanceTable,
  legacy: {http: [{path: 'all-instances', reply: {shape: 'instances'}}]},
});

export const search = define({
  name: 'search',
  section: 'Information',
  formerly: [],
  about: 'Instances with a text in their name, cluster, alias or version, or with that server id or port',
  examples: ['search 10.11', 'search --pattern db1'],
  input: {text: text({name: 'pattern', value: 'TEXT', about: 'what to look for'}, {bare: true})},
  changes: 'nothing',
  run: async (context, input) => (await instancesWhere(context, {search: input.text})).toSorted(byImportance),
  print: keyLines,
  table: instanceTable,
  legacy: {
    http: [
      {path: 'search/:searchString', reply: {shape: 'instances'}, params: {searchString: 'pattern'}},
      {path: 'search', reply: {shape: 'instances'}, query: {s: 'pattern'}},
    ],
  },
});

export const find = define({
  name: 'find',
  section: 'Information',
  formerly: [],
  about: 'Instances whose host:port matches a regular expression',
  examples: ["find '^db[0-9]+:3306$'"],
  input: {pattern: pattern('what host:port has to match')},
  changes: 'nothing',
  run: async (context, input) => (await instancesWhere(context, {pattern: input.pattern})).toSorted(byImportance),
  print: keyLines,
  table: instanceTable,
});

export const whichInstance = define({
  name: 'which-instance',
  section: 'Information',
  formerly: [],
  about: 'An instance under the name it is known by',
  examples: ['which-instance -i db1', 'which-instance db1 --json'],
  input: {instance: knownInstance('the instance')},
  changes: 'nothing',
  run: (_context, input): Instance => input.instance,
  print: (found) => [keyText(found.key)],
  legacy: {http: [{path: 'instance/:host/:port', reply: {shape: 'instance'}}]},
});

export const whichMaster = define({
  name: 'which-master',
  section: 'Information',
  formerly: [],
  about: 'The source an instance replicates from',
  examples: ['which-master -i db2'],
  input: {instance: knownInstance('the replica')},
  changes: 'nothing',
  run: (_context, input): InstanceKey | null => (isReplica(input.instance) ? (input.instance.replication?.source ?? null) : null),
  print: (key) => (key === null ? [] : [keyText(key)]),
});

export const whichReplicas = define({
  name: 'which-replicas',
  section: 'Information',
  formerly: ['which-slaves'],
  about: 'Direct replicas of an instance',
  examples: ['which-replicas -i db1'],
  input: {instance: instance('the source')},
  changes: 'nothing',
  run: (context, input) => instancesWhere(context, {sourceKey: input.instance}),
  print: keyLines,
  legacy: {http: [{path: 'instance-replicas/:host/:port', reply: {shape: 'instances'}}]},
});

export const instanceStatus = define({
  name: 'instance-status',
  section: 'Information',
  formerly: [],
  about: 'Lag, status, version, read-only or writable, binary log format and extras of an instance',
  examples: ['instance-status -i db2'],
  input: {instance: knownInstance('the instance')},
  changes: 'nothing',
  async run(context, input) {
    const {ReasonableMaintenanceReplicationLagSeconds: limit} = await context.config();
    const [lag, status, version, mode, binlog, extras] = describe(input.instance, limit);
    const {otherChannels} = input.instance;
    return {line: describeInstance(input.instance, limit), lag, status, version, mode, binlog, extras, otherChannels};
  },
  print: (status) => [status.line],
  json: ({line: _line, ...words}) => words,
});

export const whichDowntimedInstances = define({
  name: 'which-downtimed-instances',
  section: 'Information',
  formerly: [],
  about: 'Instances that are downtimed now, of one cluster or of all',
  examples: ['which-downtimed-instances', 'which-downtimed-instances -a shop'],
  input: {cluster: optionalCluster('only this cluster')},
  changes: 'nothing',
  run: (context, input) => downtimedInstances(context, input.cluster),
  print: keyLines,
  table: downtimeTable,
  legacy: {
    lenient: {NOT_FOUND: []},
    http: [
      {path: 'downtimed', reply: {shape: 'instances'}},
      {path: 'downtimed/:clusterHint', reply: {shape: 'instances'}},
    ],
  },
});

export const whichLostInRecovery = define({
  name: 'which-lost-in-recovery',
  section: 'Information',
  formerly: [],
  about: 'Instances a recovery left behind',
  examples: ['which-lost-in-recovery'],
  input: {},
  changes: 'nothing',
  run: async (context) => (await downtimedInstances(context, null)).filter((one) => one.wishes.downtime?.reason === LOST),
  print: keyLines,
  table: downtimeTable,
});

function instanceTable(instances: readonly Instance[]): Table {
  return {
    head: ['instance', 'cluster', 'depth', 'version', 'read-only', 'replicates from'],
    rows: instances.map((one) => [
      keyText(one.key),
      one.cluster.suggestedAlias || one.cluster.name,
      String(one.cluster.depth),
      one.version,
      one.readOnly ? 'yes' : 'no',
      one.replication?.source ? keyText(one.replication.source) : '',
    ]),
  };
}

function downtimeTable(instances: readonly Instance[]): Table {
  return {
    head: ['instance', 'until', 'owner', 'reason'],
    rows: instances.map(({key, wishes: {downtime}}) => [
      keyText(key),
      downtime?.endsAt ?? '',
      downtime?.owner ?? '',
      downtime?.reason ?? '',
    ]),
  };
}
