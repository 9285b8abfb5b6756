import {afterAll, afterEach, beforeAll, expect, test} from 'vitest';
import {groupReplication, sandbox, type Group, type Instance, type Sandbox} from '../sandbox/index.ts';
import {backendHost, downtimesAt, recoveriesOf, recoveryOf, rows, site, standingOf, type BackendHost, type Site} from './support/index.ts';

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

/**
 * All members are in the group, `replica` follows one of them, and a service has seen all of it.
 *
 * @param primary null: all are, and each is a cluster with what follows it
 */
async function start(followed: Instance, primary: Instance | null): Promise<{readonly it: Site; readonly replica: Instance}> {
  const {d: replica} = (await box.topology('d')) as {d: Instance};
  await replica.query('SET GLOBAL server_id = 99'); // the members have theirs from 1 on
  await box.point(replica, followed);
  const all = [...group.nodes, replica];
  at = await site({backend: host, servers: all, settings: {RecoverIntermediateMasterClusterFilters: ['*'], AuditToBackendDB: true}});
  await at.serve();
  if (primary) await inCluster(at, primary, all);
  else for (const node of group.nodes) await inCluster(at, node, node === followed ? [node, replica] : [node]);
  return {it: at, replica};
}

/** Whom the group has made its primary, once it has. */
async function electedAmong(nodes: readonly Instance[]): Promise<Instance> {
  return box.waitFor(
    'the group has elected a primary',
    async () => {
      const members = await group.members(nodes[0]!);
      return nodes.find(({key}) => members.some(({port, role, state}) => port === key.port && role === 'PRIMARY' && state === 'ONLINE'));
    },
    {within: WITHIN},
  );
}

/** What is written there arrives on the replica. */
async function arrives(written: Instance, id: number, replica: Instance): Promise<void> {
  await written.query('INSERT INTO test.g VALUES (?)', [id]);
  await box.waitFor(
    `what is written on ${written.name} arrives`,
    async () => Number(await replica.value('SELECT MAX(id) FROM test.g')) === id,
    {
      within: WITHIN,
    },
  );
}

async function uuidOf(node: Instance): Promise<string> {
  const [row] = await node.query<{id: string}>('SELECT @@server_uuid AS id');
  return row!.id;
}

test('the cluster goes by the primary of its group; when that dies the group elects another, and what followed it follows a member', async () => {
  const [n1, n2, n3] = group.nodes as [Instance, Instance, Instance];
  await n1.query('CREATE TABLE test.g (id INT PRIMARY KEY)');
  const {it, replica: d} = await start(n3, n1);
  expect(await it.run('set-cluster-alias', name(n1), '--alias', 'shop')).toMatchObject({status: 0});
  await n1.query('SELECT group_replication_set_as_primary(?)', [await uuidOf(n3)], {timeout: WITHIN});
  await inCluster(it, n3, [n1, n2, n3, d]);
  const alias = async (): Promise<string> => (await it.run('which-cluster-alias', '-i', name(d))).stdout.trim();
  await expect.poll(alias, {timeout: WITHIN}).toBe('shop');

  await n3.kill9();
  const recovery = await recoveryOf(it, n3, WITHIN);
  expect(recovery).toMatchObject({analysis: 'DeadReplicationGroupMemberWithReplicas', is_successful: 1, lost_slaves: '', all_errors: ''});
  expect([n1.key.port, n2.key.port]).toContain(recovery.successor_port);
  expect(await standingOf(d)).toMatchObject({source: recovery.successor_port, receiver: 'Yes', applier: 'Yes'});
  expect(await it.hooks.order()).toEqual([
    'OnFailureDetectionProcesses',
    'PreFailoverProcesses',
    'PostIntermediateMasterFailoverProcesses',
    'PostFailoverProcesses',
  ]);
  const primary = await electedAmong([n1, n2]);
  await inCluster(it, primary, [n1, n2, d]);
  await expect.poll(alias, {timeout: WITHIN}).toBe('shop');
  await arrives(primary, 1, d);
  // Nobody but the group says who writes.
  expect(await recoveriesOf(it)).toHaveLength(1);
  expect(await downtimesAt(it)).toEqual({});
});

test('of several primaries one dies: what followed it follows another', async () => {
  const [n1, n2, n3] = group.nodes as [Instance, Instance, Instance];
  await group.join(n3);
  await n1.query('SELECT group_replication_switch_to_multi_primary_mode()', [], {timeout: WITHIN});
  const {it, replica} = await start(n2, null);
  await n2.kill9();
  const recovery = await recoveryOf(it, n2, WITHIN);
  expect(recovery).toMatchObject({analysis: 'DeadReplicationGroupMemberWithReplicas', is_successful: 1, lost_slaves: '', all_errors: ''});
  expect([n1.key.port, n3.key.port]).toContain(recovery.successor_port);
  expect(await standingOf(replica)).toMatchObject({source: recovery.successor_port, receiver: 'Yes', applier: 'Yes'});
  await arrives(n1, 3, replica);
  await arrives(n3, 4, replica);
  expect(await recoveriesOf(it)).toHaveLength(1);
});
