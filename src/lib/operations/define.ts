import type {ErrorCode} from '../errors/errors.ts';
import type {Context} from './context.ts';
import type {Reply} from './replies.ts';

/** How a person gives one piece of text: `--name`, `-name`, `-s`. */
export interface Option {
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  readonly about: string;
  /** What stands for the value in help, `host[:port]`; null: a switch, which takes none. */
  readonly value: string | null;
  /** A switch that is on unless `--name=false` or `--no-name` says otherwise. */
  readonly on?: true;
}

/** What was given, by option name; a switch that was given is 'true'. */
export type Texts = Readonly<Record<string, string | undefined>>;

/** Looks the value up, now that its text is known to be well formed. */
export type Lookup<Value> = (context: Context) => Promise<Value> | Value;

/** One named value of an operation: which options spell it, and how text becomes a value. */
export interface Field<Value> {
  readonly options: readonly Option[];
  /** Shown in help; `read` is what enforces it. */
  readonly required: boolean;
  /** The option that a bare word on the command line stands for: `topology db1`. */
  readonly bare?: string;
  /** The option whose value may be a list, for which the operation then runs once an item. */
  readonly each?: string;
  /**
   * Checks the text without asking anybody, so that nothing is opened for a mistyped command.
   *
   * @throws OrchestratorError INPUT_INVALID or USAGE naming the option and what was expected
   */
  read(texts: Texts): Lookup<Value>;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;
type Values<Input extends Fields> = {readonly [Name in keyof Input]: Input[Name] extends Field<infer Value> ? Value : never};

export const SECTIONS = [
  'Information',
  'Instance management',
  'Tags',
  'Pools',
  'Names',
  'Relocation',
  'Replication',
  'Recovery',
  'Replication analysis',
  'Service',
  'Configuration',
  'Meta',
] as const;
export type Section = (typeof SECTIONS)[number];

/** For people at a terminal, instead of plain lines. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A path of the predecessor's HTTP API. */
export interface LegacyRoute<Result> {
  /** Below `/api/`; `:host/:port` together are the instance, `:clusterHint` the cluster, others the option of that name. */
  readonly path: string;
  readonly reply: Reply<Result>;
  /** Query parameter → option. */
  readonly query?: Readonly<Record<string, string>>;
  /** Path parameter → option, where the two differ. */
  readonly params?: Readonly<Record<string, string>>;
  /** Options this path always sets. */
  readonly fixed?: Readonly<Record<string, string>>;
}

export interface Legacy<Result> {
  /**
   * What the `-c NAME` form answers, with exit status 0, where it used to take a failure of this code for an answer. The
   * sentence still goes to standard error.
   */
  readonly lenient?: Readonly<Partial<Record<ErrorCode, readonly string[]>>>;
  /** The `-c NAME` form answers 0 whatever `status` says: it was content when some of many failed. */
  readonly settled?: true;
  readonly http?: readonly LegacyRoute<Result>[];
}

export interface Declaration<Input extends Fields, Result> {
  readonly name: string;
  readonly section: Section;
  /** Older names that still work everywhere the name does. */
  readonly formerly: readonly string[];
  /** One line, for lists. */
  readonly about: string;
  /** More, for `help NAME`. */
  readonly details?: string;
  /** Arguments after the program's name; at least one, and each must parse. */
  readonly examples: readonly string[];
  readonly input: Input;
  readonly changes: 'nothing' | 'backend' | 'servers';
  run(context: Context, input: Values<Input>): Promise<Result> | Result;
  /** Plain lines, byte for byte what scripts read. */
  print(result: Result): readonly string[];
  table?(result: Result): Table;
  /** What `--json` prints; the result itself where absent. */
  json?(result: Result): unknown;
  /** Exit status of a result that is bad news; 0 where absent. */
  status?(result: Result): number;
  readonly legacy?: Legacy<Result>;
  /** Runs until somebody ends it. */
  readonly untilStopped?: true;
  /** About this machine or this process: not offered over HTTP. */
  readonly localOnly?: true;
  /** Exit statuses that deserve a word in help, beside the usual ones. */
  readonly exits?: Readonly<Record<number, string>>;
}

/** What an operation came to, with every way to say it. */
export interface Answer {
  readonly result: unknown;
  lines(): readonly string[];
  table(): Table | null;
  json(): unknown;
  readonly status: number;
}

/** A declaration whose types have been used: what surfaces derive from. */
export interface Operation extends Omit<Declaration<Fields, unknown>, 'run' | 'print' | 'table' | 'json' | 'status' | 'legacy'> {
  readonly lenient: Readonly<Partial<Record<ErrorCode, readonly string[]>>>;
  readonly settled: boolean;
  readonly routes: readonly LegacyRoute<unknown>[];
  /**
   * Checks all text, then gives what runs it. So a surface can refuse bad input before anything is opened.
   *
   * @throws OrchestratorError INPUT_INVALID or USAGE
   */
  prepare(texts: Texts): (context: Context) => Promise<Answer>;
}

/** Declares an operation. Input and result are typed inside and opaque outside. */
export function define<Input extends Fields, Result>(declaration: Declaration<Input, Result>): Operation {
  const {run, print, table, json, status, legacy, ...rest} = declaration;
  return {
    ...rest,
    lenient: legacy?.lenient ?? {},
    settled: legacy?.settled ?? false,
    routes: (legacy?.http ?? []) as readonly LegacyRoute<unknown>[],
    prepare(texts) {
      const lookups = Object.entries(declaration.input).map(([name, field]) => [name, field.read(texts)] as const);
      return async (context) => {
        const values: Record<string, unknown> = {};
        for (const [name, lookup] of lookups) values[name] = await lookup(context);
        const result = await run.call(declaration, context, values as Values<Input>);
        return {
          result,
          lines: () => print.call(declaration, result),
          table: () => table?.call(declaration, result) ?? null,
          status: status?.call(declaration, result) ?? 0,
          json: () => (json ? json.call(declaration, result) : result),
        };
      };
    },
  };
}

/** All options of an operation, each once. */
export function optionsOf(operation: Pick<Operation, 'input'>): readonly Option[] {
  const all = Object.values(operation.input).flatMap((field) => field.options);
  return [...new Map(all.map((option) => [option.name, option])).values()];
}
