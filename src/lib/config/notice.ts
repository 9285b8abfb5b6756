import {OrchestratorError} from '../errors/errors.ts';

/** What kinds of notices there are, and how much each matters: an error keeps the configuration from being used. */
export const NOTICE_LEVELS = {
  CONFIG_UNREADABLE: 'error',
  CONFIG_INVALID: 'error',
  /** A key that nobody knows. */
  unknown: 'warning',
  /** A key that no longer means anything. */
  obsolete: 'warning',
  /** A value that is replaced by another. */
  adjusted: 'warning',
  /** A value that is taken as it is and is probably not meant so. */
  suspicious: 'warning',
  /** No file was found. */
  'no-file': 'note',
} as const satisfies Record<string, 'note' | 'warning' | 'error'>;

export type NoticeCode = keyof typeof NOTICE_LEVELS;

/** Something to say about a configuration. */
export interface Notice {
  readonly code: NoticeCode;
  readonly level: 'note' | 'warning' | 'error';
  /** Path of the file it is about; null when it is about the configuration as a whole. */
  readonly file: string | null;
  /** Line of that file, from 1; null when it is about no line. */
  readonly line: number | null;
  /** The key as written; null when it is about no key. */
  readonly key: string | null;
  /** One sentence that names the key, what was expected and what was found; never a secret value. */
  readonly sentence: string;
  /** What to do about it. */
  readonly hint: string | null;
}

/** Where a notice belongs. */
export type Place = Pick<Notice, 'file' | 'line' | 'key'>;

export const NOWHERE: Place = {file: null, line: null, key: null};

/** Collects notices; each is kept once, however often a file is read. */
export class Notices {
  readonly #all = new Map<string, Notice>();

  add(code: NoticeCode, place: Place, sentence: string, hint: string | null = null): void {
    const notice: Notice = {code, level: NOTICE_LEVELS[code], ...place, sentence, hint};
    this.#all.set(JSON.stringify(notice), notice);
  }

  /** In the order in which they were added. */
  get all(): readonly Notice[] {
    return [...this.#all.values()];
  }

  get errors(): readonly Notice[] {
    return this.all.filter((notice) => notice.level === 'error');
  }
}

/** One line of a log: `FILE:LINE: sentence (hint)`. */
export function noticeLine(notice: Notice): string {
  return `${noticeText(notice)}${notice.hint === null ? '' : ` (${notice.hint})`}`;
}

/** `FILE:LINE: sentence`, without the hint. */
function noticeText(notice: Notice): string {
  const where = [notice.file, notice.line].filter((part) => part !== null).join(':');
  return where === '' ? notice.sentence : `${where}: ${notice.sentence}`;
}

/** The first of several errors as something to throw; it says how many more there are. */
export function asError(first: Notice, others: number): OrchestratorError {
  const code = first.code === 'CONFIG_UNREADABLE' ? 'CONFIG_UNREADABLE' : 'CONFIG_INVALID';
  const more = others === 0 ? '' : ` (and ${others} more; \`orchestrator config check\` lists all)`;
  return new OrchestratorError(code, noticeText(first) + more, first.hint === null ? {} : {hint: first.hint});
}
