import {setTimeout as sleep} from 'node:timers/promises';
import {ACCOUNTS, Client} from '../../sandbox/index.ts';

/*
 * An application outside: writes ever new ids into `test.t` on the server that took its last row, and on the next one when that refuses.
 * Tells its parent every id that was acknowledged.
 */

const ANSWER_WITHIN = 5_000;
const FIRST_ID = 1_000;
const BETWEEN: number = 2;

let stopped = false;
process.on('disconnect', () => process.exit());
process.on('message', (message: 'stop' | readonly number[]) => {
  if (message === 'stop') stopped = true;
  else void write(message);
});

async function write(ports: readonly number[]): Promise<void> {
  const clients = ports.map((port) => new Client(port, ACCOUNTS.app, {connectTimeout: ANSWER_WITHIN}));
  let [at, id] = [0, FIRST_ID];
  while (!stopped) {
    const client = clients[at % clients.length];
    try {
      await client?.query('INSERT INTO test.t (id) VALUES (?)', [++id], {timeout: ANSWER_WITHIN});
      process.send?.(id);
    } catch {
      at += 1; // read-only, or gone: whether this row is there is not known
    }
    await sleep(BETWEEN);
  }
  process.disconnect();
}
