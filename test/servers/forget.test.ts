import {afterAll, beforeAll, expect, test} from 'vitest';
import {forgetInstance} from '../../src/lib/store/instances.ts';
import {sandbox, type Sandbox} from '../sandbox/index.ts';
import {backendHost, rows, site, watching, type BackendHost, type Site} from './support/index.ts';

/** Seconds. */
const KEPT_OUT = 5;

let box: Sandbox;
let host: BackendHost;
let at: Site;
beforeAll(async () => {
  [box, host] = await Promise.all([sandbox({flavor: 'mariadb'}), backendHost('sqlite')]);
});
afterAll(async () => {
  await at?.down();
  await Promise.all([box?.down(), host?.down()]);
});

interface Known {
  readonly hostname: string;
  readonly port: number;
  readonly last_seen: string | null;
}

test('a running replica that is forgotten is found again through its source once its time is over; another name of a server leaves no row', async () => {
  const {a, b} = await box.topology('a: b');
  at = await site({backend: host, servers: [a, b], settings: {MySQLHostnameResolveMethod: '@@report_host'}});
  await at.serve();
  await watching(at, a);
  const known = (): Promise<readonly Known[]> => rows<Known>(at, 'database_instance');
  const isKnown = async (): Promise<boolean> => (await known()).some((row) => row.port === b.key.port && row.last_seen !== null);

  const began = performance.now();
  expect(await forgetInstance(await at.backend(), b.key, KEPT_OUT)).toBe(true);
  await box.waitFor('it is found again', isKnown);
  // The backend counts in whole seconds.
  expect(performance.now() - began).toBeGreaterThan((KEPT_OUT - 1) * 1000);

  const alias = {hostname: 'localhost', port: b.key.port};
  expect(await at.run('async-discover', '-i', `localhost:${b.key.port}`)).toMatchObject({status: 0});
  await box.waitFor('the name it was asked by is gone', async () => !(await known()).some((row) => row.hostname === alias.hostname));
  await box.waitFor('it stays known by its own', isKnown);
});
