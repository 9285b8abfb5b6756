import {hostname} from 'node:os';
import type {Log} from './lib/coordination/keep-renewing.ts';
import {currentTrail} from './lib/errors/trail.ts';

const LEVELS = ['info', 'warn', 'error'] as const;
/** `info` is written least readily: whoever writes it writes the others too. */
export type Level = (typeof LEVELS)[number];
const NAMES = {info: 'INFO', warn: 'WARNING', error: 'ERROR'} as const;

export interface LogSettings {
  write(text: string): void;
  /** What is not worth writing is below this. */
  readonly least: Level;
  /**
   * `text`: `YYYY-MM-DD HH:MM:SS LEVEL sentence`, as readers of the predecessor's log expect. `json`: an object a line, with the
   * ids of the request and of the recovery that a sentence belongs to.
   */
  readonly format: 'text' | 'json';
}

/** A log whose threshold can be moved, and that others may listen to. */
export type Logger = Log & {
  /** Hears everything that is written, from now on. */
  tee(listener: Log): void;
  /** One level more or less is written. @returns the lowest level that is written now */
  shift(by: 'more' | 'less'): Level;
};

/** Writes lines; standard output carries results only, so `write` is standard error. */
export function logTo({write, format, ...settings}: LogSettings): Logger {
  const listeners: Log[] = [];
  let least = LEVELS.indexOf(settings.least);
  const lineOf = format === 'json' ? jsonLine : textLine;
  const log: Log = (level, sentence) => {
    if (LEVELS.indexOf(level) < least) return;
    write(lineOf(level, sentence));
    for (const listener of listeners) listener(level, sentence);
  };
  return Object.assign(log, {
    tee: (listener: Log) => void listeners.push(listener),
    shift(by: 'more' | 'less') {
      least = Math.min(LEVELS.length - 1, Math.max(0, least + (by === 'more' ? -1 : 1)));
      return LEVELS[least] ?? 'info';
    },
  });
}

function textLine(level: Level, sentence: string): string {
  const now = new Date();
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  const time = `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}.${String(now.getMilliseconds()).padStart(3, '0')}`;
  return `${day} ${time} ${NAMES[level]} ${sentence}\n`;
}

function jsonLine(level: Level, message: string): string {
  return `${JSON.stringify({time: new Date().toISOString(), level, message, ...currentTrail(), host: hostname(), pid: process.pid})}\n`;
}
