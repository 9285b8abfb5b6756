import type {Result} from './run.ts';
import {SCENARIOS} from './scenarios/index.ts';
import type {Scenario} from './scenarios/scene.ts';

/** A length of time that is promised, and what measures it. */
interface Promised {
  readonly scenario: string;
  readonly what: string;
  /** Milliseconds, of the longest. */
  readonly atMost: number;
}

/** Where the backend is 1:1, and Galera's evs.suspect_timeout PT2S. */
const PROMISED: readonly Promised[] = [
  {scenario: 'leader killed', what: 'another leads', atMost: 7_000},
  {scenario: 'leader told to end', what: 'another leads', atMost: 2_000},
  {scenario: 'leader and source killed together', what: 'write accepted elsewhere', atMost: 7_000},
  {scenario: 'a whole machine dies: the leader and its database node', what: 'another leads', atMost: 12_000},
];

/** The scenarios that measure what is promised. */
export function measuring(): readonly Scenario[] {
  return PROMISED.flatMap(({scenario}) => SCENARIOS.filter(({name}) => name === scenario));
}

/** A line for each promise: median, longest, and whether it was kept. */
export function numbersOf(results: readonly Result[]): readonly {readonly text: string; readonly kept: boolean}[] {
  return PROMISED.flatMap(({scenario, what, atMost}) => {
    const times = results.filter((one) => one.scenario === scenario).flatMap(({timings}) => timings[what] ?? []);
    if (times.length === 0) return [];
    const sorted = times.toSorted((a, b) => a - b);
    const longest = sorted.at(-1) ?? 0;
    const kept = longest <= atMost;
    const text = `${scenario}: ${what}: median ${sorted[Math.floor(sorted.length / 2)]} ms, longest ${longest} ms, of ${times.length}; at most ${atMost} ms promised`;
    return [{text: `${kept ? 'ok  ' : 'BAD '} ${text}`, kept}];
  });
}
