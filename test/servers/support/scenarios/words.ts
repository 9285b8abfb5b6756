/** What a word of a line stands for. `text` and `pattern` take the rest of the line. */
export type Kind = 'server' | 'servers' | 'rows' | 'number' | 'word' | 'words' | 'text' | 'pattern';

/** What each line of a file may begin with, and what follows. */
export type Vocabulary = Readonly<Record<string, readonly Kind[]>>;

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly verb: string;
  /** One for each kind of its verb; servers and words separated by a space. */
  readonly args: readonly string[];
}

/** Lines of `topology` beside those of the tree. */
export const OPTIONS = {
  /** Where the case makes sense; everywhere unless given. */
  flavors: ['words'],
  /** The servers' versions matter: each run of the tests has it on all of them, not only `script/test --all`. */
  'version-sensitive': [],
  /** By file and position instead of GTIDs. */
  positions: [],
  'semi-sync': [],
  'writable-replicas': [],
  /** Ids of the rows that all have at first; 1-10 unless given. */
  rows: ['rows'],
  /** A configuration key and its value as JSON, in which {a} is the address of server a, and {a.pid} its process. */
  config: ['word', 'text'],
  /** Name of a data center and who stands there. */
  datacenter: ['word', 'servers'],
} as const satisfies Vocabulary;

/** Lines of `do`, in order. */
export const VERBS = {
  orchestrator: ['text'],
  /** A command that goes on while the next lines are done; `finish` waits for it. */
  begin: ['text'],
  finish: [],
  /** A begun command is at work: it has a plan. */
  'at-work': [],
  /** A service that watches everything. */
  serve: [],
  recovered: ['server'],
  detected: ['word', 'server'],
  kill: ['servers'],
  start: ['server'],
  pause: ['server'],
  resume: ['server'],
  insert: ['server', 'rows'],
  /** Rows in a replication domain of their own; MariaDB only. */
  'insert-domain': ['number', 'server', 'rows'],
  /** Rows whose transactions carry this tag, on a replica too; MySQL from 8.3 only. */
  'insert-tagged': ['word', 'server', 'rows'],
  sql: ['server', 'text'],
  'stop-receiver': ['servers'],
  'stop-applier': ['servers'],
  'start-receiver': ['servers'],
  'start-applier': ['servers'],
  'stop-replication': ['servers'],
  /** Applies nothing until it is released; receives. */
  hold: ['server'],
  release: ['server'],
  delay: ['server', 'number'],
  errant: ['server'],
  /** The row with this id fails there when it comes. */
  'will-fail': ['server', 'number'],
  failed: ['server'],
  received: ['server', 'server'],
  'caught-up': [],
  have: ['rows', 'servers'],
  /** These replicas have seen that their source is gone. */
  noticed: ['servers'],
  /** An application begins a transaction there and leaves it open. */
  transaction: ['server'],
  /** Work there has been under way for a second. */
  lasts: ['server'],
  /** The server waits for acknowledgements for a day. */
  lossless: ['server'],
  /** From here on `untouched` counts. */
  watch: [],
} as const satisfies Vocabulary;

/** Lines of `expect` beside those of the tree. */
export const EXPECTATIONS = {
  /** Status of each command, in order; 0 of each unless given. */
  exits: ['words'],
  /** A whole line that a command prints, or a pattern. */
  prints: ['text'],
  /** What a command says on its error output. */
  says: ['pattern'],
  /** These are replicas, and do not replicate. */
  idle: ['servers'],
  /** These point at their source under a name that leads nowhere. */
  detached: ['servers'],
  /** Who takes writes, of those that run: these and no others. */
  writable: ['servers'],
  rows: ['rows', 'servers'],
  finding: ['word', 'server'],
  /** Analysis, who failed, who took its place; `nobody` where it failed. */
  recovery: ['word', 'server', 'word'],
  'no-recovery': [],
  lost: ['servers'],
  downtimed: ['servers'],
  hooks: ['words'],
  /** Nothing that changes a server was said to any since `watch`. */
  untouched: [],
  /** What was printed by `--dry-run` is what the next command did. */
  'as-planned': [],
} as const satisfies Vocabulary;

export type Option = keyof typeof OPTIONS;
export type Verb = keyof typeof VERBS;
export type Expectation = keyof typeof EXPECTATIONS;
