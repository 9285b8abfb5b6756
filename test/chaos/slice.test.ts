import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import type {BackendKind} from './backends/backend.ts';
import {Stage} from './cluster/stage.ts';
import {Traps} from './faults.ts';
import {play} from './run.ts';
import {SCENARIOS} from './scenarios/index.ts';

/** Few, and such as end by themselves: what everybody's change must pass. `script/chaos` plays all. */
const SLICE: Readonly<Record<BackendKind, readonly string[]>> = {
  galera: [
    'leader killed in the middle of a recovery',
    'replicas cut off from the source',
    'leader cut off from its backend, and the source killed',
  ],
  group: ['leader stopped between two steps of a recovery, past its lease'],
  proxy: ['the backend fails over, and the source dies'],
};
const SEED = 20260101;

describe.each(Object.entries(SLICE))('%s', (kind, names) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open({kind: kind as BackendKind, clusters: ['maria']});
  });
  afterAll(() => stage?.down());

  test.each(names)('%s: nothing that must hold is violated', async (name) => {
    const scenario = SCENARIOS.find((one) => one.name === name)!;
    const traps = new Traps(stage.folder);
    await stage.begin({PreFailoverProcesses: [traps.hook]});
    // A machine that is busy enough takes a lease from its holder: here that is no fault.
    const result = await play(stage, traps, {moves: [{scenario: {...scenario, mayMove: true}, cluster: 'maria'}], seed: SEED});
    expect(result.violations).toEqual([]);
  });
});
