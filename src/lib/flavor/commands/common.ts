import {textOf} from '../rows.ts';
import type {Row, Statement} from '../flavor.ts';
import {say} from '../statement.ts';
import type {CommandWords, LogEvent, LogPart} from './words.ts';

/** What every family says alike. */
export const COMMON_WORDS: Pick<CommandWords, 'showBinlogs' | 'showBinlogEvents' | 'purgeBinlogs'> = {
  showBinlogs: say('SHOW BINARY LOGS'),
  showBinlogEvents: (part) => events('BINLOG', part),
  purgeBinlogs: (before) => say('PURGE BINARY LOGS TO ?', before),
};

/** @param channel the clause that names the managed channel, where there are channels */
export function events(log: 'BINLOG' | 'RELAYLOG', {file, from, limit}: LogPart, channel = ''): Statement {
  const text = `SHOW ${log} EVENTS IN ?${from === undefined ? '' : ' FROM ?'} LIMIT ?${channel}`;
  return say(text, file, ...(from === undefined ? [] : [from]), limit);
}

/** Rows of `showBinlogEvents` and `showRelayEvents`. */
export function parseEvents(rows: readonly Row[]): readonly LogEvent[] {
  return rows.map((row) => ({
    at: {file: textOf(row['Log_name']), position: Number(row['Pos'])},
    nextPosition: Number(row['End_log_pos']),
    type: textOf(row['Event_type']),
    info: textOf(row['Info']),
  }));
}

/** Names of the files, oldest first. Rows of `showBinlogs`. */
export function parseBinlogs(rows: readonly Row[]): readonly string[] {
  return rows.map((row) => textOf(row['Log_name']));
}
