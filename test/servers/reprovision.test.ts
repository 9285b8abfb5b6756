import {afterAll, afterEach, beforeAll, expect, test} from 'vitest';
import {sandbox, type Instance, type Sandbox} from '../sandbox/index.ts';
import type {Ended} from './support/program.ts';
import {backendHost, idsOn, insert, insertErrant, rows, site, standingOf, watching, type BackendHost, type Site} from './support/index.ts';

/** Far more than any of it takes; several tests share two cores. */
const WITHIN = 90_000;

let box: Sandbox;
let host: BackendHost;
let at: Site | undefined;
beforeAll(async () => {
  [box, host] = await Promise.all([sandbox({flavor: 'mysql9'}), backendHost('sqlite')]);
});
afterEach(() => at?.down());
afterAll(() => Promise.all([box?.down(), host?.down()]));

const name = ({key}: Instance): string => `${key.host}:${key.port}`;

/** Nothing supervises it here, so it shuts down once it is a copy; the command does not end before it is back. */
async function restarted(b: Instance, running: Promise<Ended>): Promise<void> {
  const ended = running.then(({status, stderr}) => Promise.reject(new Error(`it was not made anew: ${status}, ${stderr}`)));
  await Promise.race([box.waitFor('it is down', () => !b.alive(), {within: WITHIN}), ended]);
  await b.start();
}

test('a replica is made anew from another, and follows its source; what must not be touched is refused; a command that dies is given again', async () => {
  const {a, b, c} = await box.topology('a: b c');
  await insert(a, 1, 10);
  await box.caughtUp();
  await insertErrant(b);
  at = await site({backend: host, servers: [a, b, c], settings: {AuditToBackendDB: true, RecoverMasterClusterFilters: []}});
  const it = at;
  const service = await it.serve();
  await watching(it, a);
  const order = ['reprovision', '-i', name(b), '--from', name(c)];
  expect(await it.run(...order)).toMatchObject({status: 4, stderr: expect.stringMatching(/no clone plugin/) as string});
  for (const one of [b, c]) {
    await one.query('SET GLOBAL super_read_only = OFF');
    await one.query("INSTALL PLUGIN clone SONAME 'mysql_clone.so'");
    await one.query('SET GLOBAL super_read_only = ON');
  }
  expect(await it.run('reprovision', '-i', name(a), '--from', name(c))).toMatchObject({
    status: 4,
    stderr: expect.stringMatching(/no clone plugin|has replicas/) as string,
  });
  const dry = await it.run(...order, '--dry-run');
  expect(dry).toMatchObject({status: 0, stdout: expect.stringMatching(new RegExp(`let it follow ${name(a)} by GTID`)) as string});
  expect(await standingOf(b)).toMatchObject({source: a.key.port, receiver: 'Yes'});

  // Its command dies once it is a copy: the lock goes stale, nobody acts on it, and it is closed.
  const dies = it.runWith({ORCHESTRATOR_FAULT: 'before:1'}, ...order, '--timeout', '5m');
  await restarted(b, dies);
  expect(await dies).toMatchObject({status: null});
  expect(await standingOf(b)).toMatchObject({writable: false});

  const running = it.run(...order, '--timeout', '5m', '--wait', '1m'); // until the lock of the dead one is stale
  await restarted(b, running);
  expect(await running).toMatchObject({status: 0, stdout: `${name(b)}\n`});
  expect(await standingOf(b)).toMatchObject({writable: false, source: a.key.port, receiver: 'Yes', applier: 'Yes'});
  await insert(a, 11, 12);
  await box.waitFor('what is written arrives', async () => (await idsOn(b)).length === 12, {within: WITHIN});
  expect((await it.run('which-gtid-errant', '-i', name(b))).stdout.trim()).toBe('');
  const audited = await rows<{audit_type: string; message: string}>(it, 'audit', {audit_type: 'reprovision'});
  expect(audited.map(({message}) => message.replace(/,.*/, ''))).toEqual([
    `begins: all data is replaced by that of ${name(c)}`,
    `begins: all data is replaced by that of ${name(c)}`,
    `done: follows ${name(a)}`,
  ]);
  await service.stop();
});
