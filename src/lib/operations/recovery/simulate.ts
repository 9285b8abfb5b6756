import {matchesCluster} from '../../config/filters.ts';
import type {Config} from '../../config/keys.ts';
import {OrchestratorError} from '../../errors/errors.ts';
import {actText} from '../../execute/journal/acts.ts';
import {keyText, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import type {Instance} from '../../model/instance.ts';
import {Topology} from '../../model/topology.ts';
import {whatIfDead} from '../../plan/explain.ts';
import type {Decision} from '../../plan/plan.ts';
import {planText} from '../../plan/text.ts';
import {instance} from '../addressing.ts';
import {define} from '../define.ts';
import {flag} from '../fields.ts';
import {allInstances} from '../reads.ts';

/** What would come of the death of one instance. */
interface Simulated {
  readonly key: InstanceKey;
  readonly cluster: string;
  /** Finding code. */
  readonly code: string;
  readonly decision: Decision;
  /** A leader would do it by itself: the filters cover its cluster. */
  readonly automatic: boolean;
  /** Nobody follows it, so nothing could be recovered from. */
  readonly alone: boolean;
}

interface Simulation {
  readonly all: boolean;
  readonly deaths: readonly Simulated[];
}

export const simulate = define({
  name: 'simulate',
  section: 'Recovery',
  formerly: [],
  about: 'What would happen if an instance died now, or the source of each cluster in turn',
  details:
    'Looks at the instance, its source and its replicas, supposes that it refuses connections, and asks the planner that recoveries use. No server is changed. With --all it goes by what the backend knows, says one line a cluster, and answers 1 when one of them could not be recovered: for cron.',
  examples: ['simulate -i db1 --dead', 'simulate --all'],
  input: {
    instance: instance('the instance'),
    dead: flag('dead', 'suppose that it is dead'),
    all: flag('all', 'the source of every cluster, one after the other'),
  },
  changes: 'nothing',
  async run(context, {instance: key, dead, all}): Promise<Simulation> {
    if (dead === all) throw new OrchestratorError('USAGE', 'simulate takes --dead or --all', {hint: 'simulate -i db1 --dead'});
    if (!all) await context.discover({instance: key, drill: true});
    const [config, known] = [await context.config(), new Topology(await allInstances(context))];
    const keys = all ? known.instances.filter(isTop).map((one) => one.key) : [key];
    return {all, deaths: keys.map((one) => deathOf(known, one, config))};
  },
  print: ({all, deaths}) => (all ? deaths.map((one) => cells(one).join('\t')) : deaths.flatMap(lines)),
  table: ({deaths}) => ({head: ['cluster', 'source', 'rating', 'finding', 'automatic', 'outcome'], rows: deaths.map(cells)}),
  json: ({deaths}) =>
    deaths.map(({decision, ...one}) => ({
      ...one,
      rating: ratingOf({...one, decision}),
      ...(decision.act ? {plan: decision.plan} : {refused: decision.why}),
    })),
  status: ({deaths}) => (deaths.some((one) => ratingOf(one) === 'not recoverable') ? 1 : 0),
  exits: {1: 'it, or one of them, could not be recovered'},
});

function isTop({key, cluster}: Instance): boolean {
  return cluster.name === keyText(key);
}

function deathOf(topology: Topology, key: InstanceKey, config: Config): Simulated {
  const supposed = whatIfDead(topology, key, config);
  if (!supposed)
    throw new OrchestratorError('NOT_FOUND', `${keyText(key)} is not known`, {
      hint: `orchestrator discover ${keyText(key)} makes it known`,
    });
  const {analysis, decision} = supposed;
  const {cluster} = analysis.instance;
  const isSource = analysis.recovery === 'dead-source' || analysis.recovery === 'dead-co-source';
  const filters = isSource ? config.RecoverMasterClusterFilters : config.RecoverIntermediateMasterClusterFilters;
  return {
    key,
    cluster: cluster.name,
    code: analysis.code,
    decision,
    automatic: matchesCluster(filters, {name: cluster.name, alias: cluster.suggestedAlias || cluster.name}),
    alone: topology.replicasOf(key).length === 0,
  };
}

function ratingOf({decision, alone}: Pick<Simulated, 'decision' | 'alone'>): string {
  if (!decision.act) return alone ? 'alone' : 'not recoverable';
  return decision.plan.lost.length > 0 ? `loses ${decision.plan.lost.length} replicas` : 'recoverable';
}

function cells(one: Simulated): readonly string[] {
  const {decision} = one;
  const outcome = decision.act ? keyText(decision.plan.successor) : `${decision.why.code}: ${decision.why.because}`;
  return [one.cluster, keyText(one.key), ratingOf(one), one.code, one.automatic ? 'automatic' : 'by hand', outcome];
}

function lines(one: Simulated): readonly string[] {
  const {decision, key, code, automatic} = one;
  const found = `if ${keyText(key)} died: ${code}, ${automatic ? 'recovered automatically' : 'left to people (no filter covers its cluster)'}`;
  if (!decision.act) {
    return [found, `not recoverable (${decision.why.code}): ${decision.why.because}`, ...candidateLines(decision.why.candidates)];
  }
  const {plan} = decision;
  return [
    found,
    plan.kind === 'promote' ? `would promote ${keyText(plan.successor)}` : planText(plan),
    ...plan.steps.map(({step, stage}) => `stage ${stage}: ${actText({do: 'step', step})}`),
    ...plan.lost.map((lost) => `would lose ${keyText(lost)}`),
    ...candidateLines(plan.candidates.filter((candidate) => !sameKey(candidate.key, plan.successor))),
    ...plan.remarks,
  ];
}

function candidateLines(candidates: readonly {readonly key: InstanceKey; readonly verdict: string}[]): readonly string[] {
  return candidates.map(({key, verdict}) => `${keyText(key)} ${verdict}`);
}
