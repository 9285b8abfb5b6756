import {OrchestratorError} from '../../errors/errors.ts';
import {keyText} from '../../model/instance-key.ts';
import {cluster} from '../addressing.ts';
import {define} from '../define.ts';
import {instancesOf} from '../reads.ts';
import {keyLines} from '../say.ts';
import {ghOstReplicas, longestLag, oscReplicas} from './for-tools.ts';

const SECTION = 'Information';
const reply = {shape: 'instances'} as const;

export const whichClusterOscReplicas = define({
  name: 'which-cluster-osc-replicas',
  section: SECTION,
  formerly: ['which-cluster-osc-slaves'],
  about: 'Replicas that a tool which changes schemas should watch, a few of every tier',
  examples: ['which-cluster-osc-replicas -a shop'],
  input: {cluster: cluster('the cluster')},
  changes: 'nothing',
  run: async (context, input) => oscReplicas(await instancesOf(context, input.cluster), await context.config()),
  print: keyLines,
  legacy: {
    lenient: {NOT_FOUND: []},
    http: [
      {path: 'cluster-osc-slaves/:clusterHint', reply},
      {path: 'cluster-osc-replicas/:clusterHint', reply},
    ],
  },
});

export const whichClusterGhOstReplicas = define({
  name: 'which-cluster-gh-ost-replicas',
  section: SECTION,
  formerly: ['which-cluster-gh-ost-slaves'],
  about: 'Replicas that gh-ost can read row events from, the least loaded first',
  examples: ['which-cluster-gh-ost-replicas -a shop'],
  input: {cluster: cluster('the cluster')},
  changes: 'nothing',
  run: async (context, input) => ghOstReplicas(await instancesOf(context, input.cluster)),
  print: keyLines,
  legacy: {lenient: {NOT_FOUND: []}},
});

export const getClusterHeuristicLag = define({
  name: 'get-cluster-heuristic-lag',
  section: SECTION,
  formerly: [],
  about: 'The longest lag in seconds among the replicas that which-cluster-osc-replicas names',
  examples: ['get-cluster-heuristic-lag -a shop'],
  input: {cluster: cluster('the cluster')},
  changes: 'nothing',
  async run(context, input) {
    const replicas = oscReplicas(await instancesOf(context, input.cluster), await context.config());
    const lag = longestLag(replicas);
    if (lag !== null) return {lag, of: replicas.map((one) => keyText(one.key))};
    throw new OrchestratorError('NOT_FOUND', `cluster ${input.cluster} has no replicas whose lag would count`, {
      hint: `orchestrator which-cluster-osc-replicas -a ${input.cluster} lists them`,
    });
  },
  print: ({lag}) => [String(lag)],
});
