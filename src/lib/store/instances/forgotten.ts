import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Seconds} from '../../model/units.ts';
import type {Backend, Work} from '../backend.ts';

/*
 * A server that was forgotten is kept out for a while: probes of it that were under way are not to bring it back, nor what its neighbours
 * say of it. Its row in `forgotten_instance` is written where its others are deleted, and asked for where they would be written anew.
 */

const KEYS_AT_ONCE = 1000;

/** Within the transaction that forgets them. A row that is there already is prolonged. */
export async function keepOut({db, dialect}: Work, keys: readonly InstanceKey[], lasting: Seconds): Promise<void> {
  if (keys.length === 0) return;
  const rows = keys.map(({host, port}) => ({hostname: host, port, kept_out_until: dialect.ahead(lasting)}));
  await db('forgotten_instance').insert(rows).onConflict(['hostname', 'port']).merge();
}

/** Somebody wants them back: what was forgotten before counts no more. Within a transaction, or without one. */
export async function letIn({db}: Work, keys: readonly InstanceKey[]): Promise<void> {
  for (let at = 0; at < keys.length; at += KEYS_AT_ONCE) {
    const some = keys.slice(at, at + KEYS_AT_ONCE).map(({host, port}) => [host, port]);
    await db('forgotten_instance').whereIn(['hostname', 'port'], some).delete();
  }
}

/** All that are kept out now. */
export async function keptOut(backend: Backend): Promise<readonly InstanceKey[]> {
  return backend.run(({db, dialect}): PromiseLike<readonly InstanceKey[]> =>
    db('forgotten_instance').where('kept_out_until', '>', dialect.now()).select({host: 'hostname'}, 'port'),
  );
}

/** Those of them that are kept out now, as `keyText`. */
export async function keptOutAmong({db, dialect}: Work, keys: readonly InstanceKey[]): Promise<ReadonlySet<string>> {
  if (keys.length === 0) return new Set();
  const rows: readonly InstanceKey[] = await db('forgotten_instance')
    .whereIn(
      ['hostname', 'port'],
      keys.map(({host, port}) => [host, port]),
    )
    .where('kept_out_until', '>', dialect.now())
    .select({host: 'hostname'}, 'port');
  return new Set(rows.map(keyText));
}

/** Deletes what keeps nobody out any more. */
export async function expireForgotten(backend: Backend): Promise<number> {
  return backend.run(({db, dialect}): PromiseLike<number> =>
    db('forgotten_instance').where('kept_out_until', '<=', dialect.now()).delete(),
  );
}
