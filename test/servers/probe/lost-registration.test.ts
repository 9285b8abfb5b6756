import {afterAll, beforeAll, expect, test} from 'vitest';
import {sandbox, startReplication, stopReplication, type Sandbox} from '../../sandbox/index.ts';
import {probing} from './probing.ts';

let box: Sandbox;
beforeAll(async () => void (box = await sandbox({flavor: 'mysql56'})));
afterAll(() => box?.down());

test('the list of replicas that a 5.6 may crash over is shown only when other receivers are connected, and never when none is', async () => {
  const {a, b, c} = await box.topology('a: b c');
  const {found} = probing();
  const shown = async (): Promise<number> => {
    const [row] = await a.query<{Value: string}>("SHOW GLOBAL STATUS LIKE 'Com_show_slave_hosts'");
    return Number(row?.Value);
  };
  const replicas = async (): Promise<number[]> =>
    (await found(a.key)).reading.replicas.map(({port}) => port).toSorted((one, other) => one - other);
  const both = [b.key.port, c.key.port].toSorted((one, other) => one - other);
  const before = await shown();

  for (const _ of ['first', 'second', 'third']) expect(await replicas()).toEqual(both);
  expect((await shown()) - before).toBe(1);

  await stopReplication(b);
  await box.waitFor('b is gone from the list', async () => (await replicas()).join() === String(c.key.port));
  await startReplication(b);
  await box.waitFor('b is in the list again', async () => (await replicas()).join() === both.join());
  expect((await shown()) - before).toBe(3);

  await Promise.all([stopReplication(b), stopReplication(c)]);
  await box.waitFor('nobody is in the list', async () => (await replicas()).length === 0);
  const last = await shown();
  expect(await replicas()).toEqual([]);
  expect(await shown()).toBe(last);
});
