import {OrchestratorError} from '../../errors/errors.ts';
import {compareKeys, keyText} from '../../model/instance-key.ts';
import type {Instance} from '../../model/instance.ts';
import {readAllTags} from '../../store/tags.ts';
import {cluster} from '../addressing.ts';
import {compilePattern} from '../../config/pattern.ts';
import {readSnapshot, snapshotsOf} from '../../store/snapshots.ts';
import {asciiHistory, asciiTopology} from './ascii-topology.ts';
import type {Context} from '../context.ts';
import {define, type Field, type LegacyRoute} from '../define.ts';
import {allInstances, clusterInfos, instancesOf, type ClusterInfo} from '../reads.ts';
import {keyLines} from '../say.ts';

/** Version 3 printed an empty line for a cluster it did not know, and was content. */
const EMPTY_LINE = {NOT_FOUND: ['']} as const;
const NOTHING = {NOT_FOUND: []} as const;

export const clusters = define({
  name: 'clusters',
  section: 'Information',
  formerly: [],
  about: 'Names of all known clusters',
  examples: ['clusters', 'clusters --json'],
  input: {},
  changes: 'nothing',
  run: async (context) => (await clusterInfos(context)).map((info) => info.name),
  print: (names) => (names.length === 0 ? [''] : names),
  legacy: {http: [{path: 'clusters', reply: {shape: 'plain', nullWhenEmpty: true}}]},
});

export const clustersAlias = define({
  name: 'clusters-alias',
  section: 'Information',
  formerly: [],
  about: 'Names and aliases of all known clusters',
  examples: ['clusters-alias', 'clusters-alias --format plain'],
  input: {},
  changes: 'nothing',
  run: clusterInfos,
  print: (infos) => infos.map((info) => `${info.name}\t${info.alias}`),
  table: (infos) => ({
    head: ['cluster', 'alias', 'domain', 'instances'],
    rows: infos.map((info) => [info.name, info.alias, info.domain, String(info.instances)]),
  }),
  legacy: {http: [{path: 'clusters-info', reply: {shape: 'cluster-infos'}}]},
});

export const allClustersMasters = define({
  name: 'all-clusters-masters',
  section: 'Information',
  formerly: [],
  about: 'The writable source of each cluster',
  examples: ['all-clusters-masters'],
  input: {},
  changes: 'nothing',
  async run(context) {
    const writable = (await allInstances(context)).filter((instance) => isTop(instance) && !instance.readOnly).sort(byDepth);
    const firsts = new Map(writable.toReversed().map((instance) => [instance.cluster.name, instance]));
    return [...firsts.values()].sort((a, b) => (a.cluster.name < b.cluster.name ? -1 : 1));
  },
  print: keyLines,
  legacy: {http: [{path: 'masters', reply: {shape: 'instances', nullWhenEmpty: true}}]},
});

export const whichCluster = define({
  name: 'which-cluster',
  section: 'Information',
  formerly: [],
  about: 'The cluster an instance or an alias belongs to',
  examples: ['which-cluster -i db1', 'which-cluster shop'],
  input: {cluster: cluster('the cluster')},
  changes: 'nothing',
  run: (_context, input): string => input.cluster,
  print: (name) => [name],
  legacy: {lenient: EMPTY_LINE},
});

export const whichClusterAlias = define({
  name: 'which-cluster-alias',
  section: 'Information',
  formerly: [],
  about: 'The alias of a cluster',
  examples: ['which-cluster-alias -i db1'],
  input: {cluster: cluster('the cluster')},
  changes: 'nothing',
  async run(context, input): Promise<ClusterInfo> {
    const info = (await clusterInfos(context)).find((one) => one.name === input.cluster);
    if (info) return info;
    throw new OrchestratorError('NOT_FOUND', `cluster ${input.cluster} is gone`);
  },
  print: (info) => [info.alias],
  legacy: {
    http: [
      {path: 'cluster-info/:clusterHint', reply: {shape: 'cluster-info'}},
      {path: 'cluster-info/alias/:clusterAlias', reply: {shape: 'cluster-info'}, params: {clusterAlias: 'alias'}},
    ],
  },
});

export const whichClusterMaster = define({
  name: 'which-cluster-master',
  section: 'Information',
  formerly: [],
  about: 'The source of a cluster, a writable one where there are two',
  examples: ['which-cluster-master -a shop', 'which-cluster-master -i db2'],
  input: {cluster: cluster('the cluster')},
  changes: 'nothing',
  async run(context, input): Promise<Instance> {
    const [first] = (await instancesOf(context, input.cluster))
      .filter(isTop)
      .sort((a, b) => Number(a.readOnly) - Number(b.readOnly) || byDepth(a, b));
    if (first) return first;
    throw new OrchestratorError('NOT_FOUND', `cluster ${input.cluster} has no source`, {
      hint: `orchestrator topology -a ${input.cluster} shows its instances`,
    });
  },
  print: (instance) => [keyText(instance.key)],
  legacy: {http: [{path: 'master/:clusterHint', reply: {shape: 'instance'}}]},
});

export const whichClusterInstances = define({
  name: 'which-cluster-instances',
  section: 'Information',
  formerly: [],
  about: 'All instances of a cluster',
  examples: ['which-cluster-instances -a shop', 'which-cluster-instances -i db2 --json'],
  input: {cluster: cluster('the cluster')},
  changes: 'nothing',
  run: (context, input) => instancesOf(context, input.cluster),
  print: keyLines,
  legacy: {
    lenient: NOTHING,
    http: [
      {path: 'cluster/:clusterHint', reply: {shape: 'instances'}},
      {path: 'cluster/alias/:clusterAlias', reply: {shape: 'instances'}, params: {clusterAlias: 'alias'}},
      {path: 'cluster/instance/:host/:port', reply: {shape: 'instances'}},
    ],
  },
});

const SNAPSHOT: Field<RegExp | null> = {
  options: [
    {
      name: 'pattern',
      value: 'EXPRESSION',
      about: 'not as it is but as it was in the latest snapshot whose time, in seconds since 1970, matches',
    },
  ],
  required: false,
  read({pattern: given}) {
    const expression = given === undefined ? null : compilePattern(given);
    if (given !== undefined && expression === null)
      throw new OrchestratorError('INPUT_INVALID', `--pattern ${JSON.stringify(given)} is not a regular expression`);
    return () => expression;
  },
};

export const topology = drawing({name: 'topology', about: 'A cluster as a tree of text'});
export const topologyTabulated = drawing({name: 'topology-tabulated', as: 'table', about: 'A cluster as a tree of text, in columns'});
export const topologyTags = drawing({
  name: 'topology-tags',
  as: 'tags',
  about: 'A cluster as a tree of text, with the tags of each instance',
});

function drawing(picture: {readonly name: string; readonly as?: 'table' | 'tags'; readonly about: string}) {
  const reply: LegacyRoute<readonly string[]>['reply'] = {shape: 'plain', from: (lines) => lines.join('\n'), message: () => 'Topology'};
  return define({
    name: picture.name,
    section: 'Information',
    formerly: [],
    about: picture.about,
    details:
      'Each line says: lag, status (ok, lag, nonreplicating, unchecked, invalid), version, read-only (ro) or writable (rw), binary log format, and extras: ' +
      '>> logs what it replicates, GTID, P-GTID, semi:master, semi:replica, downtimed. A + marks a replica that replicates, a - one that does not.',
    examples: [`${picture.name} -i db1`, `${picture.name} shop`],
    input: {cluster: cluster('the cluster'), at: SNAPSHOT},
    changes: 'nothing',
    async run(context, input): Promise<readonly string[]> {
      if (input.at !== null) return asItWas(context, input.cluster, input.at);
      const {ReasonableMaintenanceReplicationLagSeconds: lagLimit} = await context.config();
      const tags = picture.as === 'tags' ? {tags: await readAllTags(await context.backend())} : {};
      return asciiTopology(await instancesOf(context, input.cluster), {lagLimit, tabulated: picture.as === 'table', ...tags});
    },
    print: (lines) => (lines.length === 0 ? [''] : lines),
    legacy: {
      lenient: EMPTY_LINE,
      http: [
        {path: `${picture.name}/:clusterHint`, reply},
        {path: `${picture.name}/:host/:port`, reply},
      ],
    },
  });
}

async function asItWas(context: Context, name: string, at: RegExp): Promise<readonly string[]> {
  const backend = await context.backend();
  const latest = (await snapshotsOf(backend, name)).find((time) => at.test(String(time)));
  return latest === undefined ? [] : asciiHistory(await readSnapshot(backend, name, latest));
}

/** Stands at the top of its cluster. */
function isTop(instance: Instance): boolean {
  return instance.cluster.depth === 0 || instance.cluster.isCoSource;
}

function byDepth(a: Instance, b: Instance): number {
  return a.cluster.depth - b.cluster.depth || compareKeys(a.key, b.key);
}
