import {randomOf} from '../backend/support/contenders.ts';
import type {BackendKind} from './backends/backend.ts';
import type {ClusterName} from './cluster/managed.ts';
import {OF_EACH_FAULT} from './ledger.ts';
import {scenariosOn} from './scenarios/index.ts';
import {drawSequence} from './scenarios/sequence.ts';
import type {Move} from './scenarios/scene.ts';

export interface Choice {
  /** One scenario, or several that are played in a sequence. */
  readonly moves: readonly Move[];
  /** Of this choice alone: played again with it, it does the same. */
  readonly seed: number;
}

/** What was played before, on any kind of backend. */
export interface Played {
  readonly backend: BackendKind;
  readonly scenario: string;
  readonly cluster: string;
  readonly faults: readonly string[];
}

export interface Choosing {
  readonly kind: BackendKind;
  readonly clusters: readonly ClusterName[];
  readonly seed: number;
  readonly count: number;
  /** Part of the names of the scenarios to choose from; '' = all. */
  readonly only: string;
  readonly sequences: 'all' | 'some' | 'none';
  readonly played: readonly Played[];
}

const EVERY_SO_MANY_A_SEQUENCE = 3;

/** The next scenarios, in an order that the seed decides: what was played least, alone and by its faults, is the likeliest. Pure. */
export function choose({kind, clusters, seed, count, only, sequences, played}: Choosing): readonly Choice[] {
  const wanted = scenariosOn(kind).filter(({name}) => name.includes(only));
  if (wanted.length === 0) throw new Error(`No scenario on ${kind} has "${only}" in its name.`);
  const all = wanted.flatMap((scenario) =>
    (scenario.clusters ?? clusters).filter((name) => clusters.includes(name)).map((cluster) => ({scenario, cluster})),
  );
  const random = randomOf(seed);
  const tally = new Tally(kind, played);
  return Array.from({length: count}, (_, at) => {
    const own = seed + at;
    const isSequence = sequences === 'all' || (sequences === 'some' && own % EVERY_SO_MANY_A_SEQUENCE === 0);
    const moves = isSequence ? drawSequence({kind, clusters, seed: own}) : [heaviest(all, (move) => tally.weight(move), random)];
    tally.add(moves);
    return {moves, seed: own};
  });
}

/** How often what was played. */
class Tally {
  readonly #moves = new Map<string, number>();
  readonly #faults = new Map<string, number>();

  constructor(kind: BackendKind, played: readonly Played[]) {
    for (const {backend, scenario, cluster, faults} of played) {
      if (backend === kind) count(this.#moves, `${cluster} ${scenario}`);
      for (const fault of faults) count(this.#faults, fault);
    }
  }

  add(moves: readonly Move[]): void {
    if (moves.length === 1) for (const {scenario, cluster} of moves) count(this.#moves, `${cluster} ${scenario.name}`);
    for (const fault of new Set(moves.flatMap(({scenario}) => scenario.faults))) count(this.#faults, fault);
  }

  /** More for what was played less. */
  weight({scenario, cluster}: Move): number {
    const missing = scenario.faults.map((fault) => Math.max(0, OF_EACH_FAULT - (this.#faults.get(fault) ?? 0)));
    const times = this.#moves.get(`${cluster} ${scenario.name}`) ?? 0;
    return (1 + Math.max(...missing) ** 2) / (1 + times) ** 2;
  }
}

function count(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

/** One of a list, the likelier the more it weighs. */
function heaviest<One>(list: readonly One[], weigh: (one: One) => number, random: () => number): One {
  const weights = list.map(weigh);
  let at = random() * weights.reduce((sum, weight) => sum + weight, 0);
  const found = list.find((_, index) => (at -= weights[index] ?? 0) <= 0) ?? list.at(-1);
  if (found === undefined) throw new Error('There is nothing to choose from.');
  return found;
}
