import type {Completable} from '../../operations/information/for-completion.ts';
import type {Operation, Option} from '../../operations/define.ts';
import {find} from './argv.ts';
import {COMMON, findOption, optionsFor} from './options.ts';

/** Words to choose from, or what the backend has. */
type Choices = readonly string[] | Completable;

/** What may stand where a command line ends. */
export interface Completion {
  readonly choices: Choices;
  /** What is typed of the choice. */
  readonly typed: string;
  /** What goes before it within the same word: `--instance=`. */
  readonly before: string;
}

/** @param line a command line up to the cursor, program included; words are taken apart at white space */
export function complete(line: string, operations: readonly Operation[]): Completion {
  const [, ...words] = line.trimStart().split(/\s+/);
  const typed = words.pop() ?? '';
  const {command, open, bares} = readWords(words, operations);
  const operation = find(command, operations);
  const options = operation ? optionsFor(operation) : COMMON;
  const assigned = /^(--?([A-Za-z][\w-]*)=)(.*)$/s.exec(typed);
  if (open) return {choices: choicesFor(open, operations), typed, before: ''};
  if (assigned) {
    const [, before = '', name = '', rest = ''] = assigned;
    const option = findOption(options, name);
    return {choices: option ? choicesFor(option, operations) : [], typed: rest, before};
  }
  if (typed.startsWith('-')) return {choices: options.filter(({about}) => about !== '').map(({name}) => `--${name}`), typed, before: ''};
  return {choices: operation ? bareChoices(operation, bares, operations) : commandsAfter(command, operations), typed, before: ''};
}

/** Those of `all` that complete it, each once, in order. */
export function matching({typed, before}: Completion, all: readonly string[]): readonly string[] {
  return [...new Set(all)]
    .filter((one) => one.startsWith(typed))
    .toSorted()
    .map((one) => before + one);
}

interface ReadSoFar {
  /** As much of a command's name as there is; '' none. */
  readonly command: string;
  /** The option whose value comes next. */
  readonly open: Option | null;
  /** Bare words after the command. */
  readonly bares: number;
}

function readWords(words: readonly string[], operations: readonly Operation[]): ReadSoFar {
  const everything = [...COMMON, ...operations.flatMap(optionsFor)];
  let [command, bares] = ['', 0];
  let open: Option | null = null;
  for (const word of words) {
    const [, name] = /^--?([A-Za-z][\w-]*)$/.exec(word) ?? [];
    if (open?.name === 'c') command = word;
    if (open) open = null;
    else if (name !== undefined) open = valued(findOption(commandOptions(command, operations) ?? everything, name));
    else if (!word.startsWith('-')) {
      const longer = command === '' ? word : `${command} ${word}`;
      if (find(command, operations) === undefined || find(longer, operations)) command = longer;
      else bares += 1;
    }
  }
  return {command, open, bares};
}

function commandOptions(command: string, operations: readonly Operation[]): readonly Option[] | null {
  const operation = find(command, operations);
  return operation ? optionsFor(operation) : null;
}

function valued(option: Option | undefined): Option | null {
  return option && option.value !== null ? option : null;
}

/** The next word of a command's name; after `help` a whole one. */
function commandsAfter(before: string, operations: readonly Operation[]): readonly string[] {
  const names = operations.map(({name}) => name);
  if (before === '') return [...new Set([...names.map((name) => name.split(' ')[0] ?? ''), 'help'])];
  const asked = before === 'help' ? '' : before.replace(/^help /, '');
  const start = asked === '' ? '' : `${asked} `;
  return names.filter((name) => name.startsWith(start)).map((name) => name.slice(start.length).split(' ')[0] ?? '');
}

function bareChoices(operation: Operation, before: number, operations: readonly Operation[]): Choices {
  const name = Object.values(operation.input).flatMap((field) => field.bare ?? [])[before];
  const option = name === undefined ? undefined : findOption(optionsFor(operation), name);
  return option ? choicesFor(option, operations) : [];
}

function choicesFor({name, value}: Option, operations: readonly Operation[]): Choices {
  if (name === 'c') return operations.map((operation) => operation.name);
  if (value === 'host[:port]') return 'instances';
  if (name === 'alias' || name === 'cluster') return 'clusters';
  if (name === 'tag') return 'tags';
  return value !== null && /^[\w-]+(\|[\w-]+)+$/.test(value) ? value.split('|') : [];
}
