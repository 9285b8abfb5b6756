import type {Backend} from './backend.ts';
import {fitter} from './fit.ts';

const TABLE = 'kv_store';
const fit = fitter(TABLE);

/** Values of these keys, of those that have one. */
export async function readKeyValues(backend: Backend, keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const rows: readonly {store_key: string; store_value: string}[] = await backend.run(({db}) =>
    db(TABLE).whereIn('store_key', keys).select('store_key', 'store_value'),
  );
  return new Map(rows.map((row) => [row.store_key, row.store_value]));
}

/** Keys that begin so and have this value. */
export async function keysThatSay(backend: Backend, prefix: string, value: string): Promise<readonly string[]> {
  const rows: readonly {store_key: string; store_value: string}[] = await backend.run(({db}) =>
    db(TABLE).where('store_key', '>=', prefix).select('store_key', 'store_value').orderBy('store_key'),
  );
  return rows.filter((row) => row.store_key.startsWith(prefix) && row.store_value === value).map((row) => row.store_key);
}

/** All of them or none. */
export async function writeKeyValues(backend: Backend, pairs: readonly {readonly key: string; readonly value: string}[]): Promise<void> {
  await backend.transaction(async ({db, dialect}) => {
    const rows = pairs.map(({key, value}) => ({...fit({store_key: key, store_value: value}), last_updated: dialect.now()}));
    await db(TABLE).insert(rows).onConflict('store_key').merge();
  });
}

/** Removes keys, but only while one of them has this value. @returns whether it had */
export async function removeKeyValues(
  backend: Backend,
  keys: readonly string[],
  only: {readonly key: string; readonly value: string},
): Promise<boolean> {
  return backend.transaction(async ({db}) => {
    // locked, so that what is published meanwhile is not what is removed
    const stands: unknown = await db(TABLE).where({store_key: only.key, store_value: only.value}).forUpdate().first('store_key');
    if (stands === undefined) return false;
    await db(TABLE).whereIn('store_key', keys).delete();
    return true;
  });
}
