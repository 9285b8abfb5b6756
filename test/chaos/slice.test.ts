import {afterAll, beforeAll, expect, test} from 'vitest';
import {Stage} from './cluster/stage.ts';
import {Traps} from './faults.ts';
import {play} from './run.ts';
import {SCENARIOS} from './scenarios/index.ts';

/** Few, and such as end by themselves: what everybody's change must pass. `script/chaos` plays all. */
const NAMES = [
  'leader killed in the middle of a recovery',
  'replicas cut off from the source',
  'leader cut off from its backend, and the source killed',
] as const;
const SEED = 20260101;

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open({kind: 'galera', clusters: ['maria']});
});
afterAll(() => stage?.down());

test.each(NAMES)('%s: nothing that must hold is violated', async (name) => {
  const scenario = SCENARIOS.find((one) => one.name === name)!;
  const traps = new Traps(stage.folder);
  await stage.begin({PreFailoverProcesses: [traps.hook]});
  // A machine that is busy enough takes a lease from its holder: here that is no fault.
  const result = await play(stage, traps, {moves: [{scenario: {...scenario, mayMove: true}, cluster: 'maria'}], seed: SEED});
  expect(result.violations).toEqual([]);
});
