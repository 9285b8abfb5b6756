import type {LogEvent} from '../../flavor/commands/words.ts';
import type {BinlogCoordinates} from '../../model/binlog-coordinates.ts';

/** The binary logs, or the relay logs, of one server: whatever stands behind them. */
export interface Log {
  /** Of whom, for sentences: `the binary logs of db2:3306`. */
  readonly name: string;
  /** Names of the files, oldest first. */
  files(): Promise<readonly string[]>;
  /** Events of one file in their order, from one that begins at this position on; a later file is another call. */
  events(from: BinlogCoordinates): AsyncIterable<LogEvent>;
  /** Events from here on do not count; null = everything counts. */
  readonly end: BinlogCoordinates | null;
}

/** Where the events of a file begin. */
export const FILE_START = 4;
