/** One process that opens a backend and migrates it, as every program of ours does at its start; ends with 0 when that went well. */
import type {Config} from '../../../src/lib/config/keys.ts';
import {migrate} from '../../../src/lib/store/migrations/migrate.ts';
import {openBackend} from '../../../src/lib/store/open.ts';

const {config, appVersion}: {config: Config; appVersion: string} = JSON.parse(process.argv[2] ?? '{}');
// Many of them start at once, on few cores: how long that takes is not what is tested.
const backend = await openBackend(config, {pool: 2, connectTimeout: 60_000});
await migrate(backend, {appVersion});
await backend.close();
