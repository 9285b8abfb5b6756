import {OrchestratorError} from '../../errors/errors.ts';
import {isBinlogServer, type Instance} from '../../model/instance.ts';
import {keyText, parseInstanceKey, type InstanceKey} from '../../model/instance-key.ts';
import {readPoolMembers, submitPool, type PoolMember} from '../../store/pools.ts';
import {cluster, optionalCluster, resolved} from '../addressing.ts';
import {audit} from '../audit-trail.ts';
import type {Context} from '../context.ts';
import {define, type Field} from '../define.ts';
import {optionalText, text} from '../fields.ts';
import {longestLag} from '../information/for-tools.ts';
import {instancesWhere} from '../reads.ts';
import {keyLines} from '../say.ts';

const SECTION = 'Pools';
const PARAMS = {clusterName: 'cluster'} as const;
const POOL = optionalText({name: 'pool', short: 'l', value: 'NAME', about: 'only this pool'});

const MEMBERS: Field<readonly InstanceKey[]> = {
  options: [{name: 'instance', short: 'i', value: 'host[:port],...', about: 'who is in the pool, with commas between; empty: nobody'}],
  required: true,
  read({instance: given}) {
    if (given === undefined)
      throw new OrchestratorError('INPUT_INVALID', '--instance is missing: who is in the pool', {hint: 'an empty list empties the pool'});
    const names = given
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '');
    for (const name of names) parseInstanceKey(name, 3306);
    return async (context) => {
      const {SupportFuzzyPoolHostnames: fuzzy} = await context.config();
      const keys: InstanceKey[] = [];
      for (const name of names) keys.push(await resolved(context, name, {fuzzy}));
      return keys;
    };
  },
};

export const submitPoolInstances = define({
  name: 'submit-pool-instances',
  section: SECTION,
  formerly: [],
  about: 'Say which instances are in a pool, in place of those that were; to be repeated before InstancePoolExpiryMinutes have passed',
  examples: ['submit-pool-instances --pool app -i db2,db3:3307'],
  input: {pool: text({name: 'pool', short: 'l', value: 'NAME', about: 'the pool'}), members: MEMBERS},
  changes: 'backend',
  async run(context, {pool, members}): Promise<{readonly pool: string; readonly members: readonly InstanceKey[]}> {
    await submitPool(await context.backend(), pool, members);
    await audit(context, {type: 'submit-pool-instances', message: `${pool}: ${members.map(keyText).join(',')}`});
    return {pool, members};
  },
  print: () => [],
  legacy: {
    http: [
      {
        path: 'submit-pool-instances/:pool',
        query: {instances: 'instance'},
        reply: {shape: 'plain', from: ({pool}) => pool, message: ({pool}) => `Submitted ${pool} instances`},
      },
    ],
  },
});

export const clusterPoolInstances = define({
  name: 'cluster-pool-instances',
  section: SECTION,
  formerly: [],
  about: 'Members of all pools, with their clusters',
  examples: ['cluster-pool-instances', 'cluster-pool-instances --pool app --json'],
  input: {cluster: optionalCluster('only this cluster'), pool: POOL},
  changes: 'nothing',
  run: async (context, {cluster: name, pool}): Promise<readonly PoolMember[]> =>
    readPoolMembers(await context.backend(), {...(name !== null && {cluster: name}), ...(pool !== null && {pool})}),
  print: (members) => members.map((one) => [one.cluster, one.alias, one.pool, keyText(one.key)].join('\t')),
  table: (members) => ({
    head: ['cluster', 'alias', 'pool', 'instance'],
    rows: members.map((one) => [one.cluster, one.alias, one.pool, keyText(one.key)]),
  }),
  legacy: {
    http: [
      {path: 'cluster-pool-instances/:clusterName', params: PARAMS, reply: {shape: 'pools', message: () => 'Cluster pool instances'}},
      {path: 'cluster-pool-instances/:clusterName/:pool', params: PARAMS, reply: {shape: 'pools', message: () => 'Cluster pool instances'}},
    ],
  },
});

/** Members that answer and hold data. */
async function usableMembers(context: Context, name: string, pool: string | null): Promise<readonly Instance[]> {
  const members = await readPoolMembers(await context.backend(), {cluster: name, ...(pool !== null && {pool})});
  const keys = [...new Map(members.map(({key}) => [keyText(key), key])).values()];
  return (await instancesWhere(context, {keys})).filter((one) => one.check.valid && !isBinlogServer(one));
}

const usable = (found: readonly Instance[]): string => `Heuristic pool cluster instances: ${found.length}`;

export const whichHeuristicClusterPoolInstances = define({
  name: 'which-heuristic-cluster-pool-instances',
  section: SECTION,
  formerly: [],
  about: "A cluster's instances that are in a pool, or in any, and answer",
  examples: ['which-heuristic-cluster-pool-instances -a shop --pool app'],
  input: {cluster: cluster('the cluster'), pool: POOL},
  changes: 'nothing',
  run: (context, input) => usableMembers(context, input.cluster, input.pool),
  print: keyLines,
  legacy: {
    lenient: {NOT_FOUND: []},
    http: [
      {path: 'heuristic-cluster-pool-instances/:clusterName', params: PARAMS, reply: {shape: 'instances', message: usable}},
      {path: 'heuristic-cluster-pool-instances/:clusterName/:pool', params: PARAMS, reply: {shape: 'instances', message: usable}},
    ],
  },
});

const lagReply = {shape: 'plain', message: (lag: number) => `Heuristic pool lag: ${lag}`} as const;

export const heuristicClusterPoolLag = define({
  name: 'heuristic-cluster-pool-lag',
  section: SECTION,
  formerly: [],
  about: "The longest lag in seconds among a cluster's instances that are in a pool, or in any",
  examples: ['heuristic-cluster-pool-lag -a shop --pool app'],
  input: {cluster: cluster('the cluster'), pool: POOL},
  changes: 'nothing',
  async run(context, input): Promise<number> {
    const lag = longestLag(await usableMembers(context, input.cluster, input.pool));
    if (lag !== null) return lag;
    throw new OrchestratorError('NOT_FOUND', `no instance of cluster ${input.cluster} that answers is in ${input.pool ?? 'a pool'}`);
  },
  print: (lag) => [String(lag)],
  legacy: {
    http: [
      {path: 'heuristic-cluster-pool-lag/:clusterName', params: PARAMS, reply: lagReply},
      {path: 'heuristic-cluster-pool-lag/:clusterName/:pool', params: PARAMS, reply: lagReply},
    ],
  },
});
