import {sameKey, type InstanceKey} from '../../model/instance-key.ts';
import type {Publication, Withdrawal} from '../directory.ts';

/** A row of ProxySQL's `mysql_servers`. */
export interface ServerRow {
  readonly hostgroup: number;
  readonly server: InstanceKey;
  readonly status: string;
  /** Its other columns, which a row that takes its place keeps: weight, max_connections, use_ssl and the like. */
  readonly settings: Readonly<Record<string, string | number>>;
}

/** The hostgroups of one cluster. */
export interface Hostgroups {
  readonly writer: number;
  /** null: orchestrator leaves readers alone. */
  readonly reader: number | null;
  /** Whether the source may serve reads too. */
  readonly writerReads: boolean;
}

/** A withdrawn source gets no traffic from that moment on; its row stays, so that whoever takes its place can take its settings. */
export function withdrawalStatements(rows: readonly ServerRow[], {writer}: Hostgroups, {demoted}: Withdrawal): readonly string[] {
  return rows
    .filter((row) => row.hostgroup === writer && sameKey(row.server, demoted) && row.status !== 'OFFLINE_HARD')
    .map((row) => update(row, 'OFFLINE_HARD'));
}

/**
 * What makes a source the only writer; empty when it is. A demoted source that follows becomes a reader, one that does not gets no
 * reads either.
 */
export function publicationStatements(
  rows: readonly ServerRow[],
  groups: Hostgroups,
  {source, demoted}: Pick<Publication, 'source' | 'demoted'>,
): readonly string[] {
  const {writer, reader, writerReads} = groups;
  const find = (hostgroup: number | null, server: InstanceKey): ServerRow | undefined =>
    rows.find((row) => row.hostgroup === hostgroup && sameKey(row.server, server));
  const others = rows.filter((row) => row.hostgroup === writer && !sameKey(row.server, source));
  const model = find(reader, source) ?? others[0];
  const asReader = find(reader, source);
  return [
    ...others.map(removal),
    ...online(find(writer, source), {hostgroup: writer, server: source, settings: model?.settings ?? {}}),
    ...(asReader && !writerReads ? [removal(asReader)] : []),
    ...(demoted && reader !== null ? demotion(find(reader, demoted.key), {demoted, reader, others}) : []),
  ];
}

interface Demoting {
  readonly demoted: NonNullable<Publication['demoted']>;
  readonly reader: number;
  readonly others: readonly ServerRow[];
}

function demotion(known: ServerRow | undefined, {demoted: {key, follows}, reader, others}: Demoting): readonly string[] {
  if (!follows) return known && known.status !== 'OFFLINE_HARD' ? [update(known, 'OFFLINE_HARD')] : [];
  const was = others.find((row) => sameKey(row.server, key));
  return online(known, {hostgroup: reader, server: key, settings: was?.settings ?? {}});
}

function online(known: ServerRow | undefined, wanted: Omit<ServerRow, 'status'>): readonly string[] {
  if (known?.status === 'ONLINE') return [];
  return [known ? update(known, 'ONLINE') : insertion({...wanted, status: 'ONLINE'})];
}

function update(row: ServerRow, status: string): string {
  return `UPDATE mysql_servers SET status = '${status}' WHERE ${which(row)}`;
}

function removal(row: ServerRow): string {
  return `DELETE FROM mysql_servers WHERE ${which(row)}`;
}

function insertion({hostgroup, server, status, settings}: ServerRow): string {
  const columns = {hostgroup_id: hostgroup, hostname: server.host, port: server.port, status, ...settings};
  return `INSERT INTO mysql_servers (${Object.keys(columns).join(', ')}) VALUES (${Object.values(columns).map(literal).join(', ')})`;
}

function which({hostgroup, server}: ServerRow): string {
  return `hostgroup_id = ${hostgroup} AND hostname = ${literal(server.host)} AND port = ${server.port}`;
}

/** As SQLite, in which ProxySQL keeps its tables, reads it: a backslash is a letter like any other. */
function literal(value: string | number): string {
  return typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;
}
