import type {Backend} from '../backend.ts';

const TABLE = 'global_recovery_disable';

/** Whether automatic recovery is stopped everywhere. Throws when it cannot be read: nobody recovers on a guess. */
export async function recoveriesDisabled(backend: Backend): Promise<boolean> {
  const row: unknown = await backend.run(({db}) => db(TABLE).where('disable_recovery', 1).first('disable_recovery'));
  return row !== undefined;
}

export async function disableRecoveries(backend: Backend): Promise<void> {
  await backend.run(({db}) => db(TABLE).insert({disable_recovery: 1}).onConflict('disable_recovery').ignore());
}

export async function enableRecoveries(backend: Backend): Promise<void> {
  await backend.run(({db}) => db(TABLE).delete());
}
