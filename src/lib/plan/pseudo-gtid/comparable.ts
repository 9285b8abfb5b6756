import type {LogEvent} from '../../flavor/commands/words.ts';

/** Events that each server writes for itself, and comments to others; they say nothing about what was replicated. */
const OF_THE_SERVER: ReadonlySet<string> = new Set(
  [
    'format_desc rotate stop heartbeat ignorable previous_gtids gtid_list binlog_checkpoint start_encryption',
    'anonymous_gtid rows_query annotate_rows view_change transaction_context',
  ]
    .join(' ')
    .split(' '),
);

const ROWS = /^(write|update|delete)_rows/;

/** The text of an event without what each server puts in by itself: comments, numbers of tables, transactions and temporary files. */
export function textOfEvent({info}: Pick<LogEvent, 'info'>): string {
  return info
    .replaceAll(/\/\*.*?\*\//gs, '')
    .replace(/\btable_id: \d+/, 'table_id:')
    .replace(/ cid=\d+$/, '')
    .replaceAll(/;?\s*file_id=\d+/g, '')
    .replaceAll(/'[^']*SQL_LOAD[^']*'/g, "'SQL_LOAD'")
    .replaceAll(/ COLLATE [`\w]+/gi, '')
    .trim();
}

/**
 * What an event comes to when logs of two servers are compared; null for one that need not be in both.
 *
 * @param leaveOut SkipBinlogEventsContaining
 */
export function comparableOf(event: LogEvent, leaveOut: readonly string[]): string | null {
  const type = event.type.toLowerCase();
  if (OF_THE_SERVER.has(type) || leaveOut.some((part) => part !== '' && event.info.includes(part))) return null;
  const rows = ROWS.exec(type)?.[1];
  // The number of the table is the server's own, and later versions have more flags: the table was named by the event before.
  if (rows) return `${rows} rows${event.info.includes('STMT_END_F') ? ', the last' : ''}`;
  return textOfEvent(event);
}

/** What an event does to the transaction it stands in. */
export function boundaryOf(comparable: string): 'opens' | 'closes' | null {
  if (/^BEGIN\b/.test(comparable)) return 'opens';
  return /^COMMIT\b|^ROLLBACK$/.test(comparable) ? 'closes' : null;
}

/** MariaDB announces with it a statement that is a transaction by itself, and writes that as the next event. */
const ANNOUNCED = /^GTID \d+-\d+-\d+$/;

/** Whether these are nothing but the beginning of one transaction. */
export function isOnlyHalf(events: readonly LogEvent[]): boolean {
  const said = events.map((event) => comparableOf(event, [])).filter((text) => text !== null);
  const [first, ...rest] = said;
  if (first === undefined) return false;
  if (boundaryOf(first) === 'opens') return !rest.some((text) => boundaryOf(text) === 'closes');
  return ANNOUNCED.test(first) && rest.length === 0;
}
