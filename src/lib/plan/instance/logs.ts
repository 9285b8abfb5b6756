import type {LogEvent} from '../../flavor/commands/words.ts';
import {GtidSet} from '../../model/gtid-set.ts';
import {BinlogState, parseMariadbGtids} from '../../model/mariadb-gtid.ts';

/** A binary log, and what the server had written before it: a GTID set, or a binlog state of MariaDB. */
export interface LogFile {
  readonly name: string;
  readonly before: string;
}

/** What was written before a binary log, as one of its first events says; null where none does. */
export function historyBefore(events: readonly LogEvent[]): string | null {
  const found = events.find(({type}) => type === 'Previous_gtids' || type === 'Gtid_list');
  return found ? found.info.replaceAll(/[[\]\s]/g, '') : null;
}

/**
 * The binary logs in which errant transactions stand.
 *
 * @param files oldest first
 * @param now everything the server has written by now
 * @param source what its source has written; only MariaDB, whose errant GTIDs are the last of a row
 */
export function filesWith(
  errant: string,
  files: readonly LogFile[],
  {now, source, mariadb}: {readonly now: string; readonly source: string; readonly mariadb: boolean},
): readonly string[] {
  const ends = [...files.slice(1).map(({before}) => before), now];
  const has = mariadb ? mariadbHas(errant, source) : mysqlHas(errant);
  return files.filter(({before}, at) => has(before, ends[at] ?? now)).map(({name}) => name);
}

type Between = (before: string, after: string) => boolean;

function mysqlHas(errant: string): Between {
  const wanted = GtidSet.parse(errant);
  return (before, after) => !GtidSet.parse(after).subtract(GtidSet.parse(before)).intersect(wanted).isEmpty;
}

/** Errant are those of a pair above what the source has of it, up to the last. */
function mariadbHas(errant: string, source: string): Between {
  const theirs = BinlogState.parse(source);
  const wanted = parseMariadbGtids(errant).map(({domain, server, sequence}) => ({
    domain,
    server,
    last: sequence,
    first: (theirs.highestOf(domain, server) ?? 0) + 1,
  }));
  return (before, after) => {
    const [start, end] = [BinlogState.parse(before), BinlogState.parse(after)];
    return wanted.some(({domain, server, first, last}) => {
      const from = (start.highestOf(domain, server) ?? 0) + 1;
      const to = end.highestOf(domain, server) ?? 0;
      return from <= to && from <= last && to >= first;
    });
  };
}

/** The GTID that an event announces, in MySQL's logs; null for every other event. */
function gtidOf({type, info}: LogEvent): string | null {
  return type.startsWith('Gtid') ? (/GTID_NEXT\s*=\s*'([^']+:\d+)'/i.exec(info)?.[1] ?? null) : null;
}

/** The first transaction of a relay log that a server has not executed; null when these events name none. */
export function firstNotExecuted(events: readonly LogEvent[], executed: string): string | null {
  return firstMissing(events.map(gtidOf), executed);
}

/** The first of these that a server has not executed. */
export function firstMissing(gtids: readonly (string | null)[], executed: string): string | null {
  const done = GtidSet.parse(executed);
  return gtids.find((gtid) => gtid !== null && gtid !== '' && !done.contains(GtidSet.parse(gtid))) ?? null;
}

/** What can be next: of each server that wrote what was received, the first not executed, if none after it has been executed. */
export function nextInOrder(received: string, executed: string): readonly string[] {
  const left = [...GtidSet.parse(received).subtract(GtidSet.parse(executed)).intervals.entries()];
  return left.flatMap(([name, [first, ...others]]) => (first && others.length === 0 ? [`${name}:${first.first}`] : []));
}

/** The name of the log before this one; null for the first. */
export function fileBefore(file: string): string | null {
  const [, base, number] = /^(.*\.)(\d+)$/.exec(file) ?? [];
  if (base === undefined || number === undefined || Number(number) <= 1) return null;
  return `${base}${String(Number(number) - 1).padStart(number.length, '0')}`;
}

/** The name of the log after this one; null where names do not end in a number. */
export function fileAfter(file: string): string | null {
  const [, base, number] = /^(.*\.)(\d+)$/.exec(file) ?? [];
  if (base === undefined || number === undefined) return null;
  return `${base}${String(Number(number) + 1).padStart(number.length, '0')}`;
}
