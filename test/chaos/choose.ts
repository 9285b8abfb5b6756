import {randomOf} from '../backend/support/contenders.ts';
import type {BackendKind} from './backends/backend.ts';
import type {ClusterName} from './cluster/managed.ts';
import {scenariosOn} from './scenarios/index.ts';
import type {Scenario} from './scenarios/scene.ts';

export interface Choice {
  readonly scenario: Scenario;
  readonly cluster: ClusterName;
  /** Of this one scenario: played alone with it, it does the same. */
  readonly seed: number;
}

export interface Choosing {
  readonly kind: BackendKind;
  readonly clusters: readonly ClusterName[];
  readonly seed: number;
  readonly count: number;
  /** Part of the names of the scenarios to choose from; '' = all. */
  readonly only: string;
  /** What was played before on this kind of backend. */
  readonly played: readonly {readonly scenario: string; readonly cluster: string}[];
}

/** The next scenarios: those that were played least come first, in an order that the seed decides. Pure. */
export function choose({kind, clusters, seed, count, only, played}: Choosing): readonly Choice[] {
  const wanted = scenariosOn(kind).filter(({name}) => name.includes(only));
  if (wanted.length === 0) throw new Error(`No scenario on ${kind} has "${only}" in its name.`);
  const random = randomOf(seed);
  const counts = new Map<string, number>();
  const nameOf = (scenario: string, cluster: string): string => `${cluster} ${scenario}`;
  for (const {scenario, cluster} of played) counts.set(nameOf(scenario, cluster), (counts.get(nameOf(scenario, cluster)) ?? 0) + 1);
  const all = wanted.flatMap((scenario) => clusters.map((cluster) => ({scenario, cluster})));
  return Array.from({length: count}, (_, at) => {
    const times = ({scenario, cluster}: (typeof all)[number]): number => counts.get(nameOf(scenario.name, cluster)) ?? 0;
    const least = Math.min(...all.map(times));
    const rarest = all.filter((one) => times(one) === least);
    const chosen = rarest[Math.floor(random() * rarest.length)]!;
    counts.set(nameOf(chosen.scenario.name, chosen.cluster), least + 1);
    return {...chosen, seed: seed + at};
  });
}
