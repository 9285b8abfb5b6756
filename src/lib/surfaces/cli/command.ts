import {Command} from '@oclif/core/command';
import type {Config} from '@oclif/core/config';
import {string} from '@oclif/core/args';
import {boolean, string as text} from '@oclif/core/flags';
import type {ArgInput, FlagInput} from '@oclif/core/interfaces';
import {optionsOf, type Operation, type Option, type Texts} from '../../operations/define.ts';
import type {Form} from './argv.ts';
import {COMMON} from './options.ts';
import {invoke, type Program} from './program.ts';

/** What a command finds in its oclif configuration beside oclif's own: the program it belongs to, and how it was called. */
export interface Embedding {
  readonly program: Program;
  readonly form: Form;
}

/** Nothing else may be said about a command: it is all in its operation. */
export type CommandClass = (new (argv: string[], config: Config) => OperationCommand) & Omit<typeof Command, 'prototype'>;

/** Answers the exit status. */
abstract class OperationCommand extends Command {
  abstract override run(): Promise<number>;
}

/** The oclif command of an operation: its options, its help, and how it is run. */
export function commandFor(operation: Operation): CommandClass {
  const own = optionsOf(operation);
  const bares = Object.values(operation.input).flatMap((field) => field.bare ?? []);
  return class extends OperationCommand {
    static override readonly id = operation.name.replaceAll(' ', ':');
    static override readonly summary = `${operation.about}.`;
    static override readonly description = operation.details ?? '';
    static override readonly examples = operation.examples.map((example) => `$ orchestrator ${example}`);
    static override readonly hiddenAliases = [...operation.formerly];
    static override readonly args: ArgInput = Object.fromEntries(
      bares.map((name) => [name, string({description: `the same as --${name}`, ignoreStdin: true})]),
    );
    static override readonly flags: FlagInput = {
      ...flagsOf(own, undefined),
      ...flagsOf(
        COMMON.filter((option) => option.name !== 'c'),
        'COMMON',
      ),
    };

    override async run(): Promise<number> {
      const {flags} = await this.parse(this.ctor);
      const {program, form} = embeddingOf(this.config);
      const said = textsOf(flags);
      const isOwn = (name: string) => own.some((option) => option.name === name);
      const entries = Object.entries(said);
      const texts = Object.fromEntries(entries.filter(([name]) => isOwn(name)));
      const common = Object.fromEntries(entries.filter(([name]) => !isOwn(name)));
      return invoke(program, {operation, form, texts, common});
    }
  };
}

/** Before every value, since oclif takes a value that is spelled like an option for one that was forgotten. */
const MARK = '=';

/** A command line that oclif's parser reads as these texts, whatever they contain. */
export function argvOf(texts: Texts, options: readonly Option[]): readonly string[] {
  return Object.entries(texts).flatMap(([name, value]) => {
    const option = options.find((one) => one.name === name);
    if (value === undefined || option === undefined) return [];
    if (option.value !== null) return [`--${name}=${MARK}${value}`];
    return value === 'true' ? [`--${name}`] : option.on ? [`--no-${name}`] : [];
  });
}

function flagsOf(options: readonly Option[], helpGroup: string | undefined): FlagInput {
  return Object.fromEntries(options.map((option) => [option.name, flagOf(option, helpGroup)]));
}

function flagOf(option: Option, helpGroup: string | undefined): FlagInput[string] {
  const common = {
    summary: option.about,
    ...(helpGroup === undefined ? {} : {helpGroup}),
    ...(option.short === undefined ? {} : {char: option.short as 'a'}),
  };
  return option.value === null ? boolean({...common, allowNo: option.on ?? false}) : text({...common, helpValue: option.value});
}

function textsOf(flags: Readonly<Record<string, unknown>>): Texts {
  return Object.fromEntries(
    Object.entries(flags).map(([name, value]) => [name, typeof value === 'string' ? value.slice(MARK.length) : String(value)]),
  );
}

function embeddingOf(config: object): Embedding {
  if ('embedding' in config) return config.embedding as Embedding;
  throw new Error('this command runs inside orchestrator only; see bin/');
}
