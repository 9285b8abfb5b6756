import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {sandbox, type Flavor, type Sandbox} from '../../../sandbox/index.ts';
import {backendHost, type BackendHost} from '../backends.ts';
import {judge} from './judge.ts';
import {build, perform, strike, type Stage} from './play.ts';
import {readScenarios, type Scenario} from './scenario.ts';

/** Set by `script/test --all`. */
const ALL = process.env['ORCHESTRATOR_TEST_ALL'] !== undefined;

/** How many at a time, each in a sandbox of its own: most of a scenario is waiting for servers. */
const LANES = 2;

/** One test for each folder of test/servers/scenarios that is to be seen on this family of servers. */
export function playScenarios(flavor: Flavor): void {
  const wanted = readScenarios().filter(
    (scenario) => scenario.flavors.includes(flavor) && (ALL || flavor === 'mariadb' || scenario.versionSensitive),
  );
  // A change between GTIDs and positions builds all servers anew.
  const byPosition = ({options}: Scenario): boolean => options.some(({verb}) => verb === 'positions');
  const scenarios = [...wanted.filter((one) => !byPosition(one)), ...wanted.filter(byPosition)];
  describe(`scenarios on ${flavor}`, () => {
    const boxes: Sandbox[] = [];
    const free: Promise<void>[] = [];
    let host: BackendHost;
    beforeAll(async () => {
      host = await backendHost('sqlite');
      for (let lane = 0; lane < LANES; lane++) boxes.push(await sandbox({flavor}));
      free.push(...boxes.map(() => Promise.resolve()));
    });
    afterAll(() => Promise.all([host?.down(), ...boxes.map((box) => box.down())]));

    test.concurrent.each(scenarios)(
      '$name',
      async (scenario) => {
        const lane = scenarios.indexOf(scenario) % LANES;
        const mine = (free[lane] ?? Promise.resolve()).then(() => play(scenario, {box: boxes[lane]!, host}));
        free[lane] = mine.catch(() => undefined);
        expect(await mine).toBeUndefined();
      },
      // All are begun at once and wait for their turn.
      900_000,
    );
  });
}

async function play(scenario: Scenario, on: {readonly box: Sandbox; readonly host: BackendHost}): Promise<void> {
  try {
    await playOnce(scenario, on);
  } catch (error) {
    const crashes = await on.box.crashes();
    if (crashes.length === 0) throw error;
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${crashes.join('\n')}`, {cause: error});
  }
}

async function playOnce(scenario: Scenario, on: {readonly box: Sandbox; readonly host: BackendHost}): Promise<void> {
  const stage = await build(scenario, on);
  try {
    for (const step of scenario.steps) await doLine(stage, step);
    await judge(stage);
  } catch (error) {
    const logs = stage.services.map(({log}) => `The service said:\n${log}`);
    throw new Error([error instanceof Error ? error.message : String(error), ...logs].join('\n'), {cause: error});
  } finally {
    await strike(stage);
  }
}

async function doLine(stage: Stage, step: Scenario['steps'][number]): Promise<void> {
  try {
    await perform(stage, step);
  } catch (error) {
    const said = stage.ended.map(({status, stdout, stderr}) => `${status}: ${stdout}${stderr}`).join('\n');
    throw new Error(`${stage.scenario.name}/do:${step.number}: ${error instanceof Error ? error.message : String(error)}\n${said}`, {
      cause: error,
    });
  }
}
