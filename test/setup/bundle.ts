import {buildIfStale} from '../../script/build.ts';

/** Once a run, before any test: tests that start the program find its bundle at `process.env.ORCHESTRATOR_BIN`. */
export async function setup(): Promise<void> {
  process.env['ORCHESTRATOR_BIN'] ??= await buildIfStale();
}
