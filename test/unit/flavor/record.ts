/**
 * Records what real servers answer, for the tables of this folder: `node test/unit/flavor/record.ts`. Ports and server UUIDs
 * are replaced, so that two recordings of one version differ in nothing that a server does not say differently.
 */
import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {sandbox, waitFor, type Instance, type Row, type Sandbox} from '../../sandbox/index.ts';
import {flavorOf} from '../../../src/lib/flavor/flavors.ts';

type Recording = Record<string, readonly Row[]>;

for (const flavor of ['mariadb', 'mysql9', 'mysql56'] as const) {
  const box = await sandbox({flavor});
  try {
    const recorded = await record(box);
    const text = [...recorded.names].reduce((all, [found, name]) => all.replaceAll(found, name), JSON.stringify(recorded.rows, null, 1));
    await writeFile(join(import.meta.dirname, 'recorded', `${flavor}.json`), `${text}\n`);
  } finally {
    await box.down();
  }
}

async function record(box: Sandbox): Promise<{rows: Recording; names: ReadonlyMap<string, string>}> {
  const {a, b, c} = await box.topology('a: b c');
  const names = await identities(box);
  await a.query('CREATE TABLE test.t (i INT PRIMARY KEY)');
  await box.caughtUp();
  const recording: Recording = {version: await a.query('SELECT @@version AS version, @@version_comment AS versionComment')};
  const flavor = flavorOf(recording['version']![0] as {version: string; versionComment: string});
  recording['source'] = await a.query(flavor.showReplicaStatus.text);
  // MySQL 9 writes down how far its workers are three times a second.
  recording['replica'] = await statusWhen(
    b,
    (row) => (row['Exec_Source_Log_Pos'] ?? row['Exec_Master_Log_Pos']) === (row['Read_Source_Log_Pos'] ?? row['Read_Master_Log_Pos']),
  );
  recording['binlog'] = await a.query(flavor.showBinlogStatus.text);
  recording['replicas'] = await a.query(flavor.showReplicas.text);
  recording['facts'] = await b.query(flavor.showFacts.text);
  if (box.flavor !== 'mysql56') recording['channels'] = await withSecondChannel(box, {source: c, replica: b});
  recording['failing'] = await withBrokenApplier(a, b);
  recording['connecting'] = await withDeadSource(a, b);
  return {rows: recording, names};
}

async function withSecondChannel(box: Sandbox, {source, replica}: {source: Instance; replica: Instance}): Promise<readonly Row[]> {
  await box.point(replica, source, {channel: 'other'});
  const rows = await replica.query(replica.words.showReplicas);
  await replica.query(replica.words.stop('other'));
  await replica.query(replica.words.forget('other'));
  return rows;
}

async function withBrokenApplier(source: Instance, replica: Instance): Promise<readonly Row[]> {
  for (const statement of replica.words.readOnly(false)) await replica.query(statement);
  const own = replica.connect();
  await own.query('SET SESSION sql_log_bin = 0');
  await own.query('INSERT INTO test.t VALUES (1)');
  own.close();
  await source.query('INSERT INTO test.t VALUES (1)');
  return statusWhen(replica, (row) => Number(row['Last_SQL_Errno']) !== 0);
}

async function withDeadSource(source: Instance, replica: Instance): Promise<readonly Row[]> {
  await source.kill9();
  return statusWhen(replica, (row) => Number(row['Last_IO_Errno']) === 2003);
}

function statusWhen(replica: Instance, wanted: (row: Row) => boolean): Promise<readonly Row[]> {
  return waitFor('the replica reports its error', async () => {
    const rows = await replica.query(replica.words.showReplicas);
    return rows[0] && wanted(rows[0]) ? rows : null;
  });
}

async function identities(box: Sandbox): Promise<ReadonlyMap<string, string>> {
  const ports = box.instances.map(({key, serverId}) => [String(key.port), String(3300 + serverId)] as const);
  if (box.flavor === 'mariadb') return new Map(ports);
  const uuids = box.instances.map(async (instance) => {
    return [String(await instance.value('SELECT @@server_uuid')), `0000000${instance.serverId}-aaaa-bbbb-cccc-dddddddddddd`] as const;
  });
  return new Map([...ports, ...(await Promise.all(uuids))]);
}
