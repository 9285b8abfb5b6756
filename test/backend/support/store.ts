import {afterAll, beforeAll, beforeEach} from 'vitest';
import type {Config} from '../../../src/lib/config/keys.ts';
import type {Backend} from '../../../src/lib/store/backend.ts';
import {MIGRATIONS} from '../../../src/lib/store/migrations/migrations.ts';
import {bench, type Bench, type Kind} from './coordination.ts';

/** Kinds of backend every store function is tested on; Galera is left to what differs there: lease, locks, migrations. */
export const BACKENDS = ['sqlite', 'mariadb'] as const;

export interface Store {
  readonly backend: Backend;
  readonly bench: Bench;
  readonly config: Config;
}

/** A migrated backend for the tests of one `describe`, every table of it empty before each. */
export function useStore(kind: Kind): Store {
  const store: {backend?: Backend; bench?: Bench} = {};
  beforeAll(async () => {
    store.bench = await bench(kind);
    store.backend = await store.bench.open();
  });
  afterAll(() => store.bench?.down());
  beforeEach(() => emptyTables(store.backend!));
  return {
    get backend() {
      return store.backend!;
    },
    get bench() {
      return store.bench!;
    },
    get config() {
      return store.bench!.configs[0]!;
    },
  };
}

async function emptyTables(backend: Backend): Promise<void> {
  for (const name of new Set(MIGRATIONS.flatMap(({tables}) => tables.map((table) => table.name)))) {
    if (name !== 'orchestrator_db_deployments') await backend.run(({db}) => db(name).delete());
  }
}

/** Rows of a table as they are, in the order of some columns. */
export async function rowsOf(backend: Backend, table: string, ...order: readonly string[]): Promise<Record<string, unknown>[]> {
  return backend.run(({db}) => db(table).orderBy([...order]));
}

/** Makes a row look so many seconds older, by its own clock. */
export async function ageColumn(backend: Backend, table: string, column: string, seconds: number): Promise<void> {
  await backend.run(({db, dialect}) => {
    const older =
      dialect.kind === 'sqlite'
        ? db.raw('datetime(??, ?)', [column, `-${seconds} seconds`])
        : db.raw('?? - interval ? second', [column, seconds]);
    return db(table).update({[column]: older});
  });
}
