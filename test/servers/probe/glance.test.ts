import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {glance} from '../../../src/lib/probe/glance.ts';
import {LiveModel} from '../../../src/lib/probe/live-model.ts';
import type {Instance as Known} from '../../../src/lib/model/instance.ts';
import type {InstanceKey} from '../../../src/lib/model/instance-key.ts';
import {sandbox, stopReplication, waitFor, type Flavor, type Instance, type Sandbox} from '../../sandbox/index.ts';
import {probing, type Probing} from './probing.ts';

const PATIENCE = 30_000;

describe.each<{flavor: Flavor}>([{flavor: 'mariadb'}, {flavor: 'mysql9'}, {flavor: 'mysql56'}])('a glance at $flavor', ({flavor}) => {
  let box: Sandbox;
  let a: Instance;
  let b: Instance;
  let c: Instance;
  let eyes: Probing;
  let before: Known;

  beforeAll(async () => {
    box = await sandbox({flavor});
    ({a, b, c} = await box.topology('a: b; c'));
    eyes = probing();
    before = await known(eyes, b.key);
  });
  afterAll(() => box.down());

  /** An error stays in a receiver's status until it is connected again, so it is only the last one that is waited for. */
  const receiverSays = (wanted: object): Promise<unknown> =>
    waitFor('the receiver says so', async () => {
      const outcome = await glance(eyes, before, PATIENCE);
      expect(outcome).toMatchObject({ok: true, reading: {replication: {receiver: wanted}}});
      return outcome;
    });

  test('of a replica that replicates shows what a probe showed', async () => {
    expect(await glance(eyes, before, PATIENCE)).toMatchObject({ok: true, asked: b.key, remarks: [], reading: before});
  });

  test('sees that the source has gone, by number', async () => {
    await a.kill9();
    await receiverSays({state: 'other', errno: expect.toSatisfy((errno: number) => [2003, 2013].includes(errno))});
    expect(await glance(eyes, await known(eyes, b.key), PATIENCE)).toMatchObject({reading: {replication: {applier: {state: 'running'}}}});
  });

  test('sees a replication that was stopped', async () => {
    await stopReplication(b);
    expect(await receiverSays({state: 'stopped'})).toMatchObject({asked: b.key});
  });

  test('does not understand a replica of somebody else: that takes a probe', async () => {
    await box.point(b, c);
    expect(await glance(eyes, before, PATIENCE)).toBeNull();
  });

  test('says of a server that is down what a probe says', async () => {
    await b.kill9();
    expect(await glance(eyes, before, PATIENCE)).toMatchObject({ok: false, key: b.key, unreachable: {reach: 'refused', errno: 0}});
  });
});

async function known({prober}: Probing, key: InstanceKey): Promise<Known> {
  const instance = new LiveModel().record(key, await prober.probe(key));
  if (!instance) throw new Error(`${key.host}:${key.port} could not be probed`);
  return instance;
}
