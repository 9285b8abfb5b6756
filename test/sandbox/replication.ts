import {ACCOUNTS, channelOf, type Account, type Row} from './server/client.ts';
import type {Instance} from './server/instance.ts';
import {waitFor} from './wait.ts';

export interface PointOptions {
  /** Name of the channel (MySQL) or connection (MariaDB); '' is the default one. */
  readonly channel?: string;
  /** By GTID (default) or from the source's present file and position. */
  readonly gtid?: boolean;
  /** Seconds between heartbeats, 1 unless given. */
  readonly heartbeat?: number;
  readonly account?: Account;
}

export interface ThreadState {
  /** As the server says it: Yes, No, Connecting, Preparing. */
  readonly running: string;
  readonly errno: number;
  readonly error: string;
}

export interface ReplicaStatus {
  readonly channel: string;
  readonly source: {readonly host: string; readonly port: number};
  readonly receiver: ThreadState;
  readonly applier: ThreadState;
  /** Seconds; null when the server does not know. */
  readonly lag: number | null;
  /** The row itself, columns as this server names them. */
  readonly row: Row;
}

/** Makes the replica read from the source, replacing what that channel read before, and starts it. */
export async function point(replica: Instance, source: Instance, options: PointOptions = {}): Promise<void> {
  const {channel = '', gtid = true, heartbeat = 1, account = ACCOUNTS.repl} = options;
  const {words} = replica;
  const at = gtid ? 'gtid' : await binlogPosition(source);
  if ((await replicaStatus(replica)).some((status) => status.channel === channel)) await replica.query(words.stop(channel));
  await replica.query(words.point({port: source.key.port, channel, account, heartbeat, at}));
  await replica.query(words.start(channel));
}

export async function stopReplication(replica: Instance, channel = ''): Promise<void> {
  await replica.query(replica.words.stop(channel));
}

export async function startReplication(replica: Instance, channel = ''): Promise<void> {
  await replica.query(replica.words.start(channel));
}

/** Every channel of a server, none when it is no replica. */
export async function replicaStatus(instance: Instance): Promise<ReplicaStatus[]> {
  const side = instance.words.columns;
  const rows = await instance.query(instance.words.showReplicas);
  return rows.map((row) => ({
    channel: channelOf(row),
    source: {host: String(row[`${side}_Host`]), port: Number(row[`${side}_Port`])},
    receiver: thread(row, 'IO', instance),
    applier: thread(row, 'SQL', instance),
    lag: lagOf(row[`Seconds_Behind_${side}`]),
    row,
  }));
}

function thread(row: Row, name: 'IO' | 'SQL', instance: Instance): ThreadState {
  const replica = instance.words.columns === 'Source' ? 'Replica' : 'Slave';
  return {
    running: String(row[`${replica}_${name}_Running`]),
    errno: Number(row[`Last_${name}_Errno`]),
    error: String(row[`Last_${name}_Error`]),
  };
}

function lagOf(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value);
}

/** read_only, and super_read_only where it exists; a later start keeps it. */
export async function setReadOnly(instance: Instance): Promise<void> {
  for (const statement of instance.words.readOnly(true)) await instance.query(statement);
  instance.configured.push(...instance.words.configuredReadOnly);
}

/** Switches semi-sync on for one side; a later start keeps it. Takes effect when replication starts. */
export async function setSemiSync(instance: Instance, role: 'source' | 'replica'): Promise<void> {
  const {install, set, configured} = instance.words.semiSync(role);
  if (install) {
    await instance.query(install).catch((error: {errno?: number}) => {
      if (error.errno !== ALREADY_INSTALLED) throw error;
    });
  }
  await instance.query(set);
  instance.configured.push(configured);
}

const ALREADY_INSTALLED = 1125;

/** The end of a server's binary log. */
export async function binlogPosition(instance: Instance): Promise<{file: string; position: number}> {
  const [row] = await instance.query(instance.words.showBinlog);
  if (!row) throw new Error(`${instance.name} writes no binary log.`);
  return {file: String(row['File']), position: Number(row['Position'])};
}

/** Waits until both threads of every channel run. */
export async function replicating(instance: Instance, within = 60_000): Promise<void> {
  await waitFor(
    `${instance.name} replicates`,
    async () => {
      const statuses = await replicaStatus(instance);
      const ill = statuses.find((status) => status.receiver.running !== 'Yes' || status.applier.running !== 'Yes');
      if (ill) throw new Error(`receiver ${describe(ill.receiver)}, applier ${describe(ill.applier)}`);
      return statuses.length > 0;
    },
    {within},
  );
}

/** Waits until a source sends to so many replicas: a receiver calls itself running a moment before it is registered there. */
export async function sendsTo(source: Instance, replicas: number, within = 60_000): Promise<void> {
  await waitFor(
    `${source.name} sends to ${replicas} replicas`,
    async () => {
      const dumps = await source.query("SELECT id AS id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'");
      return dumps.length >= replicas;
    },
    {within},
  );
}

function describe({running, errno, error}: ThreadState): string {
  return errno === 0 ? running : `${running}, ${errno} ${error}`;
}

/** Waits until the replica has applied everything its source has written until now. Decided by GTID when the channel uses them. */
export async function appliedAll(replica: Instance, source: Instance, status: ReplicaStatus, within = 60_000): Promise<void> {
  const seconds = Math.ceil(within / 1000);
  const {words} = replica;
  const options = {timeout: within + 1_000};
  const late = (what: unknown): Error =>
    new Error(`${replica.name} did not apply all of ${source.name} within ${within} ms (answer ${String(what)}).`);
  if (usesGtid(status.row)) {
    const set = String(await source.value(words.gtidOfSource));
    const [row] = await replica.query(words.waitForGtid, [set, seconds], options);
    const answer = row && Object.values(row)[0];
    // 5.6 answers with a count of transactions, the others with 0; -1 and 1 are timeouts, null a stopped applier.
    const failed = answer === null || Number(answer) < 0 || (replica.flavor === 'mysql9' && Number(answer) === 1);
    if (failed) throw late(answer);
    return;
  }
  const {file, position} = await binlogPosition(source);
  const channel = replica.flavor === 'mysql56' ? [] : [status.channel];
  const [row] = await replica.query(words.waitForPosition, [file, position, seconds, ...channel], options);
  const answer = row && Object.values(row)[0];
  if (answer === null || Number(answer) < 0) throw late(answer);
}

function usesGtid(row: Row): boolean {
  return 'Using_Gtid' in row ? row['Using_Gtid'] !== 'No' : Number(row['Auto_Position']) === 1;
}
