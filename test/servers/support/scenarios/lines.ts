import type {Kind, Line, Vocabulary} from './words.ts';

const ROWS = /^\d+(-\d+)?(,\d+(-\d+)?)*$/;

/** Something is wrong with a folder of a scenario; says where. */
export class Malformed extends Error {}

export interface Reading {
  /** Path of the file, for what is said about it. */
  readonly file: string;
  readonly text: string;
  readonly vocabulary: Vocabulary;
  /** Known servers; null where lines of the tree name them. */
  readonly servers: ReadonlySet<string> | null;
}

export interface Found {
  /** The first comment. */
  readonly title: string;
  /** Lines of the tree, joined for `parseShape`. */
  readonly tree: string;
  readonly lines: readonly Line[];
}

/**
 * Reads a file of lines: comments after `#`, lines of a tree such as `a: b c`, and lines that begin with a word of the vocabulary.
 *
 * @throws Malformed with file, line and what would be right
 */
export function readLines({file, text, vocabulary, servers}: Reading): Found {
  const numbered = text.split('\n').map((line, at) => ({number: at + 1, text: line.trim()}));
  const title =
    numbered
      .find((line) => line.text.startsWith('#'))
      ?.text.slice(1)
      .trim() ?? '';
  const said = numbered.filter((line) => line.text !== '' && !line.text.startsWith('#'));
  const isTree = (line: string): boolean => /^[A-Za-z][\w-]*:(\s|$)/.test(line);
  const lines = said
    .filter((line) => !isTree(line.text))
    .map((line) => readLine(line, {vocabulary, servers, where: `${file}:${line.number}`}));
  const tree = said.filter((line) => isTree(line.text)).map((line) => line.text);
  return {title, tree: tree.join('; '), lines};
}

interface Context {
  readonly vocabulary: Vocabulary;
  readonly servers: ReadonlySet<string> | null;
  readonly where: string;
}

function readLine(line: {number: number; text: string}, context: Context): Line {
  const {vocabulary, where} = context;
  const [verb = '', ...words] = line.text.split(/\s+/);
  const kinds = Object.hasOwn(vocabulary, verb) ? vocabulary[verb] : undefined;
  if (!kinds)
    throw new Malformed(
      `${where}: "${verb}" is not known here; a line is a tree such as "a: b c", or begins with ${Object.keys(vocabulary).join(', ')}.`,
    );
  const usage = [verb, ...kinds.map((kind) => `<${kind}>`)].join(' ');
  const args = kinds.map((kind, at) => (LONG.has(kind) ? words.slice(at).join(' ') : (words[at] ?? '')));
  const spare = kinds.some((kind) => LONG.has(kind)) ? [] : words.slice(kinds.length);
  const wrong = kinds.flatMap((kind, at) => complaint(kind, args[at] ?? '', context) ?? []);
  if (wrong.length > 0 || spare.length > 0) {
    throw new Malformed(`${where}: "${line.text}": ${wrong[0] ?? `"${spare[0]}" is too much`}; it should be: ${usage}`);
  }
  return {number: line.number, verb, args};
}

/** Takes the rest of the line, so it stands last. */
const LONG: ReadonlySet<Kind> = new Set(['servers', 'words', 'text', 'pattern']);

/** What is wrong with it; null when nothing is. */
function complaint(kind: Kind, value: string, {servers, where}: Context): string | null {
  if (value === '') return kind === 'servers' && where.includes('/expect:') ? null : `<${kind}> is missing`;
  switch (kind) {
    case 'server':
    case 'servers': {
      const unknown = servers === null ? undefined : value.split(' ').find((name) => !servers.has(name));
      return unknown === undefined ? null : `there is no server ${unknown}`;
    }
    case 'rows':
      return ROWS.test(value) ? null : `"${value}" are no rows such as 1-10 or 3,5-7`;
    case 'number':
      return /^\d+$/.test(value) ? null : `"${value}" is no number`;
    case 'pattern':
      return /^\/.+\/$/.test(value) ? null : `a pattern stands between slashes`;
    case 'word':
    case 'words':
    case 'text':
      return null;
    default:
      throw new Malformed(`${where}: ${String(kind satisfies never)}`);
  }
}

/** `1-3,7` as 1, 2, 3, 7. */
export function idsIn(rows: string): readonly number[] {
  return rows.split(',').flatMap((piece) => {
    const [from = 0, to = from] = piece.split('-').map(Number);
    return Array.from({length: to - from + 1}, (_, at) => from + at);
  });
}
