import {afterAll, afterEach, beforeAll, expect, test} from 'vitest';
import {groupReplication, sandbox, type Group, type Instance, type Sandbox} from '../sandbox/index.ts';
import {backendHost, recoveryOf, rows, site, standingOf, type BackendHost, type Site} from './support/index.ts';

/** Far more than any of it takes; several tests share two cores. */
const WITHIN = 60_000;

let group: Group;
let box: Sandbox;
let host: BackendHost;
let at: Site | undefined;
beforeAll(async () => {
  [group, box, host] = await Promise.all([groupReplication(), sandbox({flavor: 'mysql9'}), backendHost('sqlite')]);
});
afterEach(() => at?.down());
afterAll(() => Promise.all([group?.down(), box?.down(), host?.down()]));

const name = ({key}: Instance): string => `${key.host}:${key.port}`;

/** Waits until all of these, as the leader has published them, are of one cluster. */
async function inCluster(it: Site, source: Instance, members: readonly Instance[]): Promise<void> {
  await box.waitFor(
    `all are of the cluster of ${source.name}`,
    async () => {
      const known = await rows<{port: number; cluster_name: string; last_seen: string | null}>(it, 'database_instance');
      const wrong = members.filter(
        ({key}) => !known.some((row) => row.port === key.port && row.cluster_name === name(source) && row.last_seen !== null),
      );
      if (wrong.length === 0) return true;
      throw new Error(known.map((row) => `${row.port} of ${row.cluster_name}`).join('; '));
    },
    {within: WITHIN},
  );
}

test('the cluster goes by the primary of its group, and replicas of a member that dies follow another', async () => {
  const [n1, n2, n3] = group.nodes as [Instance, Instance, Instance];
  const {d} = await box.topology('d');
  await n1.query('CREATE TABLE test.g (id INT PRIMARY KEY)');
  await d.query('SET GLOBAL server_id = 99'); // the members have theirs from 1 on
  await box.point(d, n2);
  at = await site({
    backend: host,
    servers: [n1, n2, n3, d],
    settings: {RecoverIntermediateMasterClusterFilters: ['*'], AuditToBackendDB: true},
  });
  const it = at;
  await it.serve();
  const all = [n1, n2, n3, d];
  await inCluster(it, n1, all);
  expect(await it.run('set-cluster-alias', name(n1), '--alias', 'shop')).toMatchObject({status: 0});

  const [row] = await n3.query<{id: string}>('SELECT @@server_uuid AS id');
  await n1.query('SELECT group_replication_set_as_primary(?)', [row!.id], {timeout: WITHIN});
  await inCluster(it, n3, all);
  const alias = async (): Promise<string> => (await it.run('which-cluster-alias', '-i', name(d))).stdout.trim();
  await expect.poll(alias, {timeout: WITHIN}).toBe('shop');

  await n2.kill9();
  expect(await recoveryOf(it, n2, WITHIN)).toMatchObject({
    analysis: 'DeadReplicationGroupMemberWithReplicas',
    is_successful: 1,
    successor_port: n1.key.port,
    lost_slaves: '',
    all_errors: '',
  });
  expect(await standingOf(d)).toMatchObject({source: n1.key.port, receiver: 'Yes', applier: 'Yes'});
  expect(await it.hooks.order()).toEqual([
    'OnFailureDetectionProcesses',
    'PreFailoverProcesses',
    'PostIntermediateMasterFailoverProcesses',
    'PostFailoverProcesses',
  ]);
  await n3.query('INSERT INTO test.g VALUES (1)');
  await box.waitFor('what is written on the primary arrives', async () => Number(await d.value('SELECT COUNT(*) FROM test.g')) === 1, {
    within: WITHIN,
  });
});
