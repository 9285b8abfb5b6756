import {
  binlogPosition,
  replicaStatus,
  startReplication,
  stopReplication,
  waitFor,
  type Client,
  type Instance,
} from '../../sandbox/index.ts';

/** Inserts rows with these ids into `test.t`, one transaction each, and makes the table if need be. */
export async function insert(into: Instance, from: number, to: number): Promise<readonly number[]> {
  await into.query('CREATE TABLE IF NOT EXISTS test.t (id BIGINT PRIMARY KEY, note VARCHAR(64))');
  const ids = Array.from({length: to - from + 1}, (_, at) => from + at);
  for (const id of ids) await into.query('INSERT INTO test.t (id) VALUES (?)', [id]);
  return ids;
}

/** A transaction that only this server has. On MariaDB in a domain of its own: strict mode would refuse what comes after otherwise. */
export async function insertErrant(into: Instance): Promise<void> {
  await underReadOnly(into, async (client) => {
    if (into.flavor === 'mariadb') await client.query('SET SESSION gtid_domain_id = 7');
    await client.query('CREATE TABLE test.errant (id INT PRIMARY KEY)');
  });
}

/** Rows whose transactions carry a tag, on a source, or on a replica that protects itself. */
export async function insertTagged(into: Instance, tag: string, ids: readonly number[]): Promise<void> {
  const insertAll = async (client: Client): Promise<void> => {
    await client.query('SET SESSION gtid_next = ?', [`AUTOMATIC:${tag}`]);
    for (const id of ids) await client.query('INSERT INTO test.t (id) VALUES (?)', [id]);
  };
  if (Number(await into.value('SELECT @@super_read_only')) === 1) return underReadOnly(into, insertAll);
  const client = into.connect();
  await insertAll(client).finally(() => client.close());
}

/** Writes to a replica all the same: super_read_only would keep even root from it. */
async function underReadOnly(replica: Instance, work: (client: Client) => Promise<void>): Promise<void> {
  const client = replica.connect();
  try {
    if (replica.flavor === 'mysql9') await client.query('SET GLOBAL super_read_only = OFF');
    await work(client);
    if (replica.flavor === 'mysql9') await client.query('SET GLOBAL super_read_only = ON');
  } finally {
    client.close();
  }
}

/** Waits until a replica has received, not necessarily applied, all that its source has written. */
export async function receivedAll(replica: Instance, source: Instance): Promise<void> {
  const {file, position} = await binlogPosition(source);
  const side = replica.words.columns;
  await waitFor(`${replica.name} has received all of ${source.name}`, async () => {
    const [status] = await replicaStatus(replica);
    const at = `${String(status?.row[`${side}_Log_File`])}:${String(status?.row[`Read_${side}_Log_Pos`])}`;
    if (at === `${file}:${position}`) return true;
    throw new Error(`${at} instead of ${file}:${position}`);
  });
}

type Thread = 'IO_THREAD' | 'SQL_THREAD';

/** Stops one thread of a replica, as a person would. */
export async function stopThread(replica: Instance, thread: Thread): Promise<void> {
  await replica.query(`STOP ${wordOf(replica)} ${thread}`);
}

export async function startThread(replica: Instance, thread: Thread): Promise<void> {
  await replica.query(`START ${wordOf(replica)} ${thread}`);
}

/** Lets a replica apply so many seconds late; 0 = at once. */
export async function delay(replica: Instance, seconds: number): Promise<void> {
  await stopReplication(replica);
  const change = replica.flavor === 'mysql9' ? 'CHANGE REPLICATION SOURCE TO SOURCE_DELAY' : 'CHANGE MASTER TO MASTER_DELAY';
  await replica.query(`${change} = ${seconds}`);
  await startReplication(replica);
}

/** Keeps a replica from applying to `test.t` until the returned function is called. Receiving goes on. */
export async function holdApplier(replica: Instance): Promise<() => Promise<void>> {
  const client = replica.connect();
  await client.query('LOCK TABLES test.t READ');
  return async () => {
    await client.query('UNLOCK TABLES').finally(() => client.close());
  };
}

/** Makes the next row with this id fail on a replica: it has it already, and in no binary log. */
export async function breakApplier(replica: Instance, id: number): Promise<void> {
  await underReadOnly(replica, async (client) => {
    await client.query('SET SESSION sql_log_bin = 0');
    await client.query('INSERT INTO test.t (id, note) VALUES (?, ?)', [id, 'here before']);
  });
}

function wordOf(replica: Instance): string {
  return replica.words.columns === 'Source' ? 'REPLICA' : 'SLAVE';
}
