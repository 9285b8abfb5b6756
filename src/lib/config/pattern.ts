/** Names of character classes that RE2 knows inside brackets, as they are written in this language. */
const CLASSES: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  blank: '\\t ',
  digit: '0-9',
  lower: 'a-z',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};

/**
 * Compiles a regular expression as configuration files write them (RE2 syntax): leading flags `(?i)`, named groups
 * `(?P<name>…)`, `\A`, `\z` and `[[:alpha:]]` are understood. It is not anchored.
 *
 * @returns null when it does not compile; such an expression never matches anything
 */
export function compilePattern(pattern: string): RegExp | null {
  const [, flags = '', body = ''] = /^(?:\(\?([ims]+)\))?(.*)$/s.exec(pattern) ?? [];
  const source = body
    .replaceAll('(?P<', '(?<')
    .replace(/\[:([a-z]+):\]/g, (whole, name: string) => CLASSES[name] ?? whole)
    .replace(
      /(\\\\)|\\([Az])/g,
      (_, slash: string | undefined, anchor: string | undefined) => slash ?? (anchor === 'A' ? '(?<![^])' : '(?![^])'),
    );
  try {
    return new RegExp(source, [...new Set(flags)].join(''));
  } catch {
    return null;
  }
}

/** Whether an expression is found anywhere in a text; one that does not compile is found nowhere. */
export function patternMatches(pattern: string, text: string): boolean {
  return compilePattern(pattern)?.test(text) ?? false;
}
