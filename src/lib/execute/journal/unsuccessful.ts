import type {Config} from '../../config/keys.ts';
import {OrchestratorError} from '../../errors/errors.ts';
import {hooksOf} from '../../hooks/run.ts';
import type {Backend} from '../../store/backend.ts';
import {beginAfterwards, endAfterwards} from '../../store/recovery/plans.ts';
import {fenced, type Underway} from './fenced.ts';

/**
 * Tells hooks that a plan has failed. They stand in its journal, so that they are told the number of their attempt when whoever ran them
 * died.
 *
 * @param run runs the list, and throws where a hook failed
 * @returns a sentence for the record, also where a hook failed
 * @throws OrchestratorError DEADLINE_PASSED when the lock is somebody else's, BACKEND_*
 */
export async function tellOfFailure(
  {backend, config}: {readonly backend: Backend; readonly config: Config},
  what: Underway,
  run: (attempt: number) => Promise<string>,
): Promise<string> {
  if (hooksOf(config, 'PostUnsuccessfulFailoverProcesses') === null) return 'there are none';
  const {uid} = what.document;
  let attempt = 1;
  await fenced(backend, what, async (work) => {
    attempt = await beginAfterwards(work, uid, 'run PostUnsuccessfulFailoverProcesses');
  });
  const end = await endOf(() => run(attempt));
  await fenced(backend, what, (work) => endAfterwards(work, uid, end));
  return end.outcome;
}

async function endOf(run: () => Promise<string>): Promise<{state: 'done' | 'failed'; outcome: string}> {
  try {
    return {state: 'done', outcome: await run()};
  } catch (error) {
    if (!(error instanceof OrchestratorError) || error.code === 'DEADLINE_PASSED') throw error;
    return {state: 'failed', outcome: error.message};
  }
}
