import {afterAll, beforeAll, expect, test} from 'vitest';
import {sandbox, type Sandbox} from '../sandbox/index.ts';
import {backendHost, rows, site, watching, type BackendHost, type Site} from './support/index.ts';

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
  const name = `${b.key.host}:${b.key.port}`;
  const known = (): Promise<readonly Known[]> => rows<Known>(at, 'database_instance');

  expect(await at.run('forget', '-i', name)).toMatchObject({status: 0});
  const backend = await at.backend();
  // Read in one statement, by the backend's clock: whether it is back, and whether it may be.
  const standing = (): Promise<{known: number; kept: number}> =>
    backend.run(async ({db, dialect}) => {
      const [row] = (await db.select(
        db('database_instance').where({port: b.key.port}).count().as('known'),
        db('forgotten_instance').where({port: b.key.port}).where('kept_out_until', '>', dialect.now()).count().as('kept'),
      )) as {known: number; kept: number}[];
      return row!;
    });
  const early: unknown[] = [];
  await box.waitFor('it is found again', async () => {
    const seen = await standing();
    if (seen.known + seen.kept > 1) early.push(seen);
    return seen.known === 1;
  });
  expect(early).toEqual([]);

  const alias = {hostname: 'localhost', port: b.key.port};
  expect(await at.run('async-discover', '-i', `localhost:${b.key.port}`)).toMatchObject({status: 0});
  await box.waitFor('the name it was asked by is gone', async () => !(await known()).some((row) => row.hostname === alias.hostname));
  await box.waitFor('it stays known by its own', async () =>
    (await known()).some((row) => row.port === b.key.port && row.last_seen !== null),
  );
});
