import {setTimeout as sleep} from 'node:timers/promises';
import {replicaStatus, waitFor, type Instance, type Sandbox} from '../../test/sandbox/index.ts';

/** Milliseconds; with many replicas seldomer, so that looking does not slow down what is looked at. */
const LOOK_EACH = 25;
const FEW = 4;
const SETTLED_WITHIN = 30_000;

/** What a replica had received of the dead source when it was last asked before somebody was promoted. */
export interface Received {
  readonly replica: Instance;
  /** A GTID set; MariaDB: its position, which holds one source's only. */
  readonly gtid: string;
}

/** Asks all replicas again and again what they have received from the source, until told to stop. */
export async function watchReceived(source: Instance, replicas: readonly Instance[], over: AbortSignal): Promise<readonly Received[]> {
  return Promise.all(
    replicas.map(async (replica) => {
      let gtid = '';
      while (!over.aborted) {
        gtid = (await receivedBy(replica, source)) ?? gtid;
        await sleep(LOOK_EACH * Math.max(1, replicas.length / FEW));
      }
      return {replica, gtid};
    }),
  );
}

/** Null when it reads from somebody else by now. */
async function receivedBy(replica: Instance, source: Instance): Promise<string | null> {
  const [status] = await replicaStatus(replica);
  if (status?.source.port !== source.key.port) return null;
  const gtid = status.row['Gtid_IO_Pos'] ?? status.row['Retrieved_Gtid_Set'];
  return typeof gtid === 'string' ? gtid.replaceAll(/\s/g, '') : '';
}

export interface Balance {
  /** What a surviving replica had received or holds, and the new source lacks: each a sentence. Must be empty. */
  readonly lost: readonly string[];
  /** Acknowledged by the dead source and received by nobody: asynchronous replication cannot promise more. */
  readonly neverReceived: number;
}

/** Compares everything once all survivors follow the promoted server and have caught up. @throws Error when they do not */
export async function balance(
  box: Sandbox,
  {promoted, received, acknowledged}: {promoted: Instance; received: readonly Received[]; acknowledged: readonly number[]},
): Promise<Balance> {
  const others = received.map(({replica}) => replica).filter((replica) => replica !== promoted);
  await waitFor('all survivors follow the promoted server', () => allFollow(others, promoted), {within: SETTLED_WITHIN});
  await box.caughtUp({within: SETTLED_WITHIN});
  const there = await idsOf(promoted);
  const lost: string[] = [];
  for (const {replica, gtid} of received) {
    const missing = await missingOf(promoted, gtid);
    if (missing !== '') lost.push(`${replica.name} had received ${missing}`);
  }
  for (const replica of others) {
    const held = await idsOf(replica);
    const only = [...held].filter((id) => !there.has(id));
    const lacks = [...there].filter((id) => !held.has(id));
    if (only.length + lacks.length > 0)
      lost.push(`${replica.name} has ${only.length} rows the new source lacks, and lacks ${lacks.length}`);
  }
  return {lost, neverReceived: acknowledged.filter((id) => !there.has(id)).length};
}

/** @throws Error that names the first that does not follow with both threads */
export async function allFollow(replicas: readonly Instance[], promoted: Instance): Promise<boolean> {
  for (const replica of replicas) {
    const [status] = await replicaStatus(replica);
    const follows = status?.source.port === promoted.key.port && status.receiver.running === 'Yes' && status.applier.running === 'Yes';
    if (!follows) throw new Error(`${replica.name} reads from port ${status?.source.port}, receiver ${status?.receiver.running}`);
  }
  return true;
}

async function idsOf(instance: Instance): Promise<Set<number>> {
  const rows = await instance.query<{id: number}>('SELECT id FROM test.t');
  return new Set(rows.map(({id}) => Number(id)));
}

/** What of a received set a server has not executed; '' = nothing. */
async function missingOf(instance: Instance, received: string): Promise<string> {
  if (received === '') return '';
  if (instance.flavor === 'mariadb') {
    const state = String(await instance.value('SELECT @@gtid_binlog_state')).split(',');
    return received
      .split(',')
      .filter((position) => !state.some((done) => reaches(done, position)))
      .join(',');
  }
  const missing = String(await instance.value('SELECT GTID_SUBTRACT(?, @@global.gtid_executed)', [received]));
  // 5.6 counts a transaction as retrieved when its first event arrives: the last one may never have come whole.
  const isHalf = instance.flavor === 'mysql56' && /^[^:,]+:\d+$/.test(missing);
  return isHalf ? '' : missing;
}

/** Same domain and server, same or higher number. */
function reaches(done: string, position: string): boolean {
  const [domain, server, number] = done.split('-').map(Number);
  const [wantedDomain, wantedServer, wanted] = position.split('-').map(Number);
  return domain === wantedDomain && server === wantedServer && (number ?? 0) >= (wanted ?? 0);
}
