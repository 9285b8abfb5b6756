/** Where in a shell script a piece of text stands, and so what it could break out of. */
type Place = 'bare' | 'single' | 'double' | 'ansi' | 'backtick' | 'comment' | 'expansion' | 'here' | 'quoted here';

interface Reading {
  readonly valueOf: (name: string) => string | undefined;
  readonly places: Place[];
  /** The here-document that begins with the next line. */
  pending: {readonly delimiter: string; readonly quoted: boolean} | null;
  delimiter: string;
}

const HARMLESS = /^[\w@%+=:,./-]*$/;
const PLACEHOLDER = /\{(\w+)\}/y;
const HERE = /<<-?[ \t]*(["'\\]?)([\w-]+)["']?/y;

/**
 * Puts values into a script of a POSIX shell for `{name}`, so that none of them is read as more than text: quoted where they stand
 * bare, escaped within quotes and here-documents. Within backticks, `${…}` and `$'…'`, and in remarks, where no quoting is of use, what could do
 * harm becomes `_`. A value of letters, digits and `@%+=:,./-_` alone is put in as it is; a name without a value stays.
 */
export function fillQuoted(script: string, valueOf: (name: string) => string | undefined): string {
  const reading: Reading = {valueOf, places: ['bare'], pending: null, delimiter: ''};
  let filled = '';
  for (let at = 0; at < script.length;) {
    const [whole, name = ''] = matchAt(PLACEHOLDER, script, at) ?? [''];
    const value = whole === '' ? undefined : valueOf(name);
    if (value !== undefined) {
      filled += quoted(value, script[at - 1] === '$' ? 'expansion' : (reading.places.at(-1) ?? 'bare'));
      at += whole.length;
      continue;
    }
    const length = step(reading, script, at);
    filled += script.slice(at, at + length);
    at += length;
  }
  return filled;
}

function quoted(value: string, place: Place): string {
  if (HARMLESS.test(value)) return value;
  switch (place) {
    case 'bare':
      return `'${value.replaceAll("'", String.raw`'\''`)}'`;
    case 'single':
      return value.replaceAll("'", String.raw`'\''`);
    case 'double':
      return value.replace(/[\\$`"]/g, String.raw`\$&`);
    case 'here':
      return value.replace(/[\\$`]/g, String.raw`\$&`).replaceAll(/[\r\n]/g, ' ');
    case 'quoted here':
      return value.replaceAll(/[\r\n]/g, ' ');
    case 'ansi':
    case 'backtick':
    case 'comment':
    case 'expansion':
      return value.replace(/[^\w@%+=:,./-]/g, '_');
  }
}

/** Reads on, and notes where that leads. @returns how many characters were read */
function step(reading: Reading, script: string, at: number): number {
  const place = reading.places.at(-1) ?? 'bare';
  switch (place) {
    case 'bare':
      return inBare(reading, script, at);
    case 'single':
      return until(reading, script[at] === "'");
    case 'comment':
      return endOfLine(reading, script, at);
    case 'ansi':
    case 'backtick':
      return script[at] === '\\' ? 2 : until(reading, script[at] === (place === 'ansi' ? "'" : '`'));
    case 'double':
      return inDouble(reading, script, at);
    case 'expansion':
      return script[at] === '\\' ? 2 : (expansion(reading, script, at) ?? until(reading, script[at] === '}'));
    case 'here':
    case 'quoted here':
      return inHere(reading, script, at);
  }
}

function inBare(reading: Reading, script: string, at: number): number {
  const {places} = reading;
  const [letter = '', before = '\n'] = [script[at], script[at - 1]];
  if (letter === '\\') return 2;
  const expanded = expansion(reading, script, at);
  if (expanded !== null) return expanded;
  if (letter === "'") return enter(places, before === '$' ? 'ansi' : 'single');
  if (letter === '"') return enter(places, 'double');
  if (letter === '`') return enter(places, 'backtick');
  if (letter === '(') return enter(places, 'bare');
  if (letter === ')') return until(reading, places.length > 1);
  if (letter === '#' && /[\s;&|(]/.test(before)) return enter(places, 'comment');
  if (letter === '\n') return nextLine(reading);
  if (script.startsWith('<<<', at)) return 3;
  const here = matchAt(HERE, script, at);
  if (!here) return 1;
  reading.pending = {delimiter: here[2] ?? '', quoted: here[1] !== ''};
  return here[0].length;
}

function inDouble(reading: Reading, script: string, at: number): number {
  if (script[at] === '\\') return 2;
  const expanded = expansion(reading, script, at);
  if (expanded !== null) return expanded;
  if (script[at] === '`') return enter(reading.places, 'backtick');
  if (!script.startsWith('$(', at)) return until(reading, script[at] === '"');
  enter(reading.places, 'bare');
  return 2;
}

/** `${NAME…}`, unless the name is a placeholder. */
function expansion({places, valueOf}: Reading, script: string, at: number): number | null {
  if (!script.startsWith('${', at)) return null;
  const name = matchAt(PLACEHOLDER, script, at + 1)?.[1];
  if (name !== undefined && valueOf(name) !== undefined) return 1;
  enter(places, 'expansion');
  return 2;
}

/** Ends with the line that holds the delimiter alone. */
function inHere(reading: Reading, script: string, at: number): number {
  const [line = ''] = /^[^\n]*/.exec(script.slice(at)) ?? [];
  const isFirst = script[at - 1] === '\n';
  if (!isFirst || line.trim() !== reading.delimiter) return 1;
  reading.places.pop();
  return Math.max(1, line.length);
}

function endOfLine(reading: Reading, script: string, at: number): number {
  if (script[at] !== '\n') return 1;
  reading.places.pop();
  return nextLine(reading);
}

function nextLine(reading: Reading): number {
  const {pending} = reading;
  if (pending) {
    reading.places.push(pending.quoted ? 'quoted here' : 'here');
    reading.delimiter = pending.delimiter;
    reading.pending = null;
  }
  return 1;
}

function enter(places: Place[], place: Place): number {
  places.push(place);
  return 1;
}

function until({places}: Reading, isEnd: boolean): number {
  if (isEnd) places.pop();
  return 1;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
