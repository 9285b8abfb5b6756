/** The escapes of Go's strconv.QuoteToASCII that are not `\xHH`, `\uHHHH` or `\UHHHHHHHH`. */
const NAMED: Readonly<Record<string, string>> = {
  '\x07': 'a',
  '\b': 'b',
  '\f': 'f',
  '\n': 'n',
  '\r': 'r',
  '\t': 't',
  '\v': 'v',
  '"': '"',
  '\\': '\\',
};
const BY_NAME = new Map(Object.entries(NAMED).map(([sign, name]) => [name, sign]));

/** An error as 3.2.6 stores it: double-quoted, all but printable ASCII escaped; nothing for none. */
export function quoteError(text: string): string {
  if (text === '') return '';
  const escaped = text.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/gu, (sign) => {
    const named = NAMED[sign];
    if (named !== undefined) return `\\${named}`;
    const code = sign.codePointAt(0) ?? 0;
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return `"${escaped}"`;
}

/** The inverse; a text without quotes, or one that was cut off, comes back as far as it can be read. */
export function unquoteError(stored: string): string {
  if (!stored.startsWith('"')) return stored;
  const inner = stored.slice(1).replace(/"$/, '');
  return inner.replace(/\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.)/g, (escape) => {
    const code = /^\\[xuU]([0-9a-f]+)$/.exec(escape)?.[1];
    return code === undefined ? (BY_NAME.get(escape.slice(1)) ?? escape) : String.fromCodePoint(Number.parseInt(code, 16));
  });
}
