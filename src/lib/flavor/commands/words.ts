import type {BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import type {Seconds} from '../../model/units.ts';
import type {Row, Statement} from '../flavor.ts';

/** One event of a binary log or relay log, as the server lists it. */
export interface LogEvent {
  /** Where it begins in that file. */
  readonly at: BinlogCoordinates;
  /** Where the next one begins, in the log it was first written to. */
  readonly nextPosition: number;
  readonly type: string;
  readonly info: string;
}

/** A part of a log: from an event's position on, so many events at most. */
export interface LogPart {
  readonly file: string;
  readonly from?: number;
  readonly limit: number;
}

/** What commands of people say to a server, beside what recovery needs. All of it acts on the managed channel alone. */
export interface CommandWords {
  /**
   * Another host name for a source that stays the same; port, GTID mode and credentials stay. Both threads must be stopped.
   *
   * @param at for a replica by position, whose server forgets the position when it is told another host; null by GTID
   */
  renameSource(host: string, at: BinlogCoordinates | null): Statement;
  /** By GTID from now on. Both threads must be stopped. */
  readonly followByGtid: Statement;
  /** By file and position from here on. Both threads must be stopped. */
  followByPosition(at: BinlogCoordinates): Statement;
  /** The applier must be stopped, on MySQL 5.6 and MariaDB the receiver too. */
  setDelay(delay: Seconds): Statement;
  /** The delay changes while the receiver runs on, which keeps what was received (MySQL 5.7+). */
  readonly delaysWhileReceiving: boolean;
  /** Empties the binary log, and with it the history of GTIDs. */
  readonly resetBinlog: Statement;
  /** Everything it has written by its own account, purged or not: column `history`. */
  readonly showHistory: Statement;
  /** What counts as written before the first binary log: only after `resetBinlog`. */
  setHistory(gtids: string): Statement;
  /** A transaction without effect under each of these GTIDs, in one session, which is left as it was. */
  emptyTransactions(gtids: readonly string[]): readonly Statement[];
  /** The next event group is not applied when the applier is started. Refused by MySQL where GTIDs are on. */
  readonly skipNext: Statement;
  /** What its appliers failed at: column `gtid`; null where the server does not say (before 5.7, MariaDB). */
  readonly showFailedTransactions: Statement | null;
  /**
   * Whether its applier commits in the order of its source: columns `workers` and `ordered`, see `keepsOrder`; null where it always
   * does.
   */
  readonly showApplierOrder: Statement | null;
  /** Blocks on the server until the position in the source's log is applied; the row decides, see `positionReached`. */
  waitForPosition(at: BinlogCoordinates, timeout: Seconds): Statement;
  readonly showBinlogs: Statement;
  showBinlogEvents(part: LogPart): Statement;
  showRelayEvents(part: LogPart): Statement;
  purgeBinlogs(before: string): Statement;
}

export const flushBinlog: Statement = {text: 'FLUSH LOCAL BINARY LOGS', values: []};

/** Ends what a session runs, and leaves it connected. */
export function killQuery(connectionId: number): Statement {
  return {text: 'KILL QUERY ?', values: [connectionId]};
}

/** Rows of `showApplierOrder`. */
export function keepsOrder(rows: readonly Row[]): boolean {
  return Number(rows[0]?.['workers'] ?? 0) <= 1 || Number(rows[0]?.['ordered'] ?? 0) === 1;
}

/** Null: the applier does not run, so nothing can be waited for. */
export function positionReached(rows: readonly Row[]): boolean | null {
  const waited = rows[0]?.['waited'] ?? null;
  return waited === null ? null : Number(waited) >= 0;
}
