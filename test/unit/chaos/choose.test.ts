import {expect, test} from 'vitest';
import {BACKEND_KINDS} from '../../chaos/backends/backend.ts';
import {choose, type Choosing} from '../../chaos/choose.ts';
import {FAULT_KINDS} from '../../chaos/faults.ts';
import {drawSequence, hitsServers} from '../../chaos/scenarios/sequence.ts';

const CLUSTERS = ['maria', 'mysql'] as const;
const SEEDS = Array.from({length: 80}, (_, at) => at + 1);

function chosen(more: Partial<Choosing>): readonly (readonly string[])[] {
  const choices = choose({kind: 'galera', clusters: CLUSTERS, seed: 1, count: 10, only: '', sequences: 'some', played: [], ...more});
  return choices.map(({moves}) => moves.map(({scenario, cluster}) => `${cluster} ${scenario.name}`));
}

test('a seed decides everything', () => {
  expect(chosen({seed: 7})).toEqual(chosen({seed: 7}));
  expect(chosen({seed: 7})).not.toEqual(chosen({seed: 8}));
});

test('every third is a sequence, unless something else is asked for', () => {
  expect(chosen({seed: 1}).map(({length}) => length > 1)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((seed) => seed % 3 === 0));
  expect(chosen({sequences: 'all'}).every(({length}) => length > 1)).toBe(true);
  expect(chosen({sequences: 'none', only: 'clock'}).every(([only]) => only?.includes('clock'))).toBe(true);
});

test.each(BACKEND_KINDS)('a sequence on %s has three to six different scenarios and replaces a source once', (kind) => {
  const sequences = SEEDS.map((seed) => drawSequence({kind, clusters: CLUSTERS, seed}));
  for (const moves of sequences) {
    expect(moves.length).toBeGreaterThanOrEqual(3);
    expect(moves.length).toBeLessThanOrEqual(6);
    expect(new Set(moves.map(({scenario}) => scenario)).size).toBe(moves.length);
    for (const [at, {scenario, cluster}] of moves.entries()) {
      const replaced = moves.slice(0, at).some((before) => before.cluster === cluster && before.scenario.expected.ends === 'promote');
      expect(replaced && hitsServers(scenario)).toBe(false);
    }
  }
});

test('every kind of fault is played on some backend', () => {
  const played = BACKEND_KINDS.flatMap((kind) =>
    SEEDS.flatMap((seed) => drawSequence({kind, clusters: CLUSTERS, seed}).flatMap(({scenario}) => scenario.faults)),
  );
  expect(new Set(played)).toEqual(new Set(FAULT_KINDS));
});
