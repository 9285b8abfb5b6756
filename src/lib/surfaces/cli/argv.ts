import {nearest} from '../../config/nearest.ts';
import {OrchestratorError} from '../../errors/errors.ts';
import type {Operation, Option, Texts} from '../../operations/define.ts';
import {BORNE, COMMON, findOption, optionsFor} from './options.ts';

/** `plain`: `orchestrator topology -i db1`; `version-3`: `orchestrator -c topology -i db1`, with the exit statuses of then. */
export type Form = 'plain' | 'version-3';

/** What a command line asks for. */
export type Request =
  | {readonly ask: 'version'}
  | {readonly ask: 'usage'}
  | {readonly ask: 'help'; readonly topic: string | null; readonly form: Form; readonly json?: true}
  | {readonly ask: 'run'; readonly operation: Operation; readonly form: Form; readonly texts: Texts; readonly common: Texts}
  | {readonly ask: 'unknown'; readonly name: string; readonly form: Form};

interface Word {
  readonly text: string;
}
interface Given {
  /** As typed, dashes included. */
  readonly typed: string;
  readonly option: Option | null;
  readonly value: string | undefined;
}
type Token = Word | Given;

/**
 * Understands a command line: both forms, one or two dashes before any option, `-x v` and `-x=v`, switches with `=false`,
 * options before and after the command. The last of repeated options wins.
 *
 * @param argv without program and script
 * @throws OrchestratorError USAGE naming what was typed and what was meant
 */
export function understand(argv: readonly string[], operations: readonly Operation[]): Request {
  const everything = [...COMMON, ...operations.flatMap(optionsFor), ...BORNE];
  const tokens = tokenize(argv, everything);
  const given = tokens.filter((token): token is Given => 'typed' in token);
  const words = tokens.filter((token): token is Word => 'text' in token).map((word) => word.text);
  const said = (name: string) => given.findLast((one) => one.option?.name === name)?.value;
  if (said('version') === 'true') return {ask: 'version'};
  const named = said('c');
  const form: Form = named === undefined ? 'plain' : 'version-3';
  const helpOn = (topic: string | null, asked: Form): Request => {
    if (asked === 'plain') refuseUnknown(given, everything);
    return {ask: 'help', topic, form: asked, ...(said('json') === 'true' || said('format') === 'json' ? {json: true} : {})};
  };
  if (words[0] === 'help') return helpOn(words.slice(1).join(' ') || (named ?? null), 'plain');
  if (named === 'help') return helpOn(null, form);
  const command = named === undefined ? commandOf(words, operations) : {name: named, rest: words[0] === 'cli' ? words.slice(1) : words};
  if (said('help') === 'true') return helpOn(command.name || null, 'plain');
  const operation = find(command.name, operations);
  if (!operation) refuseUnknown(given, everything); // what looks like a command may be the value of a mistyped option
  if (command.name === '') return {ask: 'usage'};
  if (!operation) return {ask: 'unknown', name: command.name, form};
  const options = optionsFor(operation);
  const taken = retokenize(given, options, form === 'version-3' ? BORNE : []);
  refuseUnknown(taken, options, operation.name);
  return {ask: 'run', operation, form, ...sortOut(operation, taken, command.rest)};
}

export function find(name: string, operations: readonly Operation[]): Operation | undefined {
  return operations.find((operation) => operation.name === name) ?? operations.find((operation) => operation.formerly.includes(name));
}

/** The longest run of first words that names a command: `config check` before `config`. */
function commandOf(words: readonly string[], operations: readonly Operation[]): {readonly name: string; readonly rest: readonly string[]} {
  const [first = '', second] = words[0] === 'cli' ? words.slice(1) : words;
  const rest = words[0] === 'cli' ? words.slice(2) : words.slice(1);
  const both = `${first} ${second}`;
  return find(both, operations) ? {name: both, rest: rest.slice(1)} : {name: first, rest};
}

/** @throws OrchestratorError USAGE for what is neither a word nor written like an option */
function tokenize(argv: readonly string[], options: readonly Option[]): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < argv.length; at++) {
    const text = argv[at] ?? '';
    const match = /^--?([A-Za-z][\w-]*)(?:=([^]*))?$/.exec(text);
    if (text === '--') return [...tokens, ...argv.slice(at + 1).map((word) => ({text: word}))];
    if (!match) {
      if (text.startsWith('-') && text !== '-')
        throw new OrchestratorError('USAGE', `${text} is not an option`, {hint: 'options are written --name or --name=value'});
      tokens.push({text});
      continue;
    }
    const typed = text.split('=', 1)[0] ?? text;
    const denied = findOption(options, (match[1] ?? '').replace(/^no-/, ''));
    if (denied?.on && match[1]?.startsWith('no-')) {
      tokens.push({typed: `--${denied.name}`, option: denied, value: 'false'});
      continue;
    }
    const option = findOption(options, match[1] ?? '') ?? null;
    if (option === null || option.value === null) tokens.push({typed, option, value: switchValue(typed, option, match[2])});
    else tokens.push({typed, option, value: match[2] ?? argv[++at]});
  }
  return tokens;
}

/** A switch is on, unless `=false` says otherwise: then it counts as 'false'. */
function switchValue(typed: string, option: Option | null, text: string | undefined): string | undefined {
  if (option === null || text === undefined) return option === null ? text : 'true';
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return 'true';
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return 'false';
  throw new OrchestratorError('USAGE', `${typed} is either on or off, and ${JSON.stringify(text)} is neither`, {
    hint: `write ${typed} or ${typed}=false`,
  });
}

/** The same letter may mean options of different names to different commands; a command's own go before those merely borne. */
function retokenize(given: readonly Given[], options: readonly Option[], borne: readonly Option[]): readonly Given[] {
  return given.map((one) => {
    const spelling = one.typed.replace(/^--?/, '');
    return {...one, option: findOption(options, spelling) ?? findOption(borne, spelling) ?? null};
  });
}

function refuseUnknown(given: readonly Given[], options: readonly Option[], command?: string): void {
  for (const one of given) {
    if (one.option === null) {
      const meant = nearest(
        one.typed.replace(/^--?/, ''),
        options.filter((option) => option.about !== '').map((option) => option.name),
      );
      throw new OrchestratorError(
        'USAGE',
        command === undefined ? `${one.typed} is not an option` : `${command} has no option ${one.typed}`,
        {
          hint:
            meant === null
              ? `orchestrator help${command === undefined ? '' : ` ${command}`} lists the options`
              : `did you mean --${meant}?`,
        },
      );
    }
    if (one.value === undefined) throw new OrchestratorError('USAGE', `${one.typed} needs a value: ${one.option.value ?? ''}`.trimEnd());
  }
}

function sortOut(operation: Operation, given: readonly Given[], words: readonly string[]): {readonly texts: Texts; readonly common: Texts} {
  const own = new Set(Object.values(operation.input).flatMap((field) => field.options.map((option) => option.name)));
  const texts: Record<string, string> = {};
  const common: Record<string, string> = {};
  for (const {option, value} of given) {
    if (option !== null && value !== undefined && option.name !== 'c') (own.has(option.name) ? texts : common)[option.name] = value;
  }
  const bares = Object.values(operation.input).flatMap((field) => field.bare ?? []);
  words.forEach((word, index) => {
    const name = bares[index];
    if (name === undefined)
      throw new OrchestratorError('USAGE', `${operation.name} does not know what to do with ${JSON.stringify(word)}`, {
        hint: `orchestrator help ${operation.name} shows what it takes`,
      });
    texts[name] = word;
  });
  return {texts, common};
}
