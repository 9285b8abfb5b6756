import type {Milliseconds} from '../../model/units.ts';
import type {Backend} from '../backend.ts';

const TABLE = 'global_recovery_disable';
/** Somebody who holds the table must not keep everybody waiting who only asks: not known is an answer too. */
const READ_WITHIN: Milliseconds = 5000;

/**
 * Whether automatic recovery is stopped everywhere.
 *
 * @throws OrchestratorError BACKEND_*, SCHEMA_MISSING when it cannot be read, or not within five seconds: nobody recovers on a guess
 */
export async function recoveriesDisabled(backend: Backend): Promise<boolean> {
  const row: unknown = await backend.run(({db}) => db(TABLE).where('disable_recovery', 1).first('disable_recovery').timeout(READ_WITHIN));
  return row !== undefined;
}

export async function disableRecoveries(backend: Backend): Promise<void> {
  await backend.run(({db}) => db(TABLE).insert({disable_recovery: 1}).onConflict('disable_recovery').ignore());
}

export async function enableRecoveries(backend: Backend): Promise<void> {
  await backend.run(({db}) => db(TABLE).delete());
}
