import {expect, test} from 'vitest';
import {sameKey} from '../../../../src/lib/model/instance-key.ts';
import type {Topology} from '../../../../src/lib/model/topology.ts';
import type {RelocationPlan} from '../../../../src/lib/plan/relocation/plan.ts';
import {given, type Kind} from '../../support/given.ts';
import {decide, MARIADB, POSITION} from './support.ts';

const NAMES = 'abcdefgh'.split('');
const WISHES = ['relocate', 'move-below', 'move-gtid', 'repoint', 'relocate-replicas', 'move-replicas-gtid', 'repoint-replicas'];
const ALONE = ['take-siblings', 'move-up', 'move-up-replicas', 'take-source', 'regroup'];

/** The same numbers for the same seed, from 0 up to 1. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A tree of eight: each is below one that comes before it. */
function sketchOf(next: () => number): string {
  const below = NAMES.slice(1).map((name, at) => [NAMES[Math.floor(next() * (at + 1))], name] as const);
  const bySource = Map.groupBy(below, ([source]) => source);
  return [...bySource].map(([source, replicas]) => `${source}: ${replicas.map(([, name]) => name).join(' ')}`).join('; ');
}

/** Who follows whom once all that is planned has been done. */
function after(topology: Topology, {moves}: RelocationPlan): Map<string, string | null> {
  const sources = new Map(topology.instances.map(({key, replication}) => [key.host, replication?.source?.host ?? null]));
  for (const {key, to} of moves) sources.set(key.host, to.host);
  return sources;
}

function reachesTop(sources: ReadonlyMap<string, string | null>, from: string): boolean {
  let [at, steps] = [sources.get(from) ?? null, 0];
  while (at !== null && steps <= NAMES.length) [at, steps] = [sources.get(at) ?? null, steps + 1];
  return at === null;
}

test.each<{kind: Kind; name: string}>([
  {kind: {}, name: 'MySQL by GTID'},
  {kind: MARIADB, name: 'MariaDB by GTID'},
  {kind: POSITION, name: 'positions'},
])('$name: whatever is asked of whatever tree, no plan closes a ring, leaves anybody on hold, or moves somebody nowhere', ({kind}) => {
  let planned = 0;
  for (let seed = 1; seed <= 400; seed += 1) {
    const next = random(seed);
    const pick = <Item>(from: readonly Item[]): Item => from[Math.floor(next() * from.length)] as Item;
    const sketch = sketchOf(next);
    const wish = next() < 0.7 ? `${pick(WISHES)} ${pick(NAMES)} below ${pick(NAMES)}` : `${pick(ALONE)} ${pick(NAMES)}`;
    const decision = decide(wish, {sketch, kind});
    if (!decision.act) continue;
    planned += 1;
    const {plan} = decision;
    const sources = after(given(sketch, {}, kind), plan);
    expect({
      told: `seed ${seed}: ${wish} of ${sketch}`,
      inRings: NAMES.filter((name) => !reachesTop(sources, name)),
      toThemselves: plan.moves.filter(({key, to}) => sameKey(key, to)),
      held: heldAtTheEnd(plan),
    }).toMatchObject({inRings: [], toThemselves: [], held: []});
  }
  expect(planned).toBeGreaterThan(100);
});

/** Whoever was stopped in a stage is started in a later one. */
function heldAtTheEnd({steps}: RelocationPlan): readonly string[] {
  const stops = ['hold', 'level', 'climb', 'settle-below'];
  return steps
    .filter(({step}) => stops.includes(step.do))
    .filter(({step, stage}) => !steps.some((later) => later.stage > stage && later.step.do === 'go-on' && sameKey(later.step.on, step.on)))
    .map(({step}) => `${step.do} ${step.on.host}`);
}
