import {expect, onTestFinished, test} from 'vitest';
import {Prober} from '../../src/lib/execute/eyes/prober.ts';
import type {Instance as Known} from '../../src/lib/model/instance.ts';
import {replicaStatus, sandbox} from '../sandbox/index.ts';
import {probing} from './probe/probing.ts';

test('a semi-sync receiver of MariaDB that takes long to stop, because its source is silent, is started again', async () => {
  const box = await sandbox({flavor: 'mariadb'});
  onTestFinished(() => box.down());
  const {a, b} = await box.topology('a: b', {semiSync: true});
  const {servers, config, found} = probing();
  const {reading} = await found(b.key);
  const eyes = new Prober({servers, config, onRecorded: () => undefined});
  a.pause();
  onTestFinished(() => a.resume());
  await eyes.restartReceiver(reading as unknown as Known);
  const [status] = await replicaStatus(b);
  expect(status?.receiver.running).toMatch(/Connecting|Preparing/);
  a.resume();
  await box.waitFor('it receives again', async () => (await replicaStatus(b))[0]?.receiver.running === 'Yes', {within: 60_000});
});
