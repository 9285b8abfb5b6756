import {readFileSync} from 'node:fs';
import {homedir} from 'node:os';
import {isAbsolute, join} from 'node:path';

/** Where a configuration is looked for when none is named; all that exist are merged, later ones over earlier ones. */
export const DEFAULT_FILES = ['/etc/orchestrator.conf.json', 'conf/orchestrator.conf.json', 'orchestrator.conf.json'] as const;

export type TextOutcome = {readonly text: string} | {readonly problem: string; readonly missing: boolean};

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
  EISDIR: 'is a directory',
};

/** The text of a file, or why it cannot be read, as the end of a sentence. */
export function readText(path: string): TextOutcome {
  try {
    return {text: readFileSync(path, 'utf8')};
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return {problem: PROBLEMS[code] ?? `cannot be read (${code})`, missing: code === 'ENOENT' || code === 'ENOTDIR'};
  }
}

/** The database kept without any configuration: in the state folder of the user, `XDG_STATE_HOME` or `~/.local/state`. */
export function embeddedDataFile(env: Readonly<Record<string, string | undefined>>): string {
  const named = env['XDG_STATE_HOME'] ?? '';
  const state = isAbsolute(named) ? named : join(env['HOME'] || homedir(), '.local', 'state');
  return join(state, 'orchestrator', 'orchestrator.sqlite');
}
