import {analyze, type Analysis} from '../../analysis/analyze.ts';
import {sameKey, keyText, type InstanceKey} from '../../model/instance-key.ts';
import {Topology} from '../../model/topology.ts';
import {instance, optionalCluster} from '../addressing.ts';
import type {Context} from '../context.ts';
import {define, type Field, type LegacyRoute} from '../define.ts';
import {flag} from '../fields.ts';
import {allInstances, clusterInfos, type ClusterInfo} from '../reads.ts';

/** What is wrong with one instance, and what its cluster is called. */
export interface Found {
  readonly analysis: Analysis;
  readonly cluster: ClusterInfo;
  readonly replicas: readonly InstanceKey[];
  /** With --explain: what stands in the way of a recovery, and whom it would promote. */
  readonly explained?: readonly string[];
}

interface Wanted {
  readonly cluster: string | null;
  /** Only what is wrong with this instance itself. */
  readonly instance: InstanceKey | null;
  readonly downtimed: boolean;
  readonly explain: boolean;
}

const self: Field<InstanceKey | null> = {
  options: [
    {name: 'instance', short: 'i', value: 'host[:port]', about: 'only the cluster of this instance'},
    {name: 'itself', value: null, about: 'with --instance: only the instance itself'},
  ],
  required: false,
  read: (texts) => (texts['itself'] === 'true' ? instance('the instance', {required: true}).read(texts) : () => null),
};

const reply: LegacyRoute<readonly Found[]>['reply'] = {shape: 'analyses', message: () => 'Analysis'};

export const replicationAnalysis = define({
  name: 'replication-analysis',
  section: 'Replication analysis',
  formerly: [],
  about: 'What is wrong, by instance: failures first, then structure warnings',
  details:
    'Reads what was last seen of each server and probes nothing. Instances that are downtimed are left out unless --downtimed is given.',
  examples: ['replication-analysis', 'replication-analysis --explain', 'replication-analysis -a shop --downtimed --json'],
  input: {
    cluster: optionalCluster('only this cluster'),
    instance: self,
    downtimed: flag('downtimed', 'downtimed instances too'),
    explain: flag('explain', 'and what would be done about it, or why nothing is'),
  },
  changes: 'nothing',
  run: findings,
  print: (found) =>
    found.flatMap(({analysis, explained = []}) => [
      `${keyText(analysis.instance.key)} (cluster ${analysis.instance.cluster.name}): ${codesOf(analysis).join(', ')}`,
      ...explained.map((line) => `  ${line}`),
    ]),
  table: (found) => ({
    head: ['instance', 'cluster', 'finding', 'because'],
    rows: found.map(({analysis, cluster, explained = []}) => [
      keyText(analysis.instance.key),
      cluster.alias || cluster.name,
      codesOf(analysis).join('\n'),
      [analysis.because, ...explained].join('\n'),
    ]),
  }),
  json: (found) =>
    found.map(({analysis, cluster, explained}) => ({
      instance: analysis.instance.key,
      cluster: cluster.name,
      alias: cluster.alias,
      code: analysis.code,
      because: analysis.because,
      structure: analysis.structure,
      downtimed: analysis.isDowntimed,
      recovery: analysis.recovery,
      actionable: analysis.actionable,
      beingChangedBy: analysis.beingChangedBy,
      replicas: analysis.facts.replicas,
      reachableReplicas: analysis.facts.reachableReplicas,
      replicatingReplicas: analysis.facts.replicating,
      ...(explained && {explained}),
    })),
  legacy: {
    http: [
      {path: 'replication-analysis', reply, fixed: {downtimed: 'true'}},
      {path: 'replication-analysis/:clusterName', reply, fixed: {downtimed: 'true'}, params: {clusterName: 'alias'}},
      {path: 'replication-analysis/instance/:host/:port', reply, fixed: {downtimed: 'true', itself: 'true'}},
    ],
  },
});

async function findings(context: Context, wanted: Wanted): Promise<readonly Found[]> {
  const [config, instances, infos] = [await context.config(), await allInstances(context), await clusterInfos(context)];
  const topology = new Topology(instances);
  const found = analyze(topology, {
    ...config,
    withDowntimed: wanted.downtimed,
    ...(wanted.cluster === null ? {} : {cluster: wanted.cluster}),
  });
  const answers = found
    .filter((analysis) => wanted.instance === null || sameKey(analysis.instance.key, wanted.instance))
    .map((analysis) => ({
      analysis,
      cluster: infos.find((info) => info.name === analysis.instance.cluster.name) ?? unnamed(analysis.instance.cluster.name),
      replicas: topology.replicasOf(analysis.instance.key).map((replica) => replica.key),
    }));
  if (!wanted.explain) return answers;
  const {shortForms} = await import('./explaining.ts');
  const forms = await shortForms(
    context,
    topology,
    answers.map(({analysis}) => analysis.instance.key),
  );
  return answers.map((one, at) => ({...one, explained: forms[at] ?? []}));
}

function unnamed(name: string): ClusterInfo {
  return {name, alias: '', domain: '', instances: 0};
}

/** An instance can have nothing wrong with it but its structure. */
function codesOf(analysis: Analysis): readonly string[] {
  return [...(analysis.code === 'NoProblem' ? [] : [analysis.code]), ...analysis.structure];
}
