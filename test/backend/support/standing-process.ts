/**
 * A process that begins a transaction, writes a row and waits to be told on standard input to go on; started with a configuration as its
 * one argument. Says on standard output how it fares.
 */
import {once} from 'node:events';
import type {Config} from '../../../src/lib/config/keys.ts';
import {isCode} from '../../../src/lib/errors/errors.ts';
import {openBackend} from '../../../src/lib/store/open.ts';

const config: Config = JSON.parse(process.argv[2] ?? '{}');
const backend = await openBackend(config, {pool: 2, queryTimeout: 60_000, connectTimeout: 60_000});
// Both connections are there, so that one is idle while the other is in the transaction.
await Promise.all([1, 2].map(() => backend.run(({db}) => db.raw('select sleep(0.2)'))));
try {
  await backend.transaction(
    async ({db}) => {
      await db('host_attributes').update({attribute_value: '2'});
      console.log('holds');
      await once(process.stdin, 'data');
      await db('host_attributes').update({attribute_value: '3'});
    },
    {deadline: 0},
  );
  console.log('committed');
} catch (error) {
  console.log(`lost: ${isCode(error, 'BACKEND_UNREACHABLE') ? error.code : String(error)}`);
}
await backend.run(({db}) => db('host_attributes').insert({hostname: '*', attribute_name: 'y', attribute_value: '1'}), {deadline: 0});
console.log('went on');
await backend.close();
process.stdin.destroy();
