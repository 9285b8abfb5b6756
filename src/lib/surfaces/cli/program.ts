import {isCode, messageOf, OrchestratorError} from '../../errors/errors.ts';
import type {Caller, Context, Ports} from '../../operations/context.ts';
import type {Answer, Operation, Texts} from '../../operations/define.ts';
import type {Form} from './argv.ts';
import {chooseFormat, render} from './output.ts';
import {startProgress} from './progress.ts';

/** Where a command line writes to. Results go to `out` alone, sentences for people to `err` alone. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** Standard output is a terminal: tables, indented JSON. */
  readonly terminal: boolean;
  /** A terminal whose user did not ask for no colours; absent: no. */
  readonly colours?: boolean;
  /** Shows a line that the next one, or '', takes the place of; absent: nobody looks at standard error. */
  readonly status?: (line: string) => void;
  /** Ends the process with what was printed, whatever is still being waited for; absent: it ends by itself. */
  leave?(): void;
}

/** What commands need from whoever composes the program. */
export interface Program {
  readonly io: Io;
  readonly operations: readonly Operation[];
  /** User of the operating system. */
  readonly user: string;
  /** Made for one command line, from its common options and what it runs. */
  ports(common: Texts, operation: Operation): Opened;
}

export interface Opened {
  readonly ports: Ports;
  /** Ends what was opened; nothing is left running. */
  close(): Promise<void>;
}

export interface Invocation {
  readonly operation: Operation;
  readonly form: Form;
  readonly texts: Texts;
  readonly common: Texts;
}

/**
 * Runs one command and prints what it came to, whole or not at all. An instance list runs it once an instance, and stops at the
 * first failure; all of the list is checked before anything is done.
 *
 * @returns the exit status
 */
export async function invoke(program: Program, invocation: Invocation): Promise<number> {
  const {io} = program;
  const {operation} = invocation;
  const settled = invocation.form === 'version-3' && operation.settled;
  try {
    const format = chooseFormat(invocation.common, io.terminal);
    const runs = each(invocation).map((texts) => operation.prepare(texts));
    const {ports, close} = program.ports(invocation.common, operation);
    const context = contextFor(program, invocation, ports);
    const stopProgress = operation.untilStopped || invocation.common['quiet'] === 'true' ? null : startProgress(io, operation.name);
    try {
      let status = 0;
      for (const run of runs) {
        const answer = await answerOf(run(context), invocation, context);
        io.status?.('');
        io.out(await render(answer, format, io));
        status = Math.max(status, settled ? 0 : answer.status);
      }
      return status;
    } finally {
      stopProgress?.();
      await close();
    }
  } catch (error) {
    io.err(complaint(error, invocation.common['stack'] === 'true'));
    return exitStatus(error, invocation.form);
  }
}

/** One sentence; `unexpected` and a stack for what nobody foresaw, which is a bug. */
export function complaint(error: unknown, stack: boolean): string {
  const trace = error instanceof Error && error.stack !== undefined ? `${error.stack}\n` : '';
  if (!(error instanceof OrchestratorError)) return `orchestrator: unexpected: ${messageOf(error)}\n${trace}`;
  const hint = error.hint === undefined ? '' : ` (${error.hint})`;
  return `orchestrator: ${error.message}${hint}\n${stack ? trace : ''}`;
}

/** Version 3 knew 1 for every failure of a command, and 2 for options it did not understand. */
export function exitStatus(error: unknown, form: Form): number {
  if (form === 'version-3') return isCode(error, 'USAGE') ? 2 : 1;
  return error instanceof OrchestratorError ? error.exitCode : 1;
}

function contextFor(program: Program, {common}: Invocation, ports: Ports): Context {
  const caller: Caller = {user: common['owner']?.trim() || program.user, via: 'cli', atTerminal: program.io.terminal};
  const quiet = common['quiet'] === 'true';
  return {...ports, caller, warn: (sentence) => (quiet ? undefined : program.io.err(`orchestrator: ${sentence}\n`))};
}

/** An answer, or what the `-c NAME` form says instead of a failure that version 3 was content with. */
async function answerOf(answer: Promise<Answer>, {operation, form}: Invocation, context: Context): Promise<Answer> {
  try {
    return await answer;
  } catch (error) {
    const lines = error instanceof OrchestratorError && form === 'version-3' ? operation.lenient[error.code] : undefined;
    if (lines === undefined) throw error;
    context.warn(messageOf(error));
    return {result: null, lines: () => lines, table: () => null, json: () => null, status: 0};
  }
}

function each({operation, texts}: Invocation): readonly Texts[] {
  const listed = Object.values(operation.input).find((field) => field.each !== undefined)?.each;
  const items = listed === undefined ? [] : (texts[listed] ?? '').split(/[\s,]+/).filter((item) => item !== '');
  return listed === undefined || items.length < 2 ? [texts] : items.map((item) => ({...texts, [listed]: item}));
}
