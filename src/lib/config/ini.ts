/** What `[client]` of a credentials file says; keys that are absent are ''. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

export type IniOutcome = Credentials | {readonly problem: string; readonly line: number};

const ESCAPES: Readonly<Record<string, string>> = {n: '\n', t: '\t', b: '\b', '"': '"', '\\': '\\'};

/**
 * Reads a credentials file as git writes its own: sections and keys in any case, `#` and `;` start comments, double quotes
 * around values with special characters, backslash escapes. Only `user` and `password` of `[client]` may be in it.
 *
 * @returns the credentials, or what is wrong on which line; never quotes a value
 */
export function readCredentials(text: string): IniOutcome {
  const found: {user: string; password: string} = {user: '', password: ''};
  let section = '';
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const line = raw.trim();
    const bad = (problem: string): IniOutcome => ({problem, line: index + 1});
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const header = /^\[\s*([^\]]*?)\s*\]\s*([#;].*)?$/.exec(line);
    if (header) {
      section = (header[1] ?? '').toLowerCase();
      if (section !== 'client') return bad(`[client] is the only section that belongs here, found [${header[1] ?? ''}]`);
      continue;
    }
    const [, name = '', value = ''] = /^([A-Za-z][\w-]*)\s*(?:=\s*(.*))?$/.exec(line) ?? [];
    const key = name.toLowerCase();
    if (section === '') return bad('[client] was expected before the first key');
    if (key !== 'user' && key !== 'password') return bad('`user = …` or `password = …` was expected');
    const decoded = decode(value);
    if (decoded === null) return bad(`the value of ${key} has an unknown escape or a quote that is not closed`);
    found[key] = decoded;
  }
  return found;
}

/** A value without its quotes, escapes and comment; null when it cannot be read. */
function decode(raw: string): string | null {
  let out = '';
  let quoted = false;
  let kept = 0; // how much of `out` is more than white space before a comment
  for (let at = 0; at < raw.length; at++) {
    const sign = raw.charAt(at);
    if (sign === '"') quoted = !quoted;
    else if (!quoted && (sign === '#' || sign === ';')) break;
    else if (sign === '\\') {
      const escaped = ESCAPES[raw.charAt(++at)];
      if (escaped === undefined) return null;
      out += escaped;
    } else out += sign;
    if (quoted || !/\s/.test(sign)) kept = out.length;
  }
  return quoted ? null : out.slice(0, kept);
}
