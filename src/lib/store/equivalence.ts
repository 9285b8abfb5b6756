import type {BinlogCoordinates} from '../model/binlog-coordinates.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {Backend} from './backend.ts';

/** A place in the log of a server. */
export interface LogPlace {
  readonly key: InstanceKey;
  readonly at: BinlogCoordinates;
}

/** Row of `master_position_equivalence`; never leaves this file. */
interface EquivalenceRow {
  master1_hostname: string;
  master1_port: number;
  master1_binary_log_file: string;
  master1_binary_log_pos: number | string;
  master2_hostname: string;
  master2_port: number;
  master2_binary_log_file: string;
  master2_binary_log_pos: number | string;
}

const TABLE = 'master_position_equivalence';

/** Writes down that two places are one, both ways: who has applied up to the first may go on at the second. Forgotten after a while. */
export async function writeEquivalence(backend: Backend, one: LogPlace, other: LogPlace): Promise<void> {
  await backend.run(async ({db, dialect}) => {
    const rows = [rowOf(one, other), rowOf(other, one)].map((row) => ({...row, last_suggested: dialect.now()}));
    const unique = ['hostname', 'port', 'binary_log_file', 'binary_log_pos'].map((name) => `master1_${name}`);
    await db(TABLE)
      .insert(rows)
      .onConflict([...unique, 'master2_hostname', 'master2_port'])
      .merge(['master2_binary_log_file', 'master2_binary_log_pos', 'last_suggested']);
  });
}

/** All that is known to be the same place, nearest first: also by way of a third server. */
export async function equivalentsOf(backend: Backend, place: LogPlace): Promise<readonly LogPlace[]> {
  const found: LogPlace[] = [place];
  for (let at = 0; at < found.length && at < MOST; at += 1) {
    const next = found[at];
    const others = next ? await directlyEquivalent(backend, next) : [];
    found.push(...others.filter((one) => !found.some((known) => textOf(known) === textOf(one))));
  }
  return found.slice(1);
}

/** More than a handful of steps nobody needs. */
const MOST = 50;

async function directlyEquivalent(backend: Backend, {key, at}: LogPlace): Promise<readonly LogPlace[]> {
  const rows: readonly EquivalenceRow[] = await backend.run(({db}) =>
    db(TABLE)
      .where({master1_hostname: key.host, master1_port: key.port, master1_binary_log_file: at.file, master1_binary_log_pos: at.position})
      .orderBy(['master2_hostname', 'master2_port'])
      .select(),
  );
  return rows.map((row) => ({
    key: {host: row.master2_hostname, port: Number(row.master2_port)},
    at: {file: row.master2_binary_log_file, position: Number(row.master2_binary_log_pos)},
  }));
}

function rowOf(one: LogPlace, other: LogPlace): EquivalenceRow {
  return {
    master1_hostname: one.key.host,
    master1_port: one.key.port,
    master1_binary_log_file: one.at.file,
    master1_binary_log_pos: one.at.position,
    master2_hostname: other.key.host,
    master2_port: other.key.port,
    master2_binary_log_file: other.at.file,
    master2_binary_log_pos: other.at.position,
  };
}

function textOf({key, at}: LogPlace): string {
  return `${key.host}:${key.port} ${at.file}:${at.position}`;
}
