import {parseArgs, type ParseArgsOptionsConfig} from 'node:util';

/** What the person can set right: said in one sentence, exit 2. */
export class BadInput extends Error {}

export interface CommandLine {
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

/**
 * Arguments after the script's name.
 *
 * @throws BadInput an option that does not exist, or without its value
 */
export function readCommandLine(script: string, options: ParseArgsOptionsConfig): CommandLine {
  try {
    const {values, positionals} = parseArgs({args: process.argv.slice(2), allowPositionals: true, options});
    return {words: positionals, options: values as CommandLine['options']};
  } catch (error) {
    throw new BadInput(`${(error as Error).message.split('. ')[0]}; ${script} --help shows what it takes.`);
  }
}

/** A whole number of at least 1. @throws BadInput */
export function countOption({options}: CommandLine, name: string, absent: number): number {
  const text = options[name];
  if (text === undefined) return absent;
  if (typeof text !== 'string' || !/^[1-9]\d{0,6}$/.test(text)) throw new BadInput(`--${name} takes a whole number from 1, not "${text}".`);
  return Number(text);
}

/** One of several words. @throws BadInput */
export function choiceOption<Choice extends string>(
  {options}: CommandLine,
  name: string,
  {choices, absent}: {choices: readonly Choice[]; absent: Choice},
): Choice {
  const text = options[name] ?? absent;
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw new BadInput(`--${name} takes one of ${choices.join(', ')}, not "${text}".`);
  return found;
}

/** Runs a script to its end: a failure is one sentence on standard error and exit 1, bad input exit 2. */
export async function runScript(script: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    process.stderr.write(`${script}: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof BadInput ? 2 : 1;
  }
}

/** Resolves at the first Ctrl-C or request to end; a second one ends the process at once. */
export function interruption(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
}
