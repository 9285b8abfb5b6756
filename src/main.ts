import {userInfo} from 'node:os';
import packageFacts from '../package.json' with {type: 'json'};
import {COMMANDS} from './command-map.ts';
import {compose} from './composition.ts';
import {logTo, type Level, type Logger} from './log.ts';
import type {Operation, Texts} from './lib/operations/define.ts';
import {ALL} from './lib/operations/registry.ts';
import {isService} from './lib/operations/service/service.ts';
import {runCommandLine} from './lib/surfaces/cli/command-line.ts';
import type {Io} from './lib/surfaces/cli/program.ts';

/** The commit, put in by the build; not there when run from sources. */
declare const BUILD_REVISION: string | undefined;

/**
 * The program: does what a command line asks for and sets the exit status.
 *
 * @param argv arguments after program and script
 */
export async function main(argv: readonly string[]): Promise<void> {
  const build = {version: packageFacts.version, revision: typeof BUILD_REVISION === 'undefined' ? '' : BUILD_REVISION};
  const io = standardIo();
  const warnOf = (operation: Operation) => (sentence: string) => {
    if (process.stderr.isTTY || isService(operation)) io.err(`orchestrator: ${sentence}\n`);
  };
  const alert = (sentence: string): void => {
    if (!argv.includes('--quiet')) io.err(`orchestrator: ${sentence}\n`);
  };
  const logOf = (operation: Operation, common: Texts): Logger => {
    const wordy = isService(operation) || common['verbose'] === 'true' || common['debug'] === 'true';
    const least: Level = common['quiet'] === 'true' ? 'error' : wordy ? 'info' : 'warn';
    const log = logTo({write: io.err, least, format: common['log-format'] === 'json' ? 'json' : 'text'});
    return isService(operation) ? listening(log) : log;
  };
  const program = {
    io,
    operations: ALL,
    user: userName(),
    ports: (common: Texts, operation: Operation) =>
      compose({common, operation, build, env: process.env, warn: warnOf(operation), alert, log: logOf(operation, common)}),
  };
  process.exitCode = await runCommandLine(argv, {program, commands: COMMANDS, facts: packageFacts, build});
}

/** SIGUSR1 writes more, SIGUSR2 less. Left alone, SIGUSR1 would have Node open a port for debuggers. */
function listening(log: Logger): Logger {
  for (const [signal, by] of Object.entries({SIGUSR1: 'more', SIGUSR2: 'less'} as const))
    process.on(signal, () => log('warn', `${signal}: from now on the log has ${log.shift(by)} and above`));
  return log;
}

function standardIo(): Io {
  // A reader that went away (`orchestrator all-instances | head -1`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  let shown = '';
  const clear = (): string => (shown === '' ? '' : '\r\u001B[K');
  const status = (line: string): void => {
    const text = `${clear()}${line}`;
    shown = line;
    if (text !== '') process.stderr.write(text);
  };
  return {
    ...(process.stderr.isTTY ? {status} : {}),
    out: (text) => void process.stdout.write(text),
    err(text) {
      process.stderr.write(`${clear()}${text}`);
      shown = '';
    },
    terminal: process.stdout.isTTY,
    // The word of https://no-color.org, which chalk does not know: any text but the empty one.
    colours: process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '',
    // oxlint-disable-next-line unicorn/no-process-exit -- a connection that is being tried would keep a prompt waiting
    leave: () => void process.stdout.write('', () => process.exit(0)),
  };
}

/** Containers run as users without a name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
